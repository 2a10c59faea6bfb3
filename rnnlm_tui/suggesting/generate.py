"""Continues a line with words of a model, the likeliest ones or drawn ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.errors import UsageError
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel, largest
from rnnlm_tui.suggesting.accepting import LISTED, Suggestion
from rnnlm_tui.suggesting.suggest import (
    apply_insertion,
    blocked_marks,
    encode_context,
    insertions_for,
    suggest,
)
from rnnlm_tui.text.marks import AFTER_SENTENCE_END, SENTENCE_ENDS
from rnnlm_tui.text.tokenizer import Insertion, Tokenizer

LESSON_WORDS, SENTENCE_WORDS = 10, 40
"""Words of a continuation on request: the lesson's number, and the most of a sentence."""
TEMPERATURE, TOP_K = 0.7, 40
"""How the words of a sentence are drawn."""
DRAWS = 4
"""How often words are drawn at most until they are others than before."""


def generate_words(
    model: LanguageModel,
    line: str,
    count: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    *,
    rng: np.random.Generator | None = None,
    previous_lines: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> list[str]:
    """Returns at most `count` words that continue `line`; by default the rest of a sentence, or ten
    words if the tokenizer does not write text. `previous_lines` and `contexts` are as in `suggest`.

    At a `temperature` of 0 the next word is the likeliest one. Above 0, `rng` draws it from the
    `top_k` likeliest, by default all; a higher temperature draws more freely. Special tokens and
    unwanted words are left out. There are fewer words if a line of prose ends, which never repeats
    three words in a row, if the model can suggest none, or if the likeliest id of the lesson's
    model is padding, as in the lesson. Raises UsageError for a `top_k` without a temperature.
    """
    is_prose, one_sentence = model.tokenizer.writes_text, False
    if temperature is None:
        temperature = TEMPERATURE if is_prose else 0.0
        top_k = TOP_K if is_prose and top_k is None else top_k
    if top_k is not None and temperature == 0:
        hint = "give a {temperature} too, such as 0.8"
        raise UsageError("{top_k} applies only to sampling", hint, field="top_k")
    if count is None:
        count, one_sentence = SENTENCE_WORDS if is_prose else LESSON_WORDS, is_prose
    rng, contexts = rng or np.random.default_rng(), contexts or Contexts(model)
    line_words = [word for word, *_ in model.tokenizer.words_as_written(line)]
    above, own = encode_context(model, [], previous_lines), model.vocabulary.encode(line_words)
    words, unwanted = list[str](), contexts.unwanted
    while len(words) < count:
        probabilities = contexts.next_word_probabilities(above + own).astype(np.float64)
        blocked = {*blocked_marks(model, line_words + words)}
        if temperature or model.vocabulary.special_tokens:  # else padding ends a line
            blocked |= {*model.blocked_ids}
        if unwanted.words:
            blocked |= {*np.flatnonzero(model.vocabulary.mask(unwanted)).tolist()}
        if is_prose:
            blocked |= _repeats(own)
            blocked -= {model.vocabulary.end_id if words else None}
        if one_sentence and not words:  # a mark alone would continue nothing
            blocked |= {*model.vocabulary.encode([*SENTENCE_ENDS])}
        best = _draw(probabilities, [*blocked], temperature, top_k, rng)
        if best is None or best < model.vocabulary.first_word_id:
            break
        word = model.vocabulary.word(best)
        if one_sentence and _ends_sentence(words) and word not in AFTER_SENTENCE_END:
            break
        own.append(best)
        words.append(word)
    return words


def continue_typed(
    model: LanguageModel,
    line: str,
    unlike: str = "",
    previous_lines: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> list[Insertion | Suggestion]:
    """Returns how to insert, one after the other, the words that continue a line being typed to the
    end of its sentence. A half-typed word is completed first.

    The words are the likeliest ones. With `unlike`, the text of an earlier continuation, they are
    drawn by chance, until they are others or DRAWS times. `previous_lines` and `contexts` are as in
    `suggest`.
    """
    rng, contexts = np.random.default_rng(), contexts or Contexts(model)
    temperature, top_k = (TEMPERATURE, TOP_K) if unlike else (0.0, None)
    found = suggest(model, line, None, LISTED, previous_lines, contexts, looks_ahead=False)
    completions = [word for word in found.candidates if found.prefix and not word.corrects]
    tokenizer = model.tokenizer.in_style_of(line, previous_lines)
    pieces = list[Insertion | Suggestion]()
    for _ in range(DRAWS):
        chances = np.array([word.probability for word in completions])
        first = _draw(chances, [], temperature, None, rng) if completions else None
        pieces = [] if first is None else [completions[first]]
        before = line if first is None else apply_insertion(line, completions[first])
        words = generate_words(
            model,
            before,
            None,
            temperature,
            top_k,
            rng=rng,
            previous_lines=previous_lines,
            contexts=contexts,
        )
        pieces += insertions_for(tokenizer, before, "", words)
        if "".join(piece.text for piece in pieces) != unlike:
            break
    return pieces


def _repeats(ids: Sequence[int]) -> set[int]:
    """The ids that would repeat three ids in a row."""
    last = ids[-2:]
    return {ids[i + 2] for i in range(len(ids) - 2) if ids[i : i + 2] == last}


def _ends_sentence(words: Sequence[str]) -> bool:
    before = (word for word in reversed(words) if word not in AFTER_SENTENCE_END)
    return next(before, " ")[0] in SENTENCE_ENDS


def _draw(
    probabilities: NDArray[np.float64],
    blocked: Sequence[int],
    temperature: float,
    top_k: int | None,
    rng: np.random.Generator,
) -> int | None:
    """An id drawn by its probability [V], none of the `blocked` ones. None if no other is
    possible."""
    probabilities[blocked] = 0
    best = int(probabilities.argmax())
    if not probabilities[best]:
        return None
    if temperature == 0:
        return best
    ids = np.arange(len(probabilities)) if top_k is None else np.sort(largest(probabilities, top_k))
    weights = (probabilities[ids] / probabilities[best]) ** (1 / temperature)
    return int(rng.choice(ids, p=weights / weights.sum()))


def continue_text(tokenizer: Tokenizer, before: str, words: Iterable[str]) -> str:
    """The text, which ends with a complete word, with these words added."""
    for way in insertions_for(tokenizer, before, "", words):
        before = apply_insertion(before, way)
    return before
