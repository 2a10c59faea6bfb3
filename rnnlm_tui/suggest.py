"""Suggests the next words for a typed line, and how to insert them.

What is suggested is a function of the model, the lines above, the line and the cursor alone (and
hardly of what stood before the last 500 words, see `contexts`):

- the likeliest words that fit what is typed of a word;
- among them words that the model does not know, if they stand in the lines above or in this one,
  and words that followed the same name there;
- a word that was listed for fewer letters of the same word, and not taken, counts less while the
  word is typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.accepting import DIGITS, LISTED, Suggestion, is_of_letters
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel, largest
from rnnlm_tui.lm.page_words import OnPage
from rnnlm_tui.text.prose_tokens import APOSTROPHE
from rnnlm_tui.text.tokenizer import Insertion, Tokenizer, is_all_capitals

MAX_AHEAD = 4
"""The most words of a continuation; each costs one step of the network."""
MIN_PROBABILITY = 0.25
"""A continuation ends before the first word with a smaller probability."""
MARK_PROBABILITY = 0.05
"""A punctuation mark is listed from this probability on. On 290,000 words of stories, with n-grams
alone, this saves 47.9 % of keys; 0.3 saves 47.6 %, no marks 47.4 %, and all marks 47.9 %."""
OTHER_CASE = 0.005
"""Multiplies the probability of a word if its first letter differs in case from the typed one, or
its accents from those of the typed letters. On the same text this saves 47.7 % of keys; 0.2 saves
47.4 % and 1 saves 47.0 %."""
PASSED_OVER = 0.05
"""Multiplies the probability of a word for each shorter beginning for which it was listed and not
taken. On three texts this saves 0.3 points more of all keys than 0.2."""
NAME_TYPED, NAME_LETTERS = 2.0, 2
"""Multiplies the probability of a word that the model does not know, up to this many letters, if
the first one is a capital within a sentence: the model has not seen that it is one. 1.5 to 2.5 fit
best on diaries, letters, notes and novels; for three letters 1 does."""
MERGED = 20
"""Words considered for a list, since several may be written the same way. The first ones are the
same for lists of up to half as many words."""
PAIRS = (("“", "”"), ("(", ")"), ("[", "]"))
"""Opening and closing marks. While one is open, only its other half is suggested."""
SINGLE_QUOTES = ("‘", "’")
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

    @property
    def start(self) -> str:
        """The text up to the word being typed."""
        return self.before.removesuffix(self.prefix)


@dataclass(frozen=True, slots=True)
class WordList:
    """The words listed for a `prefix`, the beginning of the word being typed, with which
    `matching_words` words begin. `digits_in_words` are the digits that make the beginning of a
    known word after it."""

    prefix: str
    candidates: tuple[Suggestion, ...]
    matching_words: int
    digits_in_words: str


@dataclass(frozen=True, slots=True)
class Suggestions(WordList):
    """The answer for `line`.

    `continuation` begins with the first candidate; `ghost` says how each of its words is inserted
    after the one before; both are empty with the cursor within a word. `seen` are the words of the
    line in the model's context window, `unknown` those outside its vocabulary.
    """

    line: str
    continuation: tuple[str, ...]
    ghost: tuple[Insertion, ...]
    seen: tuple[str, ...]
    unknown: tuple[str, ...]

    def insertable(self, k: int) -> tuple[Suggestion, ...]:
        """The first `k` candidates that change the text. A word that is complete already does not;
        it only begins the continuation."""
        return tuple(islice((c for c in self.candidates if c.changes_text), k))


def suggest(
    model: LanguageModel,
    line: str,
    cursor: int | None = None,
    k: int = LISTED,
    previous_lines: Sequence[str] = (),
    contexts: Contexts | None = None,
    *,
    while_typing: bool = False,
) -> Suggestions:
    """Returns the `k` most likely words at `cursor` (None is the end of the line).

    The probabilities are those of the words that begin with the prefix being typed, scaled to a sum
    of 1. `previous_lines` are the lines before this one, in order; a network that does not use
    previous lines ignores them. Quotes and apostrophes are written as in the line and the lines
    before it. Who asks for every key passes the same `contexts` of the model each time, so that
    the text is not read again, and says that this is `while_typing`: a writer who goes on typing
    passes over the words that are listed.
    """
    cursor = len(line) if cursor is None else max(0, min(cursor, len(line)))
    tokenizer = model.tokenizer.in_style_of(line[:cursor], previous_lines)
    typed = Typed.of(line[:cursor], tokenizer)
    above, ids = encode_context(model, [], previous_lines), model.vocabulary.encode(typed.words)
    contexts = contexts or Contexts(model)

    def predict(ids: list[int]) -> NDArray[np.float32]:
        return contexts.next_word_probabilities(above + ids)

    page = contexts.on_page((*previous_lines, typed.start))
    lists = WordLists(model, tokenizer, predict(ids), page)
    after = tokenizer.letters_at_start(line[cursor:]) if typed.prefix else 0
    listed = lists.at(typed, k, after, while_typing=while_typing)
    continuation = () if after else look_ahead(model, typed, listed.candidates, predict)
    unknown = [word for word in typed.words if word not in model.vocabulary]
    if typed.prefix and not listed.candidates:
        unknown.append(typed.prefix)
    vocabulary, in_window = model.vocabulary, ids[max(0, len(ids) - model.window) :]
    return Suggestions(
        listed.prefix,
        listed.candidates,
        listed.matching_words,
        listed.digits_in_words,
        line,
        continuation=continuation,
        ghost=tuple(insertions_for(tokenizer, typed.before, typed.prefix, continuation)),
        seen=tuple(vocabulary.word(i) for i in in_window if i >= vocabulary.first_word_id),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def split_last_line(model: LanguageModel, text: str) -> tuple[list[str], str]:
    """Splits a text into previous lines and the last line. For a model without a start of line the
    whole text is one line."""
    if model.vocabulary.begin_id is None:
        return [], text
    *above, line = text.split("\n")
    return above, line


def encode_context(
    model: LanguageModel, words: Sequence[str], previous_lines: Sequence[str] = ()
) -> list[int]:
    """The ids of the context: of the previous lines, and of `words`.

    If the vocabulary has a start-of-line token, each line starts with it.
    """
    vocabulary = model.vocabulary
    begin = [] if vocabulary.begin_id is None else [vocabulary.begin_id]
    return encode_lines_above(model, previous_lines) + begin + vocabulary.encode(words)


def encode_lines_above(model: LanguageModel, previous_lines: Iterable[str]) -> list[int]:
    """The ids of the previous lines that have words; none if the model does not use them."""
    begin = [] if model.vocabulary.begin_id is None else [model.vocabulary.begin_id]
    context: list[int] = []
    for line in previous_lines if model.uses_previous_lines else ():
        if ids := model.vocabulary.encode_line(line, model.tokenizer.words_above):
            context += [*begin, *ids]
    return context


class _Spelling(NamedTuple):
    """Words that are written the same way: the likeliest of them, the sum of their probabilities,
    and their ids."""

    word: str
    probability: float
    ids: list[int]


class WordLists:
    """The lists of words at the start of a word and while its letters are typed.

    The V ids of the vocabulary are followed by those of words of the page: D in all.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        probabilities: NDArray[np.float32],
        page: OnPage,
    ) -> None:
        """`probabilities` [V] are those of the next word by the model, to which the words of the
        `page` are added. `tokenizer` writes as the text does."""
        self._model, self._tokenizer = model, tokenizer
        new, self._probabilities = with_page(model, probabilities, page)  # [D]
        self._new = tuple(new)
        for word in self._new:
            if word not in page.keys:
                page.keys[word] = tokenizer.match_key(word)
        self._new_keys = [page.keys[word] for word in self._new]
        self._letters = 0
        """The words listed for fewer letters than these count less already."""

    def at(
        self, typed: Typed, k: int = LISTED, after: int = 0, *, while_typing: bool = True
    ) -> WordList:
        """The list of the `k` likeliest words that begin with the prefix of `typed`, which must
        grow from call to call. `after` characters of the word follow the cursor. `while_typing`
        says that the words listed for fewer letters were seen and not taken."""
        for count in range(self._letters, len(typed.prefix) if while_typing else 0):
            shorter = typed.prefix[:count]
            self._pass_over(Typed(typed.start + shorter, typed.words, shorter))
        self._letters = len(typed.prefix)
        ids, probabilities = self._matches(typed)
        candidates = tuple(
            Suggestion(spelling.word, spelling.probability, *way, after)
            for way, spelling in self._likeliest(ids, probabilities, typed, k)
        )
        return WordList(typed.prefix, candidates, len(ids), self._digits_after(typed.prefix))

    def _pass_over(self, typed: Typed) -> None:
        """Lets the words listed for this prefix count less from now on."""
        ids, probabilities = self._matches(typed)
        ranked = self._likeliest(ids, probabilities, typed, LISTED)
        listed = [i for _, spelling in ranked for i in spelling.ids]
        if self._letters == len(typed.prefix) == 0:
            self._probabilities = self._probabilities.copy()
        self._probabilities[listed] *= np.float32(PASSED_OVER)

    def _matches(self, typed: Typed) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ids [N] that may be suggested, rising, and their probabilities, which sum to 1."""
        model, tokenizer, prefix = self._model, self._tokenizer, typed.prefix
        vocabulary = model.vocabulary
        if prefix:
            key = model.tokenizer.match_key  # one for all styles of writing: keys are cached by it
            ids = vocabulary.ids_with_prefix(key(prefix), key)
            ids = self._with_new_words(ids[self._suggested_mask[ids]], prefix)
        else:
            suggested = self._suggested_mask
            if tokenizer.writes_text:
                least = MARK_PROBABILITY if typed.before.strip() else np.inf
                likely = self._probabilities[: vocabulary.total_words] >= least
                suggested = suggested & (likely | ~vocabulary.mask(tokenizer.is_mark))
                suggested[unpaired_marks(model, typed.words)] = False
            ids = self._with_new_words(np.flatnonzero(suggested), "")
        probabilities = self._probabilities[ids]
        if not np.count_nonzero(probabilities):  # all underflow to zero: they are equally likely
            probabilities = np.ones_like(probabilities)
        if prefix and tokenizer.writes_text:
            if (in_another_case := self._in_another_case(ids, typed)) is not None:
                probabilities[in_another_case] *= np.float32(OTHER_CASE)
                if _has_capital(prefix) and len(prefix) <= NAME_LETTERS:
                    probabilities[ids >= vocabulary.total_words] *= np.float32(NAME_TYPED)
            probabilities[self._with_other_accents(ids, prefix)] *= np.float32(OTHER_CASE)
        return ids, probabilities / np.add.reduce(probabilities)

    @cached_property
    def _suggested_mask(self) -> NDArray[np.bool_]:
        suggested = np.ones(self._model.vocabulary.total_words, dtype=np.bool_)
        suggested[list(self._model.excluded_ids)] = False
        return suggested

    def _with_new_words(self, ids: NDArray[np.int64], prefix: str) -> NDArray[np.int64]:
        """The ids, and those of the new words that begin with `prefix`."""
        begin, first = self._tokenizer.match_key(prefix), self._model.vocabulary.total_words
        new = [first + i for i, key in enumerate(self._new_keys) if key.startswith(begin)]
        return np.append(ids, new) if new else ids

    def _word(self, number: int) -> str:
        new = number - self._model.vocabulary.total_words
        return self._new[new] if new >= 0 else self._model.vocabulary.word(number)

    def _in_another_case(self, ids: NDArray[np.int64], typed: Typed) -> NDArray[np.bool_] | None:
        """Which of the words [N] begin in another case than the prefix does. None if that says
        nothing: where all begin alike, at the start of a sentence, and for a prefix all in
        capitals."""
        is_capital = self._mask(_has_capital, ids)
        if is_capital.all() or not is_capital.any() or is_all_capitals(typed.prefix):
            return None
        small = self._word(int(ids[is_capital.argmin()]))
        if _has_capital(self._tokenizer.insertion_of(typed.start, "", small).text.lstrip()):
            return None
        return np.asarray(is_capital != _has_capital(typed.prefix))

    def _with_other_accents(self, ids: NDArray[np.int64], prefix: str) -> NDArray[np.bool_]:
        """Which of the words [N] begin with other accents than the prefix has."""
        differs = ~self._mask(str.isascii, ids) if prefix.isascii() else np.ones(len(ids), np.bool_)
        small, length = _in_small_letters(prefix), len(prefix)
        differs[differs] = [
            _in_small_letters(self._word(number)[:length]) != small
            for number in ids[differs].tolist()
        ]
        return differs

    def _mask(self, holds: Callable[[str], bool], ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For which of these words [N] this is true."""
        known = ids.searchsorted(self._model.vocabulary.total_words)
        new = [holds(self._word(number)) for number in ids[known:].tolist()]
        of_known = self._model.vocabulary.mask(holds)[ids[:known]]
        return np.concatenate((of_known, np.array(new, np.bool_)))

    def _likeliest(
        self, ids: NDArray[np.int64], probabilities: NDArray[np.float32], typed: Typed, k: int
    ) -> list[tuple[Insertion, _Spelling]]:
        """The `k` likeliest of these words. Words that are written the same way count as one."""
        by_spelling = dict[Insertion, _Spelling]()
        for place in largest(probabilities, max(MERGED, 2 * k)).tolist():
            number, probability = int(ids[place]), float(probabilities[place])
            word = self._word(number)
            way = self._tokenizer.insertion_of(typed.before, typed.prefix, word)
            same = by_spelling.get(way)
            if same is not None:
                word, probability = same.word, same.probability + probability
            by_spelling[way] = _Spelling(word, probability, [*(same.ids if same else ()), number])
        ranked = sorted(by_spelling.items(), key=lambda item: -item[1].probability)
        key = _in_small_letters(typed.prefix)
        others = [
            len(s.word) == len(key) and _in_small_letters(s.word) != key for _, s in ranked[:k]
        ]
        as_typed = next((i for i, (way, _) in enumerate(ranked) if key and not way.text), None)
        if as_typed is not None and any(others):
            ranked.insert(0, ranked.pop(as_typed))  # before the same letters with other accents
        if self._tokenizer.writes_text:  # a complete word only begins a continuation
            ranked[1:] = [item for item in ranked[1:] if item[0].text]
        return ranked[:k]

    def _digits_after(self, prefix: str) -> str:
        """The digits that make the beginning of a known word after `prefix`, as `3` does in mp3."""
        if not prefix or not is_of_letters(prefix):
            return ""
        key, vocabulary = self._model.tokenizer.match_key, self._model.vocabulary
        new = {word[len(prefix) :][:1] for word in self._new if word.startswith(prefix)}
        return "".join(
            digit
            for digit in DIGITS
            if digit in new
            or any(
                vocabulary.word(i).startswith(prefix + digit)
                for i in vocabulary.ids_with_prefix(key(prefix + digit), key).tolist()
            )
        )


def with_page(
    model: LanguageModel, probabilities: NDArray[np.float32], page: OnPage
) -> tuple[Sequence[str], NDArray[np.float32]]:
    """The words of the page that the vocabulary lacks, and the probabilities of the ids of the
    vocabulary and of these words [D]."""
    vocabulary = model.vocabulary
    if not page.new and not page.following:
        return (), probabilities
    assert vocabulary.unknown_id is not None
    unknown = float(probabilities[vocabulary.unknown_id])
    new = {word: unknown * chance for word, chance in page.new.items()}
    if page.following:
        others = 1 - sum(page.following.values())
        probabilities = probabilities * np.float32(others)
        new = {word: others * probability for word, probability in new.items()}
    for word, probability in page.following.items():
        if word in vocabulary:
            probabilities[vocabulary.ranks[word]] += probability
        else:
            new[word] = new.get(word, 0.0) + probability
    added = np.array([*new.values()], np.float32)
    return (*new,), np.concatenate((probabilities, added))


def unpaired_marks(model: LanguageModel, words: Sequence[str]) -> list[int]:
    """The ids of the paired marks that cannot follow these words."""
    if not model.tokenizer.writes_text:
        return []
    marks = [pair[words.count(pair[0]) <= words.count(pair[1])] for pair in PAIRS]
    if not words or model.tokenizer.is_mark(words[-1]):  # after a word it may be an apostrophe
        opened, closed = SINGLE_QUOTES
        marks += [closed] if words.count(opened) <= words.count(closed) else []
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


def look_ahead(
    model: LanguageModel,
    typed: Typed,
    candidates: Sequence[Suggestion],
    predict: Callable[[list[int]], NDArray[np.float32]],
) -> tuple[str, ...]:
    """The first candidate and the most likely words after it, until the probability is low or the
    end of the line is most likely. Nothing inside a number or an address. `predict` returns the
    distribution [V] after these ids of the line."""
    if model.tokenizer.writes_text and NO_GHOST.search(_last_chunk(typed.before)):
        return ()
    words = [candidate.word for candidate in candidates[:1]]
    while words and len(words) < MAX_AHEAD:
        probabilities = predict(model.vocabulary.encode([*typed.words, *words]))
        best = int(probabilities.argmax())
        never = (*model.excluded_ids, *unpaired_marks(model, [*typed.words, *words]))
        if probabilities[best] < MIN_PROBABILITY or best in never:
            break
        words.append(model.vocabulary.word(best))
    return tuple(words)


def _last_chunk(before: str) -> str:
    """The characters between the last white space and the cursor."""
    return "" if not before or before[-1].isspace() else before.rsplit(maxsplit=1)[-1]
