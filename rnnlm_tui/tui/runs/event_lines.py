"""Events out of a stream of bytes that may hold anything: from a child's stdout, or a history file.

Lines that hold no event, or have no end, are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlm_tui.events import Event, from_json_line

LONGEST_LINE = 1 << 20
"""Bytes. The longest event is an epoch whose seed line is a whole paragraph: some kilobytes."""


class EventLines:
    """Cuts what is read, in pieces of any size, into events; drops the lines that hold none."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False
        self.dropped: list[str] = []
        """The first line that was dropped, or its beginning: what a log wants to know."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events whose lines end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if self._skipping:  # the end of a line that was too long
                self._skipping = False
            elif line.strip():
                yield from self._event(line)
        if len(self._rest) > LONGEST_LINE:
            if not self._skipping:
                self._drop(self._rest)
            self._rest, self._skipping = b"", True

    def end(self) -> Iterator[Event]:
        """The event of a last line that has no newline."""
        rest, self._rest = self._rest, b""
        if rest.strip() and not self._skipping:
            yield from self._event(rest)

    def _event(self, line: bytes) -> Iterator[Event]:
        try:
            yield from_json_line(line)
        except ValueError:
            self._drop(line)

    def _drop(self, line: bytes) -> None:
        if not self.dropped:
            self.dropped.append(line[:200].decode("utf-8", "replace"))
