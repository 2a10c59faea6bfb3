"""The Train screen in each of its states, over a scripted training."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from rnnlm_tui.events import Finished, Saved
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Run
from rnnlm_tui.tui.runs.actions import is_unfinished, run_line, run_rows
from rnnlm_tui.tui.runs.child import TrainingProcess, own_command
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.runs.state import Phase
from rnnlm_tui.tui.runs.wording import outcome
from rnnlm_tui.tui.train.data_card import DataCard
from rnnlm_tui.tui.train.form import TrainForm
from rnnlm_tui.tui.train.other_runs import OtherRuns
from rnnlm_tui.tui.train.run_lines import EpochTable, WrappedLines
from rnnlm_tui.tui.train.run_view import moving_bar, progress_bar
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from tests.helpers.app import click, picture, rows_of
from tests.helpers.models import put_state
from tests.helpers.train_screen import Shown, shown, training_elsewhere

HELD_OUT = ("--held-out", "6,5,5.5,5.6,5.7")
"""Held-out losses of which the second is the best."""

OFFERED = ["Use it for writing", "Train longer", "Compare", "New training"]
"""The buttons of a run that is over and has left a model and a state to go on with."""


# From the form to the run


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_training_is_started_from_the_form_by_keys(
    data_dir: Path, size: tuple[int, int]
) -> None:
    async with shown(data_dir, "--at", "2", "wait", size=size) as on:
        form = on.screen.query_one(TrainForm)
        await on.until(lambda: form.problem is None)
        await on.pilot.press("f5")
        if size[0] < 100:
            await on.until(lambda: on.screen.query_one(DataCard).display)
            assert on.keys()["f5"]
            await on.pilot.press("escape")
            assert not on.screen.has_class("-card")
            await on.pilot.press("f5", "f5")
        await on.until(lambda: on.screen.on_run)
        run = on.app.runs.own
        assert run is not None
        assert run.name == "sonnets-gru"
        assert "--held-out=0.1" in run.request.arguments
        assert "--seed-line=the cat" in run.request.arguments
        assert [(plan.name, paths) for plan, paths in on.app.counted] == [("sonnets-gru", ())]


async def test_a_training_is_started_from_the_form_by_the_mouse(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "2", "wait") as on:
        form = on.screen.query_one(TrainForm)
        await on.until(lambda: form.problem is None)
        await on.pilot.pause()
        await click(on.pilot, "#look")
        await click(on.pilot, "#card-back")
        await click(on.pilot, "#look")
        await click(on.pilot, "#card-train")
        await on.until(lambda: on.screen.on_run)


async def test_the_card_says_in_full_why_nothing_can_start(data_dir: Path) -> None:
    async with shown(data_dir) as on:
        form = on.screen.query_one(TrainForm)
        await on.until(lambda: form.problem is None)
        form.query_one("#name").value = "no/name"  # type: ignore[attr-defined]
        await on.until(lambda: form.problem)
        await on.pilot.press("f5")
        await on.until(lambda: any("with no '.' at either end" in row for row in rows_of(on.app)))
        assert on.screen.query_one("#card-train", Button).disabled


async def test_the_start_is_closed_while_something_is_wrong_and_says_what(data_dir: Path) -> None:
    async with shown(data_dir, size=(120, 40)) as on:
        form = on.screen.query_one(TrainForm)
        await on.until(lambda: form.problem is None)
        form.query_one("#setting-epochs", Input).value = "0"
        cost = on.screen.query_one("#cost", Static)
        await on.until(lambda: "epochs: it must be a whole number" in str(cost.content))
        assert on.screen.query_one("#train", Button).disabled
        assert on.keys()["f5"] is False
        await on.pilot.press("f5")
        assert on.app.runs.own is None


async def test_a_pasted_text_is_kept_for_the_run(data_dir: Path) -> None:
    text = "the cat sat on the mat\nthe dog sat on the [/b] log"
    async with shown(data_dir, "--at", "1", "wait", size=(120, 40)) as on:
        form = on.screen.query_one(TrainForm)
        await click(on.pilot, "#source-pasted")
        form.query_one("#pasted").focus()
        on.app.post_message(events.Paste(text))
        await on.until(lambda: form.problem is None)
        await on.pilot.press("f5")
        await on.until(lambda: on.app.runs.own)
        assert (data_dir / "texts" / "text-gru.txt").read_text() == text
        assert on.app.runs.own is not None
        assert on.app.runs.own.request.arguments[0] == str(data_dir / "texts" / "text-gru.txt")


async def test_a_second_training_waits_for_the_first(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "1", "wait", size=(120, 40)) as on:
        await on.start()
        await on.pilot.press("escape")
        why = on.screen.query_one("#why", Static)
        await on.until(lambda: "poems trains" in str(why.content))
        assert on.screen.query_one("#train", Button).disabled
        on.screen.resume("poems")
        await on.until(lambda: on.app.told == ["poems is being trained"])
        await on.pilot.press("escape")
        assert on.screen.on_run
        await on.pilot.press("escape", "escape", "x")
        await on.phase(Phase.FINISHED)
        await on.pilot.press("n")
        await on.until(lambda: not on.screen.query_one("#train", Button).disabled)


# While it runs


async def test_preparing_shows_a_bar_without_an_end(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "start", "wait") as on:
        await on.start()
        await on.phase(Phase.STARTING)
        assert "preparing  poems" in on.head
        assert "getting ready" in on.head
        assert on.keys()["p"] is False
        assert on.keys()["x"] is True


async def test_running_shows_bars_curve_figures_samples_and_notes(data_dir: Path) -> None:
    async with shown(data_dir, *HELD_OUT, "--at", "5.2", "wait", size=(120, 40)) as on:
        await on.start("--epochs=20", "--seed-line=the cat")
        await on.until(lambda: "step 2/4" in on.head and "epoch 5/20" in on.head)
        assert "22%" in on.head
        assert "left" in on.head
        assert "320 pairs/s" in on.head
        table = on.screen.query_one(EpochTable)
        assert [table.line(i).plain.split()[:2] for i in range(4)] == [
            ["1", "6.000"],
            ["^", "2"],
            ["3", "3.464"],
            ["4", "3.000"],
        ]
        await on.until(lambda: "^    2  and so on 2" in on.lines("samples"))
        assert "the cat" in str(on.screen.query_one("#samples").border_title)
        assert "the model is memorising" in " ".join(" ".join(on.lines("notes")).split())
        picture = on.app.export_screenshot()
        assert "training" in picture
        assert "held-out" in picture


async def test_a_run_that_goes_on_shows_what_is_known_before_its_first_step(
    data_dir: Path,
) -> None:
    async with shown(data_dir, "--model", "--done", "3", "--at", "4.0", "wait") as on:
        await on.start("--resume", "--epochs=6")
        await on.phase(Phase.TRAINING)
        await on.until(lambda: "epoch 4/6" in on.head)
        assert " 50%" in on.head
        assert "first steps" in on.head
        assert "step -" not in on.head
        await on.pilot.press("x")
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.buttons)
        assert on.end.startswith("Stopped in epoch 4 of 6 and saved")


async def test_a_run_that_stops_between_two_epochs_says_so(data_dir: Path) -> None:
    async with shown(data_dir, "--model", "--at", "2", "wait") as on:
        await on.start("--epochs=6")
        run = on.app.runs.own
        assert run is not None
        await on.until(lambda: run.progress.epochs_done == 2)
        saved = Saved(1.0, 2, "poems", True)
        run.progress.take(saved, time.monotonic())
        run.progress.take(Finished(1.0, "stopped", 2, {"epoch": 2}, "poems", 1.0), time.monotonic())
        assert outcome(run.progress, "poems", []).headline == "Stopped after epoch 2 of 6 and saved"


async def test_in_little_space_the_best_and_the_last_epoch_are_shown(data_dir: Path) -> None:
    async with shown(data_dir, *HELD_OUT, "--at", "5", "wait") as on:
        await on.start("--epochs=20")
        table = on.screen.query_one(EpochTable)
        await on.until(lambda: table.count() == 2 and table.line(1).plain.split()[0] == "5")
        assert table.line(0).plain.split()[:2] == ["^", "2"]


async def test_a_pause_is_plain_to_see_and_the_time_left_stands_still(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "2.2", "wait") as on:
        await on.start("--epochs=20")
        await on.until(lambda: "step 2/4" in on.head)
        await on.pilot.press("p")
        await on.phase(Phase.PAUSED)
        assert "PAUSED" in on.head
        assert "left (paused)" in on.head
        run = on.app.runs.own
        assert run is not None
        now = time.monotonic()
        assert run.progress.eta_s(now) == run.progress.eta_s(now + 60)
        await on.pilot.press("p")
        await on.phase(Phase.FINISHED)


async def test_a_stop_keeps_the_best_and_offers_what_to_do(data_dir: Path) -> None:
    async with shown(data_dir, *HELD_OUT, "--model", "--at", "4.2", "wait") as on:
        await on.start("--epochs=20")
        await on.until(lambda: "epoch 4/20" in on.head)
        await on.pilot.press("x")
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.buttons)
        assert on.end.startswith("Stopped in epoch 4 of 20 and saved")
        assert "Epoch 2 is kept (held-out loss 5.000, top-1 12.3%), as the model poems." in on.end
        assert on.buttons == ["Use it for writing", "Train longer", "Compare", "New training"]
        await on.pilot.press("u", "c")
        assert (on.app.spoken, on.app.modes) == (["poems"], ["autocomplete", "models: poems"])


async def test_stopping_dims_what_no_longer_works(data_dir: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with shown(data_dir, "--deaf", "--at", "2.2", "wait-file", str(gate)) as on:
        await on.start()
        await on.until(lambda: "step 2/4" in on.head)
        await on.pilot.press("x")
        await on.phase(Phase.STOPPING)
        assert "stopping" in on.head
        assert not any(on.keys()[key] for key in "pxdg")
        gate.touch()


async def test_a_run_is_sent_to_the_background(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "2", "wait", "--at", "2", "wait") as on:
        await on.start()
        await on.until(lambda: on.keys().get("d"))
        await on.pilot.press("d")
        await on.until(lambda: "goes on when you quit" in on.head)
        assert on.keys()["d"] is False
        assert on.app.runs.own is not None
        assert on.app.runs.own.detached


async def test_write_now_waits_for_the_first_save(data_dir: Path) -> None:
    options = ("--at", "1.2", "wait", "--at", "2.2", "wait")
    async with shown(data_dir, *options) as on:
        await on.start()
        await on.until(lambda: "step 2/4" in on.head)
        await on.pilot.press("w")
        assert on.app.told == ["nothing is saved yet: the first epoch ends in about 0.2 s"]
        assert not on.app.modes
        await on.pilot.press("p", "p")
        await on.until(lambda: "epoch 2/3" in on.head)
        await on.pilot.press("w")
        assert (on.app.spoken, on.app.modes) == (["poems"], ["autocomplete"])


async def test_the_seed_line_is_changed_during_the_run(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "1", "wait", "--at", "2", "wait") as on:
        await on.start()
        await on.until(lambda: on.lines("samples"))
        await on.pilot.press("g")
        await on.until(lambda: isinstance(on.app.screen, AskText))
        assert on.app.screen.query_one(Input).value == "the cat"
        on.app.screen.query_one(Input).value = "a [/b] dog"
        await on.pilot.press("enter")
        await on.until(lambda: len(on.lines("samples")) == 2)
        assert "a [/b] dog" in str(on.screen.query_one("#samples", WrappedLines)._border_title)


async def test_keys_are_clicked_in_the_bar(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "2.2", "wait") as on:
        await on.start()
        await on.until(lambda: on.keys().get("p"))
        keys = on.screen.query_one(KeyBar)
        await on.until(lambda: keys.render().plain.startswith(" p pause"))
        x, y = keys.region.x + 2, keys.region.y
        await on.until(lambda: "@click" in on.screen.get_style_at(x, y).meta)  # once it is painted
        await on.pilot.click(KeyBar, offset=(2, 0))
        await on.phase(Phase.PAUSED)


async def test_leaving_the_screen_stops_neither_run_nor_costs_anything(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "2", "wait", "--at", "4", "wait") as on:
        on.app.add_mode("elsewhere", Screen)
        await on.start("--epochs=9")
        await on.until(lambda: "epoch 2/9" in on.head)
        await on.app.switch_mode("elsewhere")
        run, drawn = on.app.runs.own, on.head
        assert run is not None
        await run.resume()
        await on.until(lambda: run.progress.epochs_done == 4)
        assert on.head == drawn
        await on.app.switch_mode("train")
        await on.until(lambda: "epoch 4/9" in on.head)


async def test_a_run_is_shown_and_can_be_stopped_before_its_process_is_there(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, prepare = threading.Event(), TrainingProcess._prepare

    def wait_and_prepare(run: TrainingProcess) -> Any:
        assert gate.wait(20)
        return prepare(run)

    monkeypatch.setattr(TrainingProcess, "_prepare", wait_and_prepare)
    async with shown(data_dir, "--delay", "60") as on:
        on.screen.resume("poems")
        await on.until(lambda: on.screen.on_run)
        assert on.keys()["x"]
        await on.pilot.press("x")
        assert on.app.runs.own is not None
        assert on.app.runs.own.pid is None
        gate.set()
        await on.phase(Phase.FINISHED)
        assert on.end.startswith("Stopped in epoch 1 of 3 and saved")


async def test_a_line_that_does_not_get_to_the_run_is_not_promised(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "1", "wait", "--at", "1", "wait") as on:
        await on.start()
        await on.until(lambda: on.lines("samples"))
        await on.pilot.press("g")
        await on.until(lambda: isinstance(on.app.screen, AskText))
        run = on.app.runs.own
        assert run is not None
        run._close_stdin()
        await on.pilot.press("enter")
        await on.until(lambda: on.app.told)
        assert on.app.told == ["the run takes no orders now: it has ended, or hangs"]


# Its end


async def test_a_run_that_is_done_says_what_is_kept(data_dir: Path) -> None:
    async with shown(data_dir, "--model") as on:
        await on.start()
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.buttons)
        assert on.end.splitlines() == [
            "All 3 epochs are done",
            "Epoch 3 is kept (loss 3.464, 25.0% right), as the model poems.",
        ]


async def test_a_run_that_ends_early_says_why_and_keeps_its_best(data_dir: Path) -> None:
    early = ("--model", *HELD_OUT, "--at", "4", "finish", "early_stop")
    async with shown(data_dir, *early) as on:
        await on.start("--epochs=20")
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.buttons)
        assert on.head.startswith(" ✓ done")
        assert on.end.splitlines() == [
            "Ended after epoch 4: held-out loss fell no more",
            "Epoch 2 is kept (held-out loss 5.000, top-1 12.3%), as the model poems.",
        ]
        assert on.buttons == OFFERED


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_that_diverges_says_so_and_what_to_do(
    data_dir: Path, size: tuple[int, int]
) -> None:
    diverging = ("--model", *HELD_OUT, "--at", "3.2", "finish", "diverged")
    async with shown(data_dir, *diverging, size=size) as on:
        await on.start("--epochs=20")
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.buttons)
        assert on.head.startswith(" ✗ diverged")
        assert on.end.splitlines() == [
            "The loss was no number, again and again, so the training has ended",
            "Epoch 2 is kept (held-out loss 5.000, top-1 12.3%), as the model poems.",
            "Train again with a smaller learning rate (More settings).",
        ]
        assert on.buttons == OFFERED
        assert "Train again with a smaller learning rate" in picture(on.app)


async def test_a_run_is_trained_longer(data_dir: Path) -> None:
    async with shown(data_dir, "--model", "--done", "3") as on:
        await on.start()
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.keys().get("t"))
        await on.pilot.press("t")
        await on.until(lambda: isinstance(on.app.screen, AskText))
        field = on.app.screen.query_one(Input)
        assert field.value == "6"
        problem = on.app.screen.query_one(".dialog-problem", Static)
        for wrong in ("3", "1000001", "1.5", ""):
            field.value = wrong
            await on.pilot.press("enter")
            assert isinstance(on.app.screen, AskText)
            assert str(problem.content) == "a whole number above 3 and at most 1,000,000"
        field.value = "5"
        await on.pilot.press("enter")
        await on.until(lambda: on.end.startswith("All 5 epochs"))
        assert on.app.runs.own is not None
        assert on.app.runs.own.request.arguments == (
            *("--resume", "--name", "poems", "--epochs", "5"),
        )


EARLY = ("--epochs=9", "--patience=2")
"""With the losses of HELD_OUT, it ends after epoch 4."""


async def asked_for_epochs(on: Shown) -> str:
    """Waits for the question of how many epochs a run is to have; gives its text."""
    await on.until(lambda: isinstance(on.app.screen, AskText) and on.app.screen.focused)
    return str(on.app.screen.query_one(".dialog-text", Static).content)


async def test_a_run_that_ended_early_is_trained_longer(data_dir: Path) -> None:
    async with shown(data_dir, "--model", *HELD_OUT, "--done", "4") as on:
        await on.start(*EARLY)
        await on.until(lambda: on.end.startswith("Ended after epoch 4"))
        await on.until(lambda: "Train longer" in on.buttons)
        await click(on.pilot, "#end-longer")
        assert await asked_for_epochs(on) == (
            "It has had 4 epochs, and its held-out loss was best in epoch 2. How many is it to have"
            " in all? It does not end early before that."
        )
        assert on.app.screen.query_one(Input).value == "9"
        await on.pilot.press("enter")
        await on.until(lambda: on.end.startswith("All 9 epochs"))
        assert on.app.runs.own is not None
        assert on.app.runs.own.request.arguments == (
            *("--resume", "--name", "poems", "--epochs", "9", "--patience", "7"),
        )


@pytest.mark.parametrize("options", [EARLY, ("--epochs=4", "--patience=2"), ("--epochs=4",)])
async def test_a_run_that_is_over_is_not_listed_and_asks_before_it_goes_on(
    data_dir: Path, options: tuple[str, ...]
) -> None:
    async with shown(data_dir, "--model", *HELD_OUT, "--done", "4") as on:
        await on.start(*options)
        await on.phase(Phase.FINISHED)
    async with shown(data_dir, "--model", *HELD_OUT, "--done", "4") as on:
        rows = run_rows(on.app.library.runs(), on.app.runs)
        assert rows == []
        on.screen.resume("poems")
        assert (await asked_for_epochs(on)).startswith("It has had 4 epochs")
        on.app.screen.query_one(Input).value = "5"
        await on.pilot.press("enter")
        await on.until(lambda: on.end.startswith("All 5 epochs"))


async def test_a_run_that_was_to_be_longer_and_was_stopped_is_unfinished(data_dir: Path) -> None:
    wait = ("--at", "5.2", "wait")
    async with shown(data_dir, "--model", *HELD_OUT, "--done", "4", *wait) as on:
        await on.start(*EARLY)
        await on.until(lambda: on.end.startswith("Ended after epoch 4"))
        await on.until(lambda: on.keys().get("t"))
        await on.pilot.press("t")
        await asked_for_epochs(on)
        await on.pilot.press("enter")
        await on.phase(Phase.TRAINING)
        await on.pilot.press("x")
        await on.until(lambda: on.end.startswith("Stopped in epoch 5 of 9"))
        (run,) = on.app.library.runs()
        assert is_unfinished(run)


async def test_a_failed_run_offers_only_what_may_work(data_dir: Path) -> None:
    failure = ("--at", "start", "fail", "model", "it went wrong")
    async with shown(data_dir, *failure) as on:
        put_state(on.app.library.path("poems"), 2, 3)
        await on.start("--resume")
        await on.until(lambda: on.buttons == ["Back to the form", "Go on with it"])
        put_state(on.app.library.path("poems"), 4, 3)
        await on.start("--resume")
        await on.until(lambda: on.buttons == ["Back to the form", "Train longer"])
        (on.app.library.path("poems") / RESUME).write_bytes(b"damaged")
        await on.start("--resume")
        await on.until(lambda: on.buttons == ["Back to the form"])


async def test_a_run_that_fails_leads_back_to_the_form_as_it_was(data_dir: Path) -> None:
    failure = ("--at", "start", "fail", "corpus", "it is [/b] too large", "give --max-vocabulary 9")
    async with shown(data_dir, *failure, size=(120, 40)) as on:
        form = on.screen.query_one(TrainForm)
        form.query_one("#setting-epochs", Input).value = "7"
        form.query_one("#name", Input).value = "mine"
        await on.until(lambda: form.problem is None)
        plan = form.plan
        await on.pilot.press("f5")
        await on.until(lambda: on.buttons)
        assert on.end == 'it is [/b] too large\ngive "max vocabulary" 9'
        assert on.buttons == ["Back to the form"]
        await click(on.pilot, "#end-form")
        await on.until(lambda: not on.screen.on_run and form.problem is None)
        assert form.plan == plan


async def test_a_killed_run_shows_its_log_and_offers_to_go_on(data_dir: Path) -> None:
    crash = ("--at", "2.2", "stderr", "out of [/b] memory", "--at", "2.2", "crash", "KILL")
    async with shown(data_dir, "--model", *crash, "--done", "3") as on:
        await on.start("--epochs=4")
        await on.phase(Phase.LOST)
        await on.until(lambda: on.buttons)
        assert "was killed (SIGKILL)" in on.end
        assert "epoch 1 was saved" in on.end
        assert "out of [/b] memory" in on.end
        assert on.buttons == ["Go on with it", "Use it for writing", "New training"]
        await on.pilot.press("r")
        await on.until(lambda: on.end.startswith("All 3 epochs"))


async def test_a_run_killed_before_its_first_save_offers_a_new_one(data_dir: Path) -> None:
    async with shown(data_dir, "--at", "1.2", "crash", "SEGV") as on:
        await on.start()
        await on.phase(Phase.LOST)
        await on.until(lambda: on.buttons)
        assert "nothing was saved yet" in on.end
        assert on.buttons == ["New training"]
        await on.pilot.press("n")
        assert not on.screen.on_run


async def test_a_model_that_is_renamed_keeps_its_run(data_dir: Path) -> None:
    async with shown(data_dir, "--model", "--done", "3") as on:
        await on.start()
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.keys().get("t"))
        on.app.library.rename("poems", "verses")
        on.app.runs.renamed("poems", "verses")
        await on.until(lambda: "as the model verses" in on.end)
        assert "verses" in on.head
        await on.pilot.press("u")
        assert on.app.spoken == ["verses"]
        await on.pilot.press("t")
        await on.until(lambda: isinstance(on.app.screen, AskText))
        await on.pilot.press("enter")
        await on.until(lambda: on.end.startswith("All 6 epochs"))
        assert on.app.runs.own is not None
        assert on.app.runs.own.name == "verses"


async def test_a_run_whose_model_is_deleted_says_so_and_offers_a_new_one(data_dir: Path) -> None:
    async with shown(data_dir, "--model") as on:
        await on.start()
        await on.phase(Phase.FINISHED)
        await on.until(lambda: on.keys().get("u"))
        on.app.library.delete("poems")
        on.app.runs.deleted("poems")
        await on.until(lambda: "poems, was deleted since" in on.end)
        assert on.buttons == ["New training"]
        keys = on.keys()
        assert not {"u", "t", "r", "c"} & {key for key in keys if keys[key]}
        await on.pilot.press("n")
        assert not on.screen.on_run


async def test_a_program_that_cannot_be_started_is_a_failure(data_dir: Path) -> None:
    async with shown(data_dir) as on:
        on.app.runs = Runs(on.app.library, command=("/no/such/program",), log_folder=data_dir)
        await on.start()
        await on.phase(Phase.FAILED)
        await on.until(lambda: on.buttons)
        assert "could not start" in on.end


# Runs elsewhere


async def test_a_run_elsewhere_is_listed_watched_and_stopped(data_dir: Path) -> None:
    with training_elsewhere(data_dir, "--at", "3.2", "wait") as process:
        async with shown(data_dir) as on:
            others = on.screen.query_one(OtherRuns)
            await on.until(lambda: others.display)
            assert others.chosen is not None
            assert others.chosen.name == "other"
            others.focus()
            await on.pilot.press("o")
            await on.until(lambda: "epoch 3/9" in on.head)
            await on.until(lambda: f"trained by process {process.pid}" in on.head)
            keys = on.keys()
            assert not {"p", "d", "g"} & keys.keys(), "only its owner can do that"
            assert keys["x"]
            await on.pilot.press("x")
            await on.until(lambda: isinstance(on.app.screen, Confirm))
            await on.pilot.press("ctrl+y")
            await on.phase(Phase.FINISHED)
            assert on.end.startswith("Stopped in epoch 3 of 9")


async def test_watching_does_not_end_when_the_form_is_shown(data_dir: Path) -> None:
    with training_elsewhere(data_dir, "--at", "3.2", "wait"):
        async with shown(data_dir) as on:
            others = on.screen.query_one(OtherRuns)
            await on.until(lambda: others.display)
            others.focus()
            await on.pilot.press("enter")
            await on.until(lambda: "epoch 3/9" in on.head)
            await on.pilot.press("escape")
            assert not on.screen.on_run
            await on.pilot.press("escape")
            assert on.screen.on_run


async def test_the_own_run_is_found_again_after_another_was_watched(data_dir: Path) -> None:
    with training_elsewhere(data_dir, "--at", "3.2", "wait"):
        async with shown(data_dir, "--record", "--at", "1.2", "wait") as on:
            others = on.screen.query_one(OtherRuns)

            async def open_from_form(name: str) -> None:
                await on.pilot.press("escape")
                assert not on.screen.on_run
                await on.until(lambda: name in [row.name for row in others._rows])
                others.highlighted = [row.name for row in others._rows].index(name)
                others.focus()
                await on.pilot.press("o")
                await on.until(lambda: name in on.head)

            await on.start()
            await on.phase(Phase.TRAINING)
            await open_from_form("other")
            assert [row.name for row in others._rows] == ["poems", "other"]
            assert others._rows[0].text == "▶ poems  training, begun here: Enter shows it"
            await open_from_form("poems")
            await open_from_form("other")
            await on.pilot.press("escape")
            assert "Esc shows it" in str(on.screen.query_one("#why", Static).content)
            await on.pilot.press("escape")
            await on.until(lambda: "poems" in on.head)
            on.screen.follow("other")
            await on.until(lambda: "other" in on.head)
            on.screen.follow("poems")
            await on.until(lambda: "poems" in on.head)
            assert not on.app.told
            await open_from_form("other")
            own = on.app.runs.own
            assert own is not None
            await own.stop()
            await on.until(lambda: not own.is_running)
            await open_from_form("poems")
            assert on.end.startswith("Stopped in epoch 1")


async def test_a_run_that_ended_meanwhile_cannot_be_watched(data_dir: Path) -> None:
    async with shown(data_dir) as on:
        on.screen.follow("gone")
        await on.until(lambda: on.app.told == ["nothing trains gone now"])
        assert not on.screen.on_run


async def test_an_unfinished_run_is_listed_and_gone_on_with(data_dir: Path) -> None:
    async with shown(data_dir, "--model", "--done", "2", "--at", "2.2", "crash", "KILL") as on:
        await on.start("--epochs=9")
        await on.phase(Phase.LOST)
        await on.pilot.press("n")
        others = on.screen.query_one(OtherRuns)
        await on.until(lambda: others.display)
        assert others.chosen is not None
        await on.pilot.click(OtherRuns, offset=(3, 1))
        await on.until(lambda: on.end.startswith("All 3 epochs"))


def test_a_run_is_a_line_in_the_list() -> None:
    run = Run("a", False, None, None, False, True, 3, 9)
    assert is_unfinished(run)
    assert run_line(run) == "‖ a  stands at epoch 3 of 9: Enter goes on with it"
    assert not is_unfinished(Run("a", False, None, None, False, True, 9, 9))
    begun = Run("a", False, None, None, False, True, None, None)
    assert run_line(begun) == "‖ a  stands within its first epoch: Enter goes on with it"
    running = Run("a", True, "process 7 on b", 7, True, False, None, None)
    assert run_line(running) == "▶ a  trains, no epoch saved yet, by process 7 on b"


# Looks


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (120, 40), (200, 60), (20, 5)])
async def test_nothing_breaks_at_any_size(data_dir: Path, size: tuple[int, int]) -> None:
    seed = "a [/b] 漢字 e\u0301 שלום " + "x" * 10_000
    async with shown(data_dir, *HELD_OUT, "--at", "3.2", "wait") as on:
        await on.start(f"--seed-line={seed}")
        await on.until(lambda: "epoch 3/3" in on.head)
        for now in (size, (80, 24)):
            await on.pilot.resize_terminal(*now)
            await on.until(lambda now=now: on.screen.size == now)
            on.screen.paint()
            on.app.export_screenshot()
        assert "epoch 3/3" in on.head


def test_bars_have_their_width() -> None:
    assert progress_bar(0.5, 10) == "━━━━━─────"
    assert progress_bar(2, 3) == "━━━"
    for tenth in range(100):
        assert len(moving_bar(tenth / 10, 30)) == 30
    assert len(moving_bar(1, 3)) == 3


async def test_the_real_command_is_asked_about_the_real_corpus(data_dir: Path) -> None:
    async with shown(data_dir, size=(120, 40)) as on:
        form = on.screen.query_one(TrainForm)
        assert form._command == own_command()
        await on.until(lambda: form.summary is not None)
        assert form.summary is not None
        assert form.summary.parameters > 1_000_000
        await on.until(lambda: "defaults   small corpus" in picture(on.app))
        form.fill(preset="lesson")
        await on.until(lambda: form.summary and form.summary.parameters == 5_755_471)
        await on.until(lambda: "pairs      15,462" in picture(on.app))
        assert "small corpus" not in picture(on.app), "the lesson's network is the same for all"
