"""Pictures of the Autocomplete screen, compared with those in __snapshots__.

Run with --snapshot-update after a change of looks, and look at the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.writing import predictor
from rnnlm_tui.tui.writing.transcript_view import TranscriptView
from tests.helpers.app import app_of, press, scripted_app, wait_until, write

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer takes 1.5 ms, or so it says."""
    ticks = iter(range(1_000_000))
    clock = SimpleNamespace(perf_counter=lambda: next(ticks) * 0.0015)
    monkeypatch.setattr(predictor, "time", clock)


async def _write_two_lines(pilot: Pilot[None]) -> None:
    """A line that was sent and continued, and another being written, with a word accepted."""
    view = app_of(pilot).autocomplete.query_one(TranscriptView)
    await write(pilot, *"when i")
    await press(pilot, "enter")
    await wait_until(pilot, lambda: len(view.lines) == 2)
    await write(pilot, *"shall")
    await write(pilot, "tab")
    await write(pilot, *"comp")


def test_autocomplete(snap_compare: Compare, tmp_path: Path) -> None:
    """The header with its tabs and the model, a line of yours and the model's below it, what the
    model sees, the line with "are thee to" as its ghost, one ranked word with its bar, the keys
    saved, and two rows of keys."""
    assert snap_compare(scripted_app(tmp_path), run_before=_write_two_lines)


def test_autocomplete_wide(snap_compare: Compare, tmp_path: Path) -> None:
    """The same with a pane at the right: ten ranked words, of which the third is chosen and stands
    in the line as the ghost, the words ahead, and facts about the model."""

    async def choose(pilot: Pilot[None]) -> None:
        await _write_two_lines(pilot)
        await write(pilot, "tab")
        await press(pilot, "down", "down", "down")

    app = scripted_app(tmp_path)
    assert snap_compare(app, run_before=choose, terminal_size=(120, 40))


def test_autocomplete_light(snap_compare: Compare, tmp_path: Path) -> None:
    """The first one in a light theme, each text well to be read, the ghost unlike typed text."""
    app = scripted_app(tmp_path, preferences=Preferences(theme="textual-light"))
    assert snap_compare(app, run_before=_write_two_lines)


def test_autocomplete_first_start(snap_compare: Compare, tmp_path: Path) -> None:
    """What to do where there is no model: a sentence and two buttons."""

    async def wait(pilot: Pilot[None]) -> None:
        await wait_until(pilot, lambda: app_of(pilot).has_no_models)

    assert snap_compare(scripted_app(tmp_path, {}), run_before=wait)


def test_too_small(snap_compare: Compare, tmp_path: Path) -> None:
    """One sentence, which asks for a larger window and says how to leave, and nothing else."""

    async def wait(pilot: Pilot[Any]) -> None:
        await wait_until(pilot, lambda: pilot.app.screen.query_one("#too-small", Static).display)

    assert snap_compare(scripted_app(tmp_path), run_before=wait, terminal_size=(80, 10))
