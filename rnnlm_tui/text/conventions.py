"""Learns the conventions of a text for the tokenizer `prose`: spaces, sentences, abbreviations."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

import regex

from rnnlm_tui.text.tokenizer import Conventions

OPEN, CLOSE, OPEN_SINGLE, CLOSE_SINGLE = "“”‘’"
"""Quotes as tokens, however the text writes them. CLOSE_SINGLE also ends `dogs’`."""
APOSTROPHE, DASH, ELLIPSIS = "'", "—", "…"
"""The apostrophe within words, the dash and the three dots as tokens."""
LINE_BEGIN = "^"
ENOUGH_SPACES, ENOUGH_STARTS, ENOUGH_DOTS = 5, 10, 5
"""Occurrences needed to learn the spaces, the sentence starts and the abbreviations of a text."""
STARTS_FROM = 0.97
"""Least share of capitals after some marks for these to start a sentence. Below it, words after
them keep their case, so that none is written back wrongly."""
ALWAYS_DOTTED, ENOUGH_ALWAYS, LONGEST_ABBREVIATION = 0.95, 20, 4
"""A short word is also an abbreviation if it nearly always has a full stop, often enough."""
ABBREVIATIONS = frozenset([
    "Mr", "Mrs", "Ms", "Dr", "St", "Prof", "Rev", "Hon", "Capt", "Col", "Gen", "Lt", "Sgt",
    "Jr", "Sr", "vs", "etc", "Fig", "Mt", "Messrs", "bzw", "usw", "Nr", "Hr", "Fr", "ca",
    "Sra", "Srta", "Ud", "Uds", "Mme", "Mlle", "MM", "г", "др", "стр"
])  # fmt: skip
"""Common abbreviations of several languages, for texts too short to learn them from."""
NEXT_TO_WORDS = ",;:!?\"'()[]“”‘’„«»—…"
NO_SPACE_AFTER = frozenset("([{¿¡@#/\\_-" + OPEN + OPEN_SINGLE + DASH)
NO_SPACE_BEFORE = frozenset(")]},.;:!?%°/\\_-" + CLOSE + CLOSE_SINGLE + DASH + ELLIPSIS)
UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"|[\u3000-\u303F\uFF00-\uFFEF]"
)
"""Scripts and marks that are written without spaces."""


@lru_cache(1 << 12)
def usual_spaces(token: str) -> tuple[bool, bool]:
    """Whether a token has a space before and after it in most European texts."""
    if UNSPACED.fullmatch(token[0]):
        return False, False
    category = unicodedata.category(token[0])
    if category[0] not in "PS":
        return True, True
    return token[0] not in NO_SPACE_BEFORE, token[0] not in NO_SPACE_AFTER and category != "Sc"


@lru_cache(1 << 10)
def usually_begins_sentence(marks: str) -> bool:
    """Whether these marks before a word, "" for none, usually end a sentence or open speech."""
    ended = marks.rstrip(OPEN + OPEN_SINGLE + "([{¿¡" + DASH + "-*_#")
    if ended.endswith((LINE_BEGIN, ".", "!", "?", "." + CLOSE, "。", "！", "？")):
        return True
    return OPEN in marks[len(ended) :] and ended.endswith((",", ":"))


def is_abbreviation(word: str, learned: Iterable[str]) -> bool:
    """Whether a full stop right after this word belongs to it."""
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    return is_initial or word in ABBREVIATIONS or word in learned


class AbbreviationCounter:
    """Collects evidence that tells abbreviations from ends of sentences.

    Source: T. Kiss and J. Strunk, "Unsupervised multilingual sentence boundary detection", 2006,
    simplified.
    """

    def __init__(self) -> None:
        self._dotted, self._plain = Counter[str](), Counter[str]()
        self._before_small = Counter[str]()

    def count(self, lines: Iterable[str], chunks: Mapping[str, int]) -> None:
        """Adds some lines; `chunks` are the counts of the space-separated parts of them."""
        for chunk, count in chunks.items():
            if chunk[-1] == ".":
                self._dotted[chunk.removesuffix(".").strip(NEXT_TO_WORDS)] += count
            elif len(word := chunk.strip(NEXT_TO_WORDS)) <= LONGEST_ABBREVIATION:
                self._plain[word] += count
        for line in lines:
            for before, after in pairwise(line.split(". ")):
                if after[:1].islower():
                    word = before[before.rfind(" ") + 1 :].strip(NEXT_TO_WORDS)
                    self._before_small[word] += 1

    def add(self, later: AbbreviationCounter) -> None:
        """Adds the counts of later lines."""
        self._dotted.update(later._dotted)
        self._plain.update(later._plain)
        self._before_small.update(later._before_small)

    def abbreviations(self) -> tuple[str, ...]:
        """The words whose full stop does not end a sentence: it is mostly followed by a lower-case
        letter, or hardly ever missing."""
        if 2 * self._before_small.total() > self._dotted.total():
            return ()  # sentences of this text begin with lower-case letters
        return tuple(
            word
            for word, count in self._dotted.items()
            if count >= ENOUGH_DOTS
            and word.isalpha()
            and (2 * self._before_small[word] > count or self._hardly_ever_lacks_it(word, count))
        )

    def _hardly_ever_lacks_it(self, word: str, dotted: int) -> bool:
        is_short = len(word) <= LONGEST_ABBREVIATION
        is_often = dotted >= ENOUGH_ALWAYS and is_short
        return is_often and dotted > ALWAYS_DOTTED * (self._plain[word] + dotted)


class ConventionCounter:
    """Counts spaces and sentence starts."""

    def __init__(self) -> None:
        self._before, self._after = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
        self._pairs, self._starts = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()

    def count_space(
        self, before: str, token: str, marks: tuple[bool, bool], *, spaced: bool, count: int = 1
    ) -> None:
        """Counts two adjacent tokens, with or without a space between; `marks` says which of them
        are punctuation marks."""
        match marks:
            case True, True:
                self._pairs[f"{before} {token}", spaced] += count
            case True, False:
                self._after[before, spaced] += count
            case False, True:
                self._before[token, spaced] += count

    def add(self, other: ConventionCounter) -> None:
        """Adds the counts of other lines."""
        self._before.update(other._before)
        self._after.update(other._after)
        self._pairs.update(other._pairs)
        self._starts.update(other._starts)

    def count_start(self, marks: str, word: str) -> None:
        """Counts a word after these marks."""
        if (is_capital := word[0].isupper()) or word[0].islower():
            self._starts[marks, is_capital] += 1

    def conventions(
        self,
        forms: Mapping[str, str],
        space_kinds: Mapping[str, str],
        abbreviations: tuple[str, ...],
    ) -> Conventions:
        """The conventions that were seen often enough and differ from the usual ones."""
        starts = dict[str, bool]()
        for marks in {marks for marks, _ in self._starts}:
            capital, small = self._starts[marks, True], self._starts[marks, False]
            is_start = capital >= STARTS_FROM * (capital + small)
            if capital + small >= ENOUGH_STARTS and is_start != usually_begins_sentence(marks):
                starts[marks] = is_start
        spaces = dict(self._spaces())
        pairs = dict(self._unlike_their_marks(spaces))
        return Conventions(dict(forms), spaces, pairs, dict(space_kinds), starts, abbreviations)

    def _spaces(self) -> Iterator[tuple[str, tuple[bool, bool]]]:
        for mark in {mark for mark, _ in (*self._before, *self._after, (CLOSE, True))}:
            before, after = usual = usual_spaces(mark)
            if mark == CLOSE:  # as after the opening quote: « oui »
                before = _majority(self._after, OPEN, before)
            found = _majority(self._before, mark, before), _majority(self._after, mark, after)
            if found != usual:
                yield mark, found

    def _unlike_their_marks(
        self, spaces: Mapping[str, tuple[bool, bool]]
    ) -> Iterator[tuple[str, bool]]:
        """The pairs of marks whose spacing does not follow from that of each mark."""
        for pair in {pair for pair, _ in self._pairs}:
            first, second = pair.split(" ")
            _, after = spaces.get(first) or usual_spaces(first)
            before, _ = spaces.get(second) or usual_spaces(second)
            usual = before and after
            if _majority(self._pairs, pair, usual) != usual:
                yield pair, not usual


def _majority(counts: Mapping[tuple[str, bool], int], mark: str, usual: bool) -> bool:
    """Whether there is a space more often than not; `usual` if too few were counted."""
    yes, no = counts.get((mark, True), 0), counts.get((mark, False), 0)
    return yes > no if yes + no >= ENOUGH_SPACES else usual
