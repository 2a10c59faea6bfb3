"""Says where a suggestion of a mixture comes from, in a fraction of the time of a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.suggest import Typed, encode_context


@dataclass(frozen=True, slots=True)
class Origin:
    """`shares` are those of the components in the probability of a word, the largest first; they
    sum to 1. `phrase` are the words before it in the longest n-gram that it ends."""

    shares: tuple[tuple[ComponentName, float], ...]
    phrase: tuple[str, ...]


def origin_of(
    contexts: Contexts,
    word: str,
    line: str,
    cursor: int | None = None,
    previous_lines: Sequence[str] = (),
) -> Origin | None:
    """Returns where `word` comes from, which a mixture suggests at the cursor; None for other
    models, and if no component has the word. The arguments are those of `suggest`."""
    model = contexts.model
    if not isinstance(model, MixedModel):
        return None
    before = line[:cursor]
    typed = Typed.of(before, model.tokenizer.in_style_of(before, previous_lines))
    context = encode_context(model, typed.words, previous_lines)
    (number,) = model.vocabulary.ids([word]).tolist()
    probability = float(contexts.next_word_probabilities(context)[number])
    state = contexts.state_after(context)
    contributions = model.contributions(state, number, probability)
    if not (total := sum(contributions.values())):
        return None
    shares = ((name, value / total) for name, value in contributions.items())
    phrase: list[str] = []
    for name, part, read in zip(model.models, model.models.values(), state.models, strict=True):
        if name == "ngrams" and isinstance(part, NgramModel):
            phrase = part.words_before(read, number)
    return Origin(tuple(sorted(shares, key=lambda share: -share[1])), tuple(phrase))
