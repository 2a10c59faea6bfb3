"""Learns the conventions of a text: spaces around marks, starts of sentences, forms of marks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import regex

from rnnlm_tui.text.letters import is_line_in_capitals
from rnnlm_tui.text.marks import (
    AFTER_APOSTROPHE,
    APOSTROPHE,
    CLOSE_DOUBLE,
    ELLIPSIS,
    EM_DASH,
    NARROW_SPACES,
    OPEN_DOUBLE,
    TYPED_FORMS,
)
from rnnlm_tui.text.prose import HEADING, ProseTokenizer
from rnnlm_tui.text.prose_tokens import (
    LINE_BEGIN,
    NUMBER,
    TOKEN,
    chunks_with,
    fold,
    is_elided,
    is_mark,
    marks_after,
    token_of,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.tokenizer import Conventions

ENOUGH_SPACES = 5
"""The fewest occurrences of a mark from which the spaces around it are learned."""
ENOUGH_STARTS = 10
"""The fewest occurrences of marks from which the starts of sentences after them are learned."""
MOSTLY = 2
"""An unusual space, or the unusual lack of one, is learned if it is more than this many times as
frequent as the usual way. With 2, 84 % of the words in READMEs of packages are joined as they were
written, and with 1 only 77 %, since a missing space spoils two words, and a space too many spoils
one. In docstrings it is 91 % and 90 %, and in prose 99 %."""
ENOUGH_ELIDED = 0.005
"""A text has elisions if at least this share of its words begins with an elided word. The share is
0.07 in French, 0.03 in Italian, and below 0.001 in English, German and Spanish."""
FEWEST_AFTER = 5
"""The fewest different words that follow an elided word."""
LARGEST_SHARE_AFTER = 0.8
"""The largest share that one of these words may have. Both limits let `l'` and `c'` pass, but not
the `o'` of `o'clock` and the `quelqu'` of `quelqu'un`."""
CAPITALS_AFTER_ENDS = 0.5
"""A sentence begins after marks that usually end one if at least this share of the words after them
has a capital."""
CAPITALS_AFTER_OTHERS = 0.97
"""The same share for all other marks, such as a colon."""
SPACED_MARK = regex.compile(
    rf"(?<=([«„“]))([{NARROW_SPACES}])|([{NARROW_SPACES}])([\p{{P}}\p{{S}}])"
)
"""A mark with a narrow space after it, or before it."""


class Habits:
    """Counts how a text writes words and marks. Each counter is described by its keys."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.space_before = Counter[tuple[str, bool]]()
        """A mark after a word, and True if there is a space before the mark."""
        self.space_after = Counter[tuple[str, bool]]()
        """A mark before a word, and True if there is a space after the mark."""
        self.word_after = Counter[tuple[str, str]]()
        """Up to MARKS_BEFORE marks, and the word that follows them."""
        self.words = Counter[str]()
        """A word within a sentence."""
        self.narrow_spaces = Counter[tuple[str, str]]()
        """A mark next to a narrow space, and that space."""
        self.forms = Counter[tuple[str, str]]()
        """A token, and the form in which it is written."""
        self.capitals = Counter[str]()
        """The letter I or İ at the beginning of a word."""
        self.clipped = Counter[str]()
        """A word with an apostrophe at its end, such as `po'`."""
        self._tokens_of = chunks_with(())
        chunks = Counter[str]()
        for line in lines:
            if not (HEADING.fullmatch(line) or is_line_in_capitals(line)):
                folded = fold(line)
                line_chunks = folded.split()
                chunks.update(line_chunks)
                self._count_line(line_chunks)
                if any(space in folded for space in NARROW_SPACES):
                    for opening, after, before, mark in SPACED_MARK.findall(folded):
                        pair = (OPEN_DOUBLE, after) if opening else (mark, before)
                        self.narrow_spaces[pair] += 1
        for chunk, count in chunks.items():
            self._count_forms(chunk, count)
            if chunk[-1] in "'’":
                self.clipped[chunk[:-1].lower() + APOSTROPHE] += count

    def elisions(self) -> tuple[str, ...]:
        """Returns the elided words, such as `l'` in `l'eau`, if the text has many of them."""
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
            if len(words_after[word]) >= FEWEST_AFTER
            and max(words_after[word].values()) <= LARGEST_SHARE_AFTER * count
            and count > self.clipped[word]
        ]
        is_usual = sum(counts[word] for word in common) > ENOUGH_ELIDED * self.words.total()
        return tuple(common) if is_usual else ()

    def _count_line(self, chunks: Iterable[str]) -> None:
        """Counts the words within sentences, the words after marks, and the spaces around marks.
        Before a dash that closes a remark the space does not count."""
        within, marks = list[str](), LINE_BEGIN
        last, last_is_mark, in_remark = "", False, False
        for chunk in chunks:
            is_spaced = True
            for token in self._tokens_of[chunk]:
                token_is_mark = is_mark(token)
                if token_is_mark:
                    closes_remark = token == EM_DASH and in_remark
                    if token == EM_DASH and last:
                        in_remark = not in_remark
                    if last and not last_is_mark and not closes_remark:
                        self.space_before[token, is_spaced] += 1
                else:
                    if last_is_mark:
                        self.space_after[last, is_spaced] += 1
                    if marks and marks[-1] != NUMBER:
                        self.word_after[marks, token] += 1
                    if not (marks and usually_begins_sentence(marks)):
                        within.append(token)
                marks = marks_after(marks, token)
                last, last_is_mark = token, token_is_mark
                is_spaced = False
        self.words.update(within)

    def _count_forms(self, chunk: str, count: int) -> None:
        """Counts the forms of the tokens of a chunk that occurs `count` times."""
        for match in TOKEN.finditer(chunk):
            form, token = match[0], token_of(chunk, match)
            if token in TYPED_FORMS:  # the form of a run of quotes is that of one
                self.forms[token, form if token in (EM_DASH, ELLIPSIS) else form[0]] += count
            elif APOSTROPHE in token:
                self.forms[APOSTROPHE, "’" if "’" in form else APOSTROPHE] += count
            if token[0] in "Iİ":
                self.capitals[token[0]] += count

    def conventions(self) -> Conventions:
        """Returns the conventions that occur often enough and differ from the usual ones."""
        # The most frequent space of a mark comes last, and so replaces the others in the dict.
        pairs = sorted(self.narrow_spaces, key=self.narrow_spaces.__getitem__)
        return Conventions(
            forms=self._unusual_forms(),
            spaces=dict(self._unusual_spaces()),
            space_kinds={CLOSE_DOUBLE if mark in "»”" else mark: space for mark, space in pairs},
            starts=dict(self._unusual_starts()),
            dotted_capital=self.capitals["İ"] > self.capitals["I"],
            elisions=self.elisions(),
        )

    def _unusual_starts(self) -> Iterator[tuple[str, bool]]:
        """Yields the marks for which `usually_begins_sentence` is wrong, and the right answer. The
        words after them show it by their case, but not those that mostly have a capital."""
        capital, small = Counter[str](), Counter[str]()
        for (marks, word), count in self.word_after.items():
            lower = word[0].lower() + word[1:]
            if word[0].islower():
                small[marks] += count
            elif word != lower and self.words[lower] >= self.words[word]:
                capital[marks] += count
        for marks in {*capital, *small}:
            usual, words = usually_begins_sentence(marks), capital[marks] + small[marks]
            least = CAPITALS_AFTER_ENDS if usual else CAPITALS_AFTER_OTHERS
            is_start = capital[marks] >= least * words
            if words >= ENOUGH_STARTS and is_start != usual:
                yield marks, is_start

    def _unusual_spaces(self) -> Iterator[tuple[str, tuple[bool, bool]]]:
        """Yields each mark whose spaces are unusual. Two values follow the mark: True if the text
        has a space before it, and True if it has one after it."""
        for mark in {CLOSE_DOUBLE, *(mark for mark, _ in (*self.space_before, *self.space_after))}:
            usual_before, usual_after = usual_spaces(mark)
            after = _has_space(self.space_after, mark, usual_after)
            default_before = usual_before  # for a mark that seldom follows a word
            if mark == CLOSE_DOUBLE:  # a closing quote follows the opening one: « oui »
                default_before = _has_space(self.space_after, OPEN_DOUBLE, usual_before)
            elif mark == EM_DASH:  # a dash has the same space on both sides
                default_before = after
            before = _has_space(self.space_before, mark, default_before)
            if (before, after) != (usual_before, usual_after):
                yield mark, (before, after)

    def _unusual_forms(self) -> dict[str, str]:
        """Returns the most frequent form of each quote, dash, ellipsis and apostrophe that is not
        mostly written like its token. Marks that the text does not have are written as a keyboard
        types them, unless the apostrophes of the text are curly."""
        most_frequent = dict[str, str]()
        for (token, form), _ in self.forms.most_common():
            most_frequent.setdefault(token, form)
        if most_frequent.get(APOSTROPHE, APOSTROPHE) == APOSTROPHE:
            most_frequent = TYPED_FORMS | most_frequent
        return {token: form for token, form in most_frequent.items() if form != token}


def _has_space(counts: Mapping[tuple[str, bool], int], mark: str, usual: bool) -> bool:
    """Returns True if there is a space next to a mark. The answer is `usual` unless the mark occurs
    often enough, and more than MOSTLY times as often the other way."""
    unusual_count, usual_count = counts.get((mark, not usual), 0), counts.get((mark, usual), 0)
    is_enough = unusual_count + usual_count >= ENOUGH_SPACES
    return not usual if is_enough and unusual_count > MOSTLY * usual_count else usual


def learn_prose(lines: Iterable[str], known: Iterable[str] = ()) -> ProseTokenizer:
    """Learns the tokenizer of a text from its training lines, in 1.9 s for a million words. `known`
    are other words in their usual case, the most frequent first. Elided words among the known words
    become tokens of this text, too."""
    habits, known = Habits(lines), [*known]
    conventions, words = habits.conventions(), habits.words
    elisions = tuple(dict.fromkeys([*conventions.elisions, *filter(is_elided, known)]))
    if elisions:
        conventions = replace(conventions, elisions=elisions)
        chunks, words = chunks_with(elisions), Counter[str]()
        for word, count in habits.words.items():
            words.update(dict.fromkeys(chunks[word], count))
    by_count = [word for word, _ in words.most_common()]
    ranks = {word: rank for rank, word in enumerate(dict.fromkeys([*by_count, *known]))}
    return ProseTokenizer(conventions, ranks)
