"""States: a text gives the same predictions read at once, in parts, or word by word; `Contexts`
keeps what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm import causal, contexts, mixture, model, recent_words
from rnnlm_tui.lm.causal import CausalModel
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel, WindowModel
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import TOKENIZERS
from rnnlm_tui.text.vocabulary import BEGIN_ID, SPECIAL_TOKENS, Vocabulary
from tests.helpers.networks import normal_weights, small_network
from tests.helpers.texts import ngram_model

LINES = ("a b a b c", "b a", "c a b", "a b d") * 4
WORDS = ("a", "b", "c", "d")
TOKENIZER = TOKENIZERS["whitespace"]


def network(cell: str = "gru", **settings: Any) -> CausalModel:
    return small_network(Vocabulary(WORDS, SPECIAL_TOKENS), cell, **settings)


def lesson() -> LessonModel:
    weights = normal_weights(lesson_shapes(LessonConfig(4, 3, 3), 1 + len(WORDS)))
    return LessonModel(Vocabulary(WORDS), TOKENIZER, 3, weights)


def mixed(**others: LanguageModel) -> MixedModel:
    """A mixture of n-grams, these models and a cache."""
    ngrams = ngram_model(["a b c d", *LINES[:4]], order=3)
    return MixedModel({"ngrams": ngrams, **others})  # type: ignore[dict-item]


def base() -> MixedModel:
    """A mixture of other words."""
    words = ngram_model(("x a b y", "y x x a", "b y c", "x a b c"))
    return MixedModel({"ngrams": words})


@pytest.mark.parametrize(
    "make",
    [
        network,
        lambda: network("lstm", layers=2),
        lambda: network("rnn"),
        lesson,
        lambda: mixed().models["ngrams"],
        mixed,
        lambda: mixed(network=network()),
        lambda: mixed(network=network(), base=base()),
    ],
)
@pytest.mark.parametrize("at_once", [1, 7])
def test_a_text_read_word_by_word_is_read_as_at_once(
    make: Callable[[], LanguageModel], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "LOGITS_AT_ONCE", 8 * at_once)
    monkeypatch.setattr(mixture, "READ_AT_ONCE", at_once)
    monkeypatch.setattr(model, "READ_AT_ONCE", at_once)
    monkeypatch.setattr(recent_words, "JOINED_AT_ONCE", 5)
    monkeypatch.setattr(recent_words, "CACHE_WORDS", 20)
    one = make()
    begin = [] if one.vocabulary.begin_id is None else [one.vocabulary.begin_id]
    ids = [i for line in LINES for i in (*begin, *one.vocabulary.encode(line.split()))]
    whole = one.advance(one.start, ids)
    expected = np.stack([distribution.copy() for distribution in one.predict(whole)])
    state = one.start
    for number, word in enumerate(ids):
        one.advance(state, ids[:2])  # leaves the state as it is
        (state,) = one.advance(state, [word])
        assert next(one.predict([state])) == pytest.approx(expected[number], abs=1e-6)
    for number in (0, 5, len(ids) - 2):  # any state can be read on from
        rest = [*one.predict(one.read(whole[number], ids[number + 1 :]))]
        assert np.stack(rest) == pytest.approx(expected[number + 1 :], abs=1e-6)
    assert one.next_word_probabilities(ids) == pytest.approx(expected[-1], abs=1e-6)
    assert one.state_after(state, []) is state
    if isinstance(one, MixedModel):
        assert state.recent.length == 20


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


def test_only_the_end_of_a_long_text_is_read_and_not_again_when_its_first_lines_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contexts, "KEY_WORDS", 6)
    monkeypatch.setattr(contexts, "LONGEST_CONTEXT", 20)
    model, text = CountingModel(), [BEGIN_ID, 4, 5, 6] * 7
    asked = Contexts(model)
    for context, is_read in ((text, 20), ([*text[4:], 7], 1), ([4, 5], 2)):
        before = model.read_ids
        assert asked.next_word_probabilities(context).tolist()[-2:] == context[-2:]
        assert model.read_ids == before + is_read


def test_the_likeliest_word_is_the_same_if_the_tail_is_not_read() -> None:
    """Some of the words are in a tail of the network, others in one of the base, or in both."""
    words = [f"w{i}" for i in range(2_100)]
    network, other = (
        small_network(Vocabulary(of_one, SPECIAL_TOKENS), softmax="adaptive")
        for of_one in (words[:2_050], words[::-1])
    )
    base = MixedModel({"network": other})
    model = MixedModel({"network": network, "base": base}, {"network": 0.4, "base": 0.5})
    asked, context, bounded = Contexts(model), [BEGIN_ID], list[bool]()
    for word in np.random.default_rng(0).integers(4, 2_104, 200).tolist():
        context.append(word)
        state = [asked.state_after(context)]
        (exact,), (bounds,) = model.predict(state), model.predict(state, bounds=True)
        assert (bounds >= exact).all()
        assert np.array_equal(bounds[~model.in_tail], exact[~model.in_tail])
        best = int(exact.argmax())
        bounded.append(bool(model.in_tail[bounds.argmax()]))
        for least in (0.0, exact[best], 1.01 * exact[best]):
            assert asked.likeliest(context, least) == (best if exact[best] >= least else None)
    assert 0 < sum(bounded) < 200  # the tail is needed for some of them


def test_the_words_of_earlier_texts_are_recent_but_their_lines_are_not_above() -> None:
    vocabulary = Vocabulary(["we", "went", "to", "the", "sea", "."], SPECIAL_TOKENS)
    network = small_network(vocabulary)
    network.tokenizer = ProseTokenizer(Conventions(), vocabulary.id_by_word)
    weights = {"network": 0.5, "cache": 0.5}
    model = MixedModel({"network": network}, weights)  # type: ignore[arg-type]
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
