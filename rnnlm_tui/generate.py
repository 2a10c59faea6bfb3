"""Continues a line with words of a model, greedily or by sampling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggest import (
    apply_insertion,
    encode_context,
    encode_lines_above,
    insertions_for,
    unpaired_marks,
)
from rnnlm_tui.text.tokenizer import SENTENCE_ENDS, Tokenizer

LESSON_WORDS, SENTENCE_WORDS = 10, 40
"""Words of a continuation on request: the lesson's number, and the most of a sentence."""
CLOSING_MARKS = '”\u2019)]}»"'


@dataclass(frozen=True, slots=True)
class Decoding:
    """How words are generated.

    At a `temperature` of 0 the next word is the likeliest one. Above 0 it is drawn from the `top_k`
    likeliest (None is all); a higher temperature draws more freely. `as_prose` lets the line end
    after a word and forbids repeating any three words in a row; `one_sentence` stops at the end of
    the sentence.
    """

    temperature: float = 0.0
    top_k: int | None = None
    as_prose: bool = False
    one_sentence: bool = False


GREEDY = Decoding()
PROSE = Decoding(0.7, 40, as_prose=True, one_sentence=True)


def decoding_for(
    tokenizer: Tokenizer,
    words: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
) -> tuple[int, Decoding]:
    """How many words to continue a line by, and how. By default, a sentence drawn from the likelier
    words; for a tokenizer that does not write text, the ten likeliest words, as in the lesson."""
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
    contexts: Contexts | None = None,
) -> list[str]:
    """Returns at most `count` words that continue `line`; `previous_lines` and `contexts` as in
    `suggest`.

    Special tokens are left out; `rng` draws. There are fewer words if `decoding` ends the line, if
    the model can suggest none, or if the likeliest id of the lesson's model is padding, as in the
    lesson.
    """
    rng, contexts = rng or np.random.default_rng(), contexts or Contexts(model)
    line_words = [word for word, *_ in model.tokenizer.words_as_written(line)]
    above, own = encode_lines_above(model, previous_lines), encode_context(model, line_words)
    words = list[str]()
    while len(words) < count:
        probabilities = contexts.next_word_probabilities(above + own).astype(np.float64)
        never = unpaired_marks(model, line_words + words)
        never += _excluded(model, decoding, may_end=decoding.as_prose and bool(words))
        never += _repeats(own) if decoding.as_prose else []
        best = _draw(probabilities, never, decoding, rng)
        if best is None or best < model.vocabulary.first_word_id:
            break
        word = model.vocabulary.word(best)
        if decoding.one_sentence and _ends_sentence(words) and word not in CLOSING_MARKS:
            break
        own.append(best)
        words.append(word)
    return words


def _excluded(model: LanguageModel, decoding: Decoding, *, may_end: bool) -> set[int]:
    """The ids that are no words. Padding is allowed in the lesson's vocabulary, which learns it."""
    if decoding.temperature == 0 and not model.vocabulary.special_tokens:
        return set()
    return {*model.excluded_ids} - {model.vocabulary.end_id if may_end else None}


def _repeats(ids: Sequence[int]) -> list[int]:
    """The ids that would repeat three ids in a row."""
    last = ids[-2:]
    return [ids[i + 2] for i in range(len(ids) - 2) if ids[i : i + 2] == last]


def _ends_sentence(words: Sequence[str]) -> bool:
    before = (word for word in reversed(words) if word not in CLOSING_MARKS)
    return next(before, " ")[0] in SENTENCE_ENDS


def _draw(
    probabilities: NDArray[np.float64],
    never: Sequence[int],
    decoding: Decoding,
    rng: np.random.Generator,
) -> int | None:
    """An id by its probability [V], but `never` one of these; None if no other is possible."""
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities)
    scores[never] = -np.inf
    best = int(scores.argmax())
    if np.isneginf(scores[best]):
        return None
    if decoding.temperature == 0:
        return best
    with np.errstate(over="ignore"):  # the likeliest stays at 0, however low the temperature
        scores = (scores - scores[best]) / decoding.temperature
    if decoding.top_k is not None and decoding.top_k < len(scores):
        scores[np.argsort(-scores, kind="stable")[decoding.top_k :]] = -np.inf
    powers = np.exp(scores)
    return int(rng.choice(len(powers), p=powers / powers.sum()))


def continue_text(tokenizer: Tokenizer, before: str, words: Iterable[str]) -> str:
    """The text, which ends with a complete word, with these words added."""
    for way in insertions_for(tokenizer, before, "", words):
        before = apply_insertion(before, way)
    return before
