"""The file of the text that is pasted to train on. No textual here."""

from __future__ import annotations

from pathlib import Path

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.tui.session.draft_files import DraftFiles


class PastedFiles:
    """pasted.txt, or pasted-2.txt and so on where several apps are open, beside the draft of the
    line being written. A text that is empty has no file."""

    def __init__(self, folder: Path, largest: int) -> None:
        """`largest`: in characters; no more of a file is read."""
        self._folder = folder
        self._files = DraftFiles(folder, "pasted", largest)
        self._left: Path | None = None

    def restore(self) -> str:
        """The newest text that an app which is gone has left; others stay for later starts."""
        self._left, text = next(reversed(self._files.left()), (None, ""))
        return text

    def adopt(self) -> None:
        """Goes on with the file of the text that was restored."""
        if self._left is not None:
            self._files.adopt(self._left)

    def keep(self, text: str) -> None:
        """Puts the text into its file. Raises StorageError."""
        try:
            if text:
                self._files.keep(text)
            else:
                self._files.remove()
        except OSError as error:
            raise StorageError(
                f"could not save the pasted text in {self._folder}: {os_reason(error)}",
                "you can go on, but it will be lost at the end",
            ) from error
