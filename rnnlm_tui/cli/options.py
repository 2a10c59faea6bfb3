"""A command line as it was given: its options, and its operands.

An option is a field, declared as in `rnnlm_tui.training.request`. `modes` says which mode has which
options, and `parser` reads them.

This module has no `from __future__ import annotations`, since evaluating the strings would double
the time of its import.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from rnnlm_tui.config import Amount, Seed, Temperature
from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.formatting import as_unicode
from rnnlm_tui.training.request import TrainingRequest


class CommandLine(TrainingRequest, frozen=True, kw_only=True):
    """A command line: the options of a training, those of all other modes, and the `operands`:
    texts, files and names."""

    data_dir: Path
    operands: tuple[str, ...] = ()

    open: Annotated[str | None, "FILE", "write in this text file; F5 saves it"] = None
    csv: Annotated[
        str | None, "FILE.csv", "write a table of the epochs, in a training after each one"
    ] = None
    plot: Annotated[str | None, "FILE.svg", "draw the losses as often as --csv writes"] = None
    quiet: Annotated[bool, "no progress, only the result"] = False
    model: Annotated[
        str | None, "NAME", "the model; by default RNNLM_MODEL, or else the one in use (see --use)"
    ] = None
    top: Annotated[Amount, "how many words to suggest; 5 by default"] = 5
    words: Annotated[
        Amount | None,
        "how many words to generate at most; by default to the end of the sentence, or 10 for a"
        " model without punctuation",
    ] = None
    temperature: Annotated[
        Temperature | None,
        "sampling temperature: higher is more varied, 0 takes the likeliest word; by default 0.7,"
        " or 0 for a model without punctuation",
    ] = None
    top_k: Annotated[Amount | None, "draw from the N likeliest words"] = None
    seed: Annotated[Seed | None, "draw the same words each time"] = None
    against: Annotated[
        tuple[str, ...], "NAME", "another model to measure on the same lines; may be repeated"
    ] = ()
    limit: Annotated[Amount | None, "measure on the first N lines only"] = None
    all: Annotated[
        bool, "measure on all lines, not on a sample of 20,000 words spread over them"
    ] = False
    config: Annotated[
        str | None, "FILE", 'a TOML file with settings, such as epochs = 3 or model = "mine"'
    ] = None
    yes: Annotated[bool, "delete without asking"] = False
    json: Annotated[bool, "results, or the events of a training, as JSON lines"] = False

    @property
    def operand(self) -> str | None:
        """The operand of a mode that takes at most one; None if it is not given."""
        return self.operands[0] if self.operands else None

    def texts(self) -> Iterator[str]:
        """Yields the operand. Without one, yields each line of standard input as it arrives,
        without its line end. Raises CorpusError if standard input cannot be read, for example if it
        is a folder."""
        if self.operand is not None:
            yield as_unicode(self.operand)
            return
        try:
            for number, raw in enumerate(sys.stdin.buffer):
                encoding = "utf-8" if number else "utf-8-sig"  # drops a byte order mark
                yield raw.decode(encoding, errors="replace").rstrip("\r\n")
        except OSError as error:
            raise CorpusError(f"cannot read standard input: {os_reason(error)}") from error
