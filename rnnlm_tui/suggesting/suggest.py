"""Suggests the next words for a typed line, and how to insert them.

What is suggested is a function of the model, the lines above, the line and the cursor alone (and
hardly of what stood before the last 500 words, see `contexts`). These are the likeliest words that
fit what is typed of a word. Among them are words that the model does not know, if they stand in the
lines above or in this one, and words that followed the same name there. Words that the user does
not want, which the contexts know, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import Array, LanguageModel, Unwanted, largest
from rnnlm_tui.lm.page_words import OnPage
from rnnlm_tui.suggesting.accepting import LISTED, Suggestion
from rnnlm_tui.text.letters import is_all_capitals, is_code
from rnnlm_tui.text.marks import APOSTROPHE, CLOSE_SINGLE, MARK_PAIRS, OPEN_SINGLE, WORD_FOLLOWS
from rnnlm_tui.text.prose_tokens import is_elided
from rnnlm_tui.text.slips import LONGEST_SLIP, SHORTEST_SLIP, slip_chances
from rnnlm_tui.text.tokenizer import Insertion, Tokenizer
from rnnlm_tui.text.vocabulary import SortedKeys

MAX_AHEAD = 4
"""The most words of a continuation; each costs one step of the network."""
MIN_PROBABILITY = 0.25
"""A continuation ends before the first word with a smaller probability."""
OTHER_CASE = 0.005
"""Multiplies the probability of a word if its first letter differs in case from the typed one, or
its accents from those of the typed letters. On 290,000 words of stories, with n-grams alone, this
saves 47.7 % of keys; 0.2 saves 47.4 % and 1 saves 47.0 %."""
CODE = 0.05
"""Multiplies the probability of an address, a file name or another code while only letters of it
are typed: `Os` is the beginning of Oskar, even where his address stood before."""
SLIP = 0.001
"""How often two letters of a word are swapped. Other slips are weighed against this one."""
DISPLACES = 0.1
"""A word that corrects a slip takes the place of one of the five that fit only if it is ten times
as likely. If it were enough to be likelier, 2 of 4,000 beginnings without a slip would lose the
right word, and after 1 % more of the slips the right word would be listed one letter later."""
LEAST_CHANCE = np.float32(1e-30)
"""Words that are less likely count as equally likely. Their products stay above what float32 can
hold well."""
LEAST_SHARE = 0.0025
"""A word that corrects a slip is listed from this share of what may be meant. Without a limit such
words stand in a third of all lists."""
MERGED = 22
"""Words considered for a list, since several may be written the same way. The first ones are the
same for lists of up to half as many words: the app and editors show 10."""
SMALL_WORD = "a"
"""Gets a capital where a sentence begins."""
Predict: TypeAlias = Callable[[list[int]], Array]
"""Returns the distribution [V] after these ids of the line."""
ALL_WANTED = Unwanted()
NUMBER_OR_ADDRESS = re.compile(r"\d|@|://|^www\.")


class Typed(NamedTuple):
    """The text `before` the cursor: its whole words, and the prefix of the word being typed."""

    before: str
    words: list[str]
    prefix: str

    @classmethod
    def of(cls, before: str, tokenizer: Tokenizer) -> Typed:
        return cls(before, *tokenizer.split_typed(before))

    @property
    def start(self) -> str:
        """The text up to the word being typed."""
        return self.before[: len(self.before) - len(self.prefix)]

    @property
    def is_number_or_address(self) -> bool:
        """Whether the characters before the cursor are, which have no ghost and no slips."""
        return bool(NUMBER_OR_ADDRESS.search(self.before.rpartition(" ")[2]))


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer for `line`.

    `candidates` are the words that fit `prefix`, the beginning of the word being typed. Those that
    change the text are `insertable`: all but a word that is complete already, which only begins the
    continuation. `continuation` begins with the first candidate, and `ghost` says how each of its
    words is inserted after the one before. Both are empty with the cursor within a word. `seen` are
    the words of the line in the model's context window, `unknown` those outside its vocabulary, as
    they are written.
    """

    line: str
    prefix: str
    candidates: tuple[Suggestion, ...]
    insertable: tuple[Suggestion, ...]
    continuation: tuple[str, ...]
    ghost: tuple[Insertion, ...]
    seen: tuple[str, ...]
    unknown: tuple[str, ...]


def suggest(
    model: LanguageModel,
    line: str,
    cursor: int | None = None,
    k: int = LISTED,
    previous_lines: Sequence[str] = (),
    contexts: Contexts | None = None,
    *,
    looks_ahead: bool = True,
) -> Suggestions:
    """Returns the `k` most likely words at `cursor` (None is the end of the line), and as many that
    change the text.

    The probabilities are those of the words that begin with the prefix being typed, or correct a
    slip in it, scaled to a sum of 1. `previous_lines` are the lines before this one, in order; a
    network that does not use previous lines ignores them. Quotes and apostrophes are written as in
    the line and the lines before it. Callers that ask for every key pass the same `contexts` of the
    model each time, so that the text is not read again. Without `looks_ahead` there is no
    continuation, which takes a third of the time.
    """
    cursor = len(line) if cursor is None else max(0, min(cursor, len(line)))
    typed, contexts = Typed.of(line[:cursor], model.tokenizer), contexts or Contexts(model)
    above = encode_context(model, [], previous_lines)

    def predict(ids: list[int]) -> Array:
        return contexts.next_word_probabilities(above + ids)

    lists = _lists_for(typed, tuple(previous_lines), contexts, predict)
    after = model.tokenizer.letters_at_start(line[cursor:]) if typed.prefix else 0
    found = lists.at(typed, k + 1, after)  # one of them may be complete
    candidates = found[:k]
    goes_on = looks_ahead and not after
    continuation = lists.continuation(typed, candidates, predict) if goes_on else ()
    words = model.tokenizer.words_as_written(typed.start)
    unknown = [written for word, written, _ in words if word not in model.vocabulary]
    if typed.prefix and not candidates and not lists.knows(typed.prefix):
        unknown.append(typed.prefix)
    vocabulary, ids = model.vocabulary, model.vocabulary.encode(typed.words)
    in_window = ids[max(0, len(ids) - model.window) :]
    return Suggestions(
        line,
        typed.prefix,
        candidates,
        insertable=tuple(word for word in found if word.changes_text)[:k],
        continuation=continuation,
        ghost=lists.insertions(typed, continuation),
        seen=tuple(vocabulary.word(i) for i in in_window if i >= vocabulary.first_word_id),
        unknown=tuple({word.lower(): word for word in unknown}.values()),
    )


def _lists_for(
    typed: Typed, above: tuple[str, ...], contexts: Contexts, predict: Predict
) -> WordLists:
    """The lists for the word being typed below the lines `above`. The contexts keep them, since the
    next letter of the word asks for the same ones."""
    place = (typed.start, above, unwanted := contexts.unwanted)
    if contexts.lists is None or contexts.lists[0] != place:
        page = contexts.on_page((*above, typed.start))
        contexts.lists = place, WordLists(contexts.model, above, typed, page, predict, unwanted)
    lists: WordLists = contexts.lists[1]
    return lists


def word_of_list(model: LanguageModel, before: str, word: str) -> str:
    """The word that a user means by one of the list after `before`: where a sentence begins, so
    that `will` and the name Will are written alike, the one in small letters, if there is one."""
    start, small = Typed.of(before, model.tokenizer).start, word.lower()
    ways = {model.tokenizer.insertion_of(start, "", each) for each in (word, small)}
    return small if small in model.vocabulary and len(ways) == 1 else word


def split_last_line(model: LanguageModel, text: str) -> tuple[list[str], str]:
    """Splits a text into previous lines and the last line. For a model without a start of line the
    whole text is one line."""
    if model.vocabulary.begin_id is None:
        return [], text
    *above, line = text.split("\n")
    return above, line


def encode_context(
    model: LanguageModel, words: Sequence[str], previous_lines: Iterable[str] = ()
) -> list[int]:
    """The ids of the context: of the previous lines that have words, if the model uses them, and of
    `words`. Each line starts with the start-of-line token, if the vocabulary has one."""
    vocabulary, context = model.vocabulary, list[int]()
    begin = [] if vocabulary.begin_id is None else [vocabulary.begin_id]
    for line in previous_lines if model.uses_previous_lines else ():
        if ids := vocabulary.encode_line(line, model.tokenizer.words_above):
            context += [*begin, *ids]
    return context + begin + vocabulary.encode(words)


class Matches(NamedTuple):
    """Words that may be meant: their `ids` [N], and the `chances` [N] that they are, which do not
    sum to 1."""

    ids: NDArray[np.int64]
    chances: Array


class WordLists:
    """The lists of words at the start of a word and while its letters are typed.

    The V ids of the vocabulary are followed by those of words of the page: D in all.
    """

    def __init__(
        self,
        model: LanguageModel,
        above: Sequence[str],
        typed: Typed,
        page: OnPage,
        predict: Predict,
        unwanted: Unwanted = ALL_WANTED,
    ) -> None:
        """The word is typed below the lines `above`; the words of the `page` are added to those of
        the model. The `unwanted` ones are not listed."""
        self._model, self._above = model, above
        probabilities = predict(model.vocabulary.encode(typed.words))
        self._new, self._probabilities = with_page(model, probabilities, page)  # [D]
        self._key = model.tokenizer.match_key
        self._new_keys = SortedKeys([*map(self._key, self._new)], model.vocabulary.total_words)
        self._is_allowed = np.ones(len(self._probabilities), np.bool_)
        """For each word, whether it may be suggested [D]."""
        self._is_allowed[[*model.blocked_ids]] = False
        if unwanted.words:  # a mask takes 8 ms for 48,000 words the first time
            words = np.arange(len(self._is_allowed))
            self._is_allowed[self._which(words, unwanted)] = False
        next_word = model.tokenizer.insertion_of(typed.start, "", SMALL_WORD).text.lstrip()
        self._is_in_sentence = model.tokenizer.writes_text and next_word == SMALL_WORD
        self._likeliest = float(self._probabilities.max())

    def at(self, typed: Typed, k: int = LISTED, after: int = 0) -> tuple[Suggestion, ...]:
        """The `k` likeliest words that begin with the prefix of `typed`, or with letters that a
        slip has made it of; the likeliest first among the first five and among the others. `after`
        characters of the word follow the cursor."""
        tokenizer, fitting = self._style_of(typed), self._matches(typed)
        total = float(fitting.chances.sum())
        meant = self._corrections(typed, LEAST_SHARE * total)
        total += float(meant.chances.sum())
        is_likely = meant.chances >= LEAST_SHARE * total
        meant = Matches(meant.ids[is_likely], meant.chances[is_likely])
        words = list[Suggestion]()
        for corrects, matches in ((False, fitting), (True, meant)):
            write = tokenizer.correction_of if corrects else tokenizer.insertion_of
            chances, first = dict[Insertion, float](), dict[Insertion, str]()
            places = largest(matches.chances, max(MERGED, 2 * k))
            numbers, found = matches.ids[places].tolist(), matches.chances[places].tolist()
            for number, chance in zip(numbers, found, strict=True):
                word = self._word(number)
                way = write(typed.before, typed.prefix, word)
                chances[way] = chances.get(way, 0.0) + chance / total
                first.setdefault(way, word)
            ranked = sorted(chances, key=lambda way: -chances[way])
            if tokenizer.writes_text and not corrects:
                # A complete word only begins a continuation. After others it would take the place
                # of a word that saves keys.
                ranked[1:] = [way for way in ranked[1:] if way.text]
            words += [Suggestion(first[way], chances[way], *way, after, corrects) for way in ranked]
        words.sort(key=lambda word: -word.probability * (DISPLACES if word.corrects else 1))
        for part in (slice(LISTED), slice(LISTED, None)):
            words[part] = sorted(words[part], key=lambda word: -word.probability)
        return tuple(words[:k])

    def knows(self, prefix: str) -> bool:
        """Whether a word begins with `prefix`, even if it is never suggested."""
        return self._ids_with(prefix).size > 0

    def _style_of(self, typed: Typed) -> Tokenizer:
        """The tokenizer that writes quotes and apostrophes as the text does."""
        return self._model.tokenizer.in_style_of(typed.before, self._above)

    def _matches(self, typed: Typed) -> Matches:
        """The words that begin with the prefix and may be suggested."""
        tokenizer, prefix = self._model.tokenizer, typed.prefix
        is_allowed = self._is_allowed
        if prefix:
            ids = self._ids_with(prefix)
            ids = ids[is_allowed[ids]]
        else:
            if tokenizer.writes_text:
                is_allowed = is_allowed.copy()
                is_allowed[blocked_marks(self._model, typed.words)] = False
            ids = np.flatnonzero(is_allowed)
            if tokenizer.writes_text and not typed.before.strip():  # a text begins with a word
                ids = ids[~self._which(ids, tokenizer.is_mark)]
        chances = self._chances(ids, typed)
        if prefix and tokenizer.writes_text:
            chances[self._with_other_accents(ids, prefix)] *= OTHER_CASE
        return Matches(ids, chances)

    def _corrections(self, typed: Typed, least: float) -> Matches:
        """The words whose beginning a slip may have made the prefix of. There are none if no word
        can be as likely as `least`, and none for acronyms, numbers and addresses."""
        key, prefix = self._key, typed.prefix
        is_word = SHORTEST_SLIP <= len(prefix) <= LONGEST_SLIP and not is_all_capitals(prefix)
        is_unlikely = self._likeliest * SLIP < least
        if not is_word or is_unlikely or typed.is_number_or_address:
            return Matches(np.empty(0, np.int64), np.empty(0, np.float32))
        ids, slips = list[NDArray[np.int64]](), list[Array]()
        for keys in (self._model.vocabulary.sorted_keys(key), self._new_keys):
            found = slip_chances(key(prefix), keys)
            places = np.flatnonzero(found > 0)  # ten times as fast as without the comparison
            places = places[self._is_allowed[keys.numbers[places]]]
            ids.append(keys.numbers[places])
            slips.append(found[places])
        near = np.concatenate(ids)
        return Matches(near, self._chances(near, typed) * np.concatenate(slips) * SLIP)

    def _chances(self, ids: NDArray[np.int64], typed: Typed) -> Array:
        """How likely these words are [N]. One is less likely if its first letter is a capital and
        the typed one is not, or the other way round, and if it is a code."""
        prefix = typed.prefix
        chances = np.maximum(self._probabilities[ids], LEAST_CHANCE)
        if prefix and self._is_in_sentence and not is_all_capitals(prefix):
            is_other_case = self._which(ids, _has_capital) != _has_capital(prefix)
            chances[is_other_case] *= OTHER_CASE
        if self._model.tokenizer.writes_text and prefix.isalpha():
            chances[self._which(ids, is_code)] *= CODE
        return chances

    def _ids_with(self, prefix: str) -> NDArray[np.int64]:
        """The ids of the words that begin with `prefix`, in whatever case and with any accents on
        its plain letters."""
        begin = self._key(prefix)
        ids = self._model.vocabulary.ids_with_prefix(begin, self._key)
        new = self._new_keys.with_beginning(begin)
        ids = np.append(ids, new) if len(new) else ids
        if begin == prefix.lower():  # no accent is typed
            return ids
        keeps = self._model.tokenizer.keeps_letters
        return np.array([i for i in ids.tolist() if keeps(prefix, self._word(i))], np.int64)

    def _word(self, number: int) -> str:
        new = number - self._model.vocabulary.total_words
        return self._new[new] if new >= 0 else self._model.vocabulary.word(number)

    def _with_other_accents(self, ids: NDArray[np.int64], prefix: str) -> NDArray[np.bool_]:
        """Which of the words [N] begin with other accents than the prefix has."""
        differs = np.ones(len(ids), np.bool_)
        if prefix.isascii():
            differs = ~self._which(ids, str.isascii)
        small, length = _in_small_letters(prefix), len(prefix)
        differs[differs] = [
            _in_small_letters(self._word(number)[:length]) != small
            for number in ids[differs].tolist()
        ]
        return differs

    def _which(self, ids: NDArray[np.int64], holds: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Which of the words [N], those of the page last, this is true of."""
        known = ids[ids < self._model.vocabulary.total_words]
        new = [holds(self._word(number)) for number in ids[len(known) :].tolist()]
        return np.append(self._model.vocabulary.mask(holds)[known], np.array(new, np.bool_))

    def continuation(
        self, typed: Typed, candidates: Sequence[Suggestion], predict: Predict
    ) -> tuple[str, ...]:
        """The first candidate and the most likely words after it, until the probability is low or
        the end of the line is most likely. Nothing inside a number or an address, and nothing after
        a slip: a ghost never changes what is typed."""
        model = self._model
        if model.tokenizer.writes_text and typed.is_number_or_address:
            return ()
        words = [candidate.word for candidate in candidates[:1] if not candidate.corrects]
        while words and len(words) < MAX_AHEAD:
            probabilities = predict(model.vocabulary.encode([*typed.words, *words]))
            best = int(probabilities.argmax())
            blocked = blocked_marks(model, [*typed.words, *words])
            is_allowed = self._is_allowed[best] and best not in blocked
            if probabilities[best] < MIN_PROBABILITY or not is_allowed:
                break
            words.append(model.vocabulary.word(best))
        return tuple(words)

    def insertions(self, typed: Typed, words: Iterable[str]) -> tuple[Insertion, ...]:
        """How to insert words at the cursor, one after the other."""
        return tuple(insertions_for(self._style_of(typed), typed.before, typed.prefix, words))


def with_page(
    model: LanguageModel, probabilities: Array, page: OnPage
) -> tuple[Sequence[str], Array]:
    """The words of the page that the vocabulary lacks, and the probabilities of the ids of the
    vocabulary and of these words [D]."""
    vocabulary = model.vocabulary
    if not page.new and not page.following:
        return (), probabilities
    assert vocabulary.unknown_id is not None
    probabilities = probabilities * np.float32(1 - sum(page.following.values()))
    unknown = float(probabilities[vocabulary.unknown_id])
    new = {word: unknown * chance for word, chance in page.new.items()}
    for word, probability in page.following.items():
        if word in vocabulary:
            probabilities[vocabulary.ranks[word]] += probability
        else:
            new[word] = new.get(word, 0.0) + probability
    added = np.array([*new.values()], np.float32)
    return (*new,), np.concatenate((probabilities, added))


def blocked_marks(model: LanguageModel, words: Sequence[str]) -> list[int]:
    """The ids of the marks that cannot follow these words: one of each pair, a full stop after a
    word that ends with one, such as `U.S.`, and all marks after ¿, ¡ and an elided `l'`."""
    if not model.tokenizer.writes_text:
        return []
    if words and (words[-1] in WORD_FOLLOWS or is_elided(words[-1])):
        return [*map(int, np.flatnonzero(model.vocabulary.mask(model.tokenizer.is_mark)))]
    marks = list[str]()
    for opening, closing in MARK_PAIRS:
        is_open = words.count(opening) > words.count(closing)
        marks.append(opening if is_open else closing)
    if words and words[-1].endswith("."):
        marks.append(".")
    # After a word it may be an apostrophe.
    may_close = words.count(OPEN_SINGLE) > words.count(CLOSE_SINGLE)
    if not may_close and (not words or model.tokenizer.is_mark(words[-1])):
        marks.append(CLOSE_SINGLE)
    return model.vocabulary.encode(mark for mark in marks if mark in model.vocabulary)


def _in_small_letters(word: str) -> str:
    return word.lower().replace("’", APOSTROPHE)


def _has_capital(word: str) -> bool:
    return word[:1].isupper()


def insertions_for(
    tokenizer: Tokenizer, before: str, prefix: str, words: Iterable[str]
) -> Iterator[Insertion]:
    """How to insert words one after the other: the first at the cursor after `before`, which ends
    with `prefix`."""
    for word in words:
        way = tokenizer.insertion_of(before, prefix, word)
        yield way
        before, prefix = apply_insertion(before, way), ""


def apply_insertion(before: str, way: Insertion | Suggestion) -> str:
    """The text up to the cursor after a word is inserted, without a space after it."""
    return before[: len(before) - way.replaces_before] + way.text
