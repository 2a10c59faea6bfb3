"""The texts that are given to a mode, as an operand or on standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.formatting import as_unicode


def texts_of(text: str | None) -> Iterator[str]:
    """Yields the given text, or the lines of standard input as they arrive, without line ends.
    Raises CorpusError if standard input cannot be read, for example if it is a folder."""
    if text is not None:
        yield as_unicode(text)
        return
    try:
        for number, raw in enumerate(sys.stdin.buffer):
            encoding = "utf-8" if number else "utf-8-sig"  # a byte order mark
            yield raw.decode(encoding, errors="replace").rstrip("\r\n")
    except OSError as error:
        raise CorpusError(f"cannot read standard input: {os_reason(error)}") from error
