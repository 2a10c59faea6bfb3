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

    def step(self, by: int, line: str) -> str:
        """The line before (-1) or after (1) the recalled `line`. Any other line stands after the
        newest, and so does the empty one."""
        here = self._recalled if self.is_recalled(line) else None
        there = max(0, (len(self.lines) if here is None else here) + by)
        self._recalled = there if there < len(self.lines) else None
        return "" if self._recalled is None else self.lines[there]
