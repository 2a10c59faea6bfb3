"""What a training or an evaluation has found, in words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from rnnlm_tui.config import Config, make_config
from rnnlm_tui.event_types import (
    BaseSavings,
    EndFigures,
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
from tests.helpers.events import ended, finished

ENGLISH = BaseSavings("english", 0.5712)
TRAIN = Metrics(loss=4.3812, penalty=0.0, accuracy=0.0785, perplexity=79.9)
HELD_OUT = Metrics(loss=4.79, perplexity=120.3, top1=0.2, top5=0.4)
MEASURED = EndFigures(900, 0.584, 94.2, base=None, before=None)
NETWORK, ALONE = "network", "network alone"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "keys saved 58%"),
        ({"base": ENGLISH}, "keys saved 58% (the English alone: 57%)"),
        ({"before": 0.566, "base": ENGLISH}, "keys saved 58% (the English alone: 57%), 57% before"),
        ({"words": 499}, "keys saved 58%; measured on 499 words, too few to tell"),
        ({"where": "lines it may know"}, "keys saved 58%, on lines it may know"),
    ],
)
def test_the_headline_of_a_model_is_how_many_keys_it_saves(
    facts: dict[str, Any], words: str
) -> None:
    assert savings_sentence(0.584, **{"words": 500, **facts}) == words


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (make_config("gru", []), ALONE),
        (make_config("gru", [{"mixture": "off"}]), NETWORK),
        (make_config("ngram", []), "n-grams alone"),
        (make_config("lesson", []), NETWORK),
    ],
)
def test_the_figures_of_epochs_are_those_of_a_part(config: Config, part: str) -> None:
    assert trained_part(config) == part


def end(reason: FinishReason, held_out: Metrics | None = None, **facts: Any) -> Finished:
    """The end of a run whose seventh epoch is kept."""
    return replace(finished(reason, 7, EpochFigures(7, TRAIN, held_out)), **facts)


IN_FIRST = replace(finished("stopped", None, EpochFigures(0, Metrics(), None)), evaluation=MEASURED)
OF_NETWORK = "training lines: loss 4.381 nats per word, accuracy 7.8%"
PER_WORD = "held-out lines: perplexity per word"
DIVERGED = "diverged: the loss became infinite or NaN; epoch 7 is kept, 9 s"


@pytest.mark.parametrize(
    ("of_run", "part", "told"),
    [
        (end("stopped", HELD_OUT), ALONE, f"{PER_WORD} 120 (network alone)"),
        (end("stopped", HELD_OUT, evaluation=MEASURED), NETWORK, f"{PER_WORD} 120"),
        (end("stopped", evaluation=MEASURED), NETWORK, f"{PER_WORD} 94.2"),
        (end("stopped"), NETWORK, "held-out lines: none, so how many keys it saves is not known"),
        (IN_FIRST, ALONE, f"{PER_WORD} 94.2 (mixture)"),
    ],
)
def test_each_figure_at_the_end_says_what_it_measures(
    of_run: Finished, part: str, told: str
) -> None:
    assert [line for line in ending(of_run, part, 8) if line.startswith("held-out")] == [told]


def test_the_end_says_first_what_the_model_is_worth_unless_it_diverged() -> None:
    told = ["keys saved 58%", "stopped; epoch 7 is kept, 9 s"]
    told += [f"{PER_WORD} 94.2 (mixture), 120 (network alone)", f"{OF_NETWORK} ({ALONE})"]
    assert ending(end("stopped", HELD_OUT, evaluation=MEASURED), ALONE, 8, took="9 s") == told
    diverged = ending(end("diverged", HELD_OUT, evaluation=MEASURED), NETWORK, 8, took="9 s")
    assert diverged[:2] == [DIVERGED, "keys saved 58%"]


COST = "held-out lines cost {} nats per character as written"


@pytest.mark.parametrize(
    ("of_run", "done", "words"),
    [
        (end("completed"), 7, "done"),
        (end("completed"), None, "done; epoch 7 is kept"),
        (end("early_stop"), 12, "ended early: the held-out loss stopped falling; epoch 7 is kept"),
        (finished("stopped", None), 0, "stopped before the first epoch ended"),
        (IN_FIRST, 0, "stopped in the first epoch; the n-grams are kept"),
    ],
)
def test_the_end_of_a_training_in_words(of_run: Finished, done: int | None, words: str) -> None:
    assert outcome(of_run, done) == words


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ((True, 1.25, 1.2), f"the model is replaced: {COST.format('1.200')}, 1.250 before"),
        ((False, 1.25, 1.3), f"the model stays as it was: {COST.format('1.250')}, 1.300 updated"),
        ((False, 1.25, None), "the model stays as it was"),
    ],
)
def test_the_end_of_an_update_says_what_became_of_the_model(
    update: tuple[bool, float, float | None], words: str
) -> None:
    assert outcome(end("completed", update=UpdateFigures(*update)), 7) == f"done; {words}"


def test_the_figures_of_an_epoch_say_on_which_lines_they_were_measured() -> None:
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
