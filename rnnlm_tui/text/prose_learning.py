"""Learns from a text how it is written: spaces, starts of sentences, forms of marks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import regex

from rnnlm_tui.text.prose import HEADING, MARKS_BEFORE, ProseTokenizer, is_in_capitals
from rnnlm_tui.text.prose_tokens import (
    APOSTROPHE,
    CHUNKS,
    CLOSE,
    CLOSE_SINGLE,
    DASH,
    ELLIPSIS,
    LINE_BEGIN,
    OPEN,
    OPEN_SINGLE,
    TOKEN,
    chunks_with,
    fold,
    is_elided,
    is_mark,
    token_of,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.tokenizer import AFTER_APOSTROPHE, Conventions

ENOUGH_SPACES, ENOUGH_STARTS = 5, 10
"""Occurrences needed to learn the spaces and the sentence starts of a text."""
MOSTLY = 2
"""A space is learned if a text has it so many times as often as the usual one. A missing space
spoils two words, one too many only one: with 2, 84 % of the words in READMEs of packages come back
as written, with 1 only 77 %; 91 and 90 % in docstrings, 99 % in prose."""
ENOUGH_ELIDED, WORDS_AFTER, SAME_AFTER = 0.005, 5, 0.8
"""Least share of words that begin with an elided one, in a text that writes these: measured 0.07 in
French, 0.03 in Italian, below 0.001 in English, German and Spanish. The fewest different words that
follow an elided one, and the largest share of one of them: they tell `l'` and `c'` from the `o'` of
`o'clock` and the `quelqu'` of `quelqu'un`."""
MOST, NEARLY_ALL = 0.5, 0.97
"""Least share of words with a capital after some marks for these to begin a sentence: marks that
usually do, such as the start of a line, and others, such as a colon, after which a word keeps its
case below that."""
NARROW = "\u00a0\u202f\u2009"
"""The spaces that some texts have around marks, such as the French « oui »."""
SPACED_MARK = regex.compile(rf"(?<=([«„“]))([{NARROW}])|([{NARROW}])([\p{{P}}\p{{S}}])")
USUAL_FORMS = {
    OPEN: '"', CLOSE: '"', OPEN_SINGLE: "'", CLOSE_SINGLE: "'",
    DASH: DASH, ELLIPSIS: "...", APOSTROPHE: APOSTROPHE,
}  # fmt: skip
"""The forms that a keyboard types."""


class Habits:
    """How often a text writes things in one way or another.

    `before` and `after` count marks with and without a space between them and the word before or
    after them, `starts` marks with the word after them, `words` those within sentences, `narrow`
    marks with the special spaces next to them, `forms` tokens with the forms in which they are
    written, `capitals` words that begin with I and with İ, and `shortened` words with an apostrophe
    at their end, as `po'`.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.before, self.after = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
        self.starts, self.words = Counter[tuple[str, str]](), Counter[str]()
        self.narrow, self.forms = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        self.capitals, self.shortened = Counter[str](), Counter[str]()
        chunks = Counter[str]()
        for line in lines:
            if not (HEADING.fullmatch(line) or is_in_capitals(line)):
                folded = fold(line)
                chunks.update(of_line := folded.split())
                self._count_line(of_line)
                if any(space in folded for space in NARROW):
                    for after, space, other, mark in SPACED_MARK.findall(folded):
                        self.narrow[(OPEN, space) if after else (mark, other)] += 1
        for chunk, count in chunks.items():
            self._count_forms(chunk, count)
            if chunk[-1] in "'’":
                self.shortened[chunk[:-1].lower() + APOSTROPHE] += count

    def elisions(self) -> tuple[str, ...]:
        """The elided words, as `l'` in `l'eau`, if the text writes many of them."""
        words_after = defaultdict[str, Counter[str]](Counter)
        for word, count in self.words.items():
            elided, apostrophe, after = word.lower().partition(APOSTROPHE)
            is_word = after in self.words and after not in AFTER_APOSTROPHE
            if is_word and is_elided(elided + apostrophe):
                words_after[elided + apostrophe][after] += count
        counts = Counter({word: after.total() for word, after in words_after.items()})
        common = [
            word
            for word, count in counts.most_common()
            if len(words_after[word]) >= WORDS_AFTER
            and max(words_after[word].values()) <= SAME_AFTER * count
            and count > self.shortened[word]
        ]
        is_usual = sum(counts[word] for word in common) > ENOUGH_ELIDED * self.words.total()
        return tuple(common) if is_usual else ()

    def _count_line(self, chunks: Iterable[str]) -> None:
        """Counts the words within sentences, what begins these, and the spaces around marks."""
        within, marks, last, last_is_mark = list[str](), LINE_BEGIN, "", False
        for chunk in chunks:
            is_spaced = True
            for token in CHUNKS[chunk]:
                if token_is_mark := is_mark(token):
                    marks = (marks + token)[-MARKS_BEFORE:]
                    if last and not last_is_mark:
                        self.before[token, is_spaced] += 1
                else:
                    if last_is_mark:
                        self.after[last, is_spaced] += 1
                    if marks:
                        self.starts[marks, token] += 1
                    if not (marks and usually_begins_sentence(marks)):
                        within.append(token)
                    marks = ""
                last, last_is_mark, is_spaced = token, token_is_mark, False
        self.words.update(within)

    def _count_forms(self, chunk: str, count: int) -> None:
        for match in TOKEN.finditer(chunk):
            form, token = match[0], token_of(chunk, match)
            if token in USUAL_FORMS:
                self.forms[token, form if token in (DASH, ELLIPSIS) else form[0]] += count
            elif APOSTROPHE in token:
                self.forms[APOSTROPHE, "’" if "’" in form else APOSTROPHE] += count
            if token[0] in "Iİ":
                self.capitals[token[0]] += count

    def conventions(self) -> Conventions:
        """What was seen often enough and differs from the usual."""
        rising = sorted(self.narrow, key=lambda pair: self.narrow[pair])
        return Conventions(
            forms=self._usual_forms(),
            spaces=dict(self._usual_spaces()),
            space_kinds={CLOSE if mark in "»”" else mark: space for mark, space in rising},
            starts=dict(self._usual_starts()),
            dotted_capital=self.capitals["İ"] > self.capitals["I"],
            elisions=self.elisions(),
        )

    def _usual_starts(self) -> Iterator[tuple[str, bool]]:
        """Whether a sentence begins after some marks, by the words after them. Names do not count,
        nor what has no case."""
        capital, small = Counter[str](), Counter[str]()
        for (marks, word), count in self.starts.items():
            lower = word[0].lower() + word[1:]
            if word[0].islower():
                small[marks] += count
            elif word != lower and self.words[lower] >= self.words[word]:
                capital[marks] += count
        for marks in {*capital, *small}:
            usual, words = usually_begins_sentence(marks), capital[marks] + small[marks]
            is_start = capital[marks] >= (MOST if usual else NEARLY_ALL) * words
            if words >= ENOUGH_STARTS and is_start != usual:
                yield marks, is_start

    def _usual_spaces(self) -> Iterator[tuple[str, tuple[bool, bool]]]:
        for mark in {mark for mark, _ in (*self.before, *self.after, (CLOSE, True))}:
            usual_before, usual_after = usual_spaces(mark)
            after = _majority(self.after, mark, usual_after)
            before = usual_before
            if mark == CLOSE:  # as after the opening quote: « oui »
                before = _majority(self.after, OPEN, before)
            elif mark == DASH:  # alike on both sides, if it only follows other marks
                before = after
            before = _majority(self.before, mark, before)
            if (before, after) != (usual_before, usual_after):
                yield mark, (before, after)

    def _usual_forms(self) -> dict[str, str]:
        """How the text writes quotes, dashes, ellipses and apostrophes, if not like their tokens.
        In a text without quotes they are straight if its apostrophes are."""
        usual = dict[str, str]()
        for (token, form), _ in self.forms.most_common():
            usual.setdefault(token, form)
        if usual.get(APOSTROPHE, APOSTROPHE) == APOSTROPHE:
            usual = USUAL_FORMS | usual
        return {token: form for token, form in usual.items() if form != token}


def _majority(counts: Mapping[tuple[str, bool], int], mark: str, usual: bool) -> bool:
    """Whether there is a space: as `usual`, unless that was seen enough and mostly otherwise."""
    unlike, like = counts.get((mark, not usual), 0), counts.get((mark, usual), 0)
    is_learned = unlike + like >= ENOUGH_SPACES and unlike > MOSTLY * like
    return is_learned != usual


def learn_prose(lines: Iterable[str], known: Iterable[str] = ()) -> ProseTokenizer:
    """Learns the tokenizer of a text from its training lines; 1.9 s for a million words. Words that
    these lack may be `known` in their usual case, the most frequent first. Elided ones among them
    are tokens of this text, too."""
    habits, known = Habits(lines), [*known]
    conventions, words = habits.conventions(), habits.words
    if elisions := dict.fromkeys([*conventions.elisions, *filter(is_elided, known)]):
        conventions = replace(conventions, elisions=tuple(elisions))
        chunks, words = chunks_with(conventions.elisions), Counter[str]()
        for word, count in habits.words.items():
            words.update(dict.fromkeys(chunks[word], count))
    by_count = [word for word, _ in words.most_common()]
    ranks = {word: rank for rank, word in enumerate(dict.fromkeys([*by_count, *known]))}
    return ProseTokenizer(conventions, ranks)
