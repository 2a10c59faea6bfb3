"""The words that the user never wants suggested. They are the lines of a UTF-8 file in the config
folder, which the user may edit. A line that is no word of a model does no harm.

`rnnlm_tui.lm.model.Unwanted` decides which words a line stands for.
"""

from __future__ import annotations

import os
from pathlib import Path

from rnnlm_tui import paths
from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.store.files import make_folder, read_bytes, write_bytes


class UnwantedWords:
    """The words of the file. It is read at the first use, and again when a word is added or removed
    here. Until then a change that the user makes in the file has no effect."""

    def __init__(self) -> None:
        self._words: frozenset[str] | None = None

    @property
    def path(self) -> Path:
        """The path of the file, which may not exist."""
        return paths.config_dir() / paths.NEVER_SUGGEST

    def words(self) -> frozenset[str]:
        """Returns the words. If the file cannot be read, the first call raises StorageError, and
        later calls return no words."""
        if self._words is None:
            self._words = frozenset()
            self._words = _words_in(self._read())
        return self._words

    def add(self, word: str) -> None:
        """Adds a word at the end of the file, unless it is there. Raises StorageError."""
        text = self._read()
        if word not in _words_in(text):
            end = "\r\n" if "\r\n" in text else "\n"
            text += (end if text and not text.endswith("\n") else "") + word + end
        self._write(text)

    def remove(self, word: str) -> None:
        """Removes the lines that have this word from the file. Raises StorageError."""
        lines = self._read().split("\n")
        self._write("\n".join(line for line in lines if _word_of(line) != word))

    def _read(self) -> str:
        """Returns the text of the file, or "" without a file. Raises StorageError."""
        try:
            return read_bytes(self.path).decode()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {os_reason(error)}") from error
        except UnicodeDecodeError as error:
            hint = "save it as UTF-8, one word a line, or remove it"
            raise StorageError(f"{self.path} is not UTF-8: byte {error.start}", hint) from error

    def _write(self, text: str) -> None:
        """Writes the file, which may be a link. Raises StorageError."""
        make_folder(self.path.parent)
        write_bytes(Path(os.path.realpath(self.path)), text.encode(errors="replace"))
        self._words = _words_in(text)


def _words_in(text: str) -> frozenset[str]:
    return frozenset(map(_word_of, text.split("\n"))) - {""}


def _word_of(line: str) -> str:
    """Returns the word in a line, as models spell it."""
    from rnnlm_tui.text.marks import APOSTROPHE
    from rnnlm_tui.text.prose_tokens import fold  # loads regex: 13 ms

    word = fold(line).strip()
    return word.replace("’", APOSTROPHE) if len(word) > 1 else word  # a lone ’ is a quote
