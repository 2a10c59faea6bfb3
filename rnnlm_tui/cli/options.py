"""What a command line asks for, and the options that say it.

An option is a field that is declared as a setting is in `config`: with its range, what stands for
its value in a help, and its help. A bool is a switch, and a tuple may be given several times. Which
mode has which options is in `modes`.

This module has no `from __future__ import annotations`: to evaluate strings would double the time
of its import.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from rnnlm_tui.config import PRESETS

Count: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
PRESET_HELP = (
    "the kind of model; "
    + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
    + " (default lesson for the sonnets, gru for a text of your own)"
)


class Request(Struct, frozen=True, kw_only=True):
    """A command line, with what is not given as it is by default.

    `operands` are the texts, files and names in it, and `settings` the settings of a training that
    are given as flags, by name.
    """

    data_dir: Path
    operands: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}

    open: Annotated[str | None, "FILE", "write in this text file; F5 saves it"] = None
    written: Annotated[
        tuple[str, ...],
        "TITLE",
        "another text written in the app, by its title; all: every one; may be repeated",
    ] = ()
    name: Annotated[
        str | None, "NAME", "the model's name; made from the text or the file by default"
    ] = None
    preset: Annotated[str | None, "PRESET", PRESET_HELP] = None
    on: Annotated[
        str | None,
        "english|none",
        "mix with the English that ships, or not; by default where it helps",
    ] = None
    start_from: Annotated[
        str | None, "NAME", "start from a model's network and words; none: from nothing"
    ] = None
    update: Annotated[
        str | None,
        "NAME",
        "train a model further on its own texts as they are now, or on those given, and replace it"
        " if the result is better on lines that neither has seen",
    ] = None
    add: Annotated[
        tuple[str, ...], "FILE", "another text or folder for --update; may be repeated"
    ] = ()
    resume: Annotated[bool, "resume the run of --name, or the most recent one"] = False
    seed_line: Annotated[str | None, "TEXT", "the line continued after each epoch"] = None
    csv: Annotated[
        str | None, "FILE.csv", "write a table of the epochs, in a training after each of them"
    ] = None
    plot: Annotated[str | None, "FILE.svg", "draw a picture of their losses, too"] = None
    quiet: Annotated[bool, "no progress, only the result"] = False
    model: Annotated[
        str | None, "NAME", "the model; by default RNNLM_MODEL, or else the one in use (see --use)"
    ] = None
    top: Annotated[Count, "how many words to suggest; 5 by default"] = 5
    words: Annotated[
        Count | None,
        "how many words to generate at most; by default to the end of the sentence, or 10 for a"
        " model without punctuation",
    ] = None
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=100)] | None,
        "sampling temperature: higher is more varied, 0 takes the likeliest word; by default 0.7,"
        " or 0 for a model without punctuation",
    ] = None
    top_k: Annotated[Count | None, "draw from the N likeliest words"] = None
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=2**32 - 1)] | None, "draw the same words each time"
    ] = None
    against: Annotated[
        tuple[str, ...], "NAME", "another model to measure on the same lines; may be repeated"
    ] = ()
    limit: Annotated[Count | None, "measure on the first N lines only"] = None
    all: Annotated[
        bool, "measure on all lines, not on a sample of 20,000 words spread over them"
    ] = False
    encoding: Annotated[
        str | None, "CODE", "encoding of the texts without a byte order mark; by default UTF-8"
    ] = None
    config: Annotated[
        str | None, "FILE", 'a TOML file with settings, such as epochs = 3 or model = "mine"'
    ] = None
    force: Annotated[bool, "replace what has that name already"] = False
    yes: Annotated[bool, "delete without asking"] = False
    json: Annotated[bool, "results, or the events of a training, as JSON lines"] = False

    @property
    def operand(self) -> str | None:
        """The operand of a mode that takes one, if it is given."""
        return self.operands[0] if self.operands else None
