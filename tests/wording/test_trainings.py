"""Sentences on trainings, and on the keys that a model saves."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from rnnlm_tui.events import (
    Comparison,
    EpochFigures,
    Event,
    Failed,
    Finished,
    FinishReason,
    LearnedWords,
    Metrics,
    Paused,
    Resumed,
    Saved,
    UpdateFigures,
)
from rnnlm_tui.wording.savings import comparison_sentence, is_better
from rnnlm_tui.wording.trainings import (
    epoch_figures,
    event_words,
    explain_figure,
    result_sentences,
)
from tests.helpers.events import comparison, ended, finished, measured, writers

SAVES = (
    "on lines it has not seen, it saves 58 of 100 keys of a writer who reads the list, 43 of one"
    " who looks at the cursor only"
)
UNKNOWN = "it has learned every line, so it cannot be measured on lines that are new to it"
EARLY = "ended early: it no longer got better on lines that it does not learn; epoch 7 is kept"
DIVERGED = "diverged: the loss became infinite or NaN; epoch 7 is kept"
TRAINED = "trained for 7 epochs"
UPDATED = f"{TRAINED}: the update predicts held-out lines better, so the model is replaced"
NOT_UPDATED = (
    f"{TRAINED}: the update does not predict held-out lines better, so the model stays as it was"
)


def end(reason: FinishReason = "completed", kept: int = 7, **facts: Any) -> Finished:
    """The end of a run of 20 epochs, of which this one is kept."""
    figures = EpochFigures(kept, Metrics(), None) if kept >= 0 else None
    return replace(finished(reason, kept or None, figures), **facts)


def update(*figures: Any, words: int = 900) -> dict[str, Any]:
    return {"update": UpdateFigures(*figures), "evaluation": measured(words, english=0.55)}


GOOD: dict[str, Any] = {"evaluation": measured(english=0.571)}
FEW: dict[str, Any] = {"evaluation": measured(words=499)}
WORTH = [f"{SAVES}; english alone 57 and 42", "trained for 7 epochs, 9 s"]
KNOWS = (
    "it knows Marta from your text",
    "it knows Marta and Zoë Muñoz from your text",
    "it knows Marta, Zoë Muñoz and 41 more words of yours",
)
TOO_FEW = "measured on 499 words, too few to tell how many keys it saves: that takes 500"


@pytest.mark.parametrize(
    ("of_run", "done", "told"),
    [
        (end(**GOOD), 7, [f"{SAVES}; english alone 57 and 42", "trained for 7 epochs, 9 s"]),
        (end(**FEW), 20, [TOO_FEW, "trained for 20 epochs; epoch 7 is kept, 9 s"]),
        (end("early_stop", **FEW), 12, [TOO_FEW, f"{EARLY}, 9 s"]),
        (end("stopped", **FEW), 8, [TOO_FEW, "stopped after 8 of 20 epochs; epoch 7 is kept, 9 s"]),
        (end("diverged", **GOOD), 8, [f"{DIVERGED}, 9 s", f"{SAVES}; english alone 57 and 42"]),
        (end(), 7, ["trained for 7 epochs, 9 s", UNKNOWN]),
        (end(**GOOD, learned=LearnedWords(["Marta"], 1)), 7, [*WORTH, KNOWS[0]]),
        (end(**GOOD, learned=LearnedWords(["Marta", "Zoë Muñoz"], 2)), 7, [*WORTH, KNOWS[1]]),
        (end(**GOOD, learned=LearnedWords(["Marta", "Zoë Muñoz"], 43)), 7, [*WORTH, KNOWS[2]]),
        (end(**GOOD, learned=LearnedWords([], 0)), 7, WORTH),
        (end("stopped", 0), 0, ["stopped in the first epoch; the n-grams are kept, 9 s"]),
        (end("stopped", -1), 0, ["stopped before the first epoch ended"]),
        (
            end(**update(True, 1.25, 1.2, writers(0.566))),
            7,
            [f"{SAVES}; before 57 and 42; english alone 55 and 40", f"{UPDATED}, 9 s"],
        ),
        # What is told is what the model that is kept saves, not the update.
        (
            end(**update(False, 1.25, 1.3, writers(0.466))),
            7,
            [
                SAVES.replace("58", "47").replace("43", "32") + "; english alone 55 and 40",
                f"{NOT_UPDATED}, 9 s",
            ],
        ),
        (
            end(**update(False, 1.25, 1.3, writers(0.5), words=499)),
            7,
            [TOO_FEW, f"{NOT_UPDATED}, 9 s"],
        ),
        (end(update=UpdateFigures(True)), 7, ["trained for 7 epochs: the model is replaced, 9 s"]),
        (
            end("stopped", update=UpdateFigures(False)),
            7,
            ["stopped: the model stays as it was, 9 s"],
        ),
    ],
)
def test_the_end_says_what_the_model_is_worth_and_how_that_came_about(
    of_run: Finished, done: int, told: list[str]
) -> None:
    assert result_sentences(of_run, done, 20, took="9 s") == told


@pytest.mark.parametrize(
    ("found", "better", "told"),
    [
        (
            comparison(0.5841, 0.551),
            True,
            "mine saves 58.4 of 100 keys of a writer who reads the list, 43.4 of one who looks at"
            " the cursor only, on lines that neither has learned; sonnets 55.1 and 40.1",
        ),
        (
            comparison(0.55, 0.55),
            False,
            "mine saves 55.0 of 100 keys of a writer who reads the list, 40.0 of one who looks at"
            " the cursor only, on lines that neither has learned; sonnets 55.0 and 40.0",
        ),
        (
            comparison(0.6, 0.5, words=499),
            False,
            "499 words that neither has learned are too few to tell whether mine is better than"
            " sonnets; a text of 5,000 to 8,000 words is enough",
        ),
        (
            comparison(None, None, words=0),
            False,
            "0 words that neither has learned are too few to tell whether mine is better than"
            " sonnets; a text of 5,000 to 8,000 words is enough",
        ),
    ],
)
def test_a_new_model_is_better_if_it_saves_more_than_the_one_in_use(
    found: Comparison, better: bool, told: str
) -> None:
    assert (is_better(found), comparison_sentence("mine", found)) == (better, told)


def test_the_figures_of_an_epoch_say_on_which_lines_they_are() -> None:
    figures = epoch_figures(ended(1, 5.38, 6.12, perplexity=456.4))
    assert [*map(" ".join, figures)] == [
        "training loss 5.380",
        "training accuracy 10%",
        "training perplexity 456",
        "held-out loss 6.120",
        "held-out perplexity 456",
        "held-out top-1 10%",
        "held-out top-5 20%",
    ]
    penalized = replace(ended(1), train=Metrics(loss=None, penalty=0.0123))
    assert [text for _, _, text in epoch_figures(penalized)] == ["0.012"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Saved(1.0, 0, "poems", True), "the n-grams are saved: you can write with them"),
        (Saved(1.0, 3, "poems", True), ""),
        (Paused(1.0, "requested"), "paused"),
        (Resumed(1.0, "stop requested"), "resumed: stop requested"),
        (Failed(1.0, "corpus", "no such file", "give one"), "no such file (give one)"),
    ],
)
def test_events_in_words(event: Event, words: str) -> None:
    assert event_words(event) == words


def test_the_figures_of_an_epoch_are_explained() -> None:
    train = Metrics(loss=5.0, penalty=0.25, perplexity=148.4)
    epoch = replace(ended(3), train=train, held_out=Metrics(loss=6.0, top1=0.1))
    told = {explain_figure(lines, name, epoch) for lines, name, _ in epoch_figures(epoch)}
    assert told == {
        "training loss: mean -ln p(right word), 5.000 nats = 7.21 bits",
        "training penalty: on large weights; Keras prints loss + penalty, 5.250",
        "training perplexity: e^5.000, as unsure as among 148 words",
        "held-out loss: mean -ln p(right word), 6.000 nats = 8.66 bits",
        "held-out top-1: how often its first suggestion is right",
    }
