"""What a model has read is kept for who asks again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlm_tui.lm import contexts
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import WindowModel
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import BEGIN_ID, SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import small_network


class CountingModel(WindowModel):
    """Counts the ids that it reads, and what it predicts, which is the context."""

    window = 1000

    def __init__(self) -> None:
        self.vocabulary = Vocabulary([f"word{i}" for i in range(20)], SPECIAL_TOKENS)
        self.read_ids = self.predicted = 0

    def advance(self, state: tuple[int, ...], ids: Sequence[int]) -> list[tuple[int, ...]]:
        self.read_ids += len(ids)
        return super().advance(state, ids)

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        self.predicted += 1
        return np.array(context, np.float32)


def test_one_more_word_costs_one_step_and_a_letter_none() -> None:
    model, context = CountingModel(), [BEGIN_ID]
    asked = Contexts(model)
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
    model, text = CountingModel(), [BEGIN_ID, 4, 5, 6] * 5
    asked = Contexts(model)
    for context, is_read in ((text, 20), ([*text[4:], 7], 1), ([4, 5], 2)):
        before = model.read_ids
        asked.next_word_probabilities(context)
        assert model.read_ids == before + is_read


def test_only_so_much_is_read_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "MAX_WORDS", 30)
    monkeypatch.setattr(contexts, "STATES", 10)
    model, text = CountingModel(), [*range(4, 24)] * 5
    asked = Contexts(model)
    assert asked.next_word_probabilities(text).tolist() == text[-30:]
    for dropped, read in ((9, 30), (10, 60)):  # the oldest state that is kept, and one before
        asked.next_word_probabilities(text[: len(text) - dropped])
        assert model.read_ids == read


def test_earlier_texts_are_remembered_and_are_not_above() -> None:
    vocabulary = Vocabulary(["we", "went", "to", "the", "sea", "."], SPECIAL_TOKENS)
    network = small_network(vocabulary)
    network.tokenizer = ProseTokenizer(Conventions(), vocabulary.ranks)
    weights = {"network": 0.5, "cache": 0.5}
    model = MixedModel(network.tokenizer, {"network": network}, weights)  # type: ignore[arg-type]
    contexts, fresh = Contexts(model), Contexts(model)
    line = [BEGIN_ID, *vocabulary.encode(["we", "went", "to"])]
    contexts.read_earlier(["We went to the sea.", "", "Zeno went to the sea."])
    (sea,) = vocabulary.encode(["sea"])
    state = contexts.state_after(line)
    assert state.recent.length == 13 + 3 and fresh.state_after(line).recent.length == 3
    assert np.array_equal(state.models[0], fresh.state_after(line).models[0])
    assert contexts.next_word_probabilities(line)[sea] > fresh.next_word_probabilities(line)[sea]
    assert [*contexts.on_page(("we went ",)).new] == ["Zeno"]
    assert not fresh.on_page(("we went ",)).new
