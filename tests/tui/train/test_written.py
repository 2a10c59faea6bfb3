"""What was written in the app as the text to train on: all of it, or some of the texts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing

from textual.widgets import Button, RadioButton

from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.train.form import ENOUGH_WRITTEN
from rnnlm_tui.tui.widgets.dialogs import ChooseSeveral
from tests.helpers.app import click
from tests.helpers.runs import Script
from tests.helpers.train_screen import Shown, shown

ENOUGH = "we left. " * (ENOUGH_WRITTEN // 2)


def write(script: Script, texts: Mapping[str, str]) -> None:
    """Adds these texts, by their titles; lines are sent one by one."""
    with closing(connect(script.data / "session" / "session.db")) as connection:
        for title, lines in texts.items():
            text = Text(title=title, changed=time.time())
            for line in lines.split("|"):
                add_turn(connection, text, Turn(line))


async def choose_written(on: Shown) -> None:
    on.form.query_one("#source-written", RadioButton).value = True
    await on.until(lambda: on.form.source == "written")


def offered(on: Shown) -> str:
    return str(on.form.query_one("#written", Button).label)


async def test_a_training_gets_all_that_was_written_as_one_stored_file(script: Script) -> None:
    write(script, {"diary": "We left.|Well\n\nthen.", "letter": "It rained."})
    async with shown(script) as on:
        await choose_written(on)
        await on.until(lambda: offered(on) == "all 2 texts, 6 words")
        await on.ready()
        assert on.form.content.name == "mine-gru"
        await on.until(lambda: on.sees("what you wrote"))
        text = "We left.\n\nWell\nthen.\n\nIt rained.\n"
        await on.until(lambda: text in script.asked()[-1])  # the card is of that text
        await on.pilot.press("f5")
        await on.until(lambda: script.arguments("mine-gru"))
        stored = script.data / "texts" / "mine-gru-written.txt"
        assert str(stored) in script.arguments("mine-gru")
        assert stored.read_text("utf-8-sig") == "We left.\n\nWell\nthen.\n\nIt rained.\n"


async def test_some_of_the_texts_are_chosen_also_of_two_with_one_title(script: Script) -> None:
    write(script, {"letter": "It rained."})
    write(script, {"diary": "We left."})
    write(script, {"diary": "Well then, my dear."})
    async with shown(script) as on:
        await choose_written(on)
        await on.until(lambda: offered(on) == "all 3 texts, 8 words")
        on.form.query_one("#written").focus()
        await on.pilot.press("enter")
        await on.until(lambda: isinstance(on.app.screen, ChooseSeveral))
        await on.until(lambda: on.sees("diary (4 words, "))
        await on.pilot.press("space")
        await click(on.pilot, "#ok")
        await on.until(lambda: offered(on) == "1 of 3 texts, 4 words")
        assert on.form.content.written == ("Well then, my dear.",)
        await on.pilot.press("enter")
        await on.until(lambda: on.sees("▐X▌ diary (4 words, "))
        await on.pilot.press("space")
        await click(on.pilot, "#ok")
        await on.until(lambda: offered(on) == "all 3 texts, 8 words")


async def test_without_a_text_the_form_says_so(script: Script) -> None:
    async with shown(script) as on:
        await choose_written(on)
        await on.until(lambda: offered(on) == "nothing is written yet")
        await on.until(lambda: on.sees("! nothing is written yet: Enter keeps a line"))
        assert on.form.query_one("#written", Button).disabled


async def test_what_is_written_meanwhile_counts_when_the_form_is_shown_again(
    script: Script,
) -> None:
    async with shown(script) as on:
        await choose_written(on)
        await on.until(lambda: offered(on) == "nothing is written yet")
        write(script, {"diary": "We left."})
        on.screen.on_screen_resume()
        await on.until(lambda: offered(on) == "all 1 text, 2 words")
        await on.ready()


async def test_it_is_the_first_choice_once_enough_is_written(script: Script) -> None:
    write(script, {"diary": ENOUGH})
    async with shown(script) as on:
        await on.until(lambda: on.form.source == "written")
        on.form.query_one("#source-bundled", RadioButton).value = True
        await on.until(lambda: on.form.source == "bundled")
        write(script, {"letter": ENOUGH})
        on.screen.on_screen_resume()
        await on.until(lambda: offered(on).startswith("all 2 texts"))
        assert on.form.source == "bundled", "the user has chosen that"


async def test_it_is_not_the_first_choice_if_files_were_chosen_or_little_is_written(
    script: Script,
) -> None:
    write(script, {"diary": "We left."})
    async with shown(script) as on:
        await on.until(lambda: offered(on) == "all 1 text, 2 words")
        assert on.form.source == "bundled"
    write(script, {"letter": ENOUGH})
    async with shown(script, preferences=Preferences(files="/poems.txt")) as on:
        await on.until(lambda: offered(on).startswith("all 2 texts"))
        await on.ready()
        assert on.form.source == "files"
