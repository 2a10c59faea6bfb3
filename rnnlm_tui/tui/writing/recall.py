"""The lines that were sent before, gone through with Up and Down. No textual here."""

from __future__ import annotations


class EarlierLines:
    """Lines from the oldest to the newest, and the one of them that was recalled last."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown = ""
        """The line as it was shown when it was recalled. A line that was changed is the user's own
        again."""
        self._recalled: int | None = None

    def is_recalled(self, line: str) -> bool:
        """Whether this is the recalled line, unchanged."""
        return self._recalled is not None and line == self.shown

    def before(self, line: str) -> str:
        """The earlier line before the recalled `line`, else the newest. There must be some."""
        here = self._recalled if self.is_recalled(line) else None
        self._recalled = len(self.lines) - 1 if here is None else max(0, here - 1)
        return self.lines[self._recalled]

    def after(self) -> str:
        """The earlier line after the recalled one; after the newest comes the empty line."""
        following = len(self.lines) if self._recalled is None else self._recalled + 1
        self._recalled = following if following < len(self.lines) else None
        return "" if self._recalled is None else self.lines[self._recalled]
