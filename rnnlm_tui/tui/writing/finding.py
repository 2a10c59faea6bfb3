"""Finds words in the open text: the matches in the rows of the page, and the line to type in."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import ClassVar, NamedTuple

from textual import on
from textual.binding import Binding, BindingType

from rnnlm_tui.session.folding import straight_quotes
from rnnlm_tui.tui.widgets.inputs import SafeInput
from rnnlm_tui.tui.widgets.textual_private import unbind


class Place(NamedTuple):
    """A match, or the part of it in one row: the row, and the columns `start:end`."""

    row: int
    start: int
    end: int


class Matches:
    """Where words stand on the page, and which of these matches is the current one."""

    def __init__(self) -> None:
        self.words = ""
        """What is looked for; "" for nothing. Capitals and curly quotes make no difference."""
        self._found: list[list[Place]] = []
        """The parts of each match."""
        self._in_rows: dict[int, list[tuple[int, Place]]] = {}
        """For each row the parts in it, each with the number of its match."""
        self._current = 0

    def __str__(self) -> str:
        if not self._found:
            return "not found" if self.words else ""
        return f"{self._current + 1} of {len(self._found)}"

    @property
    def current(self) -> list[Place]:
        """The parts of the current match; empty if there is none."""
        return self._found[self._current] if self._found else []

    def search(self, rows: Iterable[tuple[int, str]], from_row: int) -> None:
        """Finds the words in rows, each with the number of its line, which is negative if the row
        is not part of the text. The current match is the first one from `from_row` on."""
        self._found, self._in_rows = [], {}
        if words := straight_quotes(self.words).split():
            pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
            for line, numbered in groupby(enumerate(rows), lambda row: row[1][0]):
                if line >= 0:
                    self._search_line(pattern, [(row, text) for row, (_, text) in numbered])
        index = bisect_left(self._found, from_row, key=lambda places: places[0].row)
        self._current = index if index < len(self._found) else 0

    def _search_line(self, pattern: re.Pattern[str], rows: list[tuple[int, str]]) -> None:
        """Finds the words in the rows of one line. A match may begin in one row and end in the
        next."""
        text = straight_quotes("\n".join(row for _, row in rows))
        for match in pattern.finditer(text):
            row = rows[0][0] + text.count("\n", 0, match.start())
            start, places = match.start() - (text.rfind("\n", 0, match.start()) + 1), list[Place]()
            for part in match.group().split("\n"):
                places.append(Place(row, start, start + len(part)))
                self._in_rows.setdefault(row, []).append((len(self._found), places[-1]))
                row, start = row + 1, 0
            self._found.append(places)

    def step(self, by: int) -> None:
        """Goes to the next (1) or previous (-1) match, from the last one to the first."""
        if self._found:
            self._current = (self._current + by) % len(self._found)

    def in_row(self, row: int) -> Iterable[tuple[Place, bool]]:
        """Yields the parts of matches in a row, and whether each is of the current one."""
        for index, place in self._in_rows.get(row, ()):
            yield place, index == self._current


class FindLine(SafeInput):
    """The line in which the words to find are typed. Hidden until it is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave(True)", "edit", id="find.edit",
                tooltip="Edit the line that was found"),
        Binding("down", "step(1)", "next", id="find.next", tooltip="Find the next match"),
        Binding("up", "step(-1)", "previous", id="find.previous",
                tooltip="Find the previous match"),
        Binding("escape", "leave(False)", "end", id="find.end",
                tooltip="End finding; go back to the line being written"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    FindLine {
        display: none; height: 3; padding: 0 1; background: $background;
        &, &:focus { border: round $border; }
        border-title-color: $foreground; border-subtitle-color: $text-muted;
        &.-shown { display: block; }
    }
    """

    def __init__(
        self,
        find: Callable[[str], str],
        find_next: Callable[[int], str],
        ended: Callable[[bool], None],
    ) -> None:
        """`find` and `find_next` are those of the page; `ended` is called at the end, with whether
        the line that was found is to be edited."""
        super().__init__()
        self._find, self._find_next, self._ended = find, find_next, ended
        unbind(self, ("ctrl+f",))
        self.cursor_blink = False
        self.border_title = "find"

    def begin(self) -> None:
        """Shows the line, with the words of the last time selected and found."""
        self.add_class("-shown")
        self.focus()
        self.action_select_all()
        self._find_typed()

    def end(self) -> None:
        """Hides the line; nothing is marked any more."""
        self.remove_class("-shown")
        self._find("")

    @on(SafeInput.Changed)
    def _find_typed(self) -> None:
        if self.has_class("-shown"):
            self.border_subtitle = self._find(self.value)

    def action_step(self, by: int) -> None:
        self.border_subtitle = self._find_next(by)

    def action_leave(self, edits: bool) -> None:
        self._ended(edits)
