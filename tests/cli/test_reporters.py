"""What a training prints for people, on a terminal and without one."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import msgspec
import pytest

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
    monkeypatch: pytest.MonkeyPatch, events: list[Event], quiet: bool = False, terminal: bool = True
) -> str:
    """What is printed on standard error, 80 columns wide if that is a terminal."""
    errors = Screen() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setenv("TERM", "xterm")
    reporter = TextReporter(Control(), quiet)
    for event in events:
        reporter.show(event)
    return errors.getvalue()


def test_an_epoch_is_a_line_and_its_sample_below_it_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = (
        "epoch 104/130, network alone  training loss 5.381  penalty 0.012  accuracy 7.8%"
        "  perplexity 217  held-out loss 6.123  perplexity 456  top-1 8.1%  top-5 19%  best"
        "  1 min 23 s"
    )
    assert shown(monkeypatch, EVENTS).endswith(f"\x1b[K{figures}\n  | {SAMPLE}\n")
    piped = shown(monkeypatch, EVENTS, terminal=False)
    assert piped.splitlines()[-1] == f"{figures}  | {SAMPLE}" and "\r" not in piped


def test_a_bar_shows_the_phase_or_the_epoch_the_time_left_and_what_else_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phases: list[Event] = [
        Preparing(0.0, "reading text", 0, 0, None),
        Preparing(2.0, "encoding words", 100, 400, 90.0),
    ]
    bars = re.findall(r"\r([^\r\x1b]+)\x1b\[K", shown(monkeypatch, [*phases, *EVENTS[:2]]))
    assert bars == [
        "reading text [....................] 0/0",
        "encoding words [#####...............] 100/400  ETA 1 min 30 s",
        "epoch 104/130 [#####...............] 121/483  ETA 12 min 03 s  loss 5.380  accu",
    ]
    assert shown(monkeypatch, phases, quiet=True) == ""
    assert shown(monkeypatch, phases, terminal=False) == "reading text\nencoding words\n"


def test_the_report_of_a_preparation_tells_the_time_left_and_stops() -> None:
    told, control, ticks = list[Preparing](), Control(), iter([0.0, 0.0, 0.05, 10.0, 20.0, 20.5])
    report = PreparationReport(control, told.append, lambda: next(ticks))
    for done in (0, 1, 25):
        report("reading text", done, 100)
    report("encoding words", 0, 100)
    assert [(e.phase, e.done, e.time, e.eta_s) for e in told] == [
        ("reading text", 0, 0.0, None),
        ("reading text", 25, 10.0, 30.0),
        ("encoding words", 0, 20.0, None),
    ]
    control.stop()
    with pytest.raises(StoppedError):
        report("encoding words", 50, 100)


def test_pauses_and_warnings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Event] = [Paused(1.0, ""), Resumed(2.0, ""), Warned(3.0, "it \x1b may diverge")]
    lines = shown(monkeypatch, [STARTED, *said]).replace("\r\x1b[K", "").splitlines()
    assert lines == [
        "1,234,567 parameters, about 500.0 MB of memory, on cpu with up to 2 threads",
        *("paused", "resumed", "it \ufffd may diverge"),
    ]
    assert shown(monkeypatch, [STARTED, *said], quiet=True) == "it \ufffd may diverge\n"


def test_the_result_is_headed_by_the_name_and_says_how_to_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, figures = EpochFigures(104, TRAIN, HELD_OUT), measured(english=0.571)
    end = Finished(90.0, "stopped", 104, kept, "/m/diary", 90.0, None, figures)
    assert "--train --resume --name diary" in shown(monkeypatch, [*EVENTS, end])
    assert capsys.readouterr().out.splitlines() == [
        "diary: keys saved 58% (the English alone: 57%)",
        "  stopped; epoch 104 is kept, 1 min 30 s, in /m/diary",
        "  held-out lines: perplexity per word 94.2 (mixture), 456 (network alone)",
        "  training lines: loss 5.381 nats per word, accuracy 7.8% (network alone)",
    ]
    end = Finished(90.0, "stopped", None, None, "/m/diary", 90.0)
    assert "--resume" not in shown(monkeypatch, [*EVENTS, end])
    assert capsys.readouterr().out == "diary: stopped before the first epoch ended\n"


@POSIX
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_is_steered_unless_it_is_dumb(
    term: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    (tmp_path / "verses.txt").write_text(VERSES)
    code, text = on_terminal("--train", str(tmp_path / "verses.txt"), "--preset=ngram", columns=60)
    assert code == 0
    assert "verses-ngram: keys saved " in text and "\r\n  done, " in text
    assert "| The cat sat on" in text
    assert ("\x1b" in text) == (term == "xterm")
