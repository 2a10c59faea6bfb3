"""Continues a line with words of a model, either the likeliest ones or words drawn by chance."""

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

LESSON_WORDS = 10
"""The number of words of a continuation, as in the lesson."""
SENTENCE_WORDS = 40
"""The most words of the rest of a sentence."""
TEMPERATURE = 0.7
"""The temperature with which words of prose are drawn."""
TOP_K = 40
"""The number of likeliest words that they are drawn from."""
DRAWS = 4
"""The most attempts to draw a continuation that differs from the earlier one."""


def generate_words(
    model: LanguageModel,
    line: str,
    count: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    *,
    rng: np.random.Generator | None = None,
    above: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> list[str]:
    """Returns at most `count` words that continue `line`. By default they complete the sentence, or
    are ten if the tokenizer does not write text. `above` and `contexts` are as in `suggest`.

    At a `temperature` of 0 the next word is the likeliest one. Above 0, `rng` draws it from the
    `top_k` likeliest words, by default from all. Unlikely words are drawn more often at a higher
    temperature. Special tokens and unwanted words are never taken. In prose, no three words in a
    row occur twice. There are fewer words than `count` if a line of prose ends or no word can be
    taken. The lesson's model also stops when padding is the likeliest token, as in the lesson.
    Raises UsageError for a `top_k` without a temperature.
    """
    is_prose = model.tokenizer.writes_text
    ends_with_sentence = is_prose and count is None
    if temperature is None:
        temperature = TEMPERATURE if is_prose else 0.0
        top_k = TOP_K if is_prose and top_k is None else top_k
    if top_k is not None and temperature == 0:
        hint = "give a {temperature} too, such as 0.8"
        raise UsageError("{top_k} applies only to sampling", hint, field="top_k")
    if count is None:
        count = SENTENCE_WORDS if is_prose else LESSON_WORDS
    rng, contexts = rng or np.random.default_rng(), contexts or Contexts(model)
    unwanted = contexts.unwanted
    line_words = [word for word, *_ in model.tokenizer.words_as_written(line)]
    context = encode_context(model, above)
    ids = model.vocabulary.encode(line_words)
    words = list[str]()
    while len(words) < count:
        probabilities = contexts.next_word_probabilities(context + ids).astype(np.float64)
        blocked = set(blocked_marks(model, line_words + words))
        if temperature or model.vocabulary.special_tokens:  # else padding ends the lesson's line
            blocked.update(model.blocked_ids)
        if unwanted.words:
            blocked.update(np.flatnonzero(model.vocabulary.mask(unwanted)).tolist())
        if is_prose:
            blocked.update(_repeating_ids(ids))
            if words:  # the line may end
                blocked.discard(model.vocabulary.end_id)
        if ends_with_sentence and not words:  # a full stop alone is no continuation
            blocked.update(model.vocabulary.encode([*SENTENCE_ENDS]))
        drawn = _draw(probabilities, [*blocked], temperature, top_k, rng)
        if drawn is None or drawn < model.vocabulary.first_word_id:
            break
        word = model.vocabulary.word(drawn)
        if ends_with_sentence and _ends_sentence(words) and word not in AFTER_SENTENCE_END:
            break
        ids.append(drawn)
        words.append(word)
    return words


def continue_typed(
    model: LanguageModel,
    line: str,
    unlike: str = "",
    above: Sequence[str] = (),
    contexts: Contexts | None = None,
) -> list[Insertion | Suggestion]:
    """Returns the insertions, one after the other, that continue a line being typed to the end of
    its sentence. A half-typed word is completed first.

    The words are the likeliest ones, unless `unlike` has the text of an earlier continuation. Then
    words are drawn by chance until they differ from it, at most DRAWS times. `above` and
    `contexts` are the same as in `suggest`.
    """
    rng, contexts = np.random.default_rng(), contexts or Contexts(model)
    temperature, top_k = (TEMPERATURE, TOP_K) if unlike else (0.0, None)
    found = suggest(model, line, None, LISTED, above, contexts, looks_ahead=False)
    completions = [word for word in found.candidates if found.prefix and not word.corrects]
    tokenizer = model.tokenizer.in_style_of(line, above)
    for _ in range(DRAWS):
        chances = np.array([word.probability for word in completions])
        place = _draw(chances, [], temperature, None, rng) if completions else None
        pieces: list[Insertion | Suggestion] = [] if place is None else [completions[place]]
        before = line if place is None else apply_insertion(line, completions[place])
        words = generate_words(
            model, before, None, temperature, top_k, rng=rng, above=above, contexts=contexts
        )
        pieces += insertions_for(tokenizer, before, "", words)
        if "".join(piece.text for piece in pieces) != unlike:
            break
    return pieces


def _repeating_ids(ids: Sequence[int]) -> set[int]:
    """Returns the next ids with which the last three ids would occur a second time."""
    last = ids[-2:]
    return {ids[i + 2] for i in range(len(ids) - 2) if ids[i : i + 2] == last}


def _ends_sentence(words: Sequence[str]) -> bool:
    """Returns True if the words end a sentence. Closing quotes or brackets may follow its end."""
    last = next((word for word in reversed(words) if word not in AFTER_SENTENCE_END), " ")
    return last[0] in SENTENCE_ENDS


def _draw(
    probabilities: NDArray[np.float64],
    blocked: Sequence[int],
    temperature: float,
    top_k: int | None,
    rng: np.random.Generator,
) -> int | None:
    """Draws an id by its probability [V], or takes the likeliest id at a `temperature` of 0.
    Returns None if all ids are `blocked` or have a probability of 0. Changes `probabilities`."""
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
    """Returns the text `before`, which ends with a complete word, with `words` added."""
    for insertion in insertions_for(tokenizer, before, "", words):
        before = apply_insertion(before, insertion)
    return before
