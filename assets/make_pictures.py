"""Makes the README's pictures from the real app:

    python assets/make_pictures.py

Asks the model that ships, and trains others in a folder of its own, which takes a few minutes.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.runs.child import TrainArguments

SIZE = (116, 32)
WRITING_SIZE = (100, 18)
PATIENCE_S = 600
LINES = (
    "Dear Anna, I am looking forward to seeing you again.",
    "We arrived on the 9:45 train, and the house was cold, so we made a fire.",
    "Yesterday we went to the sea, and it was better than I had hoped.",
    "The children ran along the beach until it was dark.",
)
HALF_TYPED = "In the evening we sat by the f"
NGRAM = "sonnets-ngram"
RUN = ("--preset", "gru", "--name", "sonnets-gru", "--from", "none")
RUN_EPOCHS_SHOWN, RUN_STEPS_SHOWN = 9, 30


def main() -> None:
    """Writes an SVG for each picture next to this file."""
    with tempfile.TemporaryDirectory() as folder:
        data = ("--data-dir", folder)
        command("--train", "--preset", "ngram", "--name", NGRAM, *data)
        command("--evaluate", "--model", NGRAM, *data)
        asyncio.run(picture_app(Path(folder)))


def command(*arguments: str) -> None:
    """Runs the command."""
    run = [sys.executable, "-m", "rnnlm_tui", *arguments]
    subprocess.run(run, check=True, capture_output=True)


async def picture_app(folder: Path) -> None:
    """Writing, a run in the middle and at its end, and the inside of the model."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    os.environ["COLORTERM"] = "truecolor"  # else the theme is that of a terminal of 16 colours
    app = RnnlmApp(folder, folder / "config", folder / "app.log", "english")
    async with app.run_test(size=WRITING_SIZE) as pilot:
        await until(pilot, lambda: app.opened_model is not None)
        for line in LINES:
            await write_line(pilot, app, line)
            await pilot.press("enter")
        await write_line(pilot, app, HALF_TYPED)
        await until(pilot, lambda: app.autocomplete.editor.suggestion)
        await pilot.pause(0.5)
        write("autocomplete", app.export_screenshot(title="rnnlm-tui"))
        await pilot.resize_terminal(*SIZE)
        app.start_training(TrainArguments(RUN, RUN[3]))
        await until(pilot, lambda: app.followed_runs.shown)
        run = app.followed_runs.shown
        assert run is not None
        await until(pilot, lambda: len(run.progress.epochs) >= RUN_EPOCHS_SHOWN)
        step = run.progress.last_report
        await until(
            pilot,
            lambda: run.progress.last_report is not step and run.progress.step > RUN_STEPS_SHOWN,
        )
        await pilot.pause(0.5)
        write("train", app.export_screenshot(title="rnnlm-tui"))
        await until(pilot, lambda: not run.is_running)
        await pilot.pause(0.5)
        write("trained", app.export_screenshot(title="rnnlm-tui"))
        app.show_mode("inside")
        await until(pilot, lambda: "embedding" in app.export_screenshot())
        await pilot.press("down", "down")
        await pilot.pause(1)
        write("inside", app.export_screenshot(title="rnnlm-tui"))


async def write_line(pilot: Pilot[None], app: RnnlmApp, text: str) -> None:
    """Writes the text as a writer does who accepts the next word of the ghost if it is right."""
    editor = app.autocomplete.editor
    while editor.text.rstrip() != text:
        done = editor.text if text.startswith(editor.text) else editor.text.rstrip()
        left = text.removeprefix(done)
        word = re.match(r"\s*\w\w+", editor.suggestion)
        if word and re.match(re.escape(word[0]) + r"(?!\w)", left):
            await pilot.press("tab")
        else:
            await pilot.press("space" if left[0] == " " else left[0])
        await pilot.pause(0.1)


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Lets the app work until the condition holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the app does not show what the picture is to show")
        await pilot.pause(0.05)


def write(name: str, svg: str) -> None:
    """Writes the picture without the fonts that it would load from elsewhere, since the viewer's
    own monospace will do, and without a clip path for each row, which makes it half as large
    again."""
    for left_out in (
        r"@font-face \{.*?\}\s*",
        r"<clipPath id=\S*-line-.*?</clipPath>",
        r' clip-path="url\(#\S*-line-\d+\)"',
        r"^\s+",
    ):
        svg = re.sub(left_out, "", svg, flags=re.DOTALL | re.MULTILINE)
    Path(__file__).with_name(f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
