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
    MeasureProgress,
    TokenScores,
    confidence_interval,
    measure,
    score,
    shared_vocabulary_losses,
    summarize,
)
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggest import CANDIDATES, suggest
from rnnlm_tui.text.tokenizer import LessonTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.scripted import ScriptedModel

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
    uses_previous_lines = False
    window = 3

    def __init__(self, seed: int, different: int, special_tokens: tuple[str, ...] = ()) -> None:
        self.vocabulary = Vocabulary(KINDRED, special_tokens)
        self.excluded_ids = self.vocabulary.excluded_ids
        self._seed, self._different = seed, different

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        rng = np.random.default_rng([self._seed, *context])
        scores = rng.integers(0, self._different, self.vocabulary.total_words).astype(np.float32)
        scores[rng.integers(1, len(scores))] += 1
        probabilities: NDArray[np.float32] = scores / scores.sum(dtype=np.float32)
        return probabilities


def measured(model: LanguageModel, lines: Sequence[str]) -> TokenScores:
    """What the measurement ends with."""
    *_, last = measure(model, lines)
    assert isinstance(last, TokenScores)
    return last


def evaluated(model: LanguageModel, lines: Sequence[str]) -> Evaluation:
    """The figures of the model on the lines."""
    return summarize(measured(model, lines))


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
    found = evaluated(ScriptedModel(AFTER), LINES)
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
    found = evaluated(ScriptedModel(AFTER), LINES[:1])
    assert found.perplexity == found.perplexity_in_vocabulary
    assert found.perplexity == pytest.approx(math.exp((math.log(2) - math.log(0.9)) / 2))


def test_a_word_of_no_probability_costs_much_but_not_everything() -> None:
    found = evaluated(ScriptedModel(AFTER), ["the a"])
    assert found.loss == pytest.approx(-math.log(LEAST_PROBABILITY))


def test_nothing_predicted_has_no_loss_and_nothing_at_all_no_figure() -> None:
    one = evaluated(ScriptedModel(AFTER), ["dog", "xyz"])
    assert (one.loss, one.perplexity_in_vocabulary, one.predicted) == (None, None, 0)
    assert (one.top5, one.continuations[1:]) == (0.5, (None, None))
    none = evaluated(ScriptedModel(AFTER), ["", " ,"])
    assert (none.lines, none.top1, none.oov_share, none.keystroke_savings) == (0, None, None, None)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    different=st.integers(1, 6),
    special_tokens=st.sampled_from(((), SPECIAL_TOKENS)),
    words=st.lists(st.sampled_from((*KINDRED, "unheard", "anew")), min_size=1, max_size=6),
)
def test_keys_and_hits_are_those_of_the_engine_asked_at_every_key(
    seed: int, different: int, special_tokens: tuple[str, ...], words: list[str]
) -> None:
    model, line = RandomModel(seed, different, special_tokens), " ".join(words)
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
    model = LessonModel(Vocabulary(KINDRED), LessonTokenizer(), 3, weights)
    lines = [" ".join(rng.choice(KINDRED, 6)) for _ in range(20)]
    found = measured(model, lines)
    for k, keys in ((CANDIDATES, found.list_keys), (1, found.ghost_keys)):
        assert keys.sum() == sum(keys_through_the_engine(model, line, k) for line in lines)


def test_progress_is_reported_from_the_first_line_to_the_last() -> None:
    steps = list(measure(ScriptedModel(AFTER), LINES, report_every_s=0))
    assert steps[:-1] == [MeasureProgress(done, 3) for done in (0, 1, 2, 3, 3)]
    seldom = list(measure(ScriptedModel(AFTER), LINES, report_every_s=1000))
    assert seldom[:-1] == [MeasureProgress(0, 3), MeasureProgress(3, 3)]


def test_common_losses_are_over_the_words_that_all_predict() -> None:
    class Blind(ScriptedModel):
        def __init__(self) -> None:
            super().__init__({})
            self.vocabulary = Vocabulary(("the", "cat", "car", "sat", "a", "not"))

    both = [measured(ScriptedModel(AFTER), LINES), measured(Blind(), LINES)]
    common = shared_vocabulary_losses(both)
    assert common is not None
    count, losses = common
    assert count == 3  # cat, sat and a: the second does not know the dog
    assert losses[0] == pytest.approx((math.log(2) - math.log(0.9) + math.log(7)) / 3)
    assert losses[1] == pytest.approx(math.log(7))
    assert shared_vocabulary_losses([both[0], measured(Blind(), LINES[:1])]) is None
    unknown_to_each_other = [measured(Blind(), ["the dog"]), measured(Blind(), ["the dog"])]
    assert shared_vocabulary_losses(unknown_to_each_other) is None


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    [
        (0.5, 100, 0.404, 0.596),
        (0.0, 10, 0.0, 0.278),
        (1.0, 10, 0.722, 1.0),
        (0.081, 1685, 0.0689, 0.0950),
        (0.3, 0, 0.0, 1.0),
    ],
)
def test_an_interval_says_how_sure_a_share_is(
    share: float, count: int, low: float, high: float
) -> None:
    assert confidence_interval(share, count) == pytest.approx((low, high), abs=5e-4)


def test_a_score_has_each_word_with_probability_and_rank() -> None:
    scored, nothing = score(ScriptedModel(AFTER), ["The dog; xyz cat", " ..."])
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
    assert (nothing.words, nothing.loss, nothing.predicted) == ((), None, 0)


# Models that know the begin and the end of a line, and the unknown word


class LineModel:
    """Knows what comes after the last id; writes down what it was asked."""

    tokenizer = LessonTokenizer()

    def __init__(self, *, uses_previous_lines: bool = False, window: int = 100) -> None:
        self.vocabulary = Vocabulary(("the", "cat", "sat"), SPECIAL_TOKENS)
        self.excluded_ids = self.vocabulary.excluded_ids
        self.uses_previous_lines = uses_previous_lines
        self.window = window
        self.asked: list[list[int]] = []

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        self.asked.append(list(context))
        # padding, <unk>, <s>, </s>, the, cat, sat
        after = {
            UNKNOWN: [0, 0.1, 0, 0.4, 0.1, 0.3, 0.1],
            BEGIN: [0, 0.1, 0, 0.1, 0.5, 0.1, 0.2],
            THE: [0, 0.3, 0, 0.2, 0.1, 0.2, 0.2],
            CAT: [0, 0.1, 0, 0.6, 0.1, 0, 0.2],
            SAT: [0, 0.1, 0, 0.8, 0.1, 0, 0],
        }
        return np.array(after[context[-1]], dtype=np.float32)


UNKNOWN, BEGIN, THE, CAT, SAT = 1, 2, 4, 5, 6


def test_every_word_and_end_of_line_counts_where_the_model_predicts_them() -> None:
    model = LineModel()
    found = evaluated(model, ["the cat", "the dog sat"])
    known = [0.5, 0.2, 0.6, 0.5, 0.1, 0.8]  # the, cat, end, the, sat after <unk>, end
    assert (found.lines, found.words, found.predicted) == (2, 5, 7)
    assert found.loss == pytest.approx(-sum(map(math.log, [*known, 0.3])) / 7)
    assert found.perplexity == pytest.approx(math.exp(found.loss or 0))
    assert found.perplexity_in_vocabulary == pytest.approx(math.exp(-sum(map(math.log, known)) / 6))
    assert found.oov_share == 1 / 5
    # <unk> and the end of the line are listed nowhere: after the, cat is first; after <unk>, cat
    # and the come before sat.
    assert (found.top1, found.top5) == (3 / 5, 4 / 5)
    assert model.asked[:3] == [[BEGIN], [BEGIN, THE], [BEGIN, THE, CAT]]
    assert model.asked[3:] == [
        [BEGIN],
        [BEGIN, THE],
        [BEGIN, THE, UNKNOWN],
        [BEGIN, THE, UNKNOWN, SAT],
    ]


def test_what_is_typed_with_a_begin_of_line_is_what_the_engine_lists() -> None:
    model, line = LineModel(), "the cat sat dog sat the"
    found = measured(model, [line])
    assert found.list_keys.sum() == keys_through_the_engine(model, line, CANDIDATES)
    assert found.ghost_keys.sum() == keys_through_the_engine(model, line, 1)


def test_the_lines_above_are_context_for_a_model_that_carries_them() -> None:
    model = LineModel(uses_previous_lines=True)
    measured(model, ["the cat", "", "sat"])
    assert model.asked[3:] == [[BEGIN, THE, CAT, BEGIN], [BEGIN, THE, CAT, BEGIN, SAT]]
    again = LineModel(uses_previous_lines=True)
    assert len(list(score(again, ["the cat", "", "sat"]))) == 3
    assert again.asked == model.asked


def test_the_lines_above_are_left_out_when_they_are_far_more_than_the_model_sees() -> None:
    model = LineModel(uses_previous_lines=True, window=5)
    measured(model, ["the cat"] * 50)
    assert all(context[0] == BEGIN for context in model.asked)
    lengths = [len(context) for context in model.asked]
    assert max(lengths) <= 4 * 5 + 3
    assert min(lengths[30:]) >= 3
    endless = LineModel(uses_previous_lines=True, window=5)
    measured(endless, ["the " * 40, "cat"])
    assert endless.asked[-2] == [BEGIN]


def test_a_score_has_the_end_of_the_line_and_the_unknown_word() -> None:
    (scored,) = score(LineModel(), ["the dog"])
    assert [(w.word, w.known, w.rank) for w in scored.words] == [
        ("the", True, 1),
        ("dog", False, None),
    ]
    assert [w.probability for w in scored.words] == pytest.approx([0.5, 0.3])
    assert scored.end == pytest.approx(0.4)
    assert scored.predicted == 3
    assert scored.loss == pytest.approx(-math.log(0.5 * 0.3 * 0.4) / 3)


def test_the_words_common_to_two_kinds_are_those_that_both_predict() -> None:
    both = [measured(ScriptedModel(AFTER), LINES), measured(LineModel(), LINES)]
    common = shared_vocabulary_losses(both)
    assert common is not None
    # The cat and sat of the first line: no first words, no ends, and no word that one lacks.
    assert common[0] == 2
    assert common[1] == pytest.approx([-math.log(0.5 * 0.9) / 2, -math.log(0.2 * 0.2) / 2])
