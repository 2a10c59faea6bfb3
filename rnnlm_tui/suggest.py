"""From a typed line to the next words, and how they go into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.text.tokenizer import Tokenizer, Written

CANDIDATES = 5
MAX_AHEAD = 4
"""Most words of a continuation; each costs one run of the network."""
MIN_PROBABILITY = 0.25
"""A continuation ends before a word with a smaller probability."""
MARK_PROBABILITY = 0.05
"""A mark is listed from this probability on. On 290,000 words of stories, n-grams alone, that saves
47.9 % of keys, 47.6 % at 0.3, 47.4 % without marks, and 47.9 % with all of them."""
OTHER_CASE = 0.005
"""The probability of a word is multiplied by this if the first letter typed is a capital and that
of the word is not, or the other way round. It saves 47.7 % of keys; 47.4 % at 0.2, 47.0 % at 1."""
SPELLINGS = 2
"""So many words for each that is listed are looked at for those that are written alike."""
LESSON_WORDS, SENTENCE_WORDS = 10, 40
"""Words that a line is continued by: always, and at most."""
SENTENCE_ENDS, CLOSING_MARKS = ".!?…\u3002\uff01\uff1f", '”\u2019)]}»"'
PAIRS = (("“", "”"), ("(", ")"), ("[", "]"))
"""Marks that open and close; while one is open, only its other half comes."""
SINGLE_QUOTES = ("‘", "’")
ROUNDING = 1e-5
"""By how much numbers that are equal may differ once they are scaled to a sum of 1."""
REMEMBERED_PREFIXES = 1 << 14
"""Half-typed words of which it is remembered what fits them, while a model is measured."""
SUGGESTED_KEPT = 8
"""Models of which it is remembered which ids are suggested."""
LONGEST_CHUNK = 200
"""Characters between spaces that are looked at letter by letter, which takes their square."""
NO_GHOST = re.compile(r"\d|@|://|^www\.")
"""What makes of the characters before the cursor a number or an address."""


class Typed(NamedTuple):
    """The text up to the cursor: its whole words, and the word that is still half typed, with which
    it ends."""

    before: str
    words: list[str]
    prefix: str

    @classmethod
    def of(cls, before: str, tokenizer: Tokenizer) -> Typed:
        return cls(before, *tokenizer.split_typed(before))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word and its probability among the words that fit what is typed.

    `text` is what is inserted at the cursor to take the word; if `eats_space`, the space before the
    cursor is deleted first. `space_after` says whether a space follows in running text.
    """

    word: str
    probability: float
    text: str
    eats_space: bool
    space_after: bool


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer for `line`.

    `prefix` is the word being typed. `continuation` begins with the first candidate; `ghost` says
    how each of its words goes into the line after the one before. `seen` are the words of the line
    that the model takes into account, `unknown` those that it does not know. `matching_words` are
    all that fit.
    """

    line: str
    prefix: str
    candidates: tuple[Suggestion, ...]
    continuation: tuple[str, ...]
    ghost: tuple[Written, ...]
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

    The probabilities are those of the words that begin with the half-typed word, scaled to a sum
    of 1. `previous_lines` are the lines above, nearest last; a model that does not use previous
    lines ignores them.
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
    """The ids that a model is given: those of the previous lines if it uses them, and of `words`.

    If the vocabulary has a begin of line, each line starts with it.
    """
    vocabulary = model.vocabulary
    begin = [] if vocabulary.begin_id is None else [vocabulary.begin_id]
    context: list[int] = []
    for line in previous_lines if model.uses_previous_lines else ():
        context += [*begin, *vocabulary.encode_line(line, model.tokenizer.typed_words)]
    return context + begin + vocabulary.encode(words)


def _seen(model: LanguageModel, words: Sequence[str]) -> tuple[str, ...]:
    """The known words among those of the line that are in the model's window."""
    vocabulary = model.vocabulary
    ids = vocabulary.encode(words)
    last = ids[max(0, len(ids) - model.window) :]
    return tuple(vocabulary.word(i) for i in last if i >= vocabulary.first_word_id)


def candidates_at(
    model: LanguageModel, probabilities: NDArray[np.float32], typed: Typed
) -> tuple[Suggestion, ...]:
    """What `suggest` lists if the model gives these `probabilities` [V] to the words after those
    that are typed."""
    ids, shares = _fitting(model, probabilities, typed)
    return _listed(model, ids, shares, typed, CANDIDATES)


def _fitting(
    model: LanguageModel, probabilities: NDArray[np.float32], typed: Typed
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ids [N] that may be suggested, in order, and their probabilities, which sum to 1."""
    tokenizer, vocabulary, (before, words, prefix) = model.tokenizer, model.vocabulary, typed
    suggested = _suggested(vocabulary.total_words, model.excluded_ids)
    if prefix:
        key = tokenizer.match_key
        ids = vocabulary.ids_with_prefix(key(prefix), key)
        ids = ids[suggested[ids]]
    else:
        if tokenizer.writes_text:
            least = MARK_PROBABILITY if before.strip() else np.inf
            suggested = suggested & ((probabilities >= least) | ~vocabulary.mask(tokenizer.is_mark))
            suggested[_unpaired(model, words)] = False
        ids = np.flatnonzero(suggested)
    shares = probabilities[ids]
    if not np.count_nonzero(shares):  # all underflow to zero: they are equally likely
        shares = np.ones_like(shares)
    if prefix and tokenizer.writes_text:
        shares[_in_another_case(model, ids, typed)] *= np.float32(OTHER_CASE)
    return ids, shares / np.add.reduce(shares)


@lru_cache(SUGGESTED_KEPT)
def _suggested(total_words: int, excluded_ids: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which ids [V] are ever suggested; not to be written to."""
    found = np.ones(total_words, dtype=np.bool_)
    found[list(excluded_ids)] = False
    return found


class UnlistedKeys:
    """Counts keys before which no list of words helps; remembers what fits each prefix."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._suggested = _suggested(model.vocabulary.total_words, model.excluded_ids)
        self._all_rivals = self._suggested & ~model.vocabulary.mask(model.tokenizer.is_mark)
        self._alike = lru_cache(REMEMBERED_PREFIXES)(self._spelled_alike)
        self._rivals = lru_cache(REMEMBERED_PREFIXES)(self._rivals_of)
        self._letters = lru_cache(REMEMBERED_PREFIXES)(self._letters_of)
        self._key = lru_cache(REMEMBERED_PREFIXES)(model.tokenizer.match_key)

    def count(self, probabilities: NDArray[np.float32], typed: Typed, following: str) -> int:
        """How many of the characters of `following`, the text after the cursor, can be typed before
        `candidates_at` may list a word with which the line goes on as the text does. There may be
        more, but these are certain, and known ten times as fast. The `probabilities` are those of
        the words after the typed ones."""
        prefix = typed.prefix
        chunk, space, _ = following.removeprefix("" if prefix else " ").partition(" ")
        if not prefix and not chunk[:1].isalpha():
            return 0  # a mark may be written otherwise than its token
        if len(chunk) > LONGEST_CHUNK:
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

    def helpful(
        self, probabilities: NDArray[np.float32], typed: Typed, following: str
    ) -> tuple[Suggestion, ...]:
        """What `candidates_at` lists, maybe without words with which the line does not go on as the
        text does: a list takes most of its time to find how each of them is written."""
        model, (before, _, prefix) = self._model, typed
        ids, shares = _fitting(model, probabilities, typed)
        chunk = following.removeprefix("" if prefix else " ").partition(" ")[0]
        begins_with_word = prefix or chunk[:1].isalpha()
        if not (model.tokenizer.writes_text and begins_with_word) or len(chunk) > LONGEST_CHUNK:
            return _listed(model, ids, shares, typed, CANDIDATES)
        likeliest = _top(shares, CANDIDATES * SPELLINGS)
        listed = ids[likeliest]
        words = [model.vocabulary.word(i) for i in listed.tolist()]
        marks = np.count_nonzero(model.vocabulary.mask(model.tokenizer.is_mark)[listed])
        is_unusual = model.vocabulary.mask(_has_unusual_capital)[listed]
        if marks > 1 or is_unusual.any() or len({*map(self._key, words)}) < len(words):
            return _listed(model, ids, shares, typed, CANDIDATES)  # some may be written alike
        # A word that is whole already is listed only if it is the likeliest.
        places = [i for i, word in enumerate(words) if i == 0 or len(word) > len(prefix)]
        going_on = {i for _, alike in self._alike(prefix, chunk) for i in alike}
        return tuple(
            Suggestion(
                words[place],
                float(shares[likeliest[place]]),
                *model.tokenizer.written(before, prefix, words[place]),
            )
            for place in places[:CANDIDATES]
            if int(listed[place]) in going_on
        )

    def _letters_of(self, chunk: str) -> int:
        """The letters that a chunk begins with, each of which makes the half-typed word longer, and
        changes nothing of the words before it."""
        letters = next((i for i, c in enumerate(chunk) if c.lower() == c.upper()), len(chunk))
        is_plain = self._model.tokenizer.split_typed(chunk[:letters]) == ([], chunk[:letters])
        return letters if is_plain else 1  # what is half typed is not what the keys say

    def _spelled_alike(self, prefix: str, chunk: str) -> list[tuple[int, list[int]]]:
        """The ids of the words that are written as the prefix with the first characters of the
        chunk, each with the place of the last of these."""
        key = self._model.tokenizer.match_key
        by_key = self._model.vocabulary.ids_by_key(key)
        found = ((i, by_key.get(key(prefix + chunk[: i + 1]))) for i in range(len(chunk)))
        return [(i, ids) for i, ids in found if ids]

    def _may_list(
        self, probabilities: NDArray[np.float32], prefix: str, best: tuple[float, float] | None
    ) -> bool:
        """Whether one of some words may be listed, of which the likeliest one has the probability
        `best[0]`, and the likeliest ones that are written alike have `best[1]` together. It cannot
        if there are enough others that fit the half-typed word and have more, or if there are no
        words."""
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
        """The ids of the words with this key, or begin of a key, that are as likely as they seem,
        if so much is typed and begins with a capital or not; and of those that may be written as
        others are.

        A mark may be left out, and a word in another case than that of what is typed is less likely
        than it seems."""
        vocabulary, tokenizer = self._model.vocabulary, self._model.tokenizer
        fitting = vocabulary.ids_with_prefix(prefix, tokenizer.match_key)
        rivals = self._all_rivals
        if prefix and tokenizer.writes_text:
            rivals = self._suggested & (vocabulary.mask(_has_capital) == is_capital)
        unusual = vocabulary.mask(_has_unusual_capital)
        return fitting[rivals[fitting]], fitting[unusual[fitting]]


def _has_unusual_capital(word: str) -> bool:
    """Whether a word, or a part of it, in capitals and back may be another, as `ß`."""
    if word.isascii():
        return False
    return any(
        len(letter.upper()) + len(letter.lower()) > 2
        or ("a" + letter.upper()).lower() != "a" + letter.lower()
        or letter.upper().lower() != letter.lower()
        for letter in word
    )


def _unpaired(model: LanguageModel, words: Sequence[str]) -> list[int]:
    """The ids of the marks of pairs that cannot come after these words."""
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
    """Which of the words [N] begin in another case than what is typed does: within a sentence, a
    capital is the begin of a word with a capital. All capitals say nothing, nor does the first
    letter of a sentence."""
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
    """The `k` likeliest of these words, of which those that are written alike are one."""
    tokenizer = model.tokenizer
    found = dict[Written, tuple[str, float]]()
    for i in _top(shares, k * SPELLINGS if tokenizer.writes_text else k).tolist():
        word, share = model.vocabulary.word(int(ids[i])), float(shares[i])
        way = tokenizer.written(typed.before, typed.prefix, word)
        likeliest, together = found.get(way, (word, 0.0))
        found[way] = likeliest, together + share
    ranked = sorted(found.items(), key=lambda item: -item[1][1])
    if tokenizer.writes_text:  # a word that is whole already is only the begin of a continuation
        ranked[1:] = [item for item in ranked[1:] if item[0].text]
    return tuple(Suggestion(word, share, *way) for way, (word, share) in ranked[:k])


def _top(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The places of the `k` largest values, largest first; of equal values the first ones, which
    are the more frequent words.

    A partition alone would pick any of those that equal the k-th largest.
    """
    if len(values) <= k:
        return np.argsort(-values, kind="stable")
    least = np.partition(values, len(values) - k)[len(values) - k]
    likeliest = np.flatnonzero(values >= least)
    return likeliest[np.argsort(-values[likeliest], kind="stable")[:k]]


def written_in_turn(
    tokenizer: Tokenizer, before: str, prefix: str, words: Iterable[str]
) -> Iterator[Written]:
    """How words go into a line one after the other: the first at the cursor after `before`, which
    ends with the half-typed `prefix`."""
    for word in words:
        way = tokenizer.written(before, prefix, word)
        yield way
        before, prefix = after_taking(before, way), ""


def after_taking(before: str, way: Written | Suggestion) -> str:
    """The text up to the cursor once a word is inserted, without a space after it."""
    kept = before[:-1] if way.eats_space and before.endswith(" ") else before
    return kept + way.text


def _look_ahead(
    model: LanguageModel, context: list[int], typed: Typed, candidates: tuple[Suggestion, ...]
) -> tuple[str, ...]:
    """The first candidate and the most likely words after it, up to the first whose probability is
    low, or the end of the line if that is most likely. Nothing inside a number or an address."""
    if model.tokenizer.writes_text and NO_GHOST.search(_last_chunk(typed.before)):
        return ()
    words = [candidate.word for candidate in candidates[:1]]
    while words and len(words) < MAX_AHEAD:
        probabilities = model.next_word_probabilities(context + model.vocabulary.encode(words))
        best = int(probabilities.argmax())
        never = (*model.excluded_ids, *_unpaired(model, [*typed.words, *words]))
        if probabilities[best] < MIN_PROBABILITY or best in never:
            break
        words.append(model.vocabulary.word(best))
    return tuple(words)


def _last_chunk(before: str) -> str:
    """The characters before the cursor back to white space."""
    return "" if not before or before[-1].isspace() else before.rsplit(maxsplit=1)[-1]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How words are generated.

    At a `temperature` of 0 the likeliest word comes next; above, one of the `top_k` likeliest (None
    is all) is drawn, the more freely the higher it is. `may_end` lets the line end after a word,
    `no_repeats` keeps any three words from coming twice, `one_sentence` ends with the sentence.
    """

    temperature: float = 0.0
    top_k: int | None = None
    may_end: bool = False
    no_repeats: bool = False
    one_sentence: bool = False


GREEDY = Decoding()
PROSE = Decoding(0.7, 40, may_end=True, no_repeats=True, one_sentence=True)


def decoding_for(
    tokenizer: Tokenizer,
    words: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
) -> tuple[int, Decoding]:
    """How many words a line is continued by, and how. None is the usual: a sentence drawn from the
    likelier words, or the ten likeliest words, as in the lesson, if the words are not text."""
    count, usual = (SENTENCE_WORDS, PROSE) if tokenizer.writes_text else (LESSON_WORDS, GREEDY)
    if words is not None:
        count, usual = words, replace(usual, one_sentence=False)
    if temperature is not None:
        usual = replace(usual, temperature=temperature, top_k=None)
    return count, usual if top_k is None else replace(usual, top_k=top_k)


def generate_words(
    model: LanguageModel,
    line: str,
    count: int,
    decoding: Decoding = GREEDY,
    *,
    rng: np.random.Generator | None = None,
    previous_lines: Sequence[str] = (),
) -> list[str]:
    """Returns at most `count` words that continue `line`; `previous_lines` as in `suggest`.

    Special tokens are left out. Draws with `rng`. The likeliest words of the lesson's model end at
    a padding id, as in the lesson; else there are fewer words only as `decoding` says, or if the
    model can suggest none.
    """
    rng = rng or np.random.default_rng()
    given, words = model.tokenizer.typed_words(line), list[str]()
    context = encode_context(model, given, previous_lines)
    own = len(encode_context(model, given))
    while len(words) < count:
        scores = _scores(model, context, decoding, may_end=decoding.may_end and bool(words))
        scores[_unpaired(model, given + words)] = -np.inf
        if decoding.no_repeats:
            scores[_repeats(context[-own - len(words) :])] = -np.inf
        best = _drawn(scores, decoding, rng)
        if best is None or best < model.vocabulary.first_word_id:
            break
        word = model.vocabulary.word(best)
        if decoding.one_sentence and _ends_sentence(words) and word not in CLOSING_MARKS:
            break
        context.append(best)
        words.append(word)
    return words


def _scores(
    model: LanguageModel, context: list[int], decoding: Decoding, *, may_end: bool
) -> NDArray[np.float64]:
    """The logarithms [V] of the probabilities of what may come next, -inf for what may not. The
    likeliest word of the lesson's vocabulary, which learns padding, may be that."""
    with np.errstate(divide="ignore"):
        scores: NDArray[np.float64] = np.log(
            model.next_word_probabilities(context).astype(np.float64)
        )
    excluded = {*model.excluded_ids} - {model.vocabulary.end_id if may_end else None}
    if decoding.temperature > 0 or model.vocabulary.special_tokens:
        scores[[*excluded]] = -np.inf
    return scores


def _repeats(ids: Sequence[int]) -> list[int]:
    """The ids after which the last three would be three that came before."""
    last = [*ids[-2:]]
    return [ids[i + 2] for i in range(len(ids) - 2) if [*ids[i : i + 2]] == last]


def _ends_sentence(words: Sequence[str]) -> bool:
    before = (word for word in reversed(words) if word not in CLOSING_MARKS)
    return next(before, " ")[0] in SENTENCE_ENDS


def _drawn(scores: NDArray[np.float64], decoding: Decoding, rng: np.random.Generator) -> int | None:
    """An id by its scores [V], None if all are -inf."""
    best = int(scores.argmax())
    if np.isneginf(scores[best]):
        return None
    if decoding.temperature == 0:
        return best
    with np.errstate(over="ignore"):  # the most likely stays at 0, however low the temperature
        scores = (scores - scores[best]) / decoding.temperature
    if decoding.top_k is not None and decoding.top_k < len(scores):
        scores[np.argsort(-scores, kind="stable")[decoding.top_k :]] = -np.inf
    weights = np.exp(scores)
    return int(rng.choice(len(scores), p=weights / weights.sum()))


def continue_text(tokenizer: Tokenizer, before: str, words: Iterable[str]) -> str:
    """The text that ends with whole words, and these words after it."""
    for way in written_in_turn(tokenizer, before, "", words):
        before = after_taking(before, way)
    return before
