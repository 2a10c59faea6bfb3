"""What a training or an evaluation has found, in words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from rnnlm_tui.config import make_config
from rnnlm_tui.event_types import (
    EpochFigures,
    Event,
    Failed,
    Finished,
    FinishReason,
    Metrics,
    Paused,
    Resumed,
    Saved,
    UpdateFigures,
    Warned,
)
from rnnlm_tui.results import (
    ending,
    epoch_figures,
    event_words,
    outcome,
    savings_sentence,
    trained_part,
)
from tests.helpers.events import ended, finished, measured

TRAIN = Metrics(loss=4.3812, penalty=0.0, accuracy=0.0785, perplexity=79.9)
HELD_OUT = Metrics(loss=4.79, perplexity=120.3, top1=0.2, top5=0.4)
MEASURED = measured()
NETWORK, ALONE = "network", "network alone"


@pytest.mark.parametrize(
    ("words", "english", "facts", "said"),
    [
        (500, None, {}, "keys saved 58%"),
        (500, 0.5712, {}, "keys saved 58% (the English alone: 57%)"),
        (500, None, {"before": 0.566}, "keys saved 58%, 57% before"),
        (500, None, {"where": "lines it may know"}, "keys saved 58%, on lines it may know"),
        (499, None, {}, "keys saved 58%; measured on 499 words, too few to tell"),
    ],
)
def test_the_headline_of_a_model_is_how_many_keys_it_saves(
    words: int, english: float | None, facts: dict[str, Any], said: str
) -> None:
    assert savings_sentence(measured(words, english), **facts) == said


def end(reason: FinishReason, held_out: Metrics | None = None, **facts: Any) -> Finished:
    """The end of a run whose seventh epoch is kept."""
    return replace(finished(reason, 7, EpochFigures(7, TRAIN, held_out)), **facts)


IN_FIRST = replace(finished("stopped", None, EpochFigures(0, Metrics(), None)), evaluation=MEASURED)
SAVES, KEPT = "keys saved 58%", "epoch 7 is kept, 9 s"
FIRST = "stopped in the first epoch; the n-grams are kept, 9 s"
DIVERGED = f"diverged: the loss became infinite or NaN; {KEPT}"
PER_WORD = "held-out lines: perplexity per word"
MIXED = f"{PER_WORD} 94.2 (mixture)"
NOTHING = "held-out lines: none, so how many keys it saves is not known"
LOSS = "training lines: loss 4.381 nats per word, accuracy 7.8%"
OF_PART = [f"{MIXED}, 120 (network alone)", f"{LOSS} (network alone)"]
GOOD = {"evaluation": MEASURED}


@pytest.mark.parametrize(
    ("of_run", "part", "told"),
    [
        (end("stopped", HELD_OUT, **GOOD), ALONE, [SAVES, f"stopped; {KEPT}", *OF_PART]),
        (end("diverged", HELD_OUT, **GOOD), NETWORK, [DIVERGED, SAVES, f"{PER_WORD} 120", LOSS]),
        (end("stopped"), NETWORK, [f"stopped; {KEPT}", NOTHING, LOSS]),
        (IN_FIRST, ALONE, [SAVES, FIRST, MIXED]),
    ],
)
def test_the_end_says_what_the_model_is_worth_and_what_each_figure_measures(
    of_run: Finished, part: str, told: list[str]
) -> None:
    assert ending(of_run, part, 8, took="9 s") == told


COST = "held-out lines cost {} nats per character as written"


def updated(*figures: Any) -> Finished:
    """The end of an update."""
    return end("completed", update=UpdateFigures(*figures))


@pytest.mark.parametrize(
    ("of_run", "done", "words"),
    [
        (end("completed"), 7, "done"),
        (end("completed"), None, "done; epoch 7 is kept"),
        (end("early_stop"), 12, "ended early: the held-out loss stopped falling; epoch 7 is kept"),
        (finished("stopped", None), 0, "stopped before the first epoch ended"),
        (
            updated(True, 1.25, 1.2),
            7,
            f"done; the model is replaced: {COST.format('1.200')}, 1.250 before",
        ),
        (
            updated(False, 1.25, 1.3),
            7,
            f"done; the model stays as it was: {COST.format('1.250')}, 1.300 updated",
        ),
        (updated(False, 1.25), 7, "done; the model stays as it was"),
    ],
)
def test_the_end_of_a_training_in_words(of_run: Finished, done: int | None, words: str) -> None:
    assert outcome(of_run, done) == words


def test_the_figures_of_an_epoch_say_of_which_part_and_on_which_lines_they_are() -> None:
    figures = epoch_figures(ended(1, 5.38, 6.12, perplexity=456.4))
    assert [*map(" ".join, figures)] == [
        "training lines loss 5.380",
        "training lines accuracy 10%",
        "training lines perplexity 456",
        "held-out lines loss 6.120",
        "held-out lines perplexity 456",
        "held-out lines top-1 10%",
        "held-out lines top-5 20%",
    ]
    penalized = replace(ended(1), train=Metrics(loss=None, penalty=0.0123))
    assert [text for _, _, text in epoch_figures(penalized)] == ["0.012"]
    assert trained_part(make_config("ngram", [])) == "n-grams alone"
    assert trained_part(make_config("gru", [{"mixture": "off"}])) == NETWORK


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Saved(1.0, 0, "poems", True), "the n-grams are saved: the model suggests from now on"),
        (Saved(1.0, 3, "poems", True), ""),
        (Paused(1.0, "requested"), "paused"),
        (Resumed(1.0, "stop requested"), "resumed: stop requested"),
        (Warned(1.0, "it may diverge"), "it may diverge"),
        (Failed(1.0, "corpus", "no such file", "give one"), "no such file (give one)"),
    ],
)
def test_events_in_words(event: Event, words: str) -> None:
    assert event_words(event) == words
