"""Measures how often the list has the word that was meant after a slip of the fingers.

    python -m tests.benchmarks.slips TEXT ... [--words 1000] [--model NAME] [--data-dir FOLDER]

Takes words of at least 5 letters from texts that the model never saw, each below its own lines.
Mistypes each word in six ways, at a random place. Prints for each way how often the word is among
the five of the list at the first wrong letter (of two swapped ones, at the second), and one and two
letters later. Then prints how many of the words, typed without a slip, lose their place among the
five to words that correct a slip.
"""

from __future__ import annotations

import argparse
import random
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.suggesting.accepting import LISTED, Suggestion
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.text.slips import SHORTEST_SLIP, NeighbourKeys
from tests.benchmarks.options import parse
from tests.benchmarks.writers import lines_of

WORD = re.compile(r"(?<![\w’'-])[A-Za-zäöüß]{5,}(?![\w’'-])")
SEED = 7
NEAR_LINES = 20
"""The number of lines above a word. More take longer to read and hardly change the result."""
Mistype = Callable[[str, int, random.Random], tuple[str, int] | None]
"""Mistypes the letter of a word at a place. Returns the typed letters up to the slip, and the
number of letters of the word that they stand for. None if such a slip is not possible there."""


def swapped(word: str, place: int, _: random.Random) -> tuple[str, int] | None:
    """Two letters in the wrong order."""
    one, two = word[place], word[place + 1]
    return (word[:place] + two + one, place + 2) if one != two else None


def doubled(word: str, place: int, _: random.Random) -> tuple[str, int]:
    """A letter typed twice."""
    return word[: place + 1] + word[place], place + 1


def left_out(word: str, place: int, _: random.Random) -> tuple[str, int] | None:
    """A letter left out. It shows at the next letter that differs."""
    one, two = word[place], word[place + 1]
    return (word[:place] + two, place + 2) if one != two else None


def neighbour(
    neighbours: NeighbourKeys, word: str, place: int, rng: random.Random
) -> tuple[str, int] | None:
    """A letter replaced by one beside it on the keyboard."""
    near = sorted(typed for meant, typed in neighbours if meant == word[place])
    return (word[:place] + rng.choice(near), place + 1) if near else None


def replaced(
    neighbours: NeighbourKeys, word: str, place: int, rng: random.Random
) -> tuple[str, int]:
    """A letter replaced by any other that is not beside it on the keyboard."""
    others = [c for c in string.ascii_lowercase if c != word[place]]
    far = [typed for typed in others if (word[place], typed) not in neighbours]
    return word[:place] + rng.choice(far), place + 1


def added(word: str, place: int, rng: random.Random) -> tuple[str, int]:
    """A letter too many, other than its neighbours in the word."""
    letters = [c for c in string.ascii_lowercase if c not in (word[place], word[place - 1])]
    return word[:place] + rng.choice(letters), place


def kinds_with(neighbours: NeighbourKeys) -> dict[str, Mistype]:
    """The ways to mistype a word on a keyboard."""
    return {
        "two swapped": swapped,
        "one doubled": doubled,
        "one left out": left_out,
        "a neighbour": partial(neighbour, neighbours),
        "another letter": partial(replaced, neighbours),
        "one too many": added,
    }


@dataclass
class Place:
    """A `word` of a text, the line `before` it and the lines `above`."""

    above: list[str]
    before: str
    word: str

    def listed(self, contexts: Contexts, typed: str, k: int = LISTED) -> list[Suggestion]:
        """The list of `k` words after these typed letters."""
        line = self.before + typed
        found = suggest(contexts.model, line, None, k, self.above, contexts, looks_ahead=False)
        return list(found.candidates)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description="words found after a slip of the fingers")
    parser.set_defaults(model="english")
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=1000, help="words mistyped in each way")
    asked, library = parse(parser)
    model, rng = library.open(asked.model).model, random.Random(SEED)
    contexts, ways = Contexts(model), kinds_with(model.neighbour_keys)
    found, tried, right = Counter[tuple[str, int]](), Counter[tuple[str, int]](), Counter[str]()
    for place in places(asked.texts, asked.words, rng):
        for kind, mistype in ways.items():
            for later, typed in enumerate(mistyped(place.word, mistype, rng)):
                tried[kind, later] += 1
                found[kind, later] += place.word in words_of(place.listed(contexts, typed))
        for end in range(SHORTEST_SLIP, len(place.word)):
            right.update(counted_of(place, place.listed(contexts, place.word[:end], 2 * LISTED)))
    print(f"{'':14} {'at it':>8} {'one later':>10} {'two later':>10}")
    for kinds in (*([kind] for kind in ways), [*ways]):
        row = [
            sum(found[kind, later] for kind in kinds) / sum(tried[kind, later] for kind in kinds)
            for later in range(3)
        ]
        label = kinds[0] if len(kinds) == 1 else "all"
        print(f"{label:14} {row[0]:8.1%} {row[1]:10.1%} {row[2]:10.1%}")
    print(
        f"{right['all']:,} beginnings without a slip: the word is among the five in"
        f" {right['listed']:,} and loses its place in {right['lost']}; words that correct stand in"
        f" {right['corrected'] / right['all']:.1%} of the lists"
    )


def words_of(listed: Iterable[Suggestion]) -> list[str]:
    """The words in small letters."""
    return [each.word.lower() for each in listed]


def mistyped(word: str, mistype: Mistype, rng: random.Random) -> list[str]:
    """The letters typed of a word up to a slip at a random place, and one and two letters later, as
    far as the word has them. Empty if no such slip is possible."""
    slips = filter(None, (mistype(word, place, rng) for place in range(1, len(word) - 1)))
    possible = [
        (typed, used)
        for typed, used in slips
        if used < len(word) and len(typed) + 1 >= SHORTEST_SLIP
    ]
    if not possible:
        return []
    typed, used = rng.choice(possible)
    return [typed + word[used:end] for end in range(used, min(used + 2, len(word)) + 1)]


def counted_of(place: Place, listed: list[Suggestion]) -> Iterator[str]:
    """Yields the names of the counts to which a list of ten words adds one. Its word is typed
    without a slip."""
    yield "all"
    if any(each.corrects for each in listed[:LISTED]):
        yield "corrected"
    if place.word in words_of([each for each in listed if not each.corrects][:LISTED]):
        yield "listed"
        if place.word not in words_of(listed[:LISTED]):
            yield "lost"


def places(texts: list[Path], count: int, rng: random.Random) -> Iterator[Place]:
    """Yields words in small letters at random places of the texts, about as many of each text."""
    for number, text in enumerate(texts):
        lines = lines_of(text)
        all_words = [
            (row, match)
            for row, line in enumerate(lines)
            for match in WORD.finditer(line)
            if match[0].islower()
        ]
        share = count * (number + 1) // len(texts) - count * number // len(texts)
        chosen = rng.sample(all_words, min(share, len(all_words)))
        for row, match in sorted(chosen, key=lambda each: (each[0], each[1].start())):
            above = lines[max(0, row - NEAR_LINES) : row]
            yield Place(above, lines[row][: match.start()], match[0])


if __name__ == "__main__":
    main()
