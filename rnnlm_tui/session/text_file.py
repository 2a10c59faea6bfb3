"""Reads and writes the files of the user's texts. Does not import textual."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rnnlm_tui.errors import CorpusError, StorageError, os_reason
from rnnlm_tui.session.tables import TextFile
from rnnlm_tui.store.files import open_file, temporary_of, write_bytes, write_file

LARGEST_BYTES = 1_000_000
"""Bytes of the largest file that can be a text."""


class ReadFile(NamedTuple):
    """The contents of a file. Each line is a paragraph."""

    file: TextFile
    lines: list[str]


def read_text_file(path: Path, encoding: str | None = None) -> ReadFile:
    """Reads a text file. A byte order mark tells the encoding. Without one it is `encoding`, or
    UTF-8. Raises RnnlmError if the file cannot be read, is too large or is not text."""
    from rnnlm_tui.text.reading import codec_of, decoded_lines, is_pipe

    label = path.name
    if is_pipe(path):  # reading it may never end
        raise CorpusError(f"cannot read {label}: it is a pipe", "give a file")
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        is_new = isinstance(error, FileNotFoundError)
        hint = "to begin a new file, write in the app and press F5 there" if is_new else ""
        raise CorpusError(f"cannot read {label}: {os_reason(error)}", hint) from error
    if len(raw) > LARGEST_BYTES:
        raise CorpusError(f"{label} is larger than 1 MB", "a model can be trained on a longer text")
    for _ in decoded_lines(io.BytesIO(raw), label, encoding):  # raises an error if it is not text
        pass
    codec = codec_of(raw, encoding)
    text = raw.decode(codec)
    line_end = _line_end(text)
    lines = text.split(line_end)
    if not lines[-1]:  # the last line of the file has an end, and nothing follows
        lines.pop()
    return ReadFile(_text_file(path, codec, line_end, raw), lines)


def write_text_file(
    path: str, lines: Iterable[str], encoding: str = "utf-8", line_end: str = "\n"
) -> TextFile:
    """Writes or replaces a file as a whole. If the disk is full or the app is killed, the old file
    stays. Follows links, and keeps the permissions. Raises StorageError, also for a file that is
    read-only: its folder may allow to replace it."""
    target = Path(os.path.realpath(path))
    if target.exists() and not os.access(target, os.W_OK):
        raise StorageError(f"{target.name} is read-only", "save the text under another name")
    try:
        raw = "".join(f"{line}{line_end}" for line in lines).encode(encoding)
    except UnicodeEncodeError as error:
        raise StorageError(
            f"{target.name} is in {encoding}, which has no {error.object[error.start]!r}",
            "save the text under another name: a new file is in UTF-8",
        ) from error

    def write(temporary: Path) -> None:
        temporary.touch(0o600)
        temporary.write_bytes(raw)
        shutil.copymode(target, temporary)

    if target.exists():
        write_file(target, write)
    else:
        write_bytes(target, raw)
    return _text_file(Path(path), encoding, line_end, raw)


def remove_leftover(path: str) -> None:
    """Removes the temporary file of an app that was killed while it saved this file. Its text is
    not lost, since session.db has it."""
    with suppress(OSError):
        temporary_of(Path(os.path.realpath(path))).unlink(missing_ok=True)


def digest_of(path: str) -> str | None:
    """Returns the digest of a file; None if there is no such file, "" if it cannot be read."""
    try:
        with open_file(Path(path)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def _text_file(path: Path, encoding: str, line_end: str, raw: bytes) -> TextFile:
    digest = hashlib.sha256(raw).hexdigest()
    return TextFile(str(path.absolute()), encoding, line_end, digest)


def _line_end(text: str) -> str:
    """Returns the end of the lines of a text. If lines end in several ways, it is a newline, and no
    character is lost."""
    ends = text.count("\r\n")
    if ends and ends == text.count("\n"):
        return "\r\n"
    return "\r" if "\r" in text and "\n" not in text else "\n"
