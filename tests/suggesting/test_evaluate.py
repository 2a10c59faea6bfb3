"""The figures of a model, against hand-computed ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from time import process_time
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.events import ByWriter
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import SMALLEST_FLOAT, LanguageModel
from rnnlm_tui.lm.page_words import UNFAMILIAR
from rnnlm_tui.suggesting.accepting import Writer
from rnnlm_tui.suggesting.evaluate import (
    LETTER_NATS,
    ScoredLine,
    ScoredWord,
    score,
    suggestion_loss,
    summarize,
)
from rnnlm_tui.suggesting.suggest import CONTINUES_FROM, encode_context
from rnnlm_tui.suggesting.typist import Typist
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from tests.helpers.scripted import ScriptedModel

AFTER = {
    "the": {"cat": 0.5, "car": 0.2, "dog": 0.2, "": 0.1},
    "cat": {"sat": 0.9, "the": 0.1},
}
KINDRED = ("a", "an", "and", "ant", "antler", "be", "bee", "been", "the", "then", "there", "to")


class RandomModel(ScriptedModel):
    """Draws a distribution with many equal probabilities for each context, from the context."""

    def __init__(
        self,
        seed: int,
        different: int,
        special_tokens: tuple[str, ...],
        words: Sequence[str],
        tokenizer: Tokenizer,
    ) -> None:
        super().__init__({}, 100, special_tokens, words, tokenizer)
        self._seed, self._different = seed, different

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        rng = np.random.default_rng([self._seed, *context])
        scores = rng.integers(0, self._different, self.vocabulary.total_words).astype(np.float32)
        scores[rng.integers(1, len(scores))] += 1
        probabilities: NDArray[np.float32] = scores / scores.sum(dtype=np.float32)
        return probabilities


AFTER_IN_LINES = {
    "<unk>": {"<unk>": 0.1, "</s>": 0.4, "the": 0.1, "cat": 0.3, "sat": 0.1},
    "<s>": {"<unk>": 0.1, "</s>": 0.1, "the": 0.5, "cat": 0.1, "sat": 0.2},
    "the": {"<unk>": 0.3, "</s>": 0.2, "the": 0.1, "cat": 0.2, "sat": 0.2},
    "cat": {"<unk>": 0.1, "</s>": 0.6, "the": 0.1, "sat": 0.2},
    "sat": {"<unk>": 0.1, "</s>": 0.8, "the": 0.1},
}


def line_model() -> ScriptedModel:
    """A model with tokens for the start and the end of a line and for unknown words."""
    return ScriptedModel(AFTER_IN_LINES, 100, SPECIAL_TOKENS, ("the", "cat", "sat"))


def typist_of(model: LanguageModel, text: str) -> Typist:
    """A typist of the text at the start of a page."""
    contexts, begin = Contexts(model), encode_context(model, ())
    return Typist(
        contexts,
        text,
        (),
        lambda ids: contexts.next_word_probabilities(begin + ids),
        lambda ids: contexts.likeliest(begin + ids, CONTINUES_FROM),
    )


def keys_of(model: LanguageModel, text: str, writer: Writer = "attentive") -> list[str]:
    """The keys that type the text. Checks that the line becomes the text."""
    steps = [*typist_of(model, text).steps(writer)]
    assert steps[-1][1].removesuffix(" ") == text.removesuffix(" ")
    return [key for keys, _ in steps for key in keys]


def scores_of(model: LanguageModel, *lines: str) -> list[ScoredLine]:
    """The lines as the model scores them, without lines above them."""
    return [*score(model, [Excerpt((), lines)])]


def test_the_figures_without_tokens_for_lines_are_those_computed_by_hand() -> None:
    """Seven words: all but xyz are known, and four have a known word before them."""
    scored = scores_of(ScriptedModel(AFTER), "The cat sat,", "", "the dog; xyz a")
    figures, keys = summarize(scored), sum(line.keys.glancing for line in scored if line.keys)
    loss = (math.log(2) - math.log(0.9) + math.log(5) + math.log(7)) / 4
    assert (figures.lines, figures.words, figures.predicted) == (2, 7, 4)
    assert (figures.loss, figures.perplexity) == pytest.approx((loss, math.exp(loss)))
    # "the" twice, cat and sat; dog is third, a is sixth; xyz has no probability.
    assert (figures.oov_share, figures.top1, figures.top5) == (1 / 7, 4 / 7, 5 / 7)
    assert figures.keys is not None and figures.keystroke_savings is not None
    assert (figures.keys.glancing, figures.characters) == (keys, 12 + 14 + 2)
    assert figures.keystroke_savings.glancing == pytest.approx(1 - keys / 28)
    assert figures.savings_intervals is None  # of 28 characters
    words = scored[2].words
    assert [(w.word, w.is_known, w.rank) for w in words] == [
        *(("the", True, 1), ("dog", True, 3), ("xyz", False, None), ("a", True, 6))
    ]
    assert [w.probability for w in words] == [
        *(None, pytest.approx(0.2), None, pytest.approx(1 / 7))
    ]
    assert scored[2].end is None


def test_every_word_and_end_of_line_counts_if_the_model_predicts_them() -> None:
    scored = scores_of(line_model(), "the cat", "the dog sat")
    figures, chances = summarize(scored), [0.5, 0.2, 0.6, 0.5, 0.3, 0.1, 0.8]
    found = [p for line in scored for p in (*(w.probability for w in line.words), line.end)]
    assert found == pytest.approx(chances)  # the cat end, the <unk> sat end
    assert (figures.lines, figures.words, figures.predicted) == (2, 5, 7)
    assert figures.loss == pytest.approx(-sum(map(math.log, chances)) / 7)
    # <unk> and the end of the line are never listed: after the, cat is first; after <unk>, cat and
    # the come before sat.
    assert (figures.oov_share, figures.top1, figures.top5) == (1 / 5, 3 / 5, 4 / 5)
    # Whatever the vocabulary, each model answers for every character, here 8 and 12.
    nats = LETTER_NATS * len("dog ") - sum(map(math.log, chances))
    assert figures.nats_per_character == pytest.approx(nats / 20)


def test_the_loss_of_suggestions_has_the_letters_of_a_new_word_once() -> None:
    """A new word that is used again costs only the chance with which it is suggested."""
    scored = scores_of(line_model(), "the dog sat", "the dog sat")
    losses = sum(loss for line in scored for loss in line.losses.tolist())
    naming = LETTER_NATS * len("dog ") - math.log(1 / (1 + UNFAMILIAR))
    assert suggestion_loss(scored) == pytest.approx((losses + naming) / 24)
    assert suggestion_loss([]) is None


@pytest.mark.parametrize(
    ("lines", "loss", "top5"),
    [
        (["dog", "xyz"], None, 0.5),
        (["the a"], pytest.approx(-math.log(SMALLEST_FLOAT)), 0.5),  # impossible
        (["", " ,"], None, None),
    ],
)
def test_where_nothing_is_predicted_there_is_no_loss(
    lines: list[str], loss: float | None, top5: float | None
) -> None:
    figures = summarize(scores_of(ScriptedModel(AFTER), *lines))
    assert (figures.loss, figures.top5) == (loss, top5)
    assert (figures.keystroke_savings is None) == (top5 is None)


def test_the_interval_of_the_keys_saved_covers_what_more_text_would_show() -> None:
    line = ScoredLine("x" * 499, (ScoredWord("x", True, 0.5, 1),), None, None)
    savings = np.random.default_rng(0).normal(0.55, 0.05, 400)
    presses = [round(500 * (1 - saved)) for saved in savings]
    figures = summarize(replace(line, keys=ByWriter(499, 499, count)) for count in presses)
    assert figures.savings_intervals is not None
    assert figures.savings_intervals.attentive == pytest.approx((1 / 500, 1 / 500))
    low, high = figures.savings_intervals.at_cursor
    # 200 blocks of two lines: 1.96 standard errors on each side.
    assert low < 0.55 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.05 / math.sqrt(400), rel=0.15)


PROSE = learn_prose(["The bee, then. “An ant there—to be,” and the antler! Anna’s? Be then."] * 8)
FRENCH = learn_prose(["The bee : then. « An ant there, to be ! » Anna’s ? « Be then. »"] * 8)
MARKS = (",", ".", "—", "“", "”", "!", "-", "Anna", "Anna's", "The")
OTHERS = ("’s", *"    ", " !", " ?", "« ", "Then", "THE", "3.1", "unheard", "anew")


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    different=st.integers(1, 6),
    special_tokens=st.sampled_from(((), SPECIAL_TOKENS)),
    pieces=st.lists(st.sampled_from((*KINDRED, *MARKS, *OTHERS))),
    tokenizer=st.sampled_from((LessonTokenizer(), PROSE, FRENCH)),
)
def test_keys_write_the_text_whatever_the_model_suggests(
    seed: int,
    different: int,
    special_tokens: tuple[str, ...],
    pieces: list[str],
    tokenizer: Tokenizer,
) -> None:
    words = (*KINDRED, *MARKS) if tokenizer.writes_text else KINDRED
    special_tokens = SPECIAL_TOKENS if tokenizer.writes_text else special_tokens
    model = RandomModel(seed, different, special_tokens, words, tokenizer)
    (scored,) = scores_of(model, "".join(pieces).strip())
    if scored.words:
        for writer in get_args(Writer):
            assert getattr(scored.keys, writer) == len(keys_of(model, scored.text, writer)) + 1


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("the cat sat", ["right"]),
        ("the cats", ["tab", "c", "a", "t", "s"]),  # an accept would bring a space
        ("the car", ["tab", "shift+tab"]),
        ("the dog", ["tab", "alt+3"]),
        ("the, a", ["tab", ",", " ", "a"]),
        ("ca1", ["c", "a", "1"]),
        ("the " + "x" * 300 + " cat", ["tab", *"x" * 300, " ", "tab"]),
    ],
)
def test_a_writer_takes_what_saves_most(text: str, keys: list[str]) -> None:
    assert keys_of(ScriptedModel(AFTER), text) == keys


@pytest.mark.parametrize(
    ("writer", "keys"),
    [
        ("attentive", ["tab", "d", "alt+3"]),
        ("glancing", ["tab", "d", "o", "alt+3"]),
        ("at_cursor", ["tab", "d", "o", "g", "tab"]),
    ],
)
def test_writers_look_at_different_places(writer: Writer, keys: list[str]) -> None:
    words = ("the", *"abcef", "dominoes", "dotted", "dogmatic")
    likely = dict(zip(words[1:], (0.2, 0.2, 0.15, 0.15, 0.12, 0.07, 0.06, 0.05), strict=True))
    model = ScriptedModel({"": {"the": 1.0}, "the": likely}, words=words)
    assert keys_of(model, "the dogmatic", writer) == keys
    second = "the dotted"  # stands behind the ghost, dominoes
    assert keys_of(model, second, writer) == ["tab", "d", "shift+tab"]


def test_a_mark_with_a_space_before_it_in_the_text_is_typed_after_the_space_of_an_accept() -> None:
    """In French `!` leaves the space, so a line without the space cannot be written by an
    accept."""
    for tokenizer, spaced, close in (PROSE, 5, 4), (FRENCH, 4, 6):
        model = ScriptedModel(AFTER, 3, (), ("the", "cat", "car", "sat", "dog", "a"), tokenizer)
        keys = [scores_of(model, text) for text in ("The cat !", "The cat!")]
        assert [line.keys and line.keys.attentive for (line,) in keys] == [spaced, close]


@pytest.mark.slow
def test_a_long_line_is_measured_in_a_time_that_grows_with_its_length() -> None:
    model = line_model()

    def seconds(words: int) -> float:
        began = process_time()
        (line,) = scores_of(model, "the cat sat " * (words // 3))
        assert line.keys and line.keys.attentive < len(line.text)
        return process_time() - began

    assert seconds(8_000) < 40 * max(seconds(800), 0.02)  # with the square it is 100 times as long


def test_a_measurement_ends_within_a_line() -> None:
    model, asked = line_model(), count()
    excerpts = [Excerpt((), ("the cat", "the cat sat " * 1_000)), Excerpt((), ("the cat",))]
    found = [*score(model, excerpts, should_stop=lambda: next(asked) > 30)]
    assert found == scores_of(model, "the cat")
    assert next(asked) < 40


@pytest.mark.parametrize("text", ["😀" * 20_000, "a" * 20_000, "the " + "–" * 20_000])
def test_a_long_row_of_one_character_is_typed_without_looking_at_lists(text: str) -> None:
    assert len([*typist_of(line_model(), text).steps("attentive")]) < 10
