"""Suggests the next words for a typed line, and how to insert them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.text.tokenizer import Insertion, Tokenizer

CANDIDATES = 5
MAX_AHEAD = 4
"""The most words of a continuation; each costs one run of the network."""
MIN_PROBABILITY = 0.25
"""A continuation ends before the first word with a smaller probability."""
MARK_PROBABILITY = 0.05
"""A punctuation mark is listed from this probability on. On 290,000 words of stories, with n-grams
alone, this saves 47.9 % of keys; 0.3 saves 47.6 %, no marks 47.4 %, and all marks 47.9 %."""
OTHER_CASE = 0.005
"""Multiplies the probability of a word if its first letter differs in case from the typed one. On
the same text this saves 47.7 % of keys; 0.2 saves 47.4 % and 1 saves 47.0 %."""
SPELLINGS = 2
"""Words considered for each place in the list, since several may be written the same way."""
PAIRS = (("“", "”"), ("(", ")"), ("[", "]"))
"""Opening and closing marks. While one is open, only its other half is suggested."""
SINGLE_QUOTES = ("‘", "’")
ROUNDING = 1e-5
"""The relative difference that scaling to a sum of 1 may make between equal numbers."""
REMEMBERED_PREFIXES = 1 << 14
"""The number of prefixes whose matches are cached while a model is evaluated."""
MAX_CHUNK = 200
"""Longer text between spaces is not examined letter by letter, which takes quadratic time."""
NO_GHOST = re.compile(r"\d|@|://|^www\.")
"""Finds a number or an address in the characters before the cursor."""


class Typed(NamedTuple):
    """The text `before` the cursor: its whole words, and the prefix of the word being typed."""

    before: str
    words: list[str]
    prefix: str

    @classmethod
    def of(cls, before: str, tokenizer: Tokenizer) -> Typed:
        return cls(before, *tokenizer.split_typed(before))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word and its probability among the words that fit what is typed.

    `text` is inserted at the cursor to accept the word; if `eats_space`, the space before the
    cursor is deleted first. `space_after` says whether a space follows it in running text.
    """

    word: str
    probability: float
    text: str
    eats_space: bool
    space_after: bool


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer for `line`.

    `prefix` is the beginning of the word being typed. `continuation` begins with the first
    candidate; `ghost` says how each of its words is inserted after the one before. `seen` are the
    words of the line in the model's context window, `unknown` those outside its vocabulary.
    `matching_words` is the number of words that begin with `prefix`.
    """

    line: str
    prefix: str
    candidates: tuple[Suggestion, ...]
    continuation: tuple[str, ...]
    ghost: tuple[Insertion, ...]
    seen: tuple[str, ...]
    unknown: tuple[str, ...]
    matching_words: int


def suggest(
    model: LanguageModel,
    line: str,
    cursor: int | None = None,
    k: int = CANDIDATES,
    previous_lines: Sequence[str] = (),
) -> Suggestions:
    """Returns the `k` most likely words at `cursor` (None is the end of the line).

    The probabilities are those of the words that begin with the prefix being typed, scaled to a sum
    of 1. `previous_lines` are the lines before this one, in order; a model that does not use
    previous lines ignores them.
    """
    cursor = len(line) if cursor is None else max(0, min(cursor, len(line)))
    typed = Typed.of(line[:cursor], model.tokenizer)
    before, words, prefix = typed
    context = encode_context(model, words, previous_lines)
    ids, shares = _fitting(model, model.next_word_probabilities(context), typed)
    candidates = _listed(model, ids, shares, typed, k)
    continuation = _look_ahead(model, context, typed, candidates)
    unknown = [word for word in words if word not in model.vocabulary]
    if prefix and not candidates:
        unknown.append(prefix)
    return Suggestions(
        line=line,
        prefix=prefix,
        candidates=candidates,
        continuation=continuation,
        ghost=tuple(written_in_turn(model.tokenizer, before, prefix, continuation)),
        seen=_seen(model, words),
        unknown=tuple(dict.fromkeys(unknown)),
        matching_words=len(ids),
    )


def encode_context(
    model: LanguageModel, words: Sequence[str], previous_lines: Sequence[str] = ()
) -> list[int]:
    """The ids of the context: of the previous lines, if the model uses them, and of `words`.

    If the vocabulary has a start-of-line token, each line starts with it.
    """
    vocabulary = model.vocabulary
    begin = [] if vocabulary.begin_id is None else [vocabulary.begin_id]
    context: list[int] = []
    for line in previous_lines if model.uses_previous_lines else ():
        context += [*begin, *vocabulary.encode_line(line, model.tokenizer.typed_words)]
    return context + begin + vocabulary.encode(words)


def _seen(model: LanguageModel, words: Sequence[str]) -> tuple[str, ...]:
    """The known words of the line that are in the model's context window."""
    vocabulary = model.vocabulary
    ids = vocabulary.encode(words)
    last = ids[max(0, len(ids) - model.window) :]
    return tuple(vocabulary.word(i) for i in last if i >= vocabulary.first_word_id)


def candidates_at(
    model: LanguageModel, probabilities: NDArray[np.float32], typed: Typed
) -> tuple[Suggestion, ...]:
    """The candidates of `suggest` if the model predicts these `probabilities` [V]."""
    ids, shares = _fitting(model, probabilities, typed)
    return _listed(model, ids, shares, typed, CANDIDATES)


def _fitting(
    model: LanguageModel, probabilities: NDArray[np.float32], typed: Typed
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ids [N] that may be suggested, rising, and their probabilities, which sum to 1."""
    tokenizer, vocabulary, (before, words, prefix) = model.tokenizer, model.vocabulary, typed
    suggested = _suggested(model)
    if prefix:
        key = tokenizer.match_key
        ids = vocabulary.ids_with_prefix(key(prefix), key)
        ids = ids[suggested[ids]]
    else:
        if tokenizer.writes_text:
            least = MARK_PROBABILITY if before.strip() else np.inf
            suggested &= (probabilities >= least) | ~vocabulary.mask(tokenizer.is_mark)
            suggested[unpaired(model, words)] = False
        ids = np.flatnonzero(suggested)
    shares = probabilities[ids]
    if not np.count_nonzero(shares):  # all underflow to zero: they are equally likely
        shares = np.ones_like(shares)
    if prefix and tokenizer.writes_text:
        shares[_in_another_case(model, ids, typed)] *= np.float32(OTHER_CASE)
    return ids, shares / np.add.reduce(shares)


def _suggested(model: LanguageModel) -> NDArray[np.bool_]:
    """A mask [V] of the ids that may be suggested."""
    found = np.ones(model.vocabulary.total_words, dtype=np.bool_)
    found[list(model.excluded_ids)] = False
    return found


class KeysWithoutHelp:
    """Finds the keys at which no listed word can be accepted, without making the lists.

    An evaluation asks at nearly every key, so the matches of each prefix are cached.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._suggested = _suggested(model)
        self._all_rivals = self._suggested & ~model.vocabulary.mask(model.tokenizer.is_mark)
        self._alike = lru_cache(REMEMBERED_PREFIXES)(self._spelled_alike)
        self._rivals = lru_cache(REMEMBERED_PREFIXES)(self._rivals_of)
        self._letters = lru_cache(REMEMBERED_PREFIXES)(self._letters_of)
        self._key = lru_cache(REMEMBERED_PREFIXES)(model.tokenizer.match_key)

    def count(self, probabilities: NDArray[np.float32], typed: Typed, following: str) -> int:
        """Returns how many characters of `following` can be typed before `candidates_at` may list a
        word that continues the line correctly.

        `following` is the text after the cursor that the writer wants. The count is a lower bound,
        found ten times as fast as with lists. `probabilities` [V] are those of the next word.
        """
        prefix = typed.prefix
        chunk, space, _ = following.removeprefix("" if prefix else " ").partition(" ")
        if not prefix and not chunk[:1].isalpha():
            return 0  # a mark may be spelled differently from its token
        if len(chunk) > MAX_CHUNK:
            return 0
        letters = 0 if not prefix and following[0] == " " else self._letters(chunk)
        alike = [
            (place, [float(probabilities[i]) for i in ids])
            for place, ids in self._alike(prefix, chunk)
        ]
        for count in range(max(1, letters)):
            shares = [each for place, each in alike if place >= count]
            best = (max(map(max, shares)), max(map(sum, shares))) if shares else None
            if self._may_list(probabilities, prefix + chunk[:count], best):
                return count
        return letters + 1 if space and 0 < letters == len(chunk) else max(1, letters)

    def _letters_of(self, chunk: str) -> int:
        """The number of letters at the start of a chunk that only make the prefix longer and leave
        the words before it as they are."""
        letters = next((i for i, c in enumerate(chunk) if c.lower() == c.upper()), len(chunk))
        is_plain = self._model.tokenizer.split_typed(chunk[:letters]) == ([], chunk[:letters])
        return letters if is_plain else 1  # the tokenizer takes the prefix for something else

    def _spelled_alike(self, prefix: str, chunk: str) -> list[tuple[int, list[int]]]:
        """The ids of words spelled like the prefix and the first characters of the chunk, each list
        with the place of the last of these characters."""
        key = self._model.tokenizer.match_key
        by_key = self._model.vocabulary.ids_by_key(key)
        found = ((i, by_key.get(key(prefix + chunk[: i + 1]))) for i in range(len(chunk)))
        return [(i, ids) for i, ids in found if ids]

    def _may_list(
        self, probabilities: NDArray[np.float32], prefix: str, best: tuple[float, float] | None
    ) -> bool:
        """Whether any of the wanted words may be listed.

        `best` has the largest probability of one of them, and the largest sum for those written the
        same way; None if there are no such words. A word is not listed if enough others that match
        the prefix are likelier.
        """
        vocabulary, tokenizer = self._model.vocabulary, self._model.tokenizer
        key, (one, together) = tokenizer.match_key, best or (0.0, 0.0)
        rivals, unusual = self._rivals(key(prefix), _has_capital(prefix))
        if len(unusual):
            added = probabilities[unusual]
            one, together = max(one, added.max(initial=0)), together + float(added.sum())
            best = best or (one, together)
        if best is None:
            return False
        if prefix:
            likelier = rivals[probabilities[rivals] > one * (1 + ROUNDING)]
        else:  # the same, of all words
            likelier = np.flatnonzero((probabilities > one * (1 + ROUNDING)) & self._all_rivals)
        if len(likelier) < CANDIDATES:
            return True
        if len(likelier) >= CANDIDATES * (SPELLINGS if tokenizer.writes_text else 1):
            return False
        others = likelier[probabilities[likelier] > together * (1 + ROUNDING)]
        different = {self._key(vocabulary.word(i)) for i in others.tolist()} - {key(prefix)}
        return len(different) < CANDIDATES

    def _rivals_of(
        self, prefix: str, is_capital: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of the words whose key begins with `prefix` and that are surely listed with their
        full probability; and of those that may be written the same way as others.

        The first leave out marks, which may not be listed, and words in another case than the one
        typed, whose probability is reduced."""
        vocabulary, tokenizer = self._model.vocabulary, self._model.tokenizer
        fitting = vocabulary.ids_with_prefix(prefix, tokenizer.match_key)
        rivals = self._all_rivals
        if prefix and tokenizer.writes_text:
            rivals = self._suggested & (vocabulary.mask(_has_capital) == is_capital)
        unusual = vocabulary.mask(_has_unusual_capital)
        return fitting[rivals[fitting]], fitting[unusual[fitting]]


def _has_unusual_capital(word: str) -> bool:
    """Whether a word or a part of it may change if it is put in capitals and back, as `ß` does."""
    if word.isascii():
        return False
    return any(
        len(letter.upper()) + len(letter.lower()) > 2
        or ("a" + letter.upper()).lower() != "a" + letter.lower()
        or letter.upper().lower() != letter.lower()
        for letter in word
    )


def unpaired(model: LanguageModel, words: Sequence[str]) -> list[int]:
    """The ids of the paired marks that cannot follow these words."""
    if not model.tokenizer.writes_text:
        return []
    marks = [pair[words.count(pair[0]) <= words.count(pair[1])] for pair in PAIRS]
    if not words or model.tokenizer.is_mark(words[-1]):  # after a word it may be an apostrophe
        opened, closed = SINGLE_QUOTES
        marks += [closed] if words.count(opened) <= words.count(closed) else []
    return model.vocabulary.encode(mark for mark in marks if mark in model.vocabulary)


def _in_another_case(
    model: LanguageModel, ids: NDArray[np.int64], typed: Typed
) -> NDArray[np.bool_] | slice:
    """Which of the words [N] begin in another case than the prefix does. None at the start of a
    sentence and for a prefix all in capitals, which say nothing about the case of the word."""
    before, _, prefix = typed
    is_capital = model.vocabulary.mask(_has_capital)[ids]
    capitals = np.count_nonzero(is_capital)
    if capitals in (0, len(ids)) or (len(prefix) > 1 and prefix.isupper()):
        return slice(0)
    small = model.vocabulary.word(int(ids[is_capital.argmin()]))
    start = before.removesuffix(prefix)
    if _has_capital(model.tokenizer.written(start, "", small).text.lstrip()):
        return slice(0)
    return np.asarray(is_capital != _has_capital(prefix))


def _has_capital(word: str) -> bool:
    return word[:1].isupper()


def _listed(
    model: LanguageModel,
    ids: NDArray[np.int64],
    shares: NDArray[np.float32],
    typed: Typed,
    k: int,
) -> tuple[Suggestion, ...]:
    """The `k` likeliest of these words. Words that are written the same way count as one."""
    tokenizer = model.tokenizer
    found = dict[Insertion, tuple[str, float]]()
    for i in _top(shares, k * SPELLINGS if tokenizer.writes_text else k).tolist():
        word, share = model.vocabulary.word(int(ids[i])), float(shares[i])
        way = tokenizer.written(typed.before, typed.prefix, word)
        likeliest, together = found.get(way, (word, 0.0))
        found[way] = likeliest, together + share
    ranked = sorted(found.items(), key=lambda item: -item[1][1])
    if tokenizer.writes_text:  # a word that is already complete only begins a continuation
        ranked[1:] = [item for item in ranked[1:] if item[0].text]
    return tuple(Suggestion(word, share, *way) for way, (word, share) in ranked[:k])


def _top(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The places of the `k` largest values, largest first. Of equal values the first are taken,
    which are the more frequent words; a partition alone would pick any.
    """
    if len(values) <= k:
        return np.argsort(-values, kind="stable")
    least = np.partition(values, len(values) - k)[len(values) - k]
    likeliest = np.flatnonzero(values >= least)
    return likeliest[np.argsort(-values[likeliest], kind="stable")[:k]]


def written_in_turn(
    tokenizer: Tokenizer, before: str, prefix: str, words: Iterable[str]
) -> Iterator[Insertion]:
    """How to insert words one after the other: the first at the cursor after `before`, which ends
    with `prefix`."""
    for word in words:
        way = tokenizer.written(before, prefix, word)
        yield way
        before, prefix = after_taking(before, way), ""


def after_taking(before: str, way: Insertion | Suggestion) -> str:
    """The text up to the cursor after a word is inserted, without a space after it."""
    kept = before[:-1] if way.eats_space and before.endswith(" ") else before
    return kept + way.text


def _look_ahead(
    model: LanguageModel, context: list[int], typed: Typed, candidates: tuple[Suggestion, ...]
) -> tuple[str, ...]:
    """The first candidate and the most likely words after it, until the probability is low or the
    end of the line is most likely. Nothing inside a number or an address."""
    if model.tokenizer.writes_text and NO_GHOST.search(_last_chunk(typed.before)):
        return ()
    words = [candidate.word for candidate in candidates[:1]]
    while words and len(words) < MAX_AHEAD:
        probabilities = model.next_word_probabilities(context + model.vocabulary.encode(words))
        best = int(probabilities.argmax())
        never = (*model.excluded_ids, *unpaired(model, [*typed.words, *words]))
        if probabilities[best] < MIN_PROBABILITY or best in never:
            break
        words.append(model.vocabulary.word(best))
    return tuple(words)


def _last_chunk(before: str) -> str:
    """The characters between the last white space and the cursor."""
    return "" if not before or before[-1].isspace() else before.rsplit(maxsplit=1)[-1]
