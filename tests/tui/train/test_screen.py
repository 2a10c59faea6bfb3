"""The Train screen in each of its states. The tests write the events of the training."""

from __future__ import annotations

import msgspec
import pytest
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.event_types import (
    EpochFigures,
    Event,
    FinishReason,
    Metrics,
    Paused,
    Preparing,
)
from rnnlm_tui.store.library import Library, SavedRun
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.progress import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import badge, end_lines, is_bad_end, run_line
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm
from tests.helpers.app import picture
from tests.helpers.events import ended, finished, measured, progress, saved, started
from tests.helpers.models import make_model, put_state
from tests.helpers.runs import Script, trained_elsewhere
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


async def test_preparing_is_said_and_can_be_stopped(script: Script) -> None:
    async with shown(script) as on:
        await on.start()
        await on.phase(Phase.STARTING)
        assert "preparing  poems" in on.head and "getting ready" in on.head
        await on.until(lambda: on.keys().get("x"))
        assert not on.keys().get("p")
        script.write(Preparing(4.0, "encoding words", 90, 120, 75.0))
        await on.until(lambda: "1 min 15 s left for this" in on.head and " 75%" in on.head)


async def test_the_best_epoch_is_marked_as_soon_as_it_ends(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        await on.start(*epochs(6, 5, 5.5, 5.6, is_mixed=True), progress(5, 2))
        await on.until(lambda: [row[0] for row in on.epochs] == ["1", "^2", "3", "4"])
        assert "100 examples/s" in on.head
        assert not on.sees("penalty")
        assert on.sees(" network alone, too few held-out words to tell"), "whose they are"
        await on.until(lambda: on.sees("training ", "held-out "))
        await on.until(lambda: on.sees("epoch ", "loss ", "accuracy ", "loss ", "top-1 ", "top-5"))
        script.write(ended(5, held_out=4.0))
        await on.until(lambda: [row[0] for row in on.epochs] == ["1", "2", "3", "4", "^5"])


async def test_a_small_window_shows_the_last_epoch_below_the_names_of_its_figures(
    script: Script,
) -> None:
    async with shown(script, (60, 16)) as on:
        await on.start(*epochs(6, 5, 5.5, 5.6), progress(5, 2))
        await on.until(lambda: on.sees(" 4 ", " 2.500 ") and on.sees("loss ", "accuracy "))


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
async def test_a_long_continuation_is_shown_whole_after_a_resize(
    script: Script, size: tuple[int, int]
) -> None:
    async with shown(script, (100, 30)) as on:
        words = " ".join(["wherefore"] * 8)
        sample = {"seed": "the cat", "text": f"the cat {words} end"}
        await on.start(started(), msgspec.structs.replace(ended(1), sample=sample))
        await on.until(lambda: "end" in on.log)
        await on.pilot.resize_terminal(*size)
        await on.until(lambda: picture(on.app).count("wherefore") == 8 and on.sees(" end "))


async def test_what_is_written_and_the_notes_stand_in_the_order_of_time(script: Script) -> None:
    async with shown(script) as on:
        told = "epoch 1 is saved: you can write with it"
        await on.start(started(), ended(1), saved(1), ended(2), Paused(3.0, "requested"))
        rows = [f"{1:>5}  sat 1", f"{'·':>5}  {told}", f"{2:>5}  sat 2", f"{'·':>5}  paused"]
        await on.until(lambda: on.log.splitlines() == rows)
        script.replace(started(), ended(1))
        await on.until(lambda: on.log.splitlines() == rows[:1])


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
        assert all(part in on.head for part in (" 50%", "first steps", "estimating"))


async def test_a_pause_is_plain_to_see_and_the_time_left_stays(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(), progress(1, 2))
        await on.until(lambda: on.keys().get("p"))
        await on.pilot.press("p")
        await on.until(lambda: script.orders() == ["pause"])
        script.write(Paused(2.0, "requested"))
        await on.phase(Phase.PAUSED)
        assert "1 min 00 s left (paused)" in on.head
        await on.pilot.press("p")
        await on.until(lambda: script.orders() == ["pause", "resume"])


async def test_a_stop_asks_first_and_then_hides_what_no_longer_works(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started(), progress(1, 2))
        await on.phase(Phase.TRAINING)
        await on.until(lambda: on.keys().get("x"))
        for key in ("escape", "ctrl+y"):
            await on.pilot.press("x")
            await on.until(lambda: isinstance(on.app.screen, Confirm))
            assert script.orders() == []
            await on.pilot.press(key)
            await on.until(lambda: on.app.screen is on.screen)
        await on.phase(Phase.FINISHED)
        assert script.orders() == ["stop"]


async def test_a_run_is_sent_to_the_background(script: Script) -> None:
    async with shown(script) as on:
        await on.start(started())
        await on.until(lambda: on.keys().get("d"))
        await on.pilot.press("d")
        await on.until(lambda: "continues when you quit" in on.head and not on.keys().get("d"))
        assert script.orders() == ["detach"]


async def test_write_leads_to_the_line_even_before_the_first_save(script: Script) -> None:
    """It would be a trap to stay: the letters of the text would be keys of the run."""
    async with shown(script) as on:
        on.app.active_name = "english"
        await on.start(started(), progress(1, 2, elapsed=1))
        await on.until(lambda: "step 2/4" in on.head and on.keys().get("w"))
        assert not on.keys().get("i")
        await on.pilot.press("w")
        assert on.app.told == ["poems has saved nothing yet; until then english suggests"]
        assert on.app.calls == [("show_mode", "autocomplete")]
        script.write(ended(1), saved(1))
        await on.until(lambda: on.epochs and on.keys().get("i"))
        await on.pilot.press("w", "i")
        assert on.app.calls[1:3] == [("use_model", "poems"), ("show_mode", "autocomplete")]
        assert on.app.calls[3:] == [("use_model", "poems"), ("show_mode", "inside")]


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


# Its end


def kept_epoch(number: int) -> EpochFigures:
    return EpochFigures(number, Metrics(), None)


KEPT = EpochFigures(
    2,
    Metrics(loss=4.0, accuracy=0.2, perplexity=54.6),
    Metrics(loss=5.0, perplexity=148.4, top1=0.1, top5=0.2),
)
UNMEASURED = msgspec.structs.replace(KEPT, held_out=None)
FIGURES = [
    "Held-out lines: perplexity per word 94.2 (mixture), 148 (network alone).",
    "Training lines: loss 4.000 nats per word, accuracy 20% (network alone).",
]
SAVES = "Keys saved 58% (the English alone: 57%)"
DIVERGED = "Diverged: the loss became infinite or NaN; epoch 2 is kept"
SMALLER = "Train again with a smaller learning rate (under more)."
DONE = ["Done", "Held-out lines: none, so how many keys it saves is not known."]


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
        run.take(event)
    assert end_lines(run) == end
    assert (badge(run), is_bad_end(run)) == (phase, reason == "diverged")


def test_the_end_of_a_run_without_held_out_lines_says_that_nothing_is_known() -> None:
    run = RunProgress()
    for event in (started(epochs=2), ended(1), ended(2), finished("completed", 2, UNMEASURED)):
        run.take(event)
    assert end_lines(run)[:2] == DONE


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_a_run_that_is_over_offers_what_to_do(script: Script, size: tuple[int, int]) -> None:
    async with shown(script, (80, 24)) as on:
        leave_model(on, 4, 5, 20)
        await on.start(*epochs(6, 5, 5.5, 5.6), finished("stopped", 2, kept_epoch(2)))
        script.exit()
        await on.phase(Phase.FINISHED)
        await on.pilot.resize_terminal(*size)
        await on.until(lambda: on.offered == "wirc")
        assert on.head.startswith(" ■ stopped")
        assert on.end.startswith("Stopped; epoch 2 is kept")
        await on.until(lambda: on.sees(" 4 ", " 2.500 "))
        await on.pilot.press("w", "i", "c")
        used = [("use_model", "poems"), ("show_mode", "autocomplete")]
        looked_into = [("use_model", "poems"), ("show_mode", "inside")]
        assert on.app.calls == [*used, *looked_into, ("show_model", "poems")]
        await on.pilot.press("r")
        await on.until(lambda: "--resume" in script.arguments())


async def test_a_run_is_trained_longer(script: Script) -> None:
    async with shown(script) as on:
        leave_model(on, 3)
        await on.start(*epochs(6, 5, 4), finished("completed", 3, kept_epoch(3)))
        script.exit()
        await on.until(lambda: "r" in on.offered)
        await on.pilot.press("r")
        await on.until(lambda: isinstance(on.app.screen, AskText) and on.app.screen.focused)
        text = str(on.app.screen.query_one(".dialog-text", Static).content)
        assert "replaced if that makes it better" in text
        field = on.app.screen.query_one(Input)
        assert field.value == "130", "as many as it was trained for"
        problem = on.app.screen.query_one(".dialog-problem", Static)
        for wrong in ("0", "1000001", "1.5", ""):
            field.value = wrong
            await on.pilot.press("enter")
            says = "it must be a whole number, 1 or more and at most 1,000,000"
            await on.until(lambda says=says: str(problem.content) == says)  # type: ignore[misc]
        field.value = "5"
        await on.pilot.press("enter")
        expected = ["--train", "--update", "poems", "--epochs", "5"]
        await on.until(lambda: script.arguments()[:5] == expected)
        await on.phase(Phase.STARTING)


async def test_a_run_that_fails_leads_back_to_the_form_as_it_was(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        on.form.query_one("#form-epochs", Input).value = "7"
        on.form.query_one("#form-name", Input).value = "mine"
        await on.until(lambda: on.form.problem is None)
        arguments = on.form.arguments()
        await on.pilot.press("f5")
        hint = "give {max_vocabulary} 9"
        script.exit(3, CorpusError("it is [/b] too large", hint), name="mine")
        await on.until(lambda: on.end)
        assert on.offered == ""
        said = 'it is [/b] too large\ngive "max vocabulary" 9\nno epoch was saved yet'
        assert on.end == said
        await on.pilot.press("escape")
        await on.until(lambda: not on.screen.is_run_shown and on.form.problem is None)
        assert on.form.arguments() == arguments


async def test_a_killed_run_shows_its_log_and_offers_to_resume(script: Script) -> None:
    async with shown(script) as on:
        leave_model(on, 1, 2, 4)
        await on.start(started(), ended(1), saved(1))
        await on.until(lambda: on.epochs)
        script.exit(-9, "out of [/b] memory\n")
        await on.phase(Phase.FAILED)
        await on.until(lambda: on.offered == "wirc")
        for said in ("was killed by signal 9", "epoch 1 was saved", "out of [/b] memory"):
            assert said in on.end
        await on.pilot.press("r")
        await on.until(lambda: "--resume" in script.arguments())


async def test_a_model_that_is_renamed_keeps_its_run_and_one_that_is_deleted_does_not(
    script: Script,
) -> None:
    async with shown(script) as on:
        leave_model(on, 3)
        await on.start(started(epochs=1), ended(1), finished("completed", 1, kept_epoch(1)))
        script.exit()
        await on.phase(Phase.FINISHED)
        on.app.library.rename("poems", "verses")
        on.app.runs.name_changed("poems", "verses")
        await on.until(lambda: "verses" in on.head)
        await on.pilot.press("w")
        assert ("use_model", "verses") in on.app.calls
        on.app.library.delete("verses")
        on.app.runs.name_changed("verses", None)
        await on.until(lambda: not on.screen.is_run_shown)


# Runs elsewhere


async def test_a_run_elsewhere_is_watched_and_stopped(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(Library, "stop_run", lambda library, name: stopped.append(name))
    with trained_elsewhere(script, *epochs(6, 5)):
        async with shown(script) as on:
            on.screen.run_pane.follow("other")
            await on.until(lambda: "epoch 3/20" in on.head and on.keys().get("x"))
            assert "trained by process" in on.head
            assert not {"p", "d", "g"} & on.keys().keys(), "only its owner can do that"
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


async def test_a_model_is_trained_on_what_its_files_hold_now(script: Script) -> None:
    async with shown(script) as on:
        added = ("/texts/poems-written.txt",)
        on.screen.run_pane.start(TrainArguments.updating("poems", added))
        asked = ["--train", "--update", "poems", "--add=/texts/poems-written.txt"]
        await on.until(lambda: script.arguments()[:4] == asked)
        await on.until(lambda: on.screen.is_run_shown)


def test_a_stopped_run_is_a_line_in_the_notice() -> None:
    config = make_config("gru", [{"epochs": 9}])
    assert run_line(SavedRun("a", None, True, config, 3)) == "‖ a  stopped at epoch 3 of 9"
    assert run_line(SavedRun("a", None, True)) == "‖ a  stopped at its first epoch"
