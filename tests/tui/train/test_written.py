"""What was written in the app as the text to train on: all of it, or some of the texts."""

from __future__ import annotations

import time
from contextlib import closing

from textual.widgets import RadioButton

from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.widgets.dialogs import ChooseSeveral
from tests.helpers.runs import Script
from tests.helpers.train_screen import Shown, shown


def write(script: Script, *texts: tuple[str, str]) -> None:
    """Adds texts of a title and a line."""
    with closing(connect(script.data / "session" / "session.db")) as connection:
        for title, line in texts:
            add_turn(connection, Text(title=title, changed=time.time()), Turn(line))


def offered(on: Shown) -> str:
    return str(on.form.query_one("#source-written", RadioButton).label)


def choose(on: Shown, source: str) -> None:
    on.form.query_one(f"#source-{source}", RadioButton).value = True


async def test_what_was_written_is_the_first_choice_and_titles_stay_private(
    script: Script,
) -> None:
    write(script, ("letter", "It rained."), ("diary", "We left."))
    write(script, ("diary", "Well then, my dear."))
    async with shown(script) as on:
        await on.until(lambda: offered(on) == "what I wrote: 3 texts, 8 words")
        await on.until(lambda: on.form.arguments() == ("--written=all",))
        on.form.query_one("#written").focus()
        await on.pilot.press("enter")
        await on.until(lambda: isinstance(on.app.screen, ChooseSeveral))
        await on.until(lambda: on.sees("diary (4 words, "))
        await on.pilot.press("space")
        await on.pilot.press("enter")
        await on.until(lambda: offered(on) == "what I wrote: 1 text, 4 words")
        assert on.form.arguments() == ("--written=#3",)
        await on.ready()
        await on.pilot.press("f5")
        await on.until(lambda: "--written=#3" in script.arguments("sonnets-lesson"))


async def test_one_text_needs_no_choice_and_none_is_said_to_be_so(script: Script) -> None:
    async with shown(script) as on:
        await on.ready()
        assert offered(on) == "what I wrote: nothing yet"
        assert on.form.source == "bundled"
        write(script, ("diary", "We left."))
        on.screen.on_screen_resume()
        await on.until(lambda: offered(on) == "what I wrote: 1 text, 2 words")
        await on.until(lambda: on.form.source == "written")
        assert not on.form.query_one("#field-written").display


async def test_another_choice_of_the_user_stays(script: Script) -> None:
    write(script, ("diary", "We left."))
    async with shown(script) as on:
        await on.until(lambda: on.form.source == "written")
        choose(on, "bundled")
        await on.until(lambda: on.form.source == "bundled")
        write(script, ("letter", "It rained."))
        on.screen.on_screen_resume()
        await on.until(lambda: offered(on).startswith("what I wrote: 2 texts"))
        assert on.form.source == "bundled"
    async with shown(script, preferences=Preferences(files="/poems.txt")) as on:
        await on.until(lambda: offered(on).startswith("what I wrote: 2 texts"))
        await on.ready()
        assert on.form.source == "files"
