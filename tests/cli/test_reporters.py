"""What a training prints for people, on a terminal of any width and without one."""

from __future__ import annotations

import io
import re
import sys

import msgspec
import pytest

from rnnlm_tui.cli import output
from rnnlm_tui.cli.reporters import TextReporter
from rnnlm_tui.config import make_config
from rnnlm_tui.event_types import (
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    Metrics,
    Paused,
    Preparing,
    Progress,
    Resumed,
    Warned,
)
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError
from tests.cli.conftest import Screen
from tests.helpers.commands import POSIX, VERSES, on_terminal
from tests.helpers.events import measured, started

TRAIN = Metrics(loss=5.3812, penalty=0.0123, accuracy=0.0785, perplexity=217.3)
HELD_OUT = Metrics(loss=6.1234, perplexity=456.4, top1=0.0812, top5=0.1923)
SAMPLE = "from fairest creatures we desire increase that thereby beauty's rose might never die"
STARTED = msgspec.structs.replace(
    started(epochs=130),
    name="diary",
    preset="gru",
    config=make_config("gru", [{"epochs": 130}]),
    parameters=1_234_567,
    memory_bytes=500_000_000,
    threads=2,
)
EVENTS: list[Event] = [
    STARTED,
    Progress(60.0, 104, 130, 121, 483, 5.38, 0.0785, 12_345.0, 60.0, 723.0, 2),
    EpochEnded(83.0, 104, TRAIN, HELD_OUT, True, {"seed": "from", "text": SAMPLE}, 83.0),
]


def shown(
    monkeypatch: pytest.MonkeyPatch, events: list[Event], columns: int, quiet: bool = False
) -> str:
    """What a terminal gets on standard error."""
    terminal = Screen()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(output, "line_width", lambda: columns - 1)
    monkeypatch.setenv("TERM", "xterm")
    reporter = TextReporter(Control(), quiet)
    for event in events:
        reporter.show(event)
    return terminal.getvalue()


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_every_figure_of_an_epoch_is_seen_on_a_terminal_of_any_width(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    text = shown(monkeypatch, EVENTS, columns)
    for figure in ("top-1 8.1%", "top-5 19%", "best", "1 min 23 s", f"| {SAMPLE}"):
        assert figure in text, figure
    lines = text.rpartition("\x1b[K")[2].splitlines()
    assert all(len(line) < columns for line in lines if SAMPLE not in line)
    assert lines[0].startswith("epoch 104/130, network alone")
    assert "training loss 5.381  penalty 0.012" in "  ".join(map(str.strip, lines))


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_bar_shows_the_time_left_whatever_the_width(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    text = shown(monkeypatch, EVENTS[:2], columns)
    (bar,) = re.findall(r"\r(epoch [^\r\x1b]*)\x1b\[K", text)
    assert bar.startswith("epoch 104/130 [#")
    assert len(bar) < columns
    assert ("loss 5.380" in bar) == (columns >= 60)
    assert ("2 threads" in bar) == (columns >= 120)
    assert bar.endswith("  ETA 12 min 03 s")


def test_a_large_text_has_a_bar_for_each_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    phases: list[Event] = [
        Preparing(0.0, "reading text", 0, 400, None),
        Preparing(2.0, "encoding words", 100, 400, 90.0),
    ]
    first, second = re.findall(r"\r([^\r\x1b]+)\x1b\[K", shown(monkeypatch, phases, 80))
    assert first.startswith("reading text [....") and "ETA" not in first
    assert second.startswith("encoding words [#####...") and second.endswith("ETA 1 min 30 s")
    assert shown(monkeypatch, phases, 80, quiet=True) == ""


def test_the_report_of_a_preparation_tells_the_time_left_and_stops() -> None:
    told, control, ticks = list[Preparing](), Control(), iter([0.0, 0.0, 0.05, 10.0, 20.0, 20.5])
    report = PreparationReport(control, told.append, lambda: next(ticks))
    for done in (0, 1, 25):
        report("reading text", done, 100)
    report("encoding words", 0, 100)
    assert [(e.phase, e.done, e.time) for e in told] == [
        ("reading text", 0, 0.0),
        ("reading text", 25, 10.0),
        ("encoding words", 0, 20.0),
    ]
    assert told[0].eta_s is None and told[1].eta_s == 30.0
    control.stop()
    with pytest.raises(StoppedError):
        report("encoding words", 50, 100)


def test_pauses_and_warnings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Event] = [Paused(1.0, ""), Resumed(2.0, ""), Warned(3.0, "it \x1b may diverge")]
    lines = shown(monkeypatch, [STARTED, *said], 80).replace("\r\x1b[K", "").splitlines()
    assert lines[-3:] == ["paused", "resumed", "it \ufffd may diverge"]
    assert lines[0] == "1,234,567 parameters, about 500.0 MB of memory, on cpu with up to 2 threads"
    assert shown(monkeypatch, [STARTED, *said], 80, quiet=True) == "it \ufffd may diverge\n"


def test_the_result_is_headed_by_the_name_and_says_how_to_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, figures = EpochFigures(104, TRAIN, HELD_OUT), measured(english=0.571)
    end = Finished(90.0, "stopped", 104, kept, "/m/diary", 90.0, None, figures)
    assert "--train --resume --name diary" in shown(monkeypatch, [*EVENTS, end], 80)
    assert capsys.readouterr().out.splitlines() == [
        "diary: keys saved 58% (the English alone: 57%)",
        "  stopped; epoch 104 is kept, 1 min 30 s, in /m/diary",
        "  held-out lines: perplexity per word 94.2 (mixture), 456 (network alone)",
        "  training lines: loss 5.381 nats per word, accuracy 7.8% (network alone)",
    ]


def test_a_run_that_has_learned_nothing_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    end = Finished(90.0, "stopped", None, None, "/m/diary", 90.0)
    assert "--resume" not in shown(monkeypatch, [*EVENTS, end], 80)
    assert capsys.readouterr().out == "diary: stopped before the first epoch ended\n"


@POSIX
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_is_steered_unless_it_is_dumb(
    term: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    corpus = tmp_path_factory.mktemp("corpus") / "verses.txt"
    corpus.write_text(VERSES)
    code, text = on_terminal("--train", str(corpus), "--preset=ngram", columns=60)
    assert code == 0
    assert "verses-ngram: keys saved " in text and "\r\n  done, " in text
    assert "| The cat sat on" in text
    assert ("\x1b" in text) == (term == "xterm")


def test_without_a_terminal_there_is_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    reporter = TextReporter(Control(), quiet=False)
    for event in EVENTS:
        reporter.show(event)
    assert errors.getvalue().splitlines()[-1] == (
        "epoch 104/130, network alone  training loss 5.381  penalty 0.012  accuracy 7.8%"
        "  perplexity 217  held-out loss 6.123  perplexity 456  top-1 8.1%  top-5 19%  best"
        f"  1 min 23 s  | {SAMPLE}"
    )
