"""What a training or an evaluation has found, in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rnnlm_tui.event_types import BaseSavings, EndFigures, UpdateFigures
from rnnlm_tui.results import (
    end_sentence,
    figure_lines,
    outcome,
    part_of_config,
    savings_sentence,
    trained_part,
)
from tests.helpers.events import finished

ENGLISH: BaseSavings = {"name": "english", "keystroke_savings": 0.5712}
TRAIN = {"loss": 4.3812, "penalty": 0.0, "accuracy": 0.0785, "perplexity": 79.9}
HELD_OUT = {"loss": 4.79, "perplexity": 120.3, "top1": 0.2, "top5": 0.4}


@pytest.mark.parametrize(
    ("of_end", "words"),
    [
        ({}, "keys saved 58%"),
        ({"base": ENGLISH}, "keys saved 58% (the English alone: 57%)"),
        (
            {"base": {"name": "other", "keystroke_savings": 0.2}},
            "keys saved 58% (other alone: 20%)",
        ),
        ({"before": 0.566}, "keys saved 58%, 57% before"),
        (
            {"before": 0.566, "base": ENGLISH},
            "keys saved 58% (the English alone: 57%), 57% before",
        ),
        (
            {"words": 499},
            "keys saved 58%; measured on 499 words, too few to tell",
        ),
    ],
)
def test_the_end_of_a_training_says_how_many_keys_are_saved(
    of_end: dict[str, Any], words: str
) -> None:
    figures: Any = {"words": 500, "keystroke_savings": 0.584, "perplexity": 94.2}
    figures |= {"base": None, "before": None, **of_end}
    assert end_sentence(figures) == words


def test_the_lines_may_be_others() -> None:
    said = savings_sentence(0.5, 1, where="lines that it may have seen")
    end = "; measured on 1 word, too few to tell"
    assert said == f"keys saved 50%, on lines that it may have seen{end}"
    assert end_sentence(None) is None


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ({"preset": "gru", "train": {"mixture": "on"}}, "network alone"),
        ({"preset": "gru", "train": {"mixture": "off"}}, "network"),
        ({"preset": "ngram", "train": {"mixture": "on"}}, "n-grams alone"),
        ({"preset": "lesson", "train": {}}, "network"),
        ({}, "network"),
    ],
)
def test_the_figures_of_epochs_are_those_of_a_part(config: dict[str, Any], part: str) -> None:
    assert part_of_config(config) == part


def figures(perplexity: float | None) -> EndFigures:
    return {
        "words": 900,
        "keystroke_savings": 0.5,
        "perplexity": perplexity,
        "base": None,
        "before": None,
    }


OF_NETWORK = "training lines: loss 4.381 nats per word, accuracy 7.8%"
NONE = "held-out lines: none, so how many keys it saves is not known"


@pytest.mark.parametrize(
    ("is_mixed", "held_out", "evaluation", "lines"),
    [
        (
            True,
            HELD_OUT,
            figures(94.2),
            ["held-out lines: perplexity per word 94.2 (mixture), 120 (network alone)"],
        ),
        (True, HELD_OUT, None, ["held-out lines: perplexity per word 120 (network alone)"]),
        (False, HELD_OUT, figures(121.0), ["held-out lines: perplexity per word 120"]),
        (False, HELD_OUT, figures(None), ["held-out lines: perplexity per word 120"]),
        (False, None, figures(121.0), ["held-out lines: perplexity per word 121"]),
        (False, None, None, [NONE]),
    ],
)
def test_each_figure_says_what_it_measures(
    is_mixed: bool,
    held_out: dict[str, float] | None,
    evaluation: EndFigures | None,
    lines: list[str],
) -> None:
    metrics = {"epoch": 7, "train": TRAIN, "held_out": held_out}
    end = finished("completed", 7, metrics)
    end = msgspec.structs.replace(end, evaluation=evaluation)
    part = trained_part("gru", is_mixed=is_mixed)
    of_network = OF_NETWORK + " (network alone)" * is_mixed
    assert [*figure_lines(end, part)] == [*lines, of_network]


def test_before_the_first_epoch_there_are_no_figures_of_the_network() -> None:
    end = finished("stopped", None, {"epoch": 0})
    assert [*figure_lines(end, "network alone")] == []
    assert [*figure_lines(finished("stopped", None), "network")] == []
    measured = msgspec.structs.replace(end, evaluation=figures(94.2))
    (line,) = figure_lines(measured, "network alone")
    assert line == "held-out lines: perplexity per word 94.2 (mixture)"


def test_metrics_of_a_damaged_history_are_left_out() -> None:
    hostile = {"train": {"loss": "low", "accuracy": []}, "held_out": [5.0]}
    assert [*figure_lines(finished("stopped", 1, hostile), "network")] == [NONE]
    assert [*figure_lines(finished("stopped", 1, {"train": 7}), "network")] == []


EARLY = "ended early: the held-out loss stopped falling"


@pytest.mark.parametrize(
    ("reason", "kept", "done", "words"),
    [
        ("completed", 15, 15, "done"),
        ("completed", 12, 15, "done; epoch 12 is kept"),
        ("completed", 12, None, "done; epoch 12 is kept"),
        ("early_stop", 1200, 1205, f"{EARLY}; epoch 1,200 is kept"),
        ("stopped", 3, 3, "stopped; epoch 3 is kept"),
        ("stopped", None, 0, "stopped before anything was learned"),
        ("stopped", 0, 0, "stopped in the first epoch; the n-grams are kept"),
        ("of a later program", 1, 1, "of a later program; epoch 1 is kept"),
    ],
)
def test_the_end_of_a_training_in_words(
    reason: str, kept: int | None, done: int | None, words: str
) -> None:
    assert outcome(reason, kept, done) == words


@pytest.mark.parametrize(
    ("replaced", "new_loss", "words"),
    [
        (
            True,
            1.2,
            "the model is replaced: held-out lines cost 1.200 nats per character as written, 1.250"
            " before",
        ),
        (
            False,
            1.3,
            "the model stays as it was: held-out lines cost 1.250 nats per character as written,"
            " 1.300 updated",
        ),
        (False, None, "the model stays as it was"),
    ],
)
def test_the_end_of_an_update_says_what_became_of_the_model(
    replaced: bool, new_loss: float | None, words: str
) -> None:
    update: UpdateFigures = {"replaced": replaced, "old_loss": 1.25, "new_loss": new_loss}
    assert outcome("completed", None, update=update) == f"done; {words}"
