"""Learns from a text how it is written: abbreviations, spaces, sentence starts, forms of marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import regex

from rnnlm_tui.text.prose import HEADING, MARKS_BEFORE, ProseTokenizer, is_in_capitals
from rnnlm_tui.text.prose_tokens import (
    APOSTROPHE,
    CLOSE,
    CLOSE_SINGLE,
    DASH,
    DOUBLE_QUOTES,
    ELLIPSIS,
    LINE_BEGIN,
    OPEN,
    OPEN_SINGLE,
    SINGLE_QUOTES,
    TOKEN,
    UNSPACED,
    fold,
    is_mark,
    token_of,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.tokenizer import SENTENCE_ENDS, Conventions

if TYPE_CHECKING:
    from rnnlm_tui.text.streams import Block, Mask, StreamedLines

ENOUGH_SPACES, ENOUGH_STARTS, ENOUGH_DOTS = 5, 10, 5
"""Occurrences needed to learn the spaces, the sentence starts and the abbreviations of a text."""
STARTS_FROM = 0.97
"""Least share of capitals after some marks for these to start a sentence. Below it, words after
them keep their case, so that none is written back wrongly."""
ALWAYS_DOTTED, ENOUGH_ALWAYS, LONGEST_ABBREVIATION = 0.95, 20, 4
"""A short word is also an abbreviation if it nearly always has a full stop, often enough."""
NEXT_TO_WORDS = ",;:!?\"'()[]“”‘’„«»—…"
SPACED_MARK = regex.compile(
    r"(?<=([«„“]))([\u00a0\u202f\u2009])|([\u00a0\u202f\u2009])([\p{P}\p{S}])"
)
UNUSUAL_SPACES = frozenset("\u00a0\u202f\u2009")
FOLDED_FORMS = DOUBLE_QUOTES | SINGLE_QUOTES | {DASH, ELLIPSIS}
MANY_DOTS_AND_DASHES = "...", "--"
"""A chunk with one of these may have tokens that are written in another form."""
USUAL_FORMS = {
    OPEN: '"', CLOSE: '"', OPEN_SINGLE: "'", CLOSE_SINGLE: "'",
    DASH: DASH, ELLIPSIS: "...", APOSTROPHE: APOSTROPHE,
}  # fmt: skip
"""The forms that a keyboard types."""
SENTENCE_END = regex.compile(f"[{SENTENCE_ENDS}]")
FEWEST_SPACES = 48
"""A text with an unspaced script and at most one space per this many characters has no spaces
between words."""
UNSPACED_WITHIN = 100_000
"""A script without spaces is recognized within this many characters."""


class ProsePart:
    """Lines to learn from, folded, and how often each chunk, a text between spaces, occurs in
    them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = [
            fold(line) for line in lines if not (HEADING.fullmatch(line) or is_in_capitals(line))
        ]
        self.chunks = Counter(chain.from_iterable(map(str.split, self.lines)))


class ProseCounter:
    """Collects statistics on how a text is written: first on its abbreviations, then on the rest,
    with a tokenizer that knows them.

    Source of the abbreviations: T. Kiss and J. Strunk, "Unsupervised multilingual sentence boundary
    detection", 2006, simplified.
    """

    def __init__(self) -> None:
        # Words with a full stop, short ones without, and those whose full stop is followed by a
        # lower-case letter.
        self._dotted, self._plain = Counter[str](), Counter[str]()
        self._before_small = Counter[str]()
        # Marks with and without a space before them, after them, and between two of them; marks
        # with and without a capital after them.
        self._before, self._after = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
        self._pairs, self._starts = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
        # Words within sentences, marks with the special spaces next to them, tokens with the forms
        # in which they are written.
        self._words = Counter[str]()
        self._spaces, self._forms = Counter[tuple[str, str]](), Counter[tuple[str, str]]()

    def add(self, later: ProseCounter) -> None:
        for name, counts in vars(self).items():
            counts.update(getattr(later, name))

    def count_abbreviations(self, part: ProsePart) -> None:
        for chunk, count in part.chunks.items():
            if chunk[-1] == ".":
                self._dotted[chunk.removesuffix(".").strip(NEXT_TO_WORDS)] += count
            elif len(word := chunk.strip(NEXT_TO_WORDS)) <= LONGEST_ABBREVIATION:
                self._plain[word] += count
        for line in part.lines:
            for before, after in pairwise(line.split(". ")):
                if after[:1].islower():
                    word = before[before.rfind(" ") + 1 :].strip(NEXT_TO_WORDS)
                    self._before_small[word] += 1

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
            and (2 * self._before_small[word] > count or self._is_nearly_always_dotted(word, count))
        )

    def _is_nearly_always_dotted(self, word: str, dotted: int) -> bool:
        is_short = len(word) <= LONGEST_ABBREVIATION
        is_often = dotted >= ENOUGH_ALWAYS and is_short
        return is_often and dotted > ALWAYS_DOTTED * (self._plain[word] + dotted)

    def count_habits(self, part: ProsePart, tokenizer: ProseTokenizer) -> None:
        """Counts words, sentence starts, spaces and forms of marks; the tokenizer must know the
        abbreviations."""
        for text, count in part.chunks.items():
            for before, token in pairwise(tokenizer.chunks[text][0]):
                marks = is_mark(before), is_mark(token)
                self._count_space(before, token, marks, spaced=False, count=count)
        words = list[str]()
        for line in part.lines:
            words += self._words_within(line, tokenizer)
        self._words.update(words)
        self._spaces.update(chain.from_iterable(map(_unusual_spaces, part.lines)))
        self._count_forms(part.chunks)

    def _words_within(self, line: str, tokenizer: ProseTokenizer) -> list[str]:
        """The words of a line that are within a sentence. Counts what begins sentences and the
        spaces between chunks."""
        within, marks, last, chunks = list[str](), LINE_BEGIN, "", tokenizer.chunks
        for text in line.split():
            tokens, words, marks_after, is_plain = chunks[text]
            if is_plain and not marks:
                last = tokens[0]
                within.append(last)
                continue
            begins_with_mark = not words or words[0][0] > 0
            if last and (marks or begins_with_mark):
                marks_here = bool(marks), begins_with_mark
                self._count_space(last, tokens[0], marks_here, spaced=True)
            for place, marks_before in words:
                word = tokens[place]
                marks = (marks + marks_before)[-MARKS_BEFORE:]
                is_capital = word[0].isupper()
                if marks and (is_capital or word[0].islower()):
                    self._starts[marks, is_capital] += 1
                if not marks or not usually_begins_sentence(marks):
                    within.append(word)
                marks = ""
            marks = (marks + marks_after)[-MARKS_BEFORE:]
            last = tokens[-1]
        return within

    def _count_space(
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

    def _count_forms(self, chunks: Mapping[str, int]) -> None:
        """Counts how often each token of `USUAL_FORMS` is written in each form."""
        for chunk, count in chunks.items():
            has_many = any(form in chunk for form in MANY_DOTS_AND_DASHES)
            if not has_many and FOLDED_FORMS.isdisjoint(chunk):
                continue
            for match in TOKEN.finditer(chunk):
                form, token = match[0], token_of(chunk, match)
                if token in USUAL_FORMS:
                    self._forms[token, form if token in (DASH, ELLIPSIS) else form[0]] += count
                elif APOSTROPHE in token:
                    self._forms[APOSTROPHE, "’" if "’" in form else APOSTROPHE] += count

    def tokenizer_of_habits(self, tokenizer: ProseTokenizer) -> ProseTokenizer:
        """The tokenizer with the conventions that were counted, as far as they were seen often
        enough and differ from the usual ones."""
        spaces = dict(self._usual_spaces())
        conventions = Conventions(
            forms=self._usual_forms(),
            spaces=spaces,
            pairs=dict(self._unlike_their_marks(spaces)),
            space_kinds=self._usual_kinds(),
            starts=dict(self._usual_starts()),
            abbreviations=tokenizer.conventions.abbreviations,
        )
        ranks = {word: rank for rank, (word, _) in enumerate(self._words.most_common())}
        return ProseTokenizer(conventions, ranks, tokenizer.chunks)

    def _usual_starts(self) -> Iterator[tuple[str, bool]]:
        for marks in {marks for marks, _ in self._starts}:
            capital, small = self._starts[marks, True], self._starts[marks, False]
            is_start = capital >= STARTS_FROM * (capital + small)
            if capital + small >= ENOUGH_STARTS and is_start != usually_begins_sentence(marks):
                yield marks, is_start

    def _usual_spaces(self) -> Iterator[tuple[str, tuple[bool, bool]]]:
        for mark in {mark for mark, _ in (*self._before, *self._after, (CLOSE, True))}:
            before, after = usual = usual_spaces(mark)
            if mark == CLOSE:  # as after the opening quote: « oui »
                before = _majority(self._after, OPEN, before)
            spaces = _majority(self._before, mark, before), _majority(self._after, mark, after)
            if spaces != usual:
                yield mark, spaces

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

    def _usual_kinds(self) -> dict[str, str]:
        """The most frequent special space of each mark."""
        rising = sorted(self._spaces, key=lambda pair: self._spaces[pair])
        return {CLOSE if mark in "»”" else mark: space for mark, space in rising}

    def _usual_forms(self) -> dict[str, str]:
        """How the text writes quotes, dashes, ellipses and apostrophes, if not like their tokens.
        In a text without quotes they are straight if its apostrophes are."""
        usual = dict[str, str]()
        for (token, form), _ in self._forms.most_common():
            usual.setdefault(token, form)
        if usual.get(APOSTROPHE, APOSTROPHE) == APOSTROPHE:
            usual = USUAL_FORMS | usual
        return {token: form for token, form in usual.items() if form != token}


def _majority(counts: Mapping[tuple[str, bool], int], mark: str, usual: bool) -> bool:
    """Whether there is a space more often than not; `usual` if too few were counted."""
    yes, no = counts.get((mark, True), 0), counts.get((mark, False), 0)
    return yes > no if yes + no >= ENOUGH_SPACES else usual


def _unusual_spaces(line: str) -> Iterator[tuple[str, str]]:
    """The marks next to a special space, such as a narrow one, each with that space."""
    if line.isascii() or UNUSUAL_SPACES.isdisjoint(line):
        return
    for after, space, other, mark in SPACED_MARK.findall(line):
        yield (OPEN, space) if after else (mark, other)


def learn_prose(lines: Iterable[str]) -> ProseTokenizer:
    """Learns the tokenizer of a text from its training lines; 1.9 s for a million words."""
    part, counter = ProsePart(lines), ProseCounter()
    counter.count_abbreviations(part)
    tokenizer = ProseTokenizer(Conventions(abbreviations=counter.abbreviations()), {})
    counter.count_habits(part, tokenizer)
    return counter.tokenizer_of_habits(tokenizer)


def learn_prose_of(lines: StreamedLines, held_out: Mask) -> ProseTokenizer:
    """Learns the tokenizer of a large text without the lines of `held_out` [L], in two passes."""
    counter = ProseCounter()
    for of_block in lines.map(_count_abbreviations, "counting words", held_out):
        counter.add(of_block)
    tokenizer = ProseTokenizer(Conventions(abbreviations=counter.abbreviations()), {})
    count_habits = partial(_count_habits, tokenizer)
    for of_block in lines.map(count_habits, "learning spelling and spacing", held_out):
        counter.add(of_block)
    return counter.tokenizer_of_habits(tokenizer)


def _count_abbreviations(block: Block) -> ProseCounter:
    counter = ProseCounter()
    counter.count_abbreviations(ProsePart(block.train))
    return counter


def _count_habits(tokenizer: ProseTokenizer, block: Block) -> ProseCounter:
    counter = ProseCounter()
    counter.count_habits(ProsePart(block.train), tokenizer)
    return counter


@dataclass(slots=True)
class ProseSigns:
    """Signs of prose in some lines: whether sentences end, whether all letters are lower case, the
    numbers of characters and spaces, and whether there is a script without spaces."""

    ends_sentences: bool
    is_lower: bool
    characters: int
    spaces: int
    is_unspaced: bool

    @classmethod
    def of(cls, lines: Sequence[str]) -> ProseSigns:
        text = "\n".join(lines)
        return cls(
            ends_sentences=SENTENCE_END.search(text) is not None,
            is_lower=text == text.lower(),
            characters=len(text),
            spaces=text.count(" "),
            is_unspaced=UNSPACED.search(text, endpos=UNSPACED_WITHIN) is not None,
        )

    def add(self, later: ProseSigns) -> None:
        """Adds the signs of lines that come later in the text. Only the start of a text is searched
        for a script without spaces."""
        self.ends_sentences |= later.ends_sentences
        self.is_lower &= later.is_lower
        self.characters += later.characters
        self.spaces += later.spaces

    def notes(self) -> Iterator[str]:
        """Yields a sentence about each thing that prose has and this text lacks."""
        if not self.ends_sentences:
            yield "no full stops: each line is one sentence"
        if self.is_unspaced and self.spaces * FEWEST_SPACES < self.characters:
            yield "no spaces between words: each character is a word"
        elif self.is_lower:
            yield "no capitals: suggestions have none either, even at the start of a sentence"
