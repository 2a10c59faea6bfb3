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

from rnnlm_tui import evaluate
from rnnlm_tui.accepting import Accept, is_ghost_likely, ways_to_accept
from rnnlm_tui.evaluate import (
    LEAST_PROBABILITY,
    LETTER_NATS,
    Evaluation,
    ScoredLine,
    ScoredWord,
    Typist,
    confidence_interval,
    score,
    shared_vocabulary_losses,
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
LINES = ("The cat sat,", "", "the dog; xyz a")
"""Seven words: all but xyz are known, and four have a known word before them."""
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


UNKNOWN, BEGIN, THE, CAT, SAT = 1, 2, 4, 5, 6
AFTER_IN_LINES = {
    "<unk>": {"<unk>": 0.1, "</s>": 0.4, "the": 0.1, "cat": 0.3, "sat": 0.1},
    "<s>": {"<unk>": 0.1, "</s>": 0.1, "the": 0.5, "cat": 0.1, "sat": 0.2},
    "the": {"<unk>": 0.3, "</s>": 0.2, "the": 0.1, "cat": 0.2, "sat": 0.2},
    "cat": {"<unk>": 0.1, "</s>": 0.6, "the": 0.1, "sat": 0.2},
    "sat": {"<unk>": 0.1, "</s>": 0.8, "the": 0.1},
}


def line_model(*, uses_previous_lines: bool = False, window: int = 100) -> ScriptedModel:
    """A model with tokens for the start and the end of a line and for unknown words."""
    words = ("the", "cat", "sat")
    model = ScriptedModel(AFTER_IN_LINES, window, SPECIAL_TOKENS, words)
    model.uses_previous_lines = uses_previous_lines
    return model


def test_the_loss_as_written_counts_the_letters_of_unknown_words() -> None:
    """Whatever the vocabulary, each model answers for every character: 12 with the line's end."""
    for line, chances, spelled in (
        ("the cat sat", (0.5, 0.2, 0.2, 0.8), 0),
        ("the dog sat", (0.5, 0.3, 0.1, 0.8), len("dog ")),
    ):
        nats = LETTER_NATS * spelled - sum(map(math.log, chances))
        scored = score(line_model(), [line, ""], counts_keys=False)
        assert written_loss(scored) == pytest.approx(nats / 12)
    assert written_loss([]) is None


def evaluated(model: LanguageModel, lines: Sequence[str]) -> Evaluation:
    return summarize(score(model, lines))


class TypedLine:
    """The line of the app, as keys change it. Each key is a new question to the engine."""

    def __init__(self, model: LanguageModel, above: Sequence[str] = ()) -> None:
        self.line, self._model, self._above = "", model, above
        self._has_space, self._mark, self._is_choosing = False, -1, False

    def press(self, key: str) -> None:
        suggestions = suggest(
            self._model, self.line, k=10, previous_lines=self._above, while_typing=True
        )
        first = suggestions.candidates[:1]
        is_likely = bool(first) and is_ghost_likely(first[0].probability, suggestions.prefix)
        ghost = suggestions.ghost if is_likely else ()
        ways = ways_to_accept(suggestions, self.line, ghost, is_empty=not self.line)
        keys = ("down", key) if self._is_choosing else (key,)
        accepted = next((way for way in ways if way.keys == keys), None)
        self._is_choosing = key == "down"
        if accepted:
            self._accept(accepted)
        elif key != "down":
            self._type(key)

    def _accept(self, accepted: Accept) -> None:
        for piece in accepted.pieces:
            self.line = apply_insertion(self.line, piece)
        self._has_space, self._mark = accepted.pieces[-1].space_after, -1
        self.line += " " * self._has_space

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


def test_the_figures_of_a_scripted_model_are_those_computed_by_hand() -> None:
    evaluation = evaluated(ScriptedModel(AFTER), LINES)
    loss = (math.log(2) - math.log(0.9) + math.log(5) + math.log(7)) / 4
    assert (evaluation.lines, evaluation.words, evaluation.predicted) == (2, 7, 4)
    assert evaluation.loss == pytest.approx(loss)
    assert evaluation.perplexity is None  # xyz has no probability
    assert evaluation.perplexity_in_vocabulary == pytest.approx(math.exp(loss))
    assert evaluation.oov_share == 1 / 7
    # "the" twice, cat and sat; dog is third, a is sixth.
    assert (evaluation.top1, evaluation.top5) == (4 / 7, 5 / 7)
    # Of 7, 5 and 3 places: the cat, cat sat; the cat sat.
    assert evaluation.continuations == (4 / 7, 2 / 5, 1 / 3)
    keys = [*keys_of(ScriptedModel(AFTER), LINES[0]), *keys_of(ScriptedModel(AFTER), LINES[2])]
    assert (evaluation.characters, evaluation.keys) == (
        len(LINES[0]) + len(LINES[2]) + 2,
        len(keys),
    )
    assert evaluation.keystroke_savings == pytest.approx(1 - len(keys) / evaluation.characters)
    assert evaluation.savings_interval is None  # of 28 characters


def test_a_very_long_line_is_typed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "LONGEST_TYPED", 40)
    text = "the cat sat and the dog " * 20
    model = ScriptedModel(AFTER)
    (scored,) = score(model, [text])
    keys, begin = 1, 0
    while begin < len(text):
        end = len(text) if len(text) - begin <= 40 else 1 + text.rfind(" ", begin, begin + 40)
        keys += len(keys_of(model, text[begin:end])) - 1
        begin = end
    assert keys - 5 <= (scored.keys or 0) <= keys + 5  # a part may begin a line, or go on
    assert len(scored.words) == 120
    unspaced = "x" * 100
    assert next(iter(score(model, [unspaced]))).keys == len(unspaced) + 1


def test_the_interval_of_the_keys_saved_covers_what_more_text_would_show() -> None:
    line = ScoredLine("x" * 499, (ScoredWord("x", True, 0.5, 1),), None, 0)
    rng = np.random.default_rng(0)
    savings = rng.normal(0.55, 0.05, 400)
    lines = [replace(line, keys=round(500 * (1 - saved))) for saved in savings]
    figures = summarize(lines)
    assert figures.savings_interval is not None and figures.keystroke_savings is not None
    low, high = figures.savings_interval
    assert low < 0.55 < high
    # 200 blocks of two lines: 1.96 standard errors on each side.
    assert high - low == pytest.approx(2 * 1.96 * 0.05 / math.sqrt(400), rel=0.15)


def test_without_unknown_words_both_perplexities_are_one() -> None:
    evaluation = evaluated(ScriptedModel(AFTER), LINES[:1])
    assert evaluation.perplexity == evaluation.perplexity_in_vocabulary
    assert evaluation.perplexity == pytest.approx(math.exp((math.log(2) - math.log(0.9)) / 2))
    impossible = evaluated(ScriptedModel(AFTER), ["the a"])
    assert impossible.loss == pytest.approx(-math.log(LEAST_PROBABILITY))


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
        ("", ["enter"]),
    ],
)
def test_a_writer_takes_what_saves_most(text: str, keys: list[str]) -> None:
    model = ScriptedModel(AFTER)
    assert keys_of(model, text) == keys
    (scored,) = score(model, [text])
    assert scored.keys == len(keys)


def test_a_mark_with_a_space_before_it_in_the_text_is_typed_after_the_space_of_an_accept() -> None:
    """In French `!` leaves the space, so that a line without it cannot be reached by an accept."""
    for tokenizer, spaced, close in (PROSE, 5, 4), (FRENCH, 4, 6):
        model = ScriptedModel(AFTER, 3, (), ("the", "cat", "car", "sat", "dog", "a"), tokenizer)
        keys = [score(model, [text]) for text in ("The cat !", "The cat!")]
        assert [line.keys for (line,) in keys] == [spaced, close]


def test_every_word_and_end_of_line_counts_if_the_model_predicts_them() -> None:
    model = line_model()
    evaluation = evaluated(model, ["the cat", "the dog sat"])
    of_known = [0.5, 0.2, 0.6, 0.5, 0.1, 0.8]  # the, cat, end, the, sat after <unk>, end
    assert (evaluation.lines, evaluation.words, evaluation.predicted) == (2, 5, 7)
    assert evaluation.loss == pytest.approx(-sum(map(math.log, [*of_known, 0.3])) / 7)
    assert evaluation.perplexity == pytest.approx(math.exp(evaluation.loss or 0))
    assert evaluation.perplexity_in_vocabulary == pytest.approx(
        math.exp(-sum(map(math.log, of_known)) / 6)
    )
    assert evaluation.oov_share == 1 / 5
    # <unk> and the end of the line are never listed: after the, cat is first; after <unk>, cat and
    # the come before sat.
    assert (evaluation.top1, evaluation.top5) == (3 / 5, 4 / 5)
    asked = [(BEGIN,), (BEGIN, THE), (BEGIN, THE, CAT), (BEGIN,), (BEGIN, THE)]
    asked += [(BEGIN, THE, UNKNOWN), (BEGIN, THE, UNKNOWN, SAT)]
    assert [*dict.fromkeys(model.asked)] == [*dict.fromkeys(asked)]
    (scored,) = score(model, ["the cat sat dog sat the"])
    assert scored.keys == len(keys_of(model, scored.text))


def test_the_lines_above_are_context_for_a_model_that_uses_them() -> None:
    model, again = (line_model(uses_previous_lines=True) for _ in range(2))
    assert len([*score(model, ["the cat", "", "sat"])]) == 3
    asked = [*dict.fromkeys(model.asked)][3:]
    assert asked == [(BEGIN, THE, CAT, BEGIN), (BEGIN, THE, CAT, BEGIN, SAT)]
    assert len([*score(again, ["sat"], previous_lines=["the cat"])]) == 1
    assert [*dict.fromkeys(again.asked)] == asked


def test_a_score_has_each_word_with_probability_and_rank() -> None:
    scored, nothing = score(ScriptedModel(AFTER), ["The dog; xyz cat", " ..."])
    assert [(w.word, w.is_known, w.rank) for w in scored.words] == [
        ("the", True, 1),
        ("dog", True, 3),
        ("xyz", False, None),
        ("cat", True, 2),
    ]
    assert [w.probability for w in scored.words] == [
        None,  # the lesson's kind predicts no first word
        pytest.approx(0.2),
        None,
        pytest.approx(1 / 7),
    ]
    assert scored.end is None
    assert scored.losses == pytest.approx([math.log(5), math.log(7)])
    assert scored.loss == pytest.approx((math.log(5) + math.log(7)) / 2)
    assert (nothing.words, nothing.loss) == ((), None)
    (line,) = score(line_model(), ["the dog"])
    assert [w.probability for w in line.words] == pytest.approx([0.5, 0.3])
    assert line.end == pytest.approx(0.4)


def test_shared_losses_are_over_the_words_that_all_predict() -> None:
    blind = ScriptedModel({}, words=("the", "cat", "car", "sat", "a", "not"))
    scripted, of_blind, of_lines = (
        [*score(model, LINES)] for model in (ScriptedModel(AFTER), blind, line_model())
    )
    # cat, sat and a: the second does not know the dog.
    shared = shared_vocabulary_losses([scripted, of_blind])
    assert shared is not None
    assert shared[0] == 3
    assert shared[1][0] == pytest.approx((math.log(2) - math.log(0.9) + math.log(7)) / 3)
    assert shared[1][1] == pytest.approx(math.log(7))
    # The cat and sat of the first line: no first words, no ends, and no word that one lacks.
    others = shared_vocabulary_losses([scripted, of_lines])
    assert others is not None
    assert others[0] == 2
    assert others[1] == pytest.approx([-math.log(0.5 * 0.9) / 2, -math.log(0.2 * 0.2) / 2])
    assert shared_vocabulary_losses([scripted, of_blind[:1]]) is None
    assert shared_vocabulary_losses([[*score(blind, ["the dog"])]] * 2) is None


@pytest.mark.parametrize(
    ("proportion", "count", "low", "high"),
    [
        (0.5, 100, 0.404, 0.596),
        (0.0, 10, 0.0, 0.278),
        (1.0, 10, 0.722, 1.0),
        (0.081, 1685, 0.0689, 0.0950),
        (0.3, 0, 0.0, 1.0),
    ],
)
def test_an_interval_says_how_sure_a_share_is(
    proportion: float, count: int, low: float, high: float
) -> None:
    assert confidence_interval(proportion, count) == pytest.approx((low, high), abs=5e-4)
