"""The text area for a pasted or typed text to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.document._edit import Edit
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import EditResult

from rnnlm_tui.errors import StorageError
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.tui.session.database import KeptText
from rnnlm_tui.tui.widgets.safe_inputs import SafeTextArea

if TYPE_CHECKING:
    from rnnlm_tui.tui.train.host import TrainHost

MAX_PASTE = 1_000_000
"""Characters. The text area takes a second to insert this many."""


class PastedText(SafeTextArea):
    """A text area whose content survives restarts and crashes."""

    class TooLarge(Message):
        """A pasted text was too large and was not inserted."""

        def __init__(self, size: int) -> None:
            super().__init__()
            too_much = f"{format_bytes(size)} is too much to paste"
            self.problem = f"{too_much}: save it as a file and choose my files"

    class Restored(Message):
        """The text of an earlier session was restored."""

    def __init__(self) -> None:
        super().__init__(id="pasted", compact=True)
        self._kept: KeptText | None = None
        """None until the kept text was read."""

    def on_mount(self) -> None:
        self._restore()

    @work(group="restore")
    async def _restore(self) -> None:
        host = cast("TrainHost", self.app)
        kept = KeptText(host.session, "pasted")
        text = ""
        try:
            text = await kept.restore()
        except StorageError as error:
            host.show_error_once(error)
        self._kept = kept
        if self.text:  # typed in the meantime
            kept.keep(self.text)
        elif text:
            self.load_text(text[:MAX_PASTE])
            self.post_message(self.Restored())

    @on(TextArea.Changed)
    def _keep(self) -> None:
        if self._kept is not None:
            self._kept.keep(self.text)

    def edit(self, edit: Edit) -> EditResult:
        """Inserts text, or nothing if the whole text would be too large."""
        size = len(edit.text)
        if size:
            size += len(self.text) - len(self.get_text_range(edit.top, edit.bottom))
        if size <= MAX_PASTE:
            return super().edit(edit)
        self.post_message(self.TooLarge(size))
        return EditResult(self.cursor_location, "")
