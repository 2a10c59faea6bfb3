"""Events of a training, with plain defaults."""

from __future__ import annotations

import math

from msgspec.structs import replace

from rnnlm_tui.config import make_config
from rnnlm_tui.events import (
    BaseSavings,
    ByWriter,
    Comparison,
    CorpusFacts,
    EpochEnded,
    EpochFigures,
    Evaluation,
    Event,
    Finished,
    FinishReason,
    Metrics,
    NextWord,
    Progress,
    SampleText,
    Saved,
    Started,
)


def started(
    epochs_done: int = 0, epochs: int = 50, held_out_lines: int = 0, *, is_mixed: bool = False
) -> Started:
    """The start of a training of a network, alone or in a mixture."""
    return Started(
        time=0.5,
        name="poems",
        preset="lesson",
        config=make_config("gru" if is_mixed else "lesson", [{"epochs": epochs}]),
        seed=0,
        corpus=CorpusFacts("poems", "00", lines=6, words=40),
        total_words=22,
        window=9,
        examples=37,
        held_out_lines=held_out_lines,
        parameters=100,
        memory_bytes=100,
        epochs_done=epochs_done,
        device="cpu",
        threads=1,
        versions={},
    )


def progress(epoch: int, step: int = 1, *, elapsed: float = 1.0, eta: float = 60.0) -> Progress:
    return Progress(1.0, epoch, 50, step, 4, 5.0, 0.1, 100.0, elapsed, eta, 2)


def ended(
    epoch: int,
    loss: float = math.nan,
    held_out: float | None = None,
    *,
    best: bool = True,
    accuracy: float = 0.1,
    perplexity: float | None = None,
) -> EpochEnded:
    """The end of an epoch. Its training loss is 10 / `epoch` unless `loss` is given."""
    loss = 10 / epoch if math.isnan(loss) else loss
    train = Metrics(loss=loss, penalty=0.0, accuracy=accuracy, perplexity=perplexity)
    figures = None
    if held_out is not None:
        figures = Metrics(loss=held_out, perplexity=perplexity, top1=0.1, top5=0.2)
    words = [NextWord("sat", min(1.0, epoch / 10)), NextWord("and", 0.05)]
    sample: SampleText = {"seed": "the cat", "text": f"the cat sat {epoch}", "next": words}
    return EpochEnded(float(epoch), epoch, train, figures, best, sample, float(epoch))


def saved(epoch: int, best: bool = True) -> Saved:
    return Saved(float(epoch), epoch, "models/poems", best)


def finished(
    reason: FinishReason, best_epoch: int | None = 31, metrics: EpochFigures | None = None
) -> Finished:
    return Finished(90.0, reason, best_epoch, metrics, "models/poems", 88.0)


def measured(words: int = 900, english: float | None = None) -> Evaluation:
    """The evaluation of a model on `words` words, which saves an attentive writer 58.4 % of keys.
    `english` is the share that the English saves alone, if it is the model's base."""
    return Evaluation(
        lines=9,
        words=words,
        predicted=999,
        loss=4.545,
        perplexity=94.2,
        oov_share=0.1,
        top1=0.15,
        top5=0.25,
        characters=999,
        keys=ByWriter(416, 466, 566),
        keystroke_savings=writers(0.584),
        savings_intervals=None,
        base=None if english is None else BaseSavings("english", writers(english)),
    )


def writers(attentive: float) -> ByWriter[float]:
    """The shares of keys that the three writers save, of whom the attentive one saves most."""
    return ByWriter(attentive, attentive - 0.05, attentive - 0.15)


def comparison(new: float | None, in_use: float | None, words: int = 900) -> Comparison:
    """The shares of keys that an attentive writer saves with a new model and with the one in use,
    sonnets, measured on `words` words. None is not measured."""

    def saving(share: float | None) -> Evaluation:
        saved = None if share is None else writers(share)
        return replace(measured(words), keystroke_savings=saved)

    return Comparison("sonnets", saving(in_use), saving(new))


def loss_of(metrics: Metrics | None) -> float:
    """The loss, which was measured."""
    assert metrics is not None and metrics.loss is not None
    return metrics.loss


def epochs_of(events: list[Event]) -> list[EpochEnded]:
    """The ends of epochs among the events."""
    return [event for event in events if isinstance(event, EpochEnded)]


def end_of(events: list[Event]) -> Finished:
    """The last event of a run that has ended."""
    assert isinstance(events[-1], Finished)
    return events[-1]


def in_fifth_epoch() -> list[Event]:
    """The events of a run in its fifth of 20 epochs. The second was the best."""
    held_out = (6.0, 5.0, 5.5, 5.6)
    epochs = [
        ended(n, 6 / n**0.5, loss, best=n <= 2, perplexity=math.exp(loss))
        for n, loss in enumerate(held_out, 1)
    ]
    return [
        started(epochs=20, held_out_lines=1, is_mixed=True),
        *epochs,
        Progress(9.0, 5, 20, 2, 4, 2.683, 0.4, 320.0, 3.6, 9.4),
    ]
