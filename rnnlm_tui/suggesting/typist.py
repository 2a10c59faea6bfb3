"""Plays a writer who types a given text into the app with as few keys as the suggestions allow.

At each step the typist knows what each key would insert, and whether the line would then agree with
the text. He takes the step for which the number of characters written minus the number of keys
pressed is largest. To type the next character is a step, too. The rules are those of `accepting`,
with the default settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.suggesting.accepting import (
    Accept,
    Suggestion,
    Writer,
    is_ghost_likely,
    reads_list,
    type_character,
    ways_to_accept,
)
from rnnlm_tui.suggesting.suggest import (
    Likeliest,
    Predict,
    Typed,
    WordLists,
    apply_insertion,
    lists_for,
)
from rnnlm_tui.text.marks import gives_space_back

LONG_WORD = re.compile(r"[!-~]{200,}|(\S{1,8}?)\1{99,}")
"""A word that is typed without looking at lists. Some texts have words of megabytes, which consist
of ASCII characters or repeat a few characters. Other long words are typed as usual, since some
scripts write whole lines without a space."""


class Spot(NamedTuple):
    """A place in the text being typed.

    Attributes:
        written: The number of characters of the text that are written.
        line: The line as the app shows it up to the cursor. Usually its length is `written`. The
            line is one longer after an accepted word whose space the text does not have. It is one
            shorter after a mark that replaced a space of the text.
        tail: The end of the line that may still change (see `type_character`).
    """

    written: int = 0
    line: str = ""
    tail: str = ""


class Step(NamedTuple):
    """The keys to press, as Textual names them, and the spot that they lead to."""

    keys: tuple[str, ...]
    spot: Spot


class Typist:
    """Types `text` into the app below the lines `above`."""

    def __init__(
        self,
        contexts: Contexts,
        text: str,
        above: Sequence[str],
        predict: Predict,
        likeliest: Likeliest,
    ) -> None:
        self._contexts, self._text, self._above = contexts, text, tuple(above)
        self._predict, self._likeliest = predict, likeliest
        tokenizer = contexts.model.tokenizer
        self._replaces_space = partial(tokenizer.replaces_space, above=self._above)
        self._accepts: dict[str, list[tuple[Accept, Spot]]] = {}
        """Maps the line up to the cursor to the ways to accept that agree with the text, each with
        the spot after it. They are kept because all writers mostly meet the same lines."""

    def steps(self, writer: Writer) -> Iterator[tuple[tuple[str, ...], str]]:
        """Types the text as a writer does. Yields the keys of each step, as Textual names them, and
        the line after it."""
        spot = Spot()
        while spot.written < len(self._text):
            keys, spot = self._best_step(spot, writer)
            yield keys, spot.line

    def _best_step(self, spot: Spot, writer: Writer) -> Step:
        """Returns the step with the most characters written minus keys pressed. Of equal steps it
        returns the first."""
        typed = Typed.of(spot.line, self._contexts.model.tokenizer)
        if not typed.prefix and len(spot.line) == spot.written:  # at the start of a word
            long_word = LONG_WORD.match(self._text, spot.written)
            if long_word:
                end = long_word.end()
                return Step(tuple(long_word[0]), Spot(end, self._text[:end]))
        steps = [self._typing(spot)]
        # The line is shorter than the text after a mark that replaced a space of the text. Then no
        # accepted word agrees with the text.
        if len(spot.line) >= spot.written:
            if spot.line not in self._accepts:
                self._accepts[spot.line] = [*self._accepts_at(typed)]
            sees_list = reads_list(writer, typed.prefix)
            for accept, after in self._accepts[spot.line]:
                if accept.at_cursor or sees_list:
                    steps.append(Step(accept.keys, after))
        return max(steps, key=lambda step: step.spot.written - len(step.keys))

    def _typing(self, spot: Spot) -> Step:
        """Returns the step that types the next character of the text. If that is a mark which would
        replace the space of an accepted word, although the text has this space, the step types the
        space again. This adds no second space, and the mark after it replaces none."""
        character = self._text[spot.written]
        has_space = spot.tail == " " and spot.written == len(spot.line)
        if has_space and character != " " and self._loses_space(spot.line, spot.written):
            character = " "
        insertion, tail = type_character(spot.line, spot.tail, character, self._replaces_space)
        written = spot.written + 1 if insertion.text else spot.written
        return Step((character,), Spot(written, apply_insertion(spot.line, insertion), tail))

    def _loses_space(self, line: str, place: int) -> bool:
        """Returns True if `line` loses the space at its end once the text from `place` on is typed.
        A mark then replaces the space, and the characters after the mark do not put it back."""
        if not self._replaces_space(line, self._text[place]):
            return False
        for end in range(place + 2, len(self._text) + 1):
            if gives_space_back(self._text[place], self._text[place + 1 : end]):
                return False
            if not self._text[end - 1].isalpha():
                break
        return True

    def _accepts_at(self, typed: Typed) -> Iterator[tuple[Accept, Spot]]:
        """Yields the ways to accept that agree with the text, and the spot after each."""
        lists = lists_for(typed, self._above, self._contexts, self._predict)
        candidates = lists.listed(typed)
        words = self._ghost_words(lists, typed, candidates[0]) if candidates else ()
        ghost = lists.insertions(typed, words)
        for accept in ways_to_accept(candidates, ghost, is_empty=not typed.before):
            after = self._spot_after(typed.before, accept)
            if after is not None:
                yield accept, after

    def _ghost_words(self, lists: WordLists, typed: Typed, first: Suggestion) -> tuple[str, ...]:
        """Returns the words of the ghost, or () if no ghost is shown. The `first` candidate is its
        first word. If that is wrong, no key can take the words after it, and they are left out."""
        if first.corrects or not is_ghost_likely(first.probability, typed.prefix):
            return ()
        if not self._text.startswith(apply_insertion(typed.before, first)):
            return (first.word,)
        if not lists.begins_ghost(typed, first):
            return ()
        return lists.continuation(typed, first.word, self._likeliest)

    def _spot_after(self, line: str, accept: Accept) -> Spot | None:
        """Returns the spot after accepting in `line`, or None if the line then differs from the
        text."""
        for piece in accept.pieces:
            line = apply_insertion(line, piece)
        if not self._text.startswith(line):
            return None
        written = len(line)
        following = self._text[written : written + 1]
        if not accept.pieces[-1].space_after or not following:
            return Spot(written, line)
        line += " "
        if following == " ":
            return Spot(written + 1, line, " ")
        return Spot(written, line, " ") if self._loses_space(line, written) else None
