"""From bytes to text, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import IncrementalNewlineDecoder
from typing import BinaryIO

from rnnlm_tui.errors import CorpusError, os_reason

BOMS = (  # UTF-32's first, since the second begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PIECE = 1 << 20
"""Bytes that are decoded at once."""


def decoded(file: BinaryIO, label: str, encoding: str | None) -> Iterator[str]:
    """The text of a file in pieces, line ends as newlines.

    `encoding` None means UTF-8, or UTF-16 or UTF-32 if the file begins with its mark. Raises
    CorpusError, which calls the file `label`, for what cannot be read and for what is not text.
    """
    raw = _read(file, label)
    chosen = encoding or next((name for bom, name in BOMS if raw.startswith(bom)), "utf-8")
    if chosen.lower() in ("utf-8", "utf8", "utf-8-sig"):
        raw, chosen = raw.removeprefix(codecs.BOM_UTF8), chosen.removesuffix("-sig")
    try:
        b"".decode(chosen)  # also refuses what is no encoding of texts, as "hex"
        decoder = codecs.getincrementaldecoder(chosen)()
    except LookupError as error:
        raise CorpusError(f"no encoding is called {chosen!r}", "such as latin-1") from error
    newlines, place = IncrementalNewlineDecoder(None, translate=True), 0
    while True:
        if chosen.startswith("utf-8") and (zero := raw.find(b"\0")) >= 0:
            raise CorpusError(
                f"{label} is not text: it holds a zero byte at byte {place + zero}",
                "give a plain text file",
            )
        begin = place - len(decoder.getstate()[0])
        try:
            text = decoder.decode(raw, final=not raw)
        except UnicodeError as error:
            where = ""
            if isinstance(error, UnicodeDecodeError):
                where = f" at byte {begin + error.start}"
            raise CorpusError(
                f"{label} is not valid {chosen}{where}",
                "name its encoding with --encoding, such as --encoding latin-1",
            ) from error
        yield newlines.decode(text, final=not raw)
        if not raw:
            return
        place += len(raw)
        raw = _read(file, label)


def _read(file: BinaryIO, label: str) -> bytes:
    try:
        return file.read(PIECE)
    except OSError as error:
        raise CorpusError(f"cannot read {label}: {os_reason(error)}") from error
