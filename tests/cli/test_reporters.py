"""What a training prints for people, on a terminal and without one."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import msgspec
import pytest

from rnnlm_tui.cli import output
from rnnlm_tui.cli.reporters import TextReporter
from rnnlm_tui.config import make_config
from rnnlm_tui.events import (
    EpochEnded,
    EpochFigures,
    Event,
    Finished,
    Metrics,
    NextWord,
    Paused,
    Preparing,
    Progress,
    Resumed,
    SampleText,
    Warned,
)
from rnnlm_tui.training.control import Control, PreparationReport, StoppedError
from tests.cli.conftest import Screen
from tests.helpers.commands import POSIX, VERSES, on_terminal
from tests.helpers.events import measured, started, writers

TRAIN = Metrics(loss=5.3812, penalty=0.0123, accuracy=0.0785, perplexity=217.3)
HELD_OUT = Metrics(loss=6.1234, perplexity=456.4, top1=0.0812, top5=0.1923)
SAMPLE = "from fairest creatures we desire increase that thereby beauty's rose might never die"
CONTINUED: SampleText = {
    "seed": "from",
    "text": SAMPLE,
    "next": [NextWord("fairest", 0.31), NextWord("thee\x1b", 0.045)],
}
STARTED = msgspec.structs.replace(
    started(epochs=130),
    name="diary",
    preset="gru",
    config=make_config("gru", [{"epochs": 130}]),
    parameters=1_234_567,
    memory_bytes=500_000_000,
    threads=2,
)
NEXT = "next: fairest 31%, thee\ufffd 4.5%"
KEPT = EpochFigures(104, TRAIN, HELD_OUT)
EVENTS: list[Event] = [
    Preparing(0.0, "reading text", 0, 0, None),
    Preparing(2.0, "encoding words", 100, 400, 90.0),
    STARTED,
    Progress(60.0, 104, 130, 121, 483, 5.38, 0.0785, 12_345.0, 60.0, 723.0, 2),
    EpochEnded(83.0, 104, TRAIN, HELD_OUT, True, CONTINUED, 83.0, writers(0.573)),
    Progress(83.5, 105, 130, 1, 483, 5.38, 0.0785, 12_345.0, 60.0, 9000.0, 2),
    Paused(84.0, ""),
    Resumed(85.0, ""),
    Warned(86.0, "it \x1b may diverge"),
    Finished(90.0, "stopped", 104, KEPT, "/m/diary", 90.0, None, measured(english=0.571)),
]
TAKES = "1,234,567 parameters, about 500.0 MB of memory, on cpu with up to 2 threads"
FIGURES = (
    "epoch 104/130, network alone  training loss 5.381  penalty 0.012  accuracy 7.8%"
    "  perplexity 217  held-out loss 6.123  perplexity 456  top-1 8.1%  top-5 19%  best  1 min 23 s"
)
END = [
    "paused",
    "resumed",
    "it \ufffd may diverge",
    "resume it: rnnlm-tui --train --resume --name diary",
]


def shown(
    monkeypatch: pytest.MonkeyPatch, errors: io.StringIO, events: list[Event], quiet: bool = False
) -> list[str]:
    """The lines on standard error, and those that are drawn over."""
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setenv("TERM", "xterm")
    reporter = TextReporter(Control(), quiet)
    for event in events:
        reporter.show(event)
    return [line for line in re.split(r"\n|\r|\x1b\[K", errors.getvalue()) if line]


@pytest.mark.parametrize(
    ("columns", "bars"),
    [
        (
            80,
            [
                "encoding words [#####...............]  1 min 30 s left",
                "epoch 104/130 [################....]  12 min 03 s left",
                "epoch 105/130 [################....]  2 h 30 min left  saves 57 and 42%",
            ],
        ),
        (
            60,
            [
                "encoding words [#####...............]  1 min 30 s left",
                "epoch 104/130 [################....]  12 min 03 s left",
                "epoch 105/130 [#####.]  2 h 30 min left  saves 57 and 42%",
            ],
        ),
        (
            30,
            [
                "encoding words [#...]  1 m…",
                "epoch 104/130 [###.]  12 m…",
                "epoch 105/130 [###.]  2 h …",
            ],
        ),
    ],
)
def test_a_terminal_has_one_line_that_is_redrawn_and_fits(
    columns: int, bars: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "width_of", lambda stream, otherwise: columns)
    _, *lines = shown(monkeypatch, Screen(), EVENTS)
    assert [line for line in lines if "[" in line] == bars
    assert lines[-4:] == END or columns < 60
    assert max(map(len, lines)) <= columns
    assert shown(monkeypatch, Screen(), EVENTS, quiet=True) == ["it \ufffd may diverge"]


def test_a_pipe_has_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, errors := io.StringIO(), EVENTS)
    assert lines == [
        "reading text",
        "encoding words",
        TAKES,
        f"{FIGURES}  | {NEXT}  | {SAMPLE}",
        *END,
    ]
    assert "\r" not in errors.getvalue()
    in_first_epoch = Finished(90.0, "stopped", None, None, "/m/diary", 90.0)
    assert shown(monkeypatch, io.StringIO(), [STARTED, in_first_epoch])[-1] == END[-1]


def test_the_result_is_headed_by_the_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(monkeypatch, Screen(), EVENTS)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("diary: ") and "58 of 100" in first
    assert second.startswith("  stopped") and second.endswith(", 1 min 30 s, in /m/diary")
    end = Finished(90.0, "stopped", None, None, "/m/diary", 90.0)
    assert TAKES in shown(monkeypatch, Screen(), [STARTED, end])
    assert capsys.readouterr().out == "diary: stopped before the first epoch ended\n"


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


@POSIX
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_is_steered_unless_it_is_dumb(
    term: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    (tmp_path / "verses.txt").write_text(VERSES)
    code, text = on_terminal("--train", str(tmp_path / "verses.txt"), "--preset=ngram", columns=200)
    assert code == 0
    assert "verses-ngram: " in text and "\r\n  trained, " in text
    assert ("| The cat sat on" in text) == (term == "dumb")
    assert ("\x1b" in text) == (term == "xterm")
