"""The figures of a model, against hand-computed ones and against typing through the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlm_tui.accepting import is_ghost_likely, ways_to_accept
from rnnlm_tui.evaluate import (
    LEAST_PROBABILITY,
    LETTER_NATS,
    ScoredLine,
    ScoredWord,
    Typist,
    score,
    summarize,
    written_loss,
)
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggest import apply_insertion, encode_context, suggest
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.spacing import gives_space_back
from rnnlm_tui.text.tokenizer import Tokenizer
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
        special_tokens: tuple[str, ...] = (),
        words: Sequence[str] = KINDRED,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        super().__init__({}, 3, special_tokens, words, tokenizer)
        self._seed, self._different = seed, different

    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        rng = np.random.default_rng([self._seed, *context])
        scores = rng.integers(0, self._different, self.vocabulary.total_words).astype(np.float32)
        scores[rng.integers(1, len(scores))] += 1
        probabilities: NDArray[np.float32] = scores / scores.sum(dtype=np.float32)
        return probabilities


BEGIN, THE, CAT, SAT = 2, 4, 5, 6
AFTER_IN_LINES = {
    "<unk>": {"<unk>": 0.1, "</s>": 0.4, "the": 0.1, "cat": 0.3, "sat": 0.1},
    "<s>": {"<unk>": 0.1, "</s>": 0.1, "the": 0.5, "cat": 0.1, "sat": 0.2},
    "the": {"<unk>": 0.3, "</s>": 0.2, "the": 0.1, "cat": 0.2, "sat": 0.2},
    "cat": {"<unk>": 0.1, "</s>": 0.6, "the": 0.1, "sat": 0.2},
    "sat": {"<unk>": 0.1, "</s>": 0.8, "the": 0.1},
}


def line_model(*, uses_previous_lines: bool = False) -> ScriptedModel:
    """A model with tokens for the start and the end of a line and for unknown words."""
    model = ScriptedModel(AFTER_IN_LINES, 100, SPECIAL_TOKENS, ("the", "cat", "sat"))
    model.uses_previous_lines = uses_previous_lines
    return model


class TypedLine:
    """The line of the app, as keys change it. Each key is a new question to the engine."""

    def __init__(self, model: LanguageModel, above: Sequence[str] = ()) -> None:
        self.line, self._model, self._above = "", model, above
        self._has_space, self._mark, self._is_choosing = False, -1, False

    def press(self, key: str) -> None:
        found = suggest(self._model, self.line, k=10, previous_lines=self._above, while_typing=True)
        first = found.candidates[:1]
        is_likely = bool(first) and is_ghost_likely(first[0].probability, found.prefix)
        ghost = found.ghost if is_likely else ()
        ways = ways_to_accept(found, self.line, ghost, is_empty=not self.line)
        keys = ("down", key) if self._is_choosing else (key,)
        pieces = next((way.pieces for way in ways if way.keys == keys), ())
        self._is_choosing = key == "down"
        for piece in pieces:
            self.line = apply_insertion(self.line, piece)
        if pieces:
            self._has_space, self._mark = pieces[-1].space_after, -1
            self.line += " " * self._has_space
        elif key != "down":
            self._type(key)

    def _type(self, character: str) -> None:
        had_space, mark = self._has_space, self._mark
        self._has_space, self._mark = False, -1
        if had_space and character == " ":
            return
        if had_space and self._model.tokenizer.takes_space(self.line, character):
            self.line, self._mark = self.line[:-1] + character, len(self.line) - 1
            return
        self.line += character
        if mark >= 0 and gives_space_back(self.line[mark], self.line[mark + 1 :]):
            self.line = f"{self.line[:mark]} {self.line[mark:]}"
        elif mark >= 0 and character.isalpha():
            self._mark = mark


def keys_of(model: LanguageModel, text: str, above: Sequence[str] = ()) -> list[str]:
    """The keys that type the text, which end with Enter; the app's line must become the text."""
    begin = encode_context(model, [], above)
    app, keys = TypedLine(model, above), list[str]()
    typist = Typist(model, text, above, lambda ids: model.next_word_probabilities(begin + ids))
    for pressed, line in typist.steps():
        keys += pressed
        for key in pressed:
            app.press(key)
        assert app.line.removesuffix(" ") == line.removesuffix(" ")
    assert app.line.removesuffix(" ") == text.removesuffix(" ")
    return [*keys, "enter"]


def test_the_figures_without_tokens_for_lines_are_those_computed_by_hand() -> None:
    """Seven words: all but xyz are known, and four have a known word before them."""
    first, _, second = scored = [
        *score(ScriptedModel(AFTER), ["The cat sat,", "", "the dog; xyz a"])
    ]
    figures = summarize(scored)
    loss = (math.log(2) - math.log(0.9) + math.log(5) + math.log(7)) / 4
    assert (figures.lines, figures.words, figures.predicted) == (2, 7, 4)
    assert figures.loss == pytest.approx(loss)
    assert figures.perplexity == pytest.approx(math.exp(loss))  # xyz has no probability
    # "the" twice, cat and sat; dog is third, a is sixth.
    assert (figures.oov_share, figures.top1, figures.top5) == (1 / 7, 4 / 7, 5 / 7)
    assert figures.keys == (first.keys or 0) + (second.keys or 0)
    assert figures.characters == len(first.text) + len(second.text) + 2
    assert figures.keystroke_savings == pytest.approx(1 - figures.keys / figures.characters)
    assert figures.savings_interval is None  # of 28 characters
    assert [(w.word, w.is_known, w.rank) for w in second.words] == [
        ("the", True, 1),
        ("dog", True, 3),
        ("xyz", False, None),
        ("a", True, 6),
    ]
    chances = [None, pytest.approx(0.2), None, pytest.approx(1 / 7)]
    assert [w.probability for w in second.words] == chances
    assert second.end is None


def test_every_word_and_end_of_line_counts_if_the_model_predicts_them() -> None:
    scored = [*score(line_model(), ["the cat", "the dog sat"])]
    figures = summarize(scored)
    chances = [0.5, 0.2, 0.6, 0.5, 0.3, 0.1, 0.8]  # the cat end, the <unk> sat end
    assert [w.probability for line in scored for w in line.words] == pytest.approx(
        [chances[0], chances[1], *chances[3:6]]
    )
    assert [line.end for line in scored] == pytest.approx([0.6, 0.8])
    assert (figures.lines, figures.words, figures.predicted) == (2, 5, 7)
    assert figures.loss == pytest.approx(-sum(map(math.log, chances)) / 7)
    # <unk> and the end of the line are never listed: after the, cat is first; after <unk>, cat and
    # the come before sat.
    assert (figures.oov_share, figures.top1, figures.top5) == (1 / 5, 3 / 5, 4 / 5)
    # Whatever the vocabulary, each model answers for every character, here 8 and 12.
    nats = LETTER_NATS * len("dog ") - sum(map(math.log, chances))
    assert written_loss(scored) == pytest.approx(nats / 20)


@pytest.mark.parametrize(
    ("lines", "loss", "top5"),
    [
        (["dog", "xyz"], None, 0.5),
        (["the a"], pytest.approx(-math.log(LEAST_PROBABILITY)), 0.5),  # impossible
        (["", " ,"], None, None),
    ],
)
def test_where_nothing_is_predicted_there_is_no_loss(
    lines: list[str], loss: float | None, top5: float | None
) -> None:
    figures = summarize(score(ScriptedModel(AFTER), lines))
    assert (figures.loss, figures.top5) == (loss, top5)
    assert (figures.keystroke_savings is None) == (top5 is None)


def test_the_interval_of_the_keys_saved_covers_what_more_text_would_show() -> None:
    line = ScoredLine("x" * 499, (ScoredWord("x", True, 0.5, 1),), None, 0)
    savings = np.random.default_rng(0).normal(0.55, 0.05, 400)
    figures = summarize(replace(line, keys=round(500 * (1 - saved))) for saved in savings)
    assert figures.savings_interval is not None
    low, high = figures.savings_interval
    assert low < 0.55 < high
    # 200 blocks of two lines: 1.96 standard errors on each side.
    assert high - low == pytest.approx(2 * 1.96 * 0.05 / math.sqrt(400), rel=0.15)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    different=st.integers(1, 6),
    special_tokens=st.sampled_from(((), SPECIAL_TOKENS)),
    words=st.lists(st.sampled_from((*KINDRED, "unheard", "anew")), min_size=1, max_size=6),
)
def test_keys_and_ranks_are_those_of_the_app_asked_at_every_key(
    seed: int, different: int, special_tokens: tuple[str, ...], words: list[str]
) -> None:
    model = RandomModel(seed, different, special_tokens)
    (scored,) = score(model, [" ".join(words)])
    assert scored.keys == len(keys_of(model, scored.text))
    for i, word in enumerate(scored.words):
        if not all(before.is_known for before in scored.words[max(0, i - 2) : i]):
            continue  # what follows a name is listed higher
        listed = suggest(model, " ".join([*words[:i], ""]), k=99).candidates
        known = [c.word for c in listed if c.word in model.vocabulary]
        assert word.rank == (known.index(word.word) + 1 if word.word in known else None)


PROSE = learn_prose(["The bee, then. “An ant there—to be,” and the antler! Anna’s? Be then."] * 8)
FRENCH = learn_prose(["The bee : then. « An ant there, to be ! » Anna’s ? « Be then. »"] * 8)
MARKS = (",", ".", "—", "“", "”", "!", "-", "Anna", "Anna's", "The")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    different=st.integers(1, 6),
    pieces=st.lists(
        st.sampled_from((*KINDRED, *MARKS, "’s", *"    ", " !", " ?", "« ", "Then", "THE", "3.1"))
    ),
    tokenizer=st.sampled_from((PROSE, FRENCH)),
)
def test_the_keys_of_prose_write_it(
    seed: int, different: int, pieces: list[str], tokenizer: Tokenizer
) -> None:
    model = RandomModel(seed, different, SPECIAL_TOKENS, (*KINDRED, *MARKS), tokenizer)
    (scored,) = score(model, ["".join(pieces).strip()])
    if scored.words:
        assert scored.keys == len(keys_of(model, scored.text))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("the cat sat", ["right", "enter"]),
        ("the cats", ["tab", "c", "a", "t", "s", "enter"]),  # an accept would bring a space
        ("the car", ["tab", "shift+tab", "enter"]),
        ("the dog", ["tab", "alt+3", "enter"]),
        ("the, a", ["tab", ",", " ", "a", "enter"]),
        ("ca1", ["c", "a", "1", "enter"]),
        ("the " + "x" * 300 + " cat", ["tab", *"x" * 300, " ", "tab", "enter"]),
    ],
)
def test_a_writer_takes_what_saves_most(text: str, keys: list[str]) -> None:
    assert keys_of(ScriptedModel(AFTER), text) == keys


def test_a_mark_with_a_space_before_it_in_the_text_is_typed_after_the_space_of_an_accept() -> None:
    """In French `!` leaves the space, so that a line without it cannot be reached by an accept."""
    for tokenizer, spaced, close in (PROSE, 5, 4), (FRENCH, 4, 6):
        model = ScriptedModel(AFTER, 3, (), ("the", "cat", "car", "sat", "dog", "a"), tokenizer)
        keys = [score(model, [text]) for text in ("The cat !", "The cat!")]
        assert [line.keys for (line,) in keys] == [spaced, close]


def test_the_lines_above_are_context_for_a_model_that_uses_them() -> None:
    model, again = (line_model(uses_previous_lines=True) for _ in range(2))
    assert len([*score(model, ["the cat", "", "sat"])]) == 3
    asked = [*dict.fromkeys(model.asked)][3:]
    assert asked == [(BEGIN, THE, CAT, BEGIN), (BEGIN, THE, CAT, BEGIN, SAT)]
    assert len([*score(again, ["sat"], previous_lines=["the cat"])]) == 1
    assert [*dict.fromkeys(again.asked)] == asked
