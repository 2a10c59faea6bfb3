"""The lists of a run, which follow what is added at their end, and the next words of its line."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace
from textual.content import Content
from textual.screen import Screen

from rnnlm_tui.events import EpochEnded, NextWord, SampleText
from rnnlm_tui.tui.train.run_lists import RunList, next_word_rows, seed_title
from tests.helpers.app import running, until
from tests.helpers.events import ended
from tests.helpers.host import HostApp


async def test_a_list_stays_at_its_end_unless_it_is_scrolled_up() -> None:
    app = HostApp(partial(RunList, "log"))
    async with running(app, size=(40, 10)) as pilot:
        log = app.query_one(RunList)

        def draw(count: int) -> None:
            rows = Content("\n").join(Content(f"row {number}") for number in range(count))
            log.show("log", count, lambda width: rows)

        async def show(count: int) -> None:
            draw(count)
            await until(lambda: log.rows.size.height == max(1, count))
            await pilot.pause()

        for count in (3, 40, 80):
            await show(count)
            await until(lambda: log.is_vertical_scroll_end)
        await app.push_screen(Screen())
        draw(120)
        app.pop_screen()
        await until(lambda: log.rows.size.height == 120 and log.is_vertical_scroll_end)
        log.scroll_home(animate=False)
        await until(lambda: log.scroll_y == 0)
        await show(130)
        assert log.scroll_y == 0
        for count in (0, 90):  # those of another run
            await show(count)
            await until(lambda: log.is_vertical_scroll_end)


def after(epoch: int, *words: str, seed: str = "the cat") -> EpochEnded:
    """An epoch with these next words."""
    found = [NextWord(word, 0.5 / place) for place, word in enumerate(words, 1)]
    sample: SampleText = {"seed": seed, "text": seed, "next": found}
    return replace(ended(epoch), sample=sample)


def test_the_next_words_of_the_first_the_best_and_the_last_epochs_are_shown() -> None:
    """Others at equal steps, as many as there is height for; words for which there is width."""
    epochs = [after(n, *("and", "lay", "sat")[n % 2 :]) for n in range(1, 20)]
    assert lines(next_word_rows(epochs, 16, 32, 6)) == [
        "    1  lay 50%  sat 25%",
        "    6  and 50%  lay 25%  sat 17%",
        "   11  lay 50%  sat 25%",
        "  ^16  and 50%  lay 25%  sat 17%",
        "   19  lay 50%  sat 25%",
    ]
    assert lines(next_word_rows(epochs, 16, 16, 1)) == ["   19  lay 50%"]
    other = after(20, seed="a bird")
    assert lines(next_word_rows([*epochs, other], 20, 9, 6)) == ["  ^20"]
    hint = ["each epoch adds the words that", "it finds likeliest"]
    assert lines(next_word_rows([], None, 31, 6)) == hint
    titles = [seed_title(epochs, width) for width in (30, 20, 2)]
    assert titles == ["your line: the cat ...", "your line: …cat ...", "your line: …t ..."]


def lines(content: Content) -> list[str]:
    return [line.rstrip() for line in content.plain.split("\n")]
