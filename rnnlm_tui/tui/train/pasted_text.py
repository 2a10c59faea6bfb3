"""The text to train on, where it is pasted or typed; kept in a file until it is cleared."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.document._edit import Edit
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import EditResult

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.tui.session.draft import DraftKeeper
from rnnlm_tui.tui.session.pasted_files import PastedFiles
from rnnlm_tui.tui.widgets.safe_inputs import SafeTextArea

if TYPE_CHECKING:
    from rnnlm_tui.tui.widgets.host import Host

SESSION = "session"
"""The folder, beside the models, of what is kept from one start to the next."""
LARGEST_PASTE = 1_000_000
"""Characters. The text area stands still for a second while it takes in so many."""


class PastedText(SafeTextArea):
    """A text that is there again after a restart, however the app has ended."""

    class TooLarge(Message):
        """More was pasted than the area can take in; nothing of it was."""

        def __init__(self, size: int) -> None:
            super().__init__()
            too_much = f"{format_bytes(size)} is too much to paste"
            self.problem = f"{too_much}: save it as a file and choose my files"

    class Restored(Message):
        """The text of an earlier session stands in the area again."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, compact=True)
        self._keeper: DraftKeeper | None = None

    def on_mount(self) -> None:
        """Shows what was kept."""
        self._restore()

    def on_unmount(self) -> None:
        """Ends the thread that writes, once the text is in its file."""
        if self._keeper is not None:
            try:
                self._keeper.close()
            except StorageError as error:
                self._not_kept(error)

    @work(group="restore")
    async def _restore(self) -> None:
        host = cast("Host", self.app)
        files = PastedFiles(host.library.folder.parent / SESSION, LARGEST_PASTE)
        kept = await asyncio.to_thread(files.restore)
        self._keeper = DraftKeeper(files.keep, self._not_kept)
        if self.text:  # typed since: what was kept is for the next start
            self._keeper.keep(self.text)
        elif kept:
            files.adopt()
            self.load_text(kept)
            self.post_message(self.Restored())

    @on(TextArea.Changed)
    def _keep(self) -> None:
        if self._keeper is not None:
            self._keeper.keep(self.text)

    def _not_kept(self, error: StorageError) -> None:
        cast("Host", self.app).show_error_once(error)

    def edit(self, edit: Edit) -> EditResult:
        """Puts in what is typed or pasted; nothing of it where the text would be too large."""
        size = len(edit.text)
        if size:
            size += len(self.text) - len(self.get_text_range(edit.top, edit.bottom))
        if size <= LARGEST_PASTE:
            return super().edit(edit)
        self.post_message(self.TooLarge(size))
        return EditResult(self.cursor_location, "")
