"""A writer who types a given text into the app with as few keys as the suggestions that he sees
allow, by the rules of `accepting` and the default settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggesting.accepting import (
    Accept,
    Writer,
    is_ghost_likely,
    reads_list,
    type_character,
    ways_to_accept,
)
from rnnlm_tui.suggesting.suggest import Predict, Typed, WordLists, apply_insertion
from rnnlm_tui.text.marks import gives_space_back

LONG_WORD = re.compile(r"[!-~]{200,}|(\S{1,8}?)\1{99,}")
"""What is typed without looking at lists: there are texts with words of megabytes, in ASCII or of
a few characters again and again. Other scripts may write whole lines without a space."""


class Spot(NamedTuple):
    """How many characters of the wanted text are written, and the line as the app shows it up to
    the cursor, with its tail (see `type_character`). They differ by a space at times."""

    at: int = 0
    line: str = ""
    tail: str = ""


Step: TypeAlias = tuple[tuple[str, ...], Spot]
"""The keys of a step, and where they lead."""


class Typist:
    """Types `text` into the app below the lines `above`."""

    def __init__(
        self,
        model: LanguageModel,
        text: str,
        above: Sequence[str],
        predict: Predict,
    ) -> None:
        self._model, self._text, self._above, self._predict = model, text, above, predict
        self._takes_space = model.tokenizer.takes_space
        self._start: str | None = None
        """The line up to the word for which `_lists` are."""
        self._accepts: dict[str, list[tuple[Accept, Spot]]] = {}
        """By the line up to the cursor. The writers of a text mostly meet the same ones."""

    def steps(self, writer: Writer) -> Iterator[tuple[tuple[str, ...], str]]:
        """Types the text as a writer does. Yields the keys of each step, those that accept or a
        character, as Textual names them, and the line after it."""
        spot = Spot()
        while spot.at < len(self._text):
            keys, spot = self._step(spot, writer)
            yield keys, spot.line

    def _step(self, spot: Spot, writer: Writer) -> Step:
        """The step that saves most."""
        at, line, tail = spot
        typed = Typed.of(line, self._model.tokenizer)
        starts_word = not typed.prefix and len(line) == at
        if starts_word and (word := LONG_WORD.match(self._text, at)):
            return tuple(word[0]), Spot(word.end(), self._text[: word.end()])
        key = self._next_key(spot)
        way, tail = type_character(line, tail, key, self._takes_space)
        after = Spot(at + bool(way.text), apply_insertion(line, way), tail)
        steps: list[Step] = [((key,), after)]
        if len(line) >= at:  # else a mark stands where a space belongs
            if line not in self._accepts:
                self._accepts[line] = [*self._accepts_at(typed)]
            sees_list = reads_list(writer, typed.prefix)
            accepts = self._accepts[line]
            steps += [(way.keys, to) for way, to in accepts if way.at_cursor or sees_list]
        return max(steps, key=lambda step: step[1].at - len(step[0]))

    def _next_key(self, spot: Spot) -> str:
        """The character to type: the next one of the text. A mark that would replace a space that
        belongs there needs another space before it."""
        character = self._text[spot.at]
        if spot.tail == " " and spot.at == len(spot.line):
            takes = character != " " and self._takes_space(spot.line, character)
            if takes and not self._gives_back(spot.at):
                return " "
        return character

    def _gives_back(self, place: int) -> bool:
        """Whether a mark at this place of the text brings back the space that it replaced."""
        for end in range(place + 2, len(self._text) + 1):
            if gives_space_back(self._text[place], self._text[place + 1 : end]):
                return True
            if not self._text[end - 1].isalpha():
                break
        return False

    def _accepts_at(self, typed: Typed) -> Iterator[tuple[Accept, Spot]]:
        """The ways to accept suggestions that the text has, and where each leads."""
        if typed.start != self._start:
            self._start = typed.start
            page = self._model.page_words.on_page((*self._above, typed.start))
            self._lists = WordLists(self._model, self._above, typed, page, self._predict)
        candidates = self._lists.at(typed)
        words: tuple[str, ...] = ()
        first = candidates[0] if candidates else None
        if first and not first.corrects and is_ghost_likely(first.probability, typed.prefix):
            # Where the first word of the ghost is wrong, no key accepts the others.
            is_right = self._text.startswith(apply_insertion(typed.before, first))
            words = (
                self._lists.continuation(typed, [first], self._predict)
                if is_right
                else (first.word,)
            )
        ghost = self._lists.insertions(typed, words)
        for way in ways_to_accept(candidates, ghost, is_empty=not typed.before):
            if after := self._spot_after(typed.before, way):
                yield way, after

    def _spot_after(self, line: str, accept: Accept) -> Spot | None:
        """Where the typist is after accepting; None if the line would not become the text."""
        text = self._text
        for piece in accept.pieces:
            line = apply_insertion(line, piece)
        if not text.startswith(line):
            return None
        at = len(line)
        following = text[at : at + 1]
        if not accept.pieces[-1].space_after or not following:
            return Spot(at, line)
        if following == " ":
            return Spot(at + 1, f"{line} ", " ")
        takes_space = self._takes_space(f"{line} ", following)
        return Spot(at, f"{line} ", " ") if takes_space and not self._gives_back(at) else None
