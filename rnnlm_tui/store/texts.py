"""Stores texts to train on as files, so that a run can be resumed and a model updated: what was
pasted into the form of the app, and what was written there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.store.files import write_bytes
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_sources

SEPARATOR = "\n\n"
"""Between two written texts. Each is a paragraph, so that it is not joined to the next one."""


def texts_folder(library: Library) -> Path:
    """The folder of the stored texts, next to that of the models."""
    return library.data_dir.absolute() / "texts"


def save_text(folder: Path, name: str, text: str) -> Path:
    """Stores a text as a file in a folder that only its owner can read, and returns its path. Does
    not overwrite another text of that name, which the run of a renamed model may need. Raises
    StorageError."""
    raw = text.encode("utf-8-sig", "replace")  # the mark tells it from files in other encodings
    paths = (folder / f"{name}{suffix}.txt" for suffix in chain([""], (f"-{i}" for i in count(2))))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        path = next(path for path in paths if not path.exists() or path.read_bytes() == raw)
        write_bytes(path, raw)
        path.chmod(0o600)
    except OSError as error:
        raise StorageError(f"cannot store the text in {folder}: {os_reason(error)}") from error
    return path


def save_written(folder: Path, name: str, paragraphs: Iterable[str]) -> Path:
    """Stores what was written, for the model of this name, as `save_text` does."""
    return save_text(folder, f"{name}-written", text_of(paragraphs))


def text_of(paragraphs: Iterable[str]) -> str:
    """Returns the text in which each of these is a paragraph."""
    return SEPARATOR.join(paragraphs) + "\n"


def paragraphs_of(written: Iterable[str]) -> list[str]:
    """Returns each of the lines `written`, which may have line breaks, as a paragraph without blank
    lines; none for a line that is blank."""
    texts = ("\n".join(filter(str.strip, text.splitlines())) for text in written)
    return [*filter(None, texts)]


def not_learned(library: Library, name: str, written: Iterable[str]) -> list[str]:
    """Returns those paragraphs of the lines `written` that the model was not trained on. Raises
    RnnlmError."""
    folder, learned = texts_folder(library), Counter[str]()
    for path in map(Path, read_sources(library.run_folder(name)).sources):
        if path.parent == folder:
            try:
                text = path.read_text("utf-8-sig", "replace").removesuffix("\n")
                learned.update(text.split(SEPARATOR))
            except OSError as error:
                raise StorageError(f"cannot read {path}: {os_reason(error)}") from error
    new = list[str]()
    for text in paragraphs_of(written):
        if learned[text]:
            learned[text] -= 1
        else:
            new.append(text)
    return new
