"""The space that an accept adds, and what is typed next."""

from __future__ import annotations

from textual.document._document import Location
from textual.widgets import TextArea

from rnnlm_tui.tui.writing.keystrokes import KeystrokeCounter

CLOSING = frozenset(",.;:!?)]}”»…")
"""Marks that are written close to the word before them."""
APOSTROPHES = frozenset("'\u2019")
AFTER_APOSTROPHE = frozenset(("", "s", "d", "m", "t", "l", "ll", "r", "re", "v", "ve"))
"""What may follow an apostrophe within a word, whole or half typed."""


class AddedSpace:
    """The space that the last accept has added to a text, and the mark that took its place."""

    def __init__(self, area: TextArea, counter: KeystrokeCounter) -> None:
        self._area, self._counter = area, counter
        self.at: Location | None = None
        """The place after the space, while the cursor is there."""
        self._mark: Location | None = None
        """The place of the mark, while letters are typed after it."""

    def forget(self) -> None:
        self.at = self._mark = None

    def type(self, character: str) -> None:
        """Puts in a typed character. A mark takes the place of the space before it."""
        area, here, mark = self._area, self._area.cursor_location, self._mark
        if here == self.at and area.selection.is_empty:
            space = here[0], here[1] - 1
            if character == " ":  # it is there already
                self._counter.typed(index_of(area, space), index_of(area, here), 1)
                self.at = None
                return
            if takes_space(self._before(), character):
                area.replace(character, space, here, maintain_selection_offset=False)
                self._mark = space
                return
        area._replace_via_keyboard(character, *area.selection)
        if mark is None:
            return
        before = self._before()
        if gives_space_back(before[mark[1]], before[mark[1] + 1 :]):
            place = index_of(area, mark)
            area.replace(" ", mark, mark)
            self._counter.put_in(place, place + 1, 0)
        elif character.isalpha():
            self._mark = mark

    def _before(self) -> str:
        """The line up to the cursor."""
        row, column = self._area.cursor_location
        return self._area.document.get_line(row)[:column]


def index_of(area: TextArea, location: Location) -> int:
    """A place in the text, in characters. A TextArea ends the deletion of the last line at a line
    after it."""
    return len(area.get_text_range((0, 0), min(location, area.document.end)))


def takes_space(before: str, character: str) -> bool:
    """Whether a character that is typed after `before`, which ends in the space of an accept, takes
    the place of that space."""
    if character == '"':
        return before.count('"') % 2 == 1  # it closes a quotation
    return character in CLOSING or character == "-" or character in APOSTROPHES


def gives_space_back(taken: str, typed: str) -> bool:
    """Whether what is typed after a mark that took a space shows that the space belongs before the
    mark, as in `he said 'so` or in `we went - and`."""
    if taken == "-":
        return typed[:1] == " "
    return taken in APOSTROPHES and typed[-1:].isalpha() and typed.lower() not in AFTER_APOSTROPHE
