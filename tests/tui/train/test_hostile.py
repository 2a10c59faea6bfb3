"""A corpus, a run and a user that try to break the Train screen or steer the terminal."""

from __future__ import annotations

import sys
from functools import partial

import msgspec
import pytest
from textual.widgets import Collapsible, Input

from rnnlm_tui.errors import CorpusError
from rnnlm_tui.events import (
    EpochEnded,
    Metrics,
    NextWord,
    Paused,
    SampleText,
    Started,
    Warned,
    failed,
    to_json_line,
)
from rnnlm_tui.tui.runs.progress import Phase
from rnnlm_tui.tui.train.summary import DataCard
from tests.helpers.app import check_layout, picture, resize, rows_of
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
    "rows": [[HOSTILE, HOSTILE]] * 3,
    "prospect": [HOSTILE],
    "warnings": [HOSTILE],
}


async def is_whole(on: Shown) -> None:
    """Checks the layout at every size, and that no control character is painted."""
    for size in SIZES:
        await resize(on.pilot, *size)
        await on.until(partial(has_size, on, size))
        check_layout(on.app)
    await on.until(lambda: "[/b] [red]" in picture(on.app))


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
    text, words = f"{HOSTILE} and\n{HOSTILE}", [NextWord(HOSTILE, 1.0), NextWord(HOSTILE, 0.0)]
    sample: SampleText = {"seed": HOSTILE, "text": text, "next": words}
    return EpochEnded(9.0, epoch, figures, held_out, True, sample, 9.0)


async def test_hostile_words_about_a_text_and_of_a_run_are_shown(script: Script) -> None:
    """The summary, its refusal, the run and both kinds of its end."""
    script.answer(SUMMARY | ANSWER)
    said = to_json_line(failed(CorpusError(HOSTILE, HOSTILE), 1))
    async with shown(script) as on:
        answering = script.command
        for command in (
            (sys.executable, "-c", f"import sys; print({said!r}); sys.exit(3)"),
            answering,
        ):
            script.command = command
            on.form.query_one("#form-name", Input).value += "x"
            is_refused = command is not answering
            await on.until(lambda: on.form.problem if is_refused else on.form.summary)  # noqa: B023
            await is_whole(on)
        on.form.query_one("#more", Collapsible).collapsed = False
        on.form.query_one(DataCard).focus()
        await is_whole(on)
        for ends in (CorpusError(HOSTILE, HOSTILE), f"{HOSTILE}\n{HOSTILE}"):
            events = hostile_started(), Warned(1.0, HOSTILE), hostile_epoch(1), Paused(3.0, HOSTILE)
            await on.start(*events)
            await on.phase(Phase.PAUSED)
            await is_whole(on)
            script.exit(1, ends)
            await on.until(lambda: on.end)
            await is_whole(on)
            assert "[/b] [red]" in on.end
