"""A corpus, a run and a user that try to break the Train screen or steer the terminal."""

from __future__ import annotations

import sys
from functools import partial

import msgspec
import pytest
from textual import events
from textual.widget import Widget
from textual.widgets import Collapsible, RadioButton

from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.event_types import (
    EpochEnded,
    Event,
    Metrics,
    Paused,
    SampleText,
    Started,
    Warned,
    failed,
    to_json_line,
)
from rnnlm_tui.tui.runs.progress import Phase
from rnnlm_tui.tui.train.data_card import DataCard
from rnnlm_tui.tui.train.form import COUNTING
from tests.helpers.app import check_layout, picture, rows_of
from tests.helpers.events import started
from tests.helpers.runs import SUMMARY, Script
from tests.helpers.train_screen import Shown, shown

pytestmark = pytest.mark.slow
HOSTILE = (
    "[/b] [red]\x1b[31m\x1b]0;title\x07 \x9b2J \u202e\u05e9\u05dc\u05d5\u05dd\u202c 漢字 "
    + "👩\u200d🚀 e\u0301\u0302 a\tb\0c "
    + "漢" * 60
    + " "
    + "x" * 10_000
)
SIZES = [(60, 16), (80, 24), (120, 40)]
LAYER = {"name": HOSTILE, "type": HOSTILE, "output_shape": [None, 7], "parameters": 1 << 60}
ANSWER = {
    "layers": [LAYER],
    "first_pairs": [[HOSTILE, HOSTILE]] * 3,
    "opening": HOSTILE,
    "notes": [HOSTILE],
    "warnings": [HOSTILE],
}


async def is_whole(on: Shown, *sizes: tuple[int, int]) -> None:
    """Checks the layout at every size, and that no control character is painted."""
    for size in sizes or SIZES:
        await on.pilot.resize_terminal(*size)
        await on.until(partial(has_size, on, size))
        check_layout(on.app)


def has_size(on: Shown, size: tuple[int, int]) -> bool:
    return len(rows_of(on.app)) == size[1] and on.screen.size == size


def hostile_started() -> Started:
    corpus = msgspec.structs.replace(started().corpus, name=HOSTILE[:1000])
    return msgspec.structs.replace(
        started(), name=HOSTILE, preset=HOSTILE, device=HOSTILE, corpus=corpus
    )


def hostile_epoch(epoch: int) -> EpochEnded:
    figures = Metrics(loss=1e300, penalty=-1e300, accuracy=1e9, perplexity=1e308)
    held_out = Metrics(loss=1e300, perplexity=1e308, top1=-5.0, top5=1e300)
    sample: SampleText = {"seed": HOSTILE, "text": f"{HOSTILE} and\n{HOSTILE}"}
    return EpochEnded(9.0, epoch, figures, held_out, True, sample, 9.0)


async def test_a_hostile_corpus_is_shown_on_the_data_card(script: Script) -> None:
    script.answer(SUMMARY | ANSWER)
    async with shown(script) as on:
        await on.until(lambda: on.form.problem is None)
        await is_whole(on, *SIZES, (80, 24))
        on.form.query_one("#more", Collapsible).collapsed = False
        await on.until(lambda: on.screen.query_one(DataCard).display)
        on.screen.query_one(DataCard).focus()
        await on.until(lambda: "[/b] [red]" in picture(on.app))
        await is_whole(on)


async def test_hostile_complaints_of_a_corpus_are_shown(script: Script) -> None:
    said = to_json_line(failed(CorpusError(HOSTILE, HOSTILE), 1))
    code = f"import sys; print({said!r}); sys.exit(3)"
    script.command = (sys.executable, "-c", code)
    async with shown(script) as on:
        await on.until(lambda: on.form.error is not None)
        await is_whole(on)
        await on.until(lambda: "[/b] [red]" in picture(on.app))


async def test_a_hostile_paste_does_not_get_to_the_terminal(script: Script) -> None:
    """Into every field, as by a terminal that does not clean what it pastes."""
    async with shown(script, (120, 40)) as on:
        for field in ("form-name", "form-settings", "files"):
            if field == "files":
                on.form.query_one("#source-files", RadioButton).value = True
            widget = on.form.query_one(f"#{field}")
            widget.focus()
            await on.pilot.pause()
            on.app.post_message(events.Paste(f"{HOSTILE}\n{HOSTILE}"))
            await on.until(partial(holds, widget, "[/b]"))
        await on.until(lambda: on.form.problem != COUNTING)
        await is_whole(on)


def holds(field: Widget, text: str) -> bool:
    return text in getattr(field, "value", getattr(field, "text", ""))


async def test_a_hostile_run_is_shown(script: Script) -> None:
    run: list[Event] = [
        hostile_started(),
        Warned(1.0, HOSTILE),
        hostile_epoch(1),
        Warned(2.0, f"{HOSTILE}\n{HOSTILE}"),
        hostile_epoch(2),
        Paused(3.0, HOSTILE),
    ]
    async with shown(script) as on:
        await on.start(*run)
        await on.phase(Phase.PAUSED)
        await is_whole(on)
        assert "[/b] [red]" in picture(on.app)


@pytest.mark.parametrize("said", [CorpusError(HOSTILE, HOSTILE), f"{HOSTILE}\n{HOSTILE}"])
async def test_a_hostile_end_of_a_run_is_shown(script: Script, said: str | RnnlmError) -> None:
    async with shown(script) as on:
        await on.start(started())
        script.exit(1, said)
        await on.until(lambda: on.end)
        await is_whole(on)
        assert "[/b] [red]" in on.end
