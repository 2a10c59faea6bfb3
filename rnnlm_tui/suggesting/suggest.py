"""Suggests the next words for a typed line, and how to insert them.

`suggest` works in three steps:

1. `Typed` splits the line at the cursor into whole words and the prefix of the word being typed.
2. `WordLists` asks the model for the probability of each word at this place. It adds the words of
   the page that the model does not know. It lists the likeliest words that begin with the prefix,
   and the likeliest that correct a slip in it.
3. The first word of the list begins the continuation, and the model's likeliest words follow. The
   ghost is the text that inserts the continuation at the cursor.

The answer depends only on the model, the lines above, the line, the cursor, and the words that the
user does not want. It hardly depends on text before the last 500 words (see `contexts`).

Shapes: V vocabulary (`total_words`), D ids of the vocabulary and of the new words of the page, N
words of a list.
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
from rnnlm_tui.suggesting.accepting import LISTED, Suggestion, in_line
from rnnlm_tui.text.letters import is_all_capitals, is_code, spelled_letters, umlaut_keys
from rnnlm_tui.text.marks import (
    APOSTROPHE,
    APOSTROPHES,
    CLOSE_SINGLE,
    MARK_PAIRS,
    NO_SPACE_BEFORE,
    OPEN_SINGLE,
    WORD_FOLLOWS,
)
from rnnlm_tui.text.prose_tokens import is_elided
from rnnlm_tui.text.slips import LONGEST_SLIP, SHORTEST_SLIP, SWAPPED, slip_chances
from rnnlm_tui.text.tokenizer import Insertion, Tokenizer
from rnnlm_tui.text.vocabulary import SortedKeys

MAX_AHEAD = 4
"""The most words of a continuation. Each costs one step of the network."""
CONTINUES_FROM = 0.25
"""The lowest probability of a word of a continuation after the first one."""
OTHER_SPELLING_FACTOR = 0.005
"""The factor for the probability of a word whose first or second letter differs in case from the
typed one, or whose accents differ from the typed ones. On 290,000 words of stories, with n-grams
alone, 0.005 saves 47.7 % of keys, 0.2 saves 47.4 % and 1 saves 47.0 %."""
ACCENTS_FACTOR = 0.1
"""The same factor for a word that is typed in full but for its accents. Who types `facil` rather
means `fácil` than `facilidad`."""
CODE_FACTOR = 0.05
"""The factor for the probability of an address, a file name or another code while only letters are
typed. After `Os` the name Oskar is then listed before the address oskar@example.org."""
SWAP_FREQUENCY = 0.001
"""The frequency of two swapped letters. `slip_chances` weighs other slips against this one."""
CORRECTION_FACTOR = 0.1
"""The factor for the probability of a word that corrects a slip, when the first five words of the
list are chosen. A correction must be ten times as likely as a word that begins with the typed
letters to displace it. With a factor of 1 the right word leaves the lists of 2 in 4,000 beginnings
without a slip. One letter after a slip, it joins the lists of 1 % of the slips."""
LEAST_CHANCE = np.float32(1e-30)
"""The lowest chance of a word. It keeps products of chances above the smallest float32."""
LEAST_SHARE = 0.0025
"""The lowest share of the sum of all chances at which a word that corrects a slip is listed.
Without a limit such words stand in a third of all lists."""
FEWEST_RANKED = 22
"""The fewest words that are ranked for a list. More are ranked than listed, since several may be
written the same way. Lists of up to 11 words are all made from 22, so that they begin alike."""
SMALL_WORD = "a"
"""A word in small letters. WordLists writes it to see whether a sentence begins at the cursor."""
Predict: TypeAlias = Callable[[list[int]], Array]
"""Takes the ids of the line so far. Returns the distribution [V] of the next id."""
Likeliest: TypeAlias = Callable[[list[int]], int | None]
"""Takes the ids of the line so far. Returns the likeliest next id, or None if its probability is
less than CONTINUES_FROM."""
NUMBER_OR_ADDRESS = re.compile(r"\d|@|://|^www\.")


class Typed(NamedTuple):
    """A line split at the cursor."""

    before: str
    """The text before the cursor."""
    words: list[str]
    """The whole words of that text."""
    prefix: str
    """The letters before the cursor of the word being typed; "" between words."""
    rest_length: int = 0
    """The number of characters of that word after the cursor."""

    @classmethod
    def of(cls, before: str, tokenizer: Tokenizer, after: str = "") -> Typed:
        words, prefix = tokenizer.split_typed(before)
        return cls(before, words, prefix, tokenizer.letters_at_start(after) if prefix else 0)

    @property
    def start(self) -> str:
        """The text up to the word being typed."""
        return self.before[: len(self.before) - len(self.prefix)]

    @property
    def is_number_or_address(self) -> bool:
        """True if the characters since the last space look like a number or an address, which have
        no ghost and no corrections."""
        return bool(NUMBER_OR_ADDRESS.search(self.before.rpartition(" ")[2]))


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer of `suggest`.

    Attributes:
        line: The line asked about.
        prefix: The beginning of the word being typed, or "".
        candidates: The `k` likeliest words that fit `prefix`.
        insertable: The `k` likeliest words that fit `prefix` and change the text. A word that is
            typed in full changes nothing.
        continuation: The first candidate and the words that follow it. Empty within a word.
        ghost: The insertions of the words of `continuation`, one after the other.
        seen: The words of the line in the context window of the model, as the line has them.
        unknown: The words of the line outside the vocabulary, as they are written.
    """

    line: str
    prefix: str
    candidates: tuple[Suggestion, ...]
    insertable: tuple[Suggestion, ...]
    continuation: tuple[str, ...]
    ghost: tuple[Insertion, ...]
    seen: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def continuation_in_line(self) -> str:
        """The continuation as it will stand in the line after the typed letters `prefix`."""
        return in_line(self.prefix, self.ghost)


def suggest(
    model: LanguageModel,
    line: str,
    cursor: int | None = None,
    k: int = LISTED,
    above: Sequence[str] = (),
    contexts: Contexts | None = None,
    *,
    looks_ahead: bool = True,
) -> Suggestions:
    """Suggests the `k` likeliest words at `cursor`. None is the end of the line.

    A word fits if it begins with the prefix being typed or corrects a slip in it. The probabilities
    of all words that fit sum to 1. `above` has the lines above this one, in order. Quotes,
    apostrophes and spaces before marks are written as in the line and the lines above it. Callers
    that ask for every key should pass the same `contexts` of the model each time, so that the text
    is not read again. Without `looks_ahead` there is no continuation, and the answer takes less
    time.
    """
    cursor = len(line) if cursor is None else max(0, min(cursor, len(line)))
    contexts = contexts or Contexts(model)
    typed = Typed.of(line[:cursor], model.tokenizer, line[cursor:])
    context = encode_context(model, above)

    def predict(ids: list[int]) -> Array:
        return contexts.next_word_probabilities(context + ids)

    def likeliest(ids: list[int]) -> int | None:
        return contexts.likeliest(context + ids, CONTINUES_FROM)

    lists = lists_for(typed, tuple(above), contexts, predict)
    found = lists.listed(typed, k + 1)  # one more, since one may be typed in full
    candidates = found[:k]
    vocabulary = model.vocabulary
    continuation: tuple[str, ...] = ()
    if looks_ahead and candidates and lists.begins_ghost(typed, candidates[0]):
        if not candidates[0].changes_text:
            # A space is probably typed next. The list after it needs the probabilities of all
            # words, and `contexts` keeps them. For the ghost alone, upper bounds of most would do.
            predict(vocabulary.encode([*typed.words, candidates[0].word]))
        continuation = lists.continuation(typed, candidates[0].word, likeliest)
    words = model.tokenizer.words_as_written(typed.start)
    in_window = words[max(0, len(words) - model.window) :]
    spelling_of = lists.tokenizer_for(typed).spelling_of
    unknown = [written for word, written, _ in words if word not in vocabulary]
    if typed.prefix and not candidates and not lists.knows(typed.prefix):
        unknown.append(typed.prefix)
    return Suggestions(
        line=line,
        prefix=typed.prefix,
        candidates=candidates,
        insertable=tuple(word for word in found if word.changes_text)[:k],
        continuation=continuation,
        ghost=lists.insertions(typed, continuation),
        seen=tuple(spelling_of(written) for word, written, _ in in_window if word in vocabulary),
        unknown=tuple({word.lower(): word for word in unknown}.values()),  # each word once
    )


def lists_for(
    typed: Typed, above: tuple[str, ...], contexts: Contexts, predict: Predict
) -> WordLists:
    """Returns the lists for the word being typed below the lines `above`. They are kept in
    `contexts`, because the next letter of the word needs the same lists."""
    unwanted = contexts.unwanted
    key = (typed.start, above, unwanted)
    if contexts.lists is None or contexts.lists[0] != key:
        contexts.lists = key, WordLists(contexts, above, typed, predict, unwanted)
    lists: WordLists = contexts.lists[1]
    return lists


def word_of_list(model: LanguageModel, before: str, word: str) -> str:
    """Returns the word that a user means by choosing `word` in the list after `before`. At the
    start of a sentence `will` and the name Will are both written Will. The user then means the word
    in small letters, if the vocabulary has it."""
    start, small = Typed.of(before, model.tokenizer).start, word.lower()
    insertions = {model.tokenizer.insertion_of(start, "", each) for each in (word, small)}
    return small if small in model.vocabulary and len(insertions) == 1 else word


def split_last_line(model: LanguageModel, text: str) -> tuple[list[str], str]:
    """Splits a text into the lines above and the last line. For a model without a start-of-line
    token the whole text is one line."""
    if model.vocabulary.begin_id is None:
        return [], text
    *above, line = text.split("\n")
    return above, line


def encode_context(model: LanguageModel, above: Iterable[str]) -> list[int]:
    """Returns the ids that a model reads before the first word of a line: those of the lines above,
    if the model uses them, and the start of the line. Each line begins with the start-of-line
    token, if the vocabulary has one. Lines without words are left out."""
    vocabulary, context = model.vocabulary, list[int]()
    begin = [] if vocabulary.begin_id is None else [vocabulary.begin_id]
    for line in above if model.uses_lines_above else ():
        if ids := vocabulary.encode_line(line, model.tokenizer.words_above):
            context += [*begin, *ids]
    return context + begin


class Matches(NamedTuple):
    """Words that match the prefix of the word being typed."""

    ids: NDArray[np.int64]
    """The ids of the words [N]."""
    chances: Array
    """The probabilities of the words times factors, such as CODE_FACTOR [N]. Their sum is not 1."""
    corrects: bool = False
    """True if the words correct a slip in the prefix, and False if they begin with it."""


NO_CORRECTIONS = Matches(np.empty(0, np.int64), np.empty(0, np.float32), corrects=True)


class WordLists:
    """Lists words for one place of a text. It serves all prefixes that are typed there.

    The new words of the page have ids, too. These follow the ids of the vocabulary.
    """

    def __init__(
        self,
        contexts: Contexts,
        above: tuple[str, ...],
        typed: Typed,
        predict: Predict,
        unwanted: Unwanted,
    ) -> None:
        """The place is after the whole words of `typed`, below the lines `above`. `unwanted` words
        are not listed."""
        model, page = contexts.model, contexts.on_page((*above, typed.start))
        self._model, self._above = model, above
        self._writes_text = model.tokenizer.writes_text
        self._key = model.tokenizer.match_key
        """Returns the letters of a word that are compared with those of the prefix."""
        probabilities = predict(model.vocabulary.encode(typed.words))
        self._new_words, self._probabilities = _add_page(model, probabilities, page)  # [D]
        self._highest_probability = float(self._probabilities.max())
        new_keys = [*map(self._key, self._new_words)]
        self._new_keys = SortedKeys(new_keys, model.vocabulary.total_words)
        self._is_allowed = np.ones(len(self._probabilities), np.bool_)  # [D]
        self._is_allowed[[*model.blocked_ids]] = False
        if unwanted.words:  # a mask takes 8 ms for 48,000 words the first time
            ids = np.arange(len(self._is_allowed))
            self._is_allowed[self._mask(ids, unwanted)] = False
        written = model.tokenizer.insertion_of(typed.start, "", SMALL_WORD).text.lstrip()
        self._is_within_sentence = self._writes_text and written == SMALL_WORD

    def listed(self, typed: Typed, k: int = LISTED) -> tuple[Suggestion, ...]:
        """Returns the `k` likeliest words that begin with the prefix of `typed` or correct a slip
        in it. CORRECTION_FACTOR applies when the first five are chosen. The five are then sorted by
        their probability, and so are the words behind them."""
        beginning = self._beginning_with(typed)
        total = float(beginning.chances.sum())  # corrections only raise it
        corrections = self._corrections(typed, LEAST_SHARE * total)
        total += float(corrections.chances.sum())
        is_likely = corrections.chances >= LEAST_SHARE * total
        likely = Matches(corrections.ids[is_likely], corrections.chances[is_likely], corrects=True)
        tokenizer, words = self.tokenizer_for(typed), list[Suggestion]()
        for matches in (beginning, likely):
            words += self._suggestions(matches, total, max(FEWEST_RANKED, 2 * k), typed, tokenizer)
        words.sort(key=lambda word: -word.probability * (CORRECTION_FACTOR if word.corrects else 1))
        first = sorted(words[:LISTED], key=lambda word: -word.probability)
        others = sorted(words[LISTED:], key=lambda word: -word.probability)
        return (*first, *others)[:k]

    def knows(self, prefix: str) -> bool:
        """Returns True if a word begins with `prefix`, even if it is never suggested."""
        return self._ids_beginning_with(prefix).size > 0

    def begins_ghost(self, typed: Typed, first: Suggestion) -> bool:
        """Returns True if a ghost may begin with the first candidate. There is no ghost within a
        word, in a number or in an address, and none with a word that corrects a slip. A ghost never
        changes what is typed."""
        is_number = self._writes_text and typed.is_number_or_address
        return not (typed.rest_length or is_number or first.corrects)

    def continuation(self, typed: Typed, first: str, likeliest: Likeliest) -> tuple[str, ...]:
        """Returns the word `first` and the likeliest words after it. They end before a word with a
        low probability, and where the end of the line is likeliest."""
        model, words = self._model, [first]
        while len(words) < MAX_AHEAD:
            best = likeliest(model.vocabulary.encode([*typed.words, *words]))
            if best is None or not self._is_allowed[best]:
                break
            if best in blocked_marks(model, [*typed.words, *words]):
                break
            words.append(model.vocabulary.word(best))
        return tuple(words)

    def insertions(self, typed: Typed, words: Iterable[str]) -> tuple[Insertion, ...]:
        """Returns the insertions of words at the cursor, one after the other."""
        return tuple(insertions_for(self.tokenizer_for(typed), typed.before, typed.prefix, words))

    def tokenizer_for(self, typed: Typed) -> Tokenizer:
        """Returns the tokenizer that writes quotes and spaces before marks as the text does."""
        return self._model.tokenizer.in_style_of(typed.before, self._above)

    def _suggestions(
        self, matches: Matches, total: float, count: int, typed: Typed, tokenizer: Tokenizer
    ) -> list[Suggestion]:
        """Makes suggestions of the `count` likeliest matches, the likeliest first. The probability
        of a match is its chance divided by `total`. Words that are written the same way become one
        suggestion, which has the likeliest of these words and the sum of their probabilities."""
        insert = tokenizer.correction_of if matches.corrects else tokenizer.insertion_of
        places = largest(matches.chances, count)
        ids, chances = matches.ids[places].tolist(), matches.chances[places].tolist()
        words, probabilities = dict[Insertion, str](), dict[Insertion, float]()
        for word_id, chance in zip(ids, chances, strict=True):
            word = self._word(word_id)
            insertion = insert(typed.before, typed.prefix, word)
            words.setdefault(insertion, word)
            probabilities[insertion] = probabilities.get(insertion, 0.0) + chance / total
        ranked = sorted(words, key=lambda insertion: -probabilities[insertion])
        if self._writes_text and not matches.corrects:
            # A word that is typed in full inserts nothing. The first one stays, because it begins
            # the continuation; another one would take the place of a word that saves keys.
            ranked[1:] = [insertion for insertion in ranked[1:] if insertion.text]
        return [  # a suggestion has the fields of an insertion, in their order
            Suggestion(words[each], probabilities[each], *each, typed.rest_length, matches.corrects)
            for each in ranked
        ]

    def _beginning_with(self, typed: Typed) -> Matches:
        """Returns the words that begin with the prefix and may be suggested."""
        if not typed.prefix:
            ids = self._ids_of_next_word(typed)
            return Matches(ids, self._chances(ids, typed))
        ids = self._ids_beginning_with(typed.prefix)
        ids = ids[self._is_allowed[ids]]
        chances = self._chances(ids, typed)
        if self._writes_text:
            chances *= self._accent_factors(ids, typed.prefix)
        return Matches(ids, chances)

    def _ids_of_next_word(self, typed: Typed) -> NDArray[np.int64]:
        """Returns the ids of the words and marks that may be suggested between words. At the start
        of a text there are no marks. After the marks that begin a line, such as `# ` or `1) `, no
        mark takes the place of the space, and the last one does not come again."""
        if not self._writes_text:
            return np.flatnonzero(self._is_allowed)
        is_allowed, words = self._is_allowed.copy(), typed.words
        is_mark = self._model.tokenizer.is_mark
        is_allowed[blocked_marks(self._model, words)] = False
        begins_line = bool(words) and is_mark(words[-1]) and typed.before[-1].isspace()
        begins_line = begins_line and not any(word[0].isalpha() for word in words)
        if begins_line:
            is_allowed[self._model.vocabulary.encode(words[-1:])] = False
        ids = np.flatnonzero(is_allowed)
        if not typed.before.strip():
            return ids[~self._mask(ids, is_mark)]
        return ids[~self._mask(ids, _has_no_space_before)] if begins_line else ids

    def _corrections(self, typed: Typed, least_chance: float) -> Matches:
        """Returns the words whose beginning a slip may have turned into the prefix. There are none
        if no word can reach `least_chance`, and none for acronyms, abbreviations such as `p.m`,
        numbers and addresses. An apostrophe at the end of a known word can only stand for an
        accent: `città` corrects `citta'`, and no word corrects `po'`."""
        prefix = typed.prefix
        if is_all_capitals(prefix) or "." in prefix:
            return NO_CORRECTIONS
        if len(prefix) > 1 and prefix[-1] in APOSTROPHES:
            known = self._ids_written_like(prefix[:-1])
            accented = [id_ for id_ in known if not self._word(id_).isascii()]
            if known:
                ids = np.array(accented, np.int64)
                chances = self._chances(ids, typed) * SWAP_FREQUENCY
                return Matches(ids, chances, corrects=True)
        has_length = SHORTEST_SLIP <= len(prefix) <= LONGEST_SLIP
        is_unlikely = self._highest_probability * SWAP_FREQUENCY < least_chance
        if not has_length or is_unlikely or typed.is_number_or_address:
            return NO_CORRECTIONS
        key = self._key(prefix)
        found_ids, found_slips = list[NDArray[np.int64]](), list[Array]()
        for keys in (self._model.vocabulary.sorted_keys(self._key), self._new_keys):
            slips = slip_chances(key, keys, self._model.neighbour_keys)
            places = np.flatnonzero(slips > 0)  # flatnonzero of booleans is ten times as fast
            places = places[self._is_allowed[keys.numbers[places]]]
            found_ids.append(keys.numbers[places])
            found_slips.append(slips[places])
        if key != prefix.lower():  # with an accent: `dass` corrects `daß`, and `perché` `perchè`
            others = np.setdiff1d(self._ids_with_key(key), self._ids_beginning_with(prefix))
            others = others[self._is_allowed[others]]
            found_ids.append(others)
            found_slips.append(np.full(len(others), SWAPPED, np.float32))
        ids, slips = np.concatenate(found_ids), np.concatenate(found_slips)
        if umlaut_keys(key):  # `schön` fits `schoe`, and does not correct it
            is_other = ~np.isin(ids, self._ids_beginning_with(prefix))
            ids, slips = ids[is_other], slips[is_other]
        chances = self._chances(ids, typed) * slips * SWAP_FREQUENCY
        return Matches(ids, chances, corrects=True)

    def _chances(self, ids: NDArray[np.int64], typed: Typed) -> Array:
        """Returns the chances [N] of words. The chance of a code is lowered, and so is the chance
        of a word whose first or second letter differs in case from the typed one."""
        prefix = typed.prefix
        chances = np.maximum(self._probabilities[ids], LEAST_CHANCE)
        if prefix and self._is_within_sentence and not is_all_capitals(prefix):
            is_other_case = self._mask(ids, _has_capital) != _has_capital(prefix)
            chances[is_other_case] *= OTHER_SPELLING_FACTOR
        has_small_letter = prefix[1:2].islower() or typed.start != typed.start.upper()
        has_two_letters = self._writes_text and prefix[:1].isupper() and prefix[1:2].isalpha()
        if has_two_letters and has_small_letter:  # MR. for Mr, and `usual` for US in most lines
            is_other_case = self._mask(ids, _has_two_capitals) != prefix[1].isupper()
            chances[is_other_case] *= OTHER_SPELLING_FACTOR
        if self._writes_text and prefix.isalpha():
            chances[self._mask(ids, is_code)] *= CODE_FACTOR
        return chances

    def _ids_beginning_with(self, prefix: str) -> NDArray[np.int64]:
        """Returns the ids of the words that begin with `prefix`, in capitals or small letters. A
        letter typed without an accent also stands for the same letter with an accent. Two letters
        such as `ae` also stand for an umlaut."""
        key = self._key(prefix)
        ids = self._ids_with_key(key)
        keys = umlaut_keys(key) if self._writes_text else []
        if keys:
            ids = np.union1d(ids, self._ids_with_umlauts(keys, key))
        if key == prefix.lower():  # no accent is typed
            return ids
        keeps = self._model.tokenizer.keeps_letters
        return np.array([id_ for id_ in ids.tolist() if keeps(prefix, self._word(id_))], np.int64)

    def _ids_written_like(self, typed: str) -> list[int]:
        """Returns the ids of the allowed words with these letters, with or without accents."""
        ids, key = self._ids_beginning_with(typed), self._key(typed)
        allowed = ids[self._is_allowed[ids]].tolist()
        return [id_ for id_ in allowed if self._key(self._word(id_)) == key]

    def _ids_with_key(self, key: str) -> NDArray[np.int64]:
        """Returns the ids of the words whose keys begin with `key`."""
        ids = self._model.vocabulary.sorted_keys(self._key).with_beginning(key)
        new_ids = self._new_keys.with_beginning(key)
        return np.append(ids, new_ids) if len(new_ids) else ids

    def _ids_with_umlauts(self, keys: Iterable[str], spelled: str) -> NDArray[np.int64]:
        """Returns the ids of the words that begin with `spelled` if each umlaut is written as two
        letters. The `keys` are the `umlaut_keys` of `spelled`."""
        ids = np.unique(np.concatenate([*map(self._ids_with_key, keys)]))
        ids = ids[~self._mask(ids, str.isascii)]
        is_meant = [spelled_letters(self._word(id_)).startswith(spelled) for id_ in ids.tolist()]
        return ids[np.array(is_meant, np.bool_)]

    def _word(self, word_id: int) -> str:
        place = word_id - self._model.vocabulary.total_words
        return self._new_words[place] if place >= 0 else self._model.vocabulary.word(word_id)

    def _accent_factors(self, ids: NDArray[np.int64], prefix: str) -> Array:
        """Returns for each word [N] the factor for its chance, 1 if its accents are those of the
        prefix."""
        factors = np.ones(len(ids), np.float32)
        small, length = _in_small_letters(prefix), len(prefix)
        places = np.arange(len(ids))
        if prefix.isascii():  # then the factor of an ASCII word is 1
            places = np.flatnonzero(~self._mask(ids, str.isascii))
        for place in places.tolist():
            word = _in_small_letters(self._word(ids[place]))
            if word[:length] != small:
                is_whole = len(word) == length
                factors[place] = ACCENTS_FACTOR if is_whole else OTHER_SPELLING_FACTOR
        return factors

    def _mask(self, ids: NDArray[np.int64], test: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Returns the result of `test` for each word [N]."""
        is_new = ids >= self._model.vocabulary.total_words
        mask = self._model.vocabulary.mask(test)[np.where(is_new, 0, ids)]
        mask[is_new] = [test(self._word(word_id)) for word_id in ids[is_new].tolist()]
        return mask


def _add_page(
    model: LanguageModel, probabilities: Array, page: OnPage
) -> tuple[Sequence[str], Array]:
    """Returns the new words of the page, and the probabilities [D] of the vocabulary and of these
    words. The new words share the probability of the unknown word. If the last word is a name, the
    words that followed it before take their probability from all words."""
    vocabulary = model.vocabulary
    if not page.new and not page.following:
        return (), probabilities
    assert vocabulary.unknown_id is not None
    probabilities = probabilities * np.float32(1 - sum(page.following.values()))
    unknown = float(probabilities[vocabulary.unknown_id])
    new = {word: unknown * chance for word, chance in page.new.items()}
    for word, probability in page.following.items():
        if word in vocabulary:
            probabilities[vocabulary.id_by_word[word]] += probability
        else:
            new[word] = new.get(word, 0.0) + probability
    added = np.array([*new.values()], np.float32)
    return (*new,), np.concatenate((probabilities, added))


def blocked_marks(model: LanguageModel, words: Sequence[str]) -> list[int]:
    """Returns the ids of the marks that cannot follow these words. A quote or bracket that is open
    cannot open again, and one that is not open cannot close. A full stop cannot follow a word that
    ends with one, such as `U.S.`. No mark can follow ¿, ¡ or an elided `l'`."""
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
    # CLOSE_SINGLE also ends words such as `dogs’`. Only after a mark is it surely a quote.
    is_after_mark = not words or model.tokenizer.is_mark(words[-1])
    if is_after_mark and words.count(OPEN_SINGLE) <= words.count(CLOSE_SINGLE):
        marks.append(CLOSE_SINGLE)
    return model.vocabulary.encode(mark for mark in marks if mark in model.vocabulary)


def _in_small_letters(word: str) -> str:
    return word.lower().replace("’", APOSTROPHE)


def _has_no_space_before(word: str) -> bool:
    return word[0] in NO_SPACE_BEFORE


def _has_capital(word: str) -> bool:
    return word[:1].isupper()


def _has_two_capitals(word: str) -> bool:
    """Returns True for a word that begins with two capitals."""
    return word[:2].isalpha() and word[:2].isupper() and len(word) > 1


def insertions_for(
    tokenizer: Tokenizer, before: str, prefix: str, words: Iterable[str]
) -> Iterator[Insertion]:
    """Yields the insertions of words one after the other. `before` is the text up to the cursor,
    and ends with `prefix`."""
    for word in words:
        insertion = tokenizer.insertion_of(before, prefix, word)
        yield insertion
        before, prefix = apply_insertion(before, insertion), ""


def apply_insertion(before: str, insertion: Insertion | Suggestion) -> str:
    """Returns the text up to the cursor after an insertion, without a space after the word."""
    return before[: len(before) - insertion.replaces_before] + insertion.text
