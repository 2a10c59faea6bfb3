"""The figures of a model, against hand-computed ones and against typing through the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.evaluate import (
    LEAST_PROBABILITY,
    Evaluation,
    Measured,
    Measuring,
    common_losses,
    figures,
    measure,
    score,
)
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.recurrent import LessonModel, lesson_shapes
from rnnlm_tui.suggest import CANDIDATES, suggest
from rnnlm_tui.text.tokenizer import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from tests.test_suggest import ScriptedModel

AFTER = {
    "the": {"cat": 0.5, "car": 0.2, "dog": 0.2, "": 0.1},
    "cat": {"sat": 0.9, "the": 0.1},
}
LINES = ("The cat sat,", "", "the dog; xyz a")
"""Seven words: all but xyz are known, and four have a known word before them."""
KINDRED = ("a", "an", "and", "ant", "antler", "be", "bee", "been", "the", "then", "there", "to")


class RandomModel:
    """Draws a distribution with many equal probabilities for each context, from the context."""

    tokenizer = LessonTokenizer()
    unsuggested_ids = (0,)
    window = 3

    def __init__(self, seed: int, different: int) -> None:
        self.vocabulary = Vocabulary(KINDRED)
        self._seed, self._different = seed, different

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        rng = np.random.default_rng([self._seed, *context])
        scores = rng.integers(0, self._different, len(KINDRED) + 1).astype(np.float32)
        scores[rng.integers(1, len(scores))] += 1
        probabilities: NDArray[np.float32] = scores / scores.sum(dtype=np.float32)
        return probabilities


def measured(model: LanguageModel, lines: Sequence[str]) -> Measured:
    """What the measurement ends with."""
    *_, last = measure(model, lines)
    assert isinstance(last, Measured)
    return last


def evaluation(model: LanguageModel, lines: Sequence[str]) -> Evaluation:
    """The figures of the model on the lines."""
    return figures(measured(model, lines))


def keys_through_the_engine(model: LanguageModel, line: str, listed: int) -> int:
    """The fewest keys that the line takes with the first `listed` of the engine's words at hand,
    asking the engine at every key."""
    words, keys, written = model.tokenizer.words(line), 0, ""
    for i, word in enumerate(words):
        is_last = i == len(words) - 1
        ways = [len(word) + 1]
        for letters in range(len(word)):
            candidates = suggest(model, written + word[:letters]).candidates[:listed]
            if word in [candidate.word for candidate in candidates]:
                ways.append(letters + 1 + is_last)
        keys += min(ways)
        written += word + " "
    return keys


def test_the_figures_of_a_scripted_model_are_those_computed_by_hand() -> None:
    found = evaluation(ScriptedModel(AFTER), LINES)
    loss = (math.log(2) - math.log(0.9) + math.log(5) + math.log(7)) / 4
    assert (found.lines, found.words, found.predicted) == (2, 7, 4)
    assert found.loss == pytest.approx(loss)
    assert found.perplexity is None  # xyz has no probability
    assert found.perplexity_in_vocabulary == pytest.approx(math.exp(loss))
    assert found.oov_share == 1 / 7
    # "the" twice, cat and sat; dog is third, a is sixth.
    assert (found.top1, found.top5) == (4 / 7, 5 / 7)
    # Of 7, 5 and 3 places: the cat, cat sat; the cat sat.
    assert found.continuations == (4 / 7, 2 / 5, 1 / 3)
    assert found.keys == len("the cat sat.") + len("the dog xyz a.")
    # 1 + 1 + (1 + end) and 1 + 1 + 4 + 2; the ghost has dog only after its d.
    assert found.keystroke_savings == pytest.approx(1 - (4 + 8) / 26)
    assert found.keystroke_savings_ghost == pytest.approx(1 - (4 + 9) / 26)


def test_without_unknown_words_both_perplexities_are_one() -> None:
    found = evaluation(ScriptedModel(AFTER), LINES[:1])
    assert found.perplexity == found.perplexity_in_vocabulary
    assert found.perplexity == pytest.approx(math.exp((math.log(2) - math.log(0.9)) / 2))


def test_a_word_of_no_probability_costs_much_but_not_everything() -> None:
    found = evaluation(ScriptedModel(AFTER), ["the a"])
    assert found.loss == pytest.approx(-math.log(LEAST_PROBABILITY))


def test_nothing_predicted_has_no_loss_and_nothing_at_all_no_figure() -> None:
    one = evaluation(ScriptedModel(AFTER), ["dog", "xyz"])
    assert (one.loss, one.perplexity_in_vocabulary, one.predicted) == (None, None, 0)
    assert (one.top5, one.continuations[1:]) == (0.5, (None, None))
    none = evaluation(ScriptedModel(AFTER), ["", " ,"])
    assert (none.lines, none.top1, none.oov_share, none.keystroke_savings) == (0, None, None, None)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    different=st.integers(1, 6),
    words=st.lists(st.sampled_from((*KINDRED, "unheard", "anew")), min_size=1, max_size=6),
)
def test_keys_and_hits_are_those_of_the_engine_asked_at_every_key(
    seed: int, different: int, words: list[str]
) -> None:
    model, line = RandomModel(seed, different), " ".join(words)
    found = measured(model, [line])
    assert found.list_keys.sum() == keys_through_the_engine(model, line, CANDIDATES)
    assert found.ghost_keys.sum() == keys_through_the_engine(model, line, 1)
    for i, (word, rank) in enumerate(zip(words, found.ranks, strict=True)):
        listed = suggest(model, " ".join([*words[:i], ""]), k=99).candidates
        place = [c.word for c in listed].index(word) if word in KINDRED else -1
        assert rank == place


def test_a_real_network_is_measured_as_the_engine_shows_it() -> None:
    rng, config = np.random.default_rng(5), LessonConfig(4, 5, 6)
    shapes = lesson_shapes(config, len(KINDRED) + 1)
    weights = {n: rng.normal(size=shape).astype(np.float32) for n, shape in shapes.items()}
    model = LessonModel(config, Vocabulary(KINDRED), LessonTokenizer(), 3, weights)
    lines = [" ".join(rng.choice(KINDRED, 6)) for _ in range(20)]
    found = measured(model, lines)
    for k, keys in ((CANDIDATES, found.list_keys), (1, found.ghost_keys)):
        assert keys.sum() == sum(keys_through_the_engine(model, line, k) for line in lines)


def test_progress_is_reported_from_the_first_line_to_the_last() -> None:
    steps = list(measure(ScriptedModel(AFTER), LINES, report_every_s=0))
    assert steps[:-1] == [Measuring(done, 3) for done in (0, 1, 2, 3, 3)]
    seldom = list(measure(ScriptedModel(AFTER), LINES, report_every_s=1000))
    assert seldom[:-1] == [Measuring(0, 3), Measuring(3, 3)]


def test_common_losses_are_over_the_words_that_all_predict() -> None:
    class Blind(ScriptedModel):
        def __init__(self) -> None:
            super().__init__({})
            self.vocabulary = Vocabulary(("the", "cat", "car", "sat", "a", "not"))

    both = [measured(ScriptedModel(AFTER), LINES), measured(Blind(), LINES)]
    common = common_losses(both)
    assert common is not None
    count, losses = common
    assert count == 3  # cat, sat and a: the second does not know the dog
    assert losses[0] == pytest.approx((math.log(2) - math.log(0.9) + math.log(7)) / 3)
    assert losses[1] == pytest.approx(math.log(7))
    assert common_losses([both[0], measured(Blind(), LINES[:1])]) is None
    unknown_to_each_other = [measured(Blind(), ["the dog"]), measured(Blind(), ["the dog"])]
    assert common_losses(unknown_to_each_other) is None


def test_a_score_has_each_word_with_probability_and_rank() -> None:
    scored = score(ScriptedModel(AFTER), "The dog; xyz cat")
    assert [(w.word, w.known, w.rank) for w in scored.words] == [
        ("the", True, None),  # the lesson's kind predicts no first word
        ("dog", True, 3),
        ("xyz", False, None),
        ("cat", True, 2),
    ]
    assert [w.probability for w in scored.words] == [
        None,
        pytest.approx(0.2),
        None,
        pytest.approx(1 / 7),
    ]
    assert (scored.end, scored.predicted) == (None, 2)
    assert scored.loss == pytest.approx((math.log(5) + math.log(7)) / 2)
    nothing = score(ScriptedModel(AFTER), " ...")
    assert (nothing.words, nothing.loss, nothing.predicted) == ((), None, 0)
