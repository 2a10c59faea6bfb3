"""The Train screen in each of its states. The tests write the events of the training."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from textual.screen import Screen
from textual.widgets import Button, Collapsible, Input, Static

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.event_types import (
    EpochFigures,
    Event,
    FinishReason,
    Metrics,
    Paused,
)
from rnnlm_tui.store import library as library_module
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library, SavedRun
from rnnlm_tui.store.locks import Trainer
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.follower import HistoryReader
from rnnlm_tui.tui.runs.state import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import badge, end_of, run_line
from rnnlm_tui.tui.train import fields
from rnnlm_tui.tui.train.data_card import DataCard
from rnnlm_tui.tui.train.form import NAME_CHECKED
from rnnlm_tui.tui.train.other_runs import OtherRuns
from rnnlm_tui.tui.train.run_view import progress_bar
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm
from tests.helpers.app import click, picture
from tests.helpers.events import ended, finished, measured, progress, saved, started
from tests.helpers.models import make_model, put_state
from tests.helpers.runs import SUMMARY, Script, trained_elsewhere
from tests.helpers.train_screen import Shown, shown


def epochs(*held_out: float, is_mixed: bool = False) -> list[Event]:
    """The events of a run of 20 epochs up to the last of these held-out losses."""
    best = min(held_out, default=0)
    return [
        started(epochs=20, held_out_lines=1, is_mixed=is_mixed),
        *(ended(n, held_out=loss, best=loss == best) for n, loss in enumerate(held_out, 1)),
    ]


def leave_model(on: Shown, done: int = 4, *state: int) -> None:
    """Saves a model, and this state of a run that can be resumed, if any."""
    make_model(on.app.library.path("poems"), epoch=done)
    if state:
        put_state(on.app.library.run_folder("poems"), *state)


# From the form to the run


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
async def test_one_key_starts_a_training_at_every_width(
    script: Script, size: tuple[int, int]
) -> None:
    async with shown(script, size) as on:
        await on.until(lambda: on.form.problem is None)
        await on.pilot.press("f5")
        await on.until(lambda: script.arguments("sonnets-gru") and on.screen.is_run_shown)
        await on.until(lambda: script.orders("sonnets-gru") == ["sample From fairest creatures we"])


async def test_the_data_card_is_scrolled_to_and_a_click_starts_the_training(
    script: Script,
) -> None:
    async with shown(script) as on:
        await on.until(lambda: on.sees("lines", "2,159"))
        await on.until(lambda: on.sees("Train", "5,755,471 parameters", "515.8 MB of memory"))
        card = on.screen.query_one(DataCard)
        card.focus()
        await on.pilot.press("end")
        await on.until(lambda: on.sees("from fairest ---> creatures"))
        await click(on.pilot, "#train")
        await on.until(lambda: on.screen.is_run_shown)


@pytest.mark.parametrize("size", [(80, 18), (120, 18)])
@pytest.mark.parametrize("focused", ["#seed", "#train"])
async def test_page_down_shows_what_is_below_from_anywhere(
    script: Script, size: tuple[int, int], focused: str
) -> None:
    script.answer(SUMMARY | {"notes": [f"note {number}" for number in range(12)]})
    async with shown(script, size) as on:
        await on.ready()
        await on.until(lambda: on.sees("more below: PgDn"))
        on.screen.query_one(focused).focus()
        await on.pilot.press("pagedown", "pagedown", "pagedown")
        await on.until(lambda: on.sees("from fairest ---> creatures"))
        await on.until(lambda: not on.sees("more below"))
        await on.pilot.press("pageup", "pageup", "pageup")
        await on.until(lambda: on.sees("sonnets.txt") or on.sees("my files"))
        await on.until(lambda: on.sees("more below: PgDn"))


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_a_bar_marks_the_row_with_the_focus(script: Script, theme: str) -> None:
    async with shown(script) as on:
        on.app.theme = theme
        for row, id in (("Text ", "sources"), ("Epochs", "setting-epochs"), ("Name", "name")):
            on.form.query_one(f"#{id}").focus()
            await on.until(partial(on.sees, f"▌{row}"))
            assert sum(on.sees(f"▌{each}") for each in ("Text ", "Epochs", "Name")) == 1


async def test_the_list_of_presets_has_a_frame(script: Script) -> None:
    async with shown(script) as on:
        on.form.query_one("#preset").focus()
        await on.pilot.press("enter")
        await on.until(lambda: on.sees("│", "ngram: ", "│"))
        assert on.sees("Esc dismiss menu")
        assert on.sees("╭", "╮")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
async def test_all_settings_are_in_the_one_list_that_scrolls(
    script: Script, size: tuple[int, int]
) -> None:
    async with shown(script, size) as on:
        on.form.query_one("#more", Collapsible).collapsed = False
        settings = on.form.query_one("#more-settings")
        await on.until(lambda: settings.size.height > len(settings.children))
        assert settings.size == settings.virtual_size
        form, page = on.form, on.screen.query_one("#prepare")
        assert form.show_vertical_scrollbar != page.show_vertical_scrollbar


async def test_nothing_starts_while_something_is_wrong(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        await on.until(lambda: on.form.problem is None)
        on.form.query_one("#setting-epochs", Input).value = "0"
        cost = on.screen.query_one("#cost", Static)
        await on.until(lambda: "epochs: it must be a whole number" in str(cost.content))
        assert on.screen.query_one("#train", Button).disabled
        assert on.keys()["f5"] is False
        assert on.sees("known once the text is counted")
        await on.pilot.press("f5")
        assert on.app.runs.own is None


async def test_one_training_at_a_time(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        await on.start(started())
        await on.pilot.press("escape")
        await on.until(lambda: on.sees("! poems is training: wait for its end, or stop it"))
        assert on.keys()["f5"] is False and on.screen.query_one("#train", Button).disabled
        on.screen.run_pane.resume("poems")
        await on.until(lambda: on.app.told == ["poems is training"])
        script.exit(1, RnnlmError("it went wrong"))
        await on.until(lambda: on.keys()["f5"])
        await on.pilot.press("escape")
        await on.until(lambda: on.screen.is_run_shown and "poems" in on.head)


# While it runs


async def test_preparing_shows_a_bar_without_an_end(script: Script) -> None:
    async with shown(script) as on:
        await on.start()
        await on.phase(Phase.STARTING)
        assert "preparing  poems" in on.head
        assert "getting ready" in on.head
        await on.until(
            lambda: on.keys().get("p") is not None
        )  # the focus moves to the run after it is drawn
        assert (on.keys()["p"], on.keys()["x"]) == (False, True)


async def test_the_best_epoch_is_marked_as_soon_as_it_ends(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        await on.start(*epochs(6, 5, 5.5, 5.6, is_mixed=True), progress(5, 2))
        await on.until(lambda: [row[0] for row in on.epochs] == [" ", "^", " ", " "])
        assert "100 examples/s" in on.head
        assert not on.sees("penalty")
        assert on.sees(" network alone ", " training lines ", " held-out lines"), "whose they are"
        (names,) = [row for row in picture(on.app).splitlines() if "accuracy" in row]
        assert names.split()[:6] == ["epoch", "loss", "accuracy", "loss", "top-1", "top-5"]
        script.write(ended(5, held_out=4.0))
        await on.until(lambda: [row[0] for row in on.epochs] == [" ", " ", " ", " ", "^"])


async def test_a_small_window_shows_the_last_epoch_below_the_names_of_its_figures(
    script: Script,
) -> None:
    async with shown(script, (60, 16)) as on:
        await on.start(*epochs(6, 5, 5.5, 5.6), progress(5, 2))
        await on.until(lambda: on.sees(" network ", " training lines ", " held-out lines"))
        await on.until(lambda: on.sees(" 4 ", " 2.500 "))
        rows = picture(on.app).splitlines()
        names = next(number for number, row in enumerate(rows) if "accuracy" in row)
        below = next(number for number, row in enumerate(rows) if "your line" in row)
        assert " 2.500 " in rows[below - 1] and names < below - 1, "no row is wrapped"


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
async def test_a_long_continuation_is_shown_whole(script: Script, size: tuple[int, int]) -> None:
    async with shown(script, size) as on:
        words = " ".join(["wherefore"] * 8)
        sample = {"seed": "the cat", "text": f"the cat {words} end"}
        await on.start(started(), msgspec.structs.replace(ended(1), sample=sample))
        await on.until(lambda: picture(on.app).count("wherefore") == 8 and on.sees(" end "))


@pytest.mark.parametrize(("lines", "title"), [(9, ", too few to tell "), (900, " ")])
async def test_too_few_held_out_words_are_said_to_be_so(
    script: Script, lines: int, title: str
) -> None:
    async with shown(script) as on:
        await on.start(started(held_out_lines=lines), ended(1, held_out=6.0))
        await on.until(lambda: on.sees(f"held-out lines{title}"))


async def test_a_run_of_one_pass_shows_no_chart_of_one_point(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(epochs=1), ended(1, held_out=5.0))
        await on.until(lambda: on.epochs)
        chart = on.screen.query_one(LossChart)
        assert not chart.display
        script.replace(*epochs(6, 5))
        await on.until(lambda: chart.display)


async def test_a_resumed_run_shows_what_is_known_before_its_first_step(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(epochs_done=3, epochs=6))
        await on.until(lambda: "epoch 4/6" in on.head)
        assert all(part in on.head for part in (" 50%", "first steps"))


async def test_a_pause_is_plain_to_see_and_the_time_left_stays(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(), progress(1, 2))
        await on.until(lambda: on.keys().get("p"))
        await on.pilot.press("p")
        await on.until(lambda: script.orders() == ["pause"])
        script.write(Paused(2.0, "requested"))
        await on.phase(Phase.PAUSED)
        assert "left (paused)" in on.head
        await on.pilot.press("p")
        await on.until(lambda: script.orders() == ["pause", "resume"])


async def test_stopping_dims_what_no_longer_works(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(), progress(1, 2))
        await on.phase(Phase.TRAINING)
        await on.until(lambda: on.keys().get("x"))
        run = on.app.runs.own
        assert run is not None
        run.progress.stopping()
        await on.phase(Phase.STOPPING)
        await on.until(lambda: not any(on.keys()[key] for key in "pxdg"))


async def test_a_run_is_sent_to_the_background(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started())
        await on.until(lambda: on.keys().get("d"))
        await on.pilot.press("d")
        await on.until(lambda: "continues when you quit" in on.head)
        assert on.keys()["d"] is False
        assert script.orders() == ["detach"]


async def test_write_now_waits_for_the_first_save(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(), progress(1, 2, elapsed=1))
        await on.until(lambda: "step 2/4" in on.head)
        await on.pilot.press("w")
        assert on.app.told == ["nothing is saved yet: the first epoch ends in about 1.0 s"]
        assert not on.app.calls
        script.write(ended(1), saved(1))
        await on.until(lambda: on.epochs)
        await on.pilot.press("w")
        assert on.app.calls == [("use_model", "poems"), ("show_mode", "autocomplete")]
        await on.pilot.press("i")
        assert on.app.calls[2:] == [("use_model", "poems"), ("show_mode", "inside")]


@pytest.mark.parametrize("is_gone", [False, True])
async def test_the_seed_line_is_changed_during_the_run(script: Script, is_gone: bool) -> None:
    async with shown(script) as on:
        await on.start(started(), ended(1))
        await on.until(lambda: on.epochs)
        await on.pilot.press("g")
        await on.until(lambda: isinstance(on.app.screen, AskText))
        assert on.app.screen.query_one(Input).value == "the cat"
        on.app.screen.query_one(Input).value = "a [/b] dog"
        if is_gone:
            script.exit()
            await on.until(lambda: on.app.runs.training is None)
        await on.pilot.press("enter")
        await on.until(lambda: on.app.told)
        if is_gone:
            assert on.app.told == ["the run does not respond: it has ended or hangs"]
        else:
            assert on.app.told == ["your line is continued after this epoch"]
            await on.until(lambda: script.orders() == ["sample a [/b] dog"])


async def test_leaving_the_screen_neither_stops_the_run_nor_draws_it(script: Script) -> None:
    async with shown(script) as on:
        on.app.add_mode("elsewhere", Screen)
        await on.start(started(), ended(1))
        await on.until(lambda: "epoch 2/50" in on.head)
        await on.app.switch_mode("elsewhere")
        run, drawn = on.app.runs.own, on.head
        assert run is not None
        script.write(ended(2), ended(3))
        await on.until(lambda: run.progress.epochs_done == 3)
        assert on.head == drawn
        await on.app.switch_mode("train")
        await on.until(lambda: "epoch 4/50" in on.head)


async def test_a_run_is_shown_and_can_be_stopped_before_its_process_is_there(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, read_all = threading.Event(), HistoryReader.read_all

    def wait_and_read(reader: HistoryReader) -> Iterator[Event]:
        assert gate.wait(20)
        return read_all(reader)

    monkeypatch.setattr(HistoryReader, "read_all", wait_and_read)
    async with shown(script) as on:
        on.screen.run_pane.resume("poems")
        await on.until(lambda: on.keys().get("x"))
        await on.pilot.press("x")
        gate.set()
        await on.until(lambda: script.orders() == ["stop"])
        await on.phase(Phase.FINISHED)


# Its end


def kept_epoch(number: int) -> EpochFigures:
    return EpochFigures(number, Metrics(), None)


KEPT = EpochFigures(
    2,
    Metrics(loss=4.0, accuracy=0.2, perplexity=54.6),
    Metrics(loss=5.0, perplexity=148.4, top1=0.1, top5=0.2),
)
FIGURES = [
    "Held-out lines: perplexity per word 94.2 (mixture), 148 (network alone).",
    "Training lines: loss 4.000 nats per word, accuracy 20% (network alone).",
]
SAVES = "Keys saved 58% (the English alone: 57%)"
DIVERGED = "Diverged: the loss became infinite or NaN; epoch 2 is kept"
SMALLER = "Train again with a smaller learning rate (More settings)."


@pytest.mark.parametrize(
    ("reason", "phase", "end"),
    [
        ("completed", "✓ done", [SAVES, "Done; epoch 2 is kept.", *FIGURES]),
        (
            "stopped",
            "■ stopped",
            [SAVES, "Stopped; epoch 2 is kept.", "4 of 20 epochs done.", *FIGURES],
        ),
        ("diverged", "✗ diverged", [DIVERGED, f"{SAVES}.", *FIGURES, SMALLER]),
    ],
)
def test_the_end_of_a_run_says_what_the_model_is_worth_and_labels_each_figure(
    reason: FinishReason, phase: str, end: list[str]
) -> None:
    run = RunProgress()
    last = msgspec.structs.replace(finished(reason, 2, KEPT), evaluation=measured(english=0.571))
    for event in (*epochs(6, 5, 5.5, 5.6, is_mixed=True), last):
        run.take(event, 0)
    told = end_of(run, "poems", [])
    assert [told.headline, *told.details] == end
    assert (badge(run), told.is_bad) == (phase, reason == "diverged")


def test_the_end_of_a_run_without_held_out_lines_says_that_nothing_is_known() -> None:
    run = RunProgress()
    last = finished("completed", 2, msgspec.structs.replace(KEPT, held_out=None))
    for event in (started(epochs=2), ended(1), ended(2), last):
        run.take(event, 0)
    told = end_of(run, "poems", [])
    assert told.headline == "Done"
    assert told.details[0] == "Held-out lines: none, so how many keys it saves is not known."


@pytest.mark.parametrize(
    ("size_before", "size"),
    [((80, 24), (80, 24)), ((60, 16), (60, 16)), ((80, 24), (60, 16))],
    ids=["usual", "small", "made small"],
)
async def test_a_run_that_is_over_offers_what_to_do(
    script: Script, size_before: tuple[int, int], size: tuple[int, int]
) -> None:
    async with shown(script, size_before) as on:
        leave_model(on, 4, 5, 20)
        await on.start(*epochs(6, 5, 5.5, 5.6), finished("stopped", 2, kept_epoch(2)))
        script.exit()
        await on.phase(Phase.FINISHED)
        await on.pilot.resize_terminal(*size)
        await on.until(lambda: on.offered == "uircn")
        assert on.head.startswith(" ■ stopped")
        assert on.end.startswith("Stopped; epoch 2 is kept")
        await on.until(lambda: size == (60, 16) or on.sees(" 4 ", " 2.500 "))
        await on.until(lambda: on.keys().get("u"))
        await on.pilot.press("u", "i", "c")
        used = [("use_model", "poems"), ("show_mode", "autocomplete")]
        looked_into = [("use_model", "poems"), ("show_mode", "inside")]
        assert on.app.calls == [*used, *looked_into, ("show_model", "poems")]


async def asked_for_epochs(on: Shown) -> str:
    """Waits for the dialog that asks for the number of epochs, and returns its text."""
    await on.until(lambda: isinstance(on.app.screen, AskText) and on.app.screen.focused)
    return str(on.app.screen.query_one(".dialog-text", Static).content)


async def test_a_run_is_trained_longer(script: Script) -> None:
    async with shown(script) as on:
        leave_model(on, 3)
        await on.start(*epochs(6, 5, 4), finished("completed", 3, kept_epoch(3)))
        script.exit()
        await on.until(lambda: "t" in on.offered)
        await on.pilot.press("t")
        assert "replaced if that makes it better" in await asked_for_epochs(on)
        field = on.app.screen.query_one(Input)
        assert field.value == "20"
        problem = on.app.screen.query_one(".dialog-problem", Static)
        for wrong in ("0", "1000001", "1.5", ""):
            field.value = wrong
            await on.pilot.press("enter")
            assert isinstance(on.app.screen, AskText)
            says = "it must be a whole number, 1 or more and at most 1,000,000"
            assert str(problem.content) == says
        field.value = "5"
        await on.pilot.press("enter")
        expected = ["--train", "--update", "poems", "--epochs", "5"]
        await on.until(lambda: script.arguments()[:5] == expected)
        await on.phase(Phase.STARTING)


async def test_a_model_whose_run_has_finished_is_trained_longer(script: Script) -> None:
    async with shown(script) as on:
        leave_model(on, 4)
        on.screen.run_pane.resume("poems")
        await asked_for_epochs(on)
        assert on.app.screen.query_one(Input).value == "130", "as many as it was trained for"


def is_offered(on: Shown, keys: str) -> bool:
    return on.offered == keys


async def test_a_failed_run_offers_only_what_may_work(script: Script) -> None:
    """Two states: one that can be resumed, and a damaged one."""
    async with shown(script) as on:
        folder = on.app.library.run_folder("poems")
        for state, offered in (((2, 3), "rn"), ((), "n")):
            if state:
                put_state(folder, *state)
            else:
                (folder / RESUME).write_bytes(b"damaged")
            await on.start()
            script.exit(1, RnnlmError("it went wrong"))
            await on.until(lambda: on.app.runs.training is None)
            await on.until(partial(is_offered, on, offered))


async def test_a_run_that_fails_leads_back_to_the_form_as_it_was(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        on.form.query_one("#setting-epochs", Input).value = "7"
        on.form.query_one("#name", Input).value = "mine"
        await on.until(lambda: on.form.problem is None)
        content = on.form.content
        await on.pilot.press("f5")
        hint = "give {max_vocabulary} 9"
        script.exit(3, CorpusError("it is [/b] too large", hint), name="mine")
        await on.until(lambda: on.offered == "n")
        assert on.end == 'it is [/b] too large\ngive "max vocabulary" 9'
        await on.pilot.press("n")
        await on.until(lambda: not on.screen.is_run_shown and on.form.problem is None)
        assert on.form.content == content


async def test_a_killed_run_shows_its_log_and_offers_to_resume(script: Script) -> None:
    async with shown(script) as on:
        leave_model(on, 1, 2, 4)
        await on.start(started(), ended(1), saved(1))
        await on.until(lambda: on.epochs)
        script.exit(-9, "out of [/b] memory\n")
        await on.phase(Phase.CRASHED)
        await on.until(lambda: on.offered == "uirn")
        assert "was killed (SIGKILL)" in on.end
        assert "epoch 1 was saved" in on.end
        assert "out of [/b] memory" in on.end
        await on.pilot.press("r")
        await on.until(lambda: "--resume" in script.arguments())


async def test_a_run_killed_before_its_first_save_offers_a_new_one(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(), progress(1))
        script.exit(-11)
        await on.phase(Phase.CRASHED)
        await on.until(lambda: on.offered == "n")
        assert "no epoch was saved yet" in on.end
        await on.pilot.press("n")
        await on.until(lambda: not on.screen.is_run_shown)


async def test_a_model_that_is_renamed_keeps_its_run_and_one_that_is_deleted_does_not(
    script: Script,
) -> None:
    async with shown(script) as on:
        leave_model(on, 3)
        await on.start(started(epochs=1), ended(1), finished("completed", 1, kept_epoch(1)))
        script.exit()
        own = on.app.runs.own
        await on.until(lambda: own is not None and not own.is_running)
        on.app.library.rename("poems", "verses")
        on.app.runs.name_changed("poems", "verses")
        await on.until(lambda: "verses" in on.head)
        await on.pilot.press("u")
        assert ("use_model", "verses") in on.app.calls
        on.app.library.delete("verses")
        on.app.runs.name_changed("verses", None)
        await on.until(lambda: "The model verses was deleted" in on.end)
        await on.until(lambda: on.offered == "n")


# Runs elsewhere


async def test_a_run_elsewhere_is_listed_watched_and_stopped(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(Library, "stop_run", lambda library, name: stopped.append(name))
    with trained_elsewhere(script, *epochs(6, 5)):
        async with shown(script) as on:
            others = on.screen.query_one(OtherRuns)
            await on.until(lambda: others.display)
            assert not on.screen.is_run_shown
            await on.pilot.press("f6")
            assert on.app.focused is others, "F6 goes to the list; it opens nothing by itself"
            assert not on.screen.is_run_shown
            await on.pilot.press("enter")
            await on.until(lambda: "epoch 3/20" in on.head)
            assert "trained by process" in on.head
            keys = on.keys()
            assert not {"p", "d", "g"} & keys.keys(), "only its owner can do that"
            await on.pilot.press("escape")
            assert not on.screen.is_run_shown
            await on.pilot.press("escape")
            assert on.screen.is_run_shown, "it is followed on while the form is shown"
            await on.pilot.press("x")
            await on.until(lambda: isinstance(on.app.screen, Confirm))
            await on.pilot.press("ctrl+y")
            await on.until(lambda: stopped == ["other"])
            script.write(finished("stopped", 2, kept_epoch(2)), name="other")
            await on.until(lambda: "stopped" in on.head)


@pytest.mark.slow
async def test_the_own_run_is_found_again_after_another_was_watched(script: Script) -> None:
    with trained_elsewhere(script, started()):
        async with shown(script) as on:
            others = on.screen.query_one(OtherRuns)

            async def open_from_form(text: str, name: str) -> None:
                await on.pilot.press("escape")
                assert not on.screen.is_run_shown
                await on.until(lambda: on.sees(text))
                row = next(i for i in range(others.option_count) if text in prompt(others, i))
                others.highlighted = row
                others.focus()
                await on.pilot.press("enter")
                await on.until(lambda: name in on.head)

            await on.start(started())
            await on.phase(Phase.TRAINING)
            await open_from_form("▶ other", "other")
            await open_from_form("▶ poems  training, started here; Enter shows it", "poems")
            await open_from_form("▶ other", "other")
            await on.pilot.press("escape")
            await on.until(lambda: on.sees("! poems is training"))
            await on.pilot.press("escape")
            await on.until(lambda: "poems" in on.head)
            for name in ("other", "poems"):
                on.screen.run_pane.follow(name)
                await on.until(lambda name=name: name in on.head)  # type: ignore[misc]
            assert not on.app.told


def prompt(others: OtherRuns, row: int) -> str:
    return str(others.get_option_at_index(row).prompt)


async def test_a_stopped_run_is_resumed_by_key_while_the_focus_is_in_a_field(
    script: Script,
) -> None:
    async with shown(script, preferences=Preferences(files="/diary.txt")) as on:
        leave_model(on, 2, 3, 9)
        await on.until(lambda: on.screen.query_one(OtherRuns).display)
        on.form.query_one("#files").focus()
        await on.pilot.press("f6", "enter")
        await on.until(lambda: "--resume" in script.arguments())
        assert on.form.content.files == "/diary.txt"


async def test_a_training_starts_even_if_its_name_is_still_being_checked(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, check = threading.Event(), library_module.new_name_problem

    def wait_and_check(*arguments: Any) -> str | None:
        assert gate.wait(20)
        return check(*arguments)

    async with shown(script) as on:
        await on.ready()
        monkeypatch.setattr(fields, "new_name_problem", wait_and_check)
        on.form.query_one("#name", Input).value = "mine"
        await on.until(lambda: on.form.problem == NAME_CHECKED)
        await on.pilot.press("f5")
        gate.set()
        await on.until(lambda: script.arguments("mine"))
        script.exit(name="mine")


async def test_a_stopped_run_is_listed_and_resumed(script: Script) -> None:
    async with shown(script) as on:
        leave_model(on, 2, 3, 9)
        others = on.screen.query_one(OtherRuns)
        await on.until(lambda: others.display)
        await on.until(lambda: on.sees("‖ poems  stopped at epoch 2 of 9"))
        await on.pilot.click(OtherRuns, offset=(3, 1))
        await on.until(lambda: "--resume" in script.arguments())


async def test_a_model_is_trained_on_what_its_files_hold_now(script: Script) -> None:
    async with shown(script) as on:
        added = ("/texts/poems-written.txt",)
        on.screen.run_pane.start(TrainArguments.updating("poems", added))
        asked = ["--train", "--update", "poems", "--add=/texts/poems-written.txt"]
        await on.until(lambda: script.arguments()[:4] == asked)
        await on.until(lambda: on.screen.is_run_shown)


def test_a_run_is_a_line_in_the_list() -> None:
    config = make_config("gru", [{"epochs": 9}])
    run = SavedRun("a", None, True, config, 3)
    assert run.is_unfinished
    assert run_line(run) == "‖ a  stopped at epoch 3 of 9"
    assert not SavedRun("a", None, False, config, 9).is_unfinished
    begun = SavedRun("a", None, True)
    assert run_line(begun) == "‖ a  stopped at its first epoch"
    running = SavedRun("a", Trainer(7, "?"), False)
    assert run_line(running) == "▶ a  trained by process 7, since ?, no epoch is saved yet"


# Looks


def test_bars_have_their_width() -> None:
    assert progress_bar(0.5, 10, 0) == "━━━━━─────"
    assert progress_bar(2, 3, 0) == "━━━"
    for tenth in range(100):
        assert len(progress_bar(None, 30, tenth / 10)) == 30
    assert len(progress_bar(None, 3, 1)) == 3
