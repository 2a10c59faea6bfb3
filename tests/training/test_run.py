"""The sample of an epoch, and the estimate of the time left."""

from __future__ import annotations

import pytest

from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions, Tokenizer, WhitespaceTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from rnnlm_tui.training.run import TimeLeft, sample
from tests.helpers.scripted import ScriptedModel

VERSE = {
    "<s>": {"the": 0.6, "a": 0.4},
    "the": {"cat": 0.6, "sea": 0.4},
    "cat": {"sat": 0.6, "</s>": 0.4},
    "sat": {"</s>": 0.6, "sat": 0.4},
}


@pytest.mark.parametrize(
    ("tokenizer", "text"),
    [
        (ProseTokenizer(Conventions(), {}), "A cat sat / The cat sat / The cat sat / The cat sat"),
        (WhitespaceTokenizer(), "A cat sat sat sat sat sat sat sat sat sat sat"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_sample_goes_on_in_the_next_line_unless_words_are_all_it_writes(
    tokenizer: Tokenizer, text: str
) -> None:
    words = ("the", "a", "cat", "sat", "sea")
    model = ScriptedModel(VERSE, 3, SPECIAL_TOKENS, words, tokenizer)
    assert sample(model, "A cat") == {"seed": "A cat", "text": text}


def test_before_any_step_it_is_what_was_estimated() -> None:
    left = TimeLeft(0.5)
    left.add_steps(0.2, 0)
    assert left.seconds(10, 3) == 5.0


@pytest.mark.parametrize(
    ("before", "after"),
    [(0.02, 0.02), (0.005, 0.1), (0.1, 0.005), (0.3, 3.0), (3.0, 0.3), (3.0, 0.005)],
)
def test_ten_seconds_after_a_change_it_follows_the_new_speed(before: float, after: float) -> None:
    left = TimeLeft(1.0)
    for seconds_per_step in (before, after):
        steps = max(1, round(0.1 / seconds_per_step))  # a report
        for _ in range(round(10 / (steps * seconds_per_step))):
            left.add_steps(steps * seconds_per_step, steps)
    left.set_end(7.0)
    assert left.seconds(0, 2) == 14.0
    assert 1 / 1.5 < left.seconds(1000, 0) / (1000 * after) < 1.5
