"""The suggestions at the cursor: the words of the list, and the ghost, the words in italics after
the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from rnnlm_tui.formatting import same_start, sanitize, shorten
from rnnlm_tui.suggesting.accepting import is_ghost_likely
from rnnlm_tui.text.letters import begin_of
from rnnlm_tui.text.tokenizer import Insertion
from rnnlm_tui.tui.writing.page_rows import wrapped

if TYPE_CHECKING:
    from textual.widgets.text_area import Location

    from rnnlm_tui.suggesting.accepting import Suggestion
    from rnnlm_tui.suggesting.suggest import Suggestions
    from rnnlm_tui.tui.preferences import Preferences


SECOND_KEY = "⇧Tab"
"""The default key for the second word of the list, as it stands behind that word."""
BEFORE_SECOND = "   "
"""The gap between the ghost and that word."""


class GhostRows(NamedTuple):
    """The ghost as it is drawn: the character over the space before the cursor, the text after the
    cursor, the second word of the list with its key after that, each of them "" if there is none,
    and the rows below."""

    over_space: str = ""
    text: str = ""
    second: str = ""
    below: tuple[str, ...] = ()


class WordsAhead:
    """Suggested words after the cursor, in pieces that Tab accepts one after the other. The rest of
    them stays while the user types what they say.

    In the methods, `before` is the line up to the cursor. Accepting may write its letters in
    another way: after `i` the words may be `I'm here`, and typing them makes `i'm here`.
    """

    def __init__(
        self, before: str = "", pieces: Sequence[Insertion | Suggestion] = (), prefix: str = ""
    ) -> None:
        """`prefix` is the part of `before` that the first piece completes."""
        replaced = pieces[0].replaces_before if pieces else 0
        kept = len(before) - replaced
        self._begin = len(before) - max(replaced, len(prefix))
        """Where the first word begins, or the space that it replaces. The words fit no shorter
        line."""
        self._accepted = before[:kept]
        """The line as it is once all the words are accepted."""
        # If the first piece replaces a space, what is before the space counts as a piece, too.
        self._ends = [(kept, True)] if replaced and not prefix else []
        """Where each piece ends in `_accepted`, and whether a space follows it in running text."""
        for piece in pieces:
            self._accepted += sanitize(piece.text)
            self._ends.append((len(self._accepted), piece.space_after))
        self._typed = self._accepted
        """The line as it is once all the words are typed: the letters of `before` stay."""
        if prefix:
            # Written in another way, the typed letters may have another length.
            written = begin_of(self._accepted[kept:], before[kept:]) if replaced else ""
            self._typed = before + self._accepted[kept + len(written) :]

    @property
    def words(self) -> str:
        """The words as accepting them writes them, with the letters typed of the first one."""
        return self._accepted[self._begin :].strip()

    def fits(self, before: str) -> bool:
        """Returns whether `before` is a beginning of what the words say."""
        return self._places(before) is not None

    def rest(self, before: str) -> tuple[str, bool]:
        """Returns the text to show after `before`, or "" if the words do not fit, and whether it
        replaces the space before the cursor, as a comma does."""
        places = self._places(before)
        text = "" if places is None else self._accepted[places[1] :]
        is_typed = self._accepted.startswith(before) or self._typed.startswith(before)
        return text, bool(text) and not is_typed

    def pieces(self, before: str) -> list[Insertion]:
        """Returns the pieces that are left after `before`."""
        if (places := self._places(before)) is None:
            return []
        begin = places[0]
        replaced = len(before) - begin
        pieces = list[Insertion]()
        for end, space_after in self._ends:
            if end > begin:
                pieces.append(Insertion(self._accepted[begin:end], replaced, space_after))
                begin, replaced = end, 0
        return pieces

    def _places(self, before: str) -> tuple[int, int] | None:
        """Returns two indices in `_accepted`: accepting inserts the text from the first one on, and
        the text from the second one on is drawn after `before`. The first one is smaller if
        accepting changes letters before the cursor. Returns None if the words do not fit."""
        length = len(before)
        if length < self._begin:
            return None
        if self._accepted.startswith(before):
            return length, length
        if self._typed.startswith(before):
            drawn_from = length + len(self._accepted) - len(self._typed)
            is_in_first = drawn_from <= self._ends[0][0]
            return same_start(self._accepted, before) if is_in_first else drawn_from, drawn_from
        # The user may have typed a space after a piece, and the next piece replaces it.
        last = length - 1
        is_after_piece = any(end == last for end, _ in self._ends[:-1]) and before.endswith(" ")
        if is_after_piece and before[:last] in (self._accepted[:last], self._typed[:last]):
            return last, last
        return None


class Suggested:
    """The words of the list, the chosen one, the ghost, and the second word of the list, which
    stands behind the ghost.

    The ghost stays until the next answer, or, if ctrl+r has asked for it, as long as the text
    matches it. The user can switch it off, and hide the suggestions or force the ghost for the word
    at the cursor.

    In the methods, `before` is the line up to the cursor, and `word_begin` is where the word at the
    cursor begins.
    """

    def __init__(self, preferences: Preferences) -> None:
        self.candidates: tuple[Suggestion, ...] = ()
        """The words of the list."""
        self.choice = 0
        """The number of the word chosen in the list, or 0. It took as many presses of Down."""
        self.ghost = WordsAhead()
        """The ghost, whether it is shown or not."""
        self.is_requested = False
        """True if ctrl+r has asked for the ghost."""
        self._usual: Sequence[Insertion | Suggestion] = ()
        """The pieces of the ghost while no word is chosen and ctrl+r has not asked for one."""
        self._second = WordsAhead()
        """The second word of the list, unless it corrects typed letters."""
        self._prefix = ""
        """The letters typed of the word that the suggestions complete."""
        self._preferences = preferences
        self._word_begin: Location | None = None
        """Where the word begins for which suggestions are hidden or the ghost is forced."""
        self._hides = False
        """True if suggestions are hidden for that word, false if the ghost is forced."""

    def set_visible(self, word_begin: Location, is_visible: bool) -> None:
        """Hides the ghost and the list for this word, or shows its ghost even if that is switched
        off or unlikely."""
        self._word_begin, self._hides = word_begin, not is_visible

    def show_as_usual(self) -> None:
        """Ends what `set_visible` did."""
        self._word_begin = None

    def toggle_ghost(self) -> None:
        """Switches the ghost on or off, but not the list."""
        self._preferences.ghost = not self._preferences.ghost
        self.show_as_usual()

    def is_hidden(self, word_begin: Location) -> bool:
        """Returns whether the ghost and the list are hidden."""
        return self._hides and word_begin == self._word_begin

    def show(self, suggestions: Suggestions | None, before: str) -> None:
        """Sets the suggestions at the cursor, or none. The chosen word stays chosen. A ghost that
        ctrl+r has asked for stays if some of it is left."""
        self.candidates = suggestions.candidates if suggestions else ()
        self._prefix = suggestions.prefix if suggestions else ""
        self._usual = suggestions.ghost if suggestions else ()
        if not (self.is_requested and suggestions and self.ghost.pieces(before)):
            self.choose(self.choice, before)
        second = self.candidates[1:2]
        is_shown = bool(second) and not second[0].corrects
        self._second = WordsAhead(before, second, self._prefix) if is_shown else WordsAhead()

    def choose(self, choice: int, before: str) -> None:
        """Chooses the word of the list with this number, which becomes the ghost, unless it
        corrects typed letters. Or chooses none (0), which brings the usual ghost back."""
        self.choice = min(choice, len(self.candidates))
        if not self.choice:
            self.set_ghost(before, self._usual)
        else:
            chosen = self.candidates[self.choice - 1]
            self.set_ghost(before, [] if chosen.corrects else [chosen])

    def drop_chosen(self, before: str) -> None:
        """Removes the chosen word from the list, and chooses the next one. The next answer will not
        have it any more."""
        words, place = self.candidates, self.choice - 1
        self.candidates = words[:place] + words[place + 1 :]
        self._usual = ()  # it may have the word, too
        self.choose(self.choice, before)

    def request(self, before: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets a ghost that ctrl+r has asked for. It is shown even if the ghost is switched off,
        hidden or unlikely."""
        self.show_as_usual()
        self.choice = 0
        self.set_ghost(before, pieces)
        self.is_requested = True

    def set_ghost(self, before: str, pieces: Sequence[Insertion | Suggestion]) -> None:
        """Sets the pieces of the ghost after `before`."""
        self.is_requested = False
        self.ghost = WordsAhead(before, pieces, self._prefix)

    def shown_ghost(self, before: str, word_begin: Location) -> tuple[str, bool]:
        """Returns the part of the ghost to show after `before`, or "", and whether it replaces the
        space before the cursor."""
        first = self.candidates[0] if self.candidates else None
        is_likely = first is not None and is_ghost_likely(first.probability, self._prefix)
        is_wanted = self._preferences.ghost and (is_likely or self.choice)
        is_of_word = word_begin == self._word_begin
        is_forced = self.is_requested or (is_of_word and not self._hides)
        if not is_forced and (not is_wanted or self.is_hidden(word_begin)):
            return "", False
        return self.ghost.rest(before)

    def second(self, before: str) -> str:
        """Returns the second word of the list, to show after the ghost, or "". It stays while the
        user types its letters."""
        is_shown = not self.choice and not self.is_requested and self._second.fits(before)
        return self._second.words if is_shown else ""


def fit_ghost(
    shown: tuple[str, bool], second: str, before: str, column: int, width: int, rows: int
) -> GhostRows:
    """Cuts a ghost to the row of the cursor, of `width` cells, or wraps it into at most `rows` rows
    below. Leaves out `second`, the second word of the list with its key, if there is no room
    for it and a word of the ghost.

    `shown` is the ghost, and whether it replaces the space before the cursor. `before` is the line
    up to the cursor, which is in this `column`.
    """
    ghost, over_space = shown
    covered = 1 if over_space else 0  # cells
    below = list[str]()
    if ghost and rows:
        filler = "x" * (column - covered)  # stands for the text before the ghost
        if filler and before.endswith(" ") and not over_space:
            filler = filler[:-1] + " "  # so that the ghost may begin in the next row
        first, *below = wrapped(filler + ghost, max(1, width))
        ghost = first[len(filler) :]
        if len(below) > rows:
            below[rows - 1 :] = [shorten(" ".join(below[rows - 1 :]), width)]
    room = max(1, width - column + covered)
    left = room - cell_len(BEFORE_SECOND + second)
    first_end = len(ghost) - len(ghost.lstrip()) + len(next(iter(ghost.split()), ""))
    has_room = left >= min(len(ghost), first_end + 1)  # one more for "…"
    if not ghost or not second or not has_room:
        second = ""
        left = room
    ghost = shorten(ghost, left)
    return GhostRows(ghost[:covered], ghost[covered:], second, tuple(below))
