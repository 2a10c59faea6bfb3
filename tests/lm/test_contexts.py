"""What a model has read is kept for who asks again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlm_tui.lm import contexts, recent_words
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.mixture import MixedModel, MixtureWeights
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import BEGIN_ID, SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import small_network
from tests.helpers.scripted import ContextModel

WORDS = [f"word{i}" for i in range(20)]


class CountingModel(ContextModel):
    """Counts the ids that it reads, and what it predicts."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary(WORDS, SPECIAL_TOKENS)
        self.read_ids = self.predicted = 0

    def advance(self, state: tuple[int, ...], ids: Sequence[int]) -> list[tuple[int, ...]]:
        self.read_ids += len(ids)
        return super().advance(state, ids)

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        self.predicted += 1
        return np.array(context, np.float32)


def test_one_more_word_costs_one_step_and_a_letter_none() -> None:
    model = CountingModel()
    asked = Contexts(model)
    context = [BEGIN_ID]
    for word in range(4, 12):
        context.append(word)
        for _ in "abc":
            assert asked.next_word_probabilities(context).tolist() == context
    assert (model.read_ids, model.predicted) == (9, 8)
    asked.next_word_probabilities([*context[:4], 19])  # corrected in the middle
    asked.next_word_probabilities(context[:5])  # taken back
    assert (model.read_ids, model.predicted) == (10, 9)


def test_a_long_text_is_not_read_again_when_its_first_lines_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contexts, "KEY_WORDS", 6)
    model = CountingModel()
    asked = Contexts(model)
    text = [BEGIN_ID, 4, 5, 6] * 5
    asked.next_word_probabilities(text)
    before = model.read_ids
    asked.next_word_probabilities([*text[4:], 7])
    assert model.read_ids == before + 1
    asked.next_word_probabilities([4, 5])  # a short context is never taken for another one
    assert model.read_ids == before + 3


def test_only_so_much_is_read_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "MAX_WORDS", 30)
    monkeypatch.setattr(contexts, "STATES", 10)
    monkeypatch.setattr(contexts, "DISTRIBUTIONS", 2)
    model = CountingModel()
    asked, text = Contexts(model), [*range(4, 24)] * 5
    assert asked.next_word_probabilities(text).tolist() == text[-30:]
    assert model.read_ids == 30
    asked.next_word_probabilities(text[:-9])  # the oldest state that is kept
    assert model.read_ids == 30
    asked.next_word_probabilities(text[:-10])
    assert (model.read_ids, model.predicted) == (60, 3)
    asked.next_word_probabilities(text[:-9])
    asked.next_word_probabilities(text[:-10])
    assert model.predicted == 3
    asked.next_word_probabilities(text)
    assert model.predicted == 4


def prose_mixture() -> MixedModel:
    vocabulary = Vocabulary(["we", "went", "to", "the", "sea", "."], SPECIAL_TOKENS)
    tokenizer = ProseTokenizer(Conventions(), vocabulary.ranks)
    network = small_network(vocabulary)
    network.tokenizer = tokenizer
    weights: MixtureWeights = {"network": 0.5, "cache": 0.5}
    return MixedModel(tokenizer, {"network": network}, weights)


def test_earlier_texts_are_remembered_and_are_not_above() -> None:
    model = prose_mixture()
    vocabulary, contexts, fresh = model.vocabulary, Contexts(model), Contexts(model)
    line = [BEGIN_ID, *vocabulary.encode(["we", "went", "to"])]
    contexts.read_earlier(["We went to the sea.", "", "Zeno went to the sea."])
    (sea,) = vocabulary.encode(["sea"])
    state = contexts.state_after(line)
    assert state.recent.length == 13 + 3 and fresh.state_after(line).recent.length == 3
    assert np.array_equal(state.models[0], fresh.state_after(line).models[0])
    assert contexts.next_word_probabilities(line)[sea] > fresh.next_word_probabilities(line)[sea]
    assert [*contexts.on_page(("we went ",)).new] == ["Zeno"]
    assert not fresh.on_page(("we went ",)).new


def test_a_mixture_learns_how_much_to_trust_its_parts_from_what_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here one sentence again and again, which the cache alone predicts."""
    monkeypatch.setattr(recent_words, "FULL_AT", 5)
    model = prose_mixture()
    contexts, above = Contexts(model), list[int]()
    line = model.vocabulary.encode(["we", "went", "to", "the", "sea", "."])
    for _ in range(20):
        contexts.learn(above, line)
        above += [BEGIN_ID, *line]
    learned = contexts.model
    assert isinstance(learned, MixedModel)
    assert learned.mixture_weights["cache"] > 0.7 > model.mixture_weights["cache"]
    before = Contexts(model).next_word_probabilities([*above, BEGIN_ID])
    assert contexts.next_word_probabilities([*above, BEGIN_ID])[line[0]] > before[line[0]]
