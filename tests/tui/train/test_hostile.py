"""A corpus, a run and a user that try to break the Train screen or steer the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
import pytest
from textual import events
from textual.widgets import Input, TextArea

from rnnlm_tui.events import EpochEnded, Event, Paused, Started, Warned, to_json_line
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.train.data_card import CardText
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.other_runs import OtherRuns
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from rnnlm_tui.tui.widgets.path_input import PathInput
from tests.helpers.app import check_layout, click, picture
from tests.helpers.events import started
from tests.helpers.train_screen import Shown, shown, training_elsewhere

HOSTILE = (
    "[/b] [red]\x1b[31m\x1b]0;title\x07 \x9b2J \u202e\u05e9\u05dc\u05d5\u05dd\u202c 漢字 "
    + "👩\u200d🚀 e\u0301\u0302 a\tb\0c "
    + "漢" * 60
    + " "
    + "x" * 10_000
)
SIZES = [(60, 16), (80, 24), (120, 40)]
SUMMARY = f"""
import json, sys
HOSTILE = {HOSTILE!r}
if any("fail" in a for a in sys.argv):
    sys.exit("rnnlm-tui: " + HOSTILE + "\\n  " + HOSTILE)
layer = {{"name": HOSTILE, "type": HOSTILE, "output_shape": [None, HOSTILE], "parameters": 1 << 90}}
print(json.dumps({{
    "total_words": 7, "examples": 5, "window": 3, "parameters": 70, "memory_bytes": 4000,
    "estimated_s": 90.0, "settings": {{}}, "layers": [layer],
    "first_pairs": [[HOSTILE, HOSTILE]] * 3,
    "corpus": {{"name": HOSTILE, "lines": 4, "words": 20, "held_out_lines": 0}}}}))
"""


async def is_whole(on: Shown, *sizes: tuple[int, int]) -> None:
    """The layout holds in every size, and no control character gets to the terminal."""
    for size in sizes or SIZES:
        await on.pilot.resize_terminal(*size)
        await on.until(lambda size=size: on.screen.size == size)
        await on.pilot.pause()
        check_layout(on.app)


def line(event: Event) -> str:
    """As an argument for the scripted training, which may hold no NUL."""
    return to_json_line(event)


def hostile_started() -> Started:
    return msgspec.structs.replace(
        started(),
        name=HOSTILE,
        preset=HOSTILE,
        device=HOSTILE,
        corpus={"name": HOSTILE, "sha256": "00", "lines": 6, "words": 40},
    )


def hostile_epoch(epoch: int) -> EpochEnded:
    figures = {"loss": 1e300, "penalty": -1e300, "accuracy": 1e9, "perplexity": 1e308}
    held_out = {"loss": 1e300, "perplexity": 1e308, "top1": -5.0, "top5": 1e300}
    sample = {"seed": HOSTILE, "text": f"{HOSTILE} and\n{HOSTILE}"}
    return EpochEnded(9.0, epoch, figures, held_out, True, sample, 9.0)


async def test_a_hostile_corpus_is_shown_on_the_data_card(data_dir: Path) -> None:
    async with shown(data_dir, size=(80, 24), summary=(sys.executable, "-c", SUMMARY)) as on:
        form = on.screen.query_one(TrainForm)
        await on.until(lambda: form.problem is None)
        await is_whole(on)
        await on.pilot.resize_terminal(80, 24)
        await on.pilot.press("f5")
        await on.until(lambda: on.screen.has_class("-card"))
        await is_whole(on)
        card = on.screen.query_one(CardText)
        assert "[/b] [red]\ufffd[31m" in str(card.content)


async def test_hostile_complaints_of_a_corpus_are_shown(data_dir: Path) -> None:
    async with shown(data_dir, size=(80, 24), summary=(sys.executable, "-c", SUMMARY)) as on:
        form = on.screen.query_one(TrainForm)
        form.fill("/fail.txt")
        await on.until(lambda: form.error is not None)
        await is_whole(on)
        await on.pilot.resize_terminal(120, 40)
        await on.until(lambda: "[/b] [red]" in picture(on.app))


@pytest.mark.parametrize("field", ["files", "name", "seed", "setting-epochs", "pasted"])
async def test_a_hostile_paste_does_not_get_to_the_terminal(data_dir: Path, field: str) -> None:
    """Into every field, as a terminal does that does not clean what it pastes."""
    async with shown(data_dir, size=(120, 40), summary=(sys.executable, "-c", SUMMARY)) as on:
        form = on.screen.query_one(TrainForm)
        source = {"files": "files", "pasted": "pasted"}.get(field, "bundled")
        await click(on.pilot, f"#source-{source}")
        widget = form.query_one(f"#{field}")
        widget = widget.query_one(Input) if isinstance(widget, PathInput) else widget
        widget.focus()
        await on.pilot.pause()
        on.app.post_message(events.Paste(f"{HOSTILE}\n{HOSTILE}"))
        await on.until(lambda: "[/b]" in getattr(widget, "value", getattr(widget, "text", "")))
        await is_whole(on)
        await on.until(lambda: not form.counting)
        await is_whole(on)


async def test_a_hostile_line_in_hand_is_proposed_as_it_may_be_shown(data_dir: Path) -> None:
    async with shown(data_dir, size=(120, 40)) as on:
        form = on.screen.query_one(TrainForm)
        form.propose_seed(HOSTILE)
        await is_whole(on)
        assert "\ufffd[31m" in form.plan.seed_line
        form.propose_seed("the dog")
        assert form.plan.seed_line == "the dog", "nobody has typed another"


async def test_a_hostile_run_is_shown(data_dir: Path) -> None:
    lines: list[Event] = [
        hostile_started(),
        Warned(1.0, HOSTILE),
        hostile_epoch(1),
        Warned(2.0, f"{HOSTILE}\n{HOSTILE}"),
        hostile_epoch(2),
        Paused(3.0, HOSTILE),
    ]
    options = [part for event in lines for part in ("--at", "1.1", "line", line(event))]
    async with shown(data_dir, *options, "--at", "1.1", "wait") as on:
        await on.start()
        await on.phase(Phase.PAUSED)
        await is_whole(on)
        assert "[/b] [red]" in picture(on.app)


@pytest.mark.parametrize("last", ["fail", "crash"])
async def test_a_hostile_end_of_a_run_is_shown(data_dir: Path, last: str) -> None:
    said = HOSTILE.replace("\0", "")
    options = ["--at", "1", "fail", "corpus", said, f"{said}\n{said}"]
    if last == "crash":
        options = ["--at", "1", "stderr", f"{said}\n{said}", "--at", "1", "crash", "KILL"]
    async with shown(data_dir, *options) as on:
        await on.start()
        await on.phase(Phase.FAILED if last == "fail" else Phase.LOST)
        await on.until(lambda: on.buttons)
        await is_whole(on)
        assert "[/b] [red]" in on.end


async def test_a_hostile_history_of_another_process_is_watched(data_dir: Path) -> None:
    with training_elsewhere(data_dir, "--at", "1.2", "wait"):
        async with shown(data_dir) as on:
            others = on.screen.query_one(OtherRuns)
            await on.until(lambda: others.display)
            history = data_dir / "models" / "other" / "history.jsonl"
            with history.open("ab") as file:
                for event in (hostile_started(), hostile_epoch(1), Warned(1.0, HOSTILE)):
                    file.write(line(event).encode() + b"\n")
                file.write(b"\x1b[2J\0\xff\n" + json.dumps(HOSTILE).encode() + b"\n")
            on.screen.follow("other")
            await on.until(lambda: on.screen.on_run and on.lines("samples"))
            await is_whole(on)
            await on.pilot.press("escape")
            await is_whole(on)


async def test_a_text_area_keeps_lines_and_tabs(data_dir: Path) -> None:
    async with shown(data_dir, size=(120, 40), summary=(sys.executable, "-c", SUMMARY)) as on:
        form = on.screen.query_one(TrainForm)
        await click(on.pilot, "#source-pasted")
        area = form.query_one("#pasted", TextArea)
        area.focus()
        on.app.post_message(events.Paste("a\tb\nthe 猫 e\u0301"))
        await on.until(lambda: form.plan.text == "a\tb\nthe 猫 e\u0301")
        await is_whole(on)
        assert on.screen.query_one(KeyBar).display
