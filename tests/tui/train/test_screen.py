"""The run on the Train screen in each of its states. The tests write the events of the training."""

from __future__ import annotations

import sys
from typing import cast

import pytest
from msgspec.structs import replace
from textual.screen import Screen
from textual.widgets import Button, Collapsible, Input

from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.events import (
    EpochEnded,
    EpochFigures,
    Event,
    FinishReason,
    Metrics,
    NextWord,
    Paused,
    Preparing,
    SampleText,
    Warned,
    failed,
    to_json_line,
)
from rnnlm_tui.store.run_files import write_sources
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.runs.actions import request_to_go_on
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.runs.progress import Phase
from rnnlm_tui.tui.train.summary import DataCard
from rnnlm_tui.tui.widgets.chart import LossChart
from rnnlm_tui.tui.widgets.dialogs import AskText, Confirm
from tests.helpers.app import HOSTILE, until
from tests.helpers.events import ended, finished, progress, saved, started
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
    folder = on.app.library.runs.folder("poems")
    make_model(on.app.library.path("poems"), epoch=done)
    folder.mkdir(parents=True, exist_ok=True)
    write_sources(folder, ["poems.txt"], None)
    if state:
        put_state(folder, *state)


# While it runs


PREPARING = Preparing(4.0, "encoding words", 90, 120, 75.0)
SAMPLE = {"seed": "the cat", "text": f"the cat {' '.join(['wherefore'] * 8)} end", "next": []}
LONG = replace(ended(1), sample=SAMPLE)


@pytest.mark.parametrize(
    ("size", "events", "rows"),
    [
        ((80, 24), [], [("… preparing  poems",), ("getting ready",)]),
        pytest.param((80, 24), [PREPARING],
                     [("encoding words", " 75%", "1 min 15 s left for this")],
                     marks=pytest.mark.slow),
        (
            (80, 24),
            [started(epochs_done=3, epochs=6)],
            [("epoch 4/6", " 50%", "estimating")],
        ),
        ((80, 24), [started(), progress(1, 2), Paused(2.0, "requested")],
         [("‖ PAUSED",), ("1 min 00 s left, 1.0 s so far",), ("·  paused",)]),
        ((80, 24), [started(epochs=1), progress(1, 3, eta=0.04)],
         [("epoch 1/1, step 3/4", "nearly done, 1.0 s so far")]),
        ((80, 24), [started(epochs=1), progress(1, 4, eta=0), ended(1)],
         [("▶ measuring",), ("epoch 1/1", "100%", "measuring the model")]),
        pytest.param((80, 24), [*epochs(6, 5), Preparing(9.0, "comparing", 1, 2, None)],
                     [("▶ measuring",),
                      ("how many keys other models save, on the same lines",)],
                     marks=pytest.mark.slow),
        ((80, 24), [started(), progress(1, 2)],
         [("── train 5.00",), (" 1 ", " 5.000 ", " 148"), ("training loss: ", "7.21 bits")]),
        ((80, 24), epochs(6, 5), [("your line: the cat ...",), ("1  sat 10%  and 5.0%",)]),
        (
            (60, 16),
            [*epochs(6, 5, 5.5, 5.6), progress(5, 2)],
            [(" loss ", " accuracy "), (" 4 ", " 2.500 ")],
        ),
        pytest.param((60, 16), [started(), LONG], [("wherefore end",)], marks=pytest.mark.slow),
    ],
)  # fmt: skip
async def test_a_run_is_shown(
    script: Script, size: tuple[int, int], events: list[Event], rows: list[tuple[str, ...]]
) -> None:
    async with shown(script, (100, 30)) as on:
        await on.start(*events)
        await on.resize(*size)
        for row in rows:
            await on.sees(*row)


async def test_nothing_is_drawn_while_another_screen_is_shown(script: Script) -> None:
    """It would slow down the keys of who writes meanwhile."""
    async with shown(script) as on:
        await on.start(started())
        await on.phase(Phase.TRAINING)
        before = on.head
        on.app.add_mode("other", Screen)
        await on.app.switch_mode("other")
        script.write(ended(1))
        run = on.app.followed_runs.shown
        await until(lambda: run is not None and run.progress.epochs)
        on.screen.paint()
        assert on.head == before
        await on.app.switch_mode("train")
        await until(lambda: on.head != before)


async def test_a_run_that_began_on_another_screen_is_shown_in_place_of_the_form(
    script: Script,
) -> None:
    """F8 starts one on the Autocomplete screen."""
    async with shown(script) as on:
        on.app.add_mode("other", Screen)
        await on.app.switch_mode("other")
        await on.app.followed_runs.start(TrainArguments.updating("poems", ()))
        await on.app.switch_mode("train")
        await until(lambda: on.screen.is_run_shown)


async def test_epochs_and_what_is_written_follow_the_history(script: Script) -> None:
    async with shown(script) as on:
        told = "epoch 1 is saved: you can write with it"
        await on.start(started(), ended(1), saved(1), ended(2), Paused(3.0, "requested"))
        rows = ["1  sat 1", f"·  {told}", "2  sat 2", "·  paused"]
        await until(lambda: on.log == rows)
        await until(lambda: on.epochs == ["1", "2"])  # none is best, as nothing is measured
        script.replace(*epochs(6, 5))
        await until(lambda: (on.epochs, on.log) == (["1", "^2"], ["1  sat 1", "2  sat 2"]))
        chart = on.screen.query_one(LossChart)
        assert chart.display
        script.replace(started(epochs=1), ended(1))
        await until(lambda: not chart.display)  # it would have one point


async def test_a_figure_is_explained_by_keys_and_by_clicks(script: Script) -> None:
    async with shown(script) as on:
        await on.start(*epochs(6, 5))
        await on.sees("held-out loss: mean -ln p(right word), 5.000 nats")
        for keys, told in (
            (["right"], "held-out top-1: how often its first suggestion is right"),
            (["left"] * 3, "training loss: mean -ln p(right word), 5.000 nats = 7.21 bits"),
            (["left"] * 2, "held-out top-5: how often one of its five suggestions is right"),
        ):
            await on.press(*keys)
            await on.sees(told)
        await on.pilot.click("#epochs", offset=(5, 2))
        await on.sees("epoch: one pass through the training lines")


async def test_the_most_needed_keys_come_first_and_steer_the_run(script: Script) -> None:
    """An order that cannot be written is told."""
    async with shown(script) as on:
        await on.start()
        await until(lambda: on.bar == "x w escape g d")
        script.write(started(), ended(1), saved(1))
        await until(lambda: on.bar == "p x w escape g i d")
        await on.press("p")
        await until(lambda: script.orders() == ["pause"])
        script.write(Paused(2.0, "requested"))
        await on.phase(Phase.PAUSED)
        await on.press("p", "d")
        await until(lambda: script.orders() == ["pause", "resume", "detach"])
        await until(lambda: "continues when you quit" in on.head)
        await on.press("g")
        await until(lambda: isinstance(on.app.screen, AskText))
        assert on.app.screen.query_one(Input).value == "the cat"
        on.app.screen.query_one(Input).value = "a [/b] dog"
        await on.press("enter")
        await until(lambda: script.orders()[3:] == ["sample a [/b] dog"])
        with script.no_orders():
            await on.press("p")
            await until(lambda: on.app.told)
            assert "poems cannot be given orders" in on.app.told[-1]
        for key in ("escape", "ctrl+y"):
            await on.press("x")
            await until(lambda: isinstance(on.app.screen, Confirm))
            assert len(script.orders()) == 4
            await on.press(key)
            await until(lambda: on.app.screen is on.screen)
        await on.phase(Phase.FINISHED)
        assert script.orders()[4:] == ["stop"]


async def test_one_training_at_a_time(script: Script) -> None:
    async with shown(script, (120, 40)) as on:
        await on.start(started())
        await on.press("escape")
        await on.sees("! poems is training: wait for its end")
        button = on.screen.query_one("#train", Button)
        assert button.disabled
        on.screen.start(TrainArguments.resuming("poems"))
        await until(lambda: on.app.told == ["poems is training"])
        script.exit(1, RnnlmError("it went wrong"))
        await until(lambda: not button.disabled)
        await on.press("escape")
        await until(lambda: on.screen.is_run_shown and "poems" in on.head)


async def test_write_leads_to_the_line_even_before_the_first_save(script: Script) -> None:
    """It would be a trap to stay: the letters of the text would be keys of the run."""
    async with shown(script) as on:
        on.app.active_name = "english"
        await on.start(started(), progress(1, 2, elapsed=1))
        await until(lambda: "step 2/4" in on.head and on.keys().get("w"))
        assert script.orders() == ["compare english"], "the model in use in the app"
        await on.press("w")
        assert on.app.told == ["poems has saved nothing yet; until then english suggests"]
        assert on.app.calls == [("show_mode", "autocomplete")]
        script.write(ended(1), saved(1))
        await until(lambda: on.epochs and on.keys().get("i"))
        await on.press("w", "i")
        assert on.app.calls[1:3] == [("use_model", "poems"), ("show_mode", "autocomplete")]
        assert on.app.calls[3:] == [("use_model", "poems"), ("show_mode", "inside")]


async def test_a_run_resumed_in_its_first_epoch_has_the_model_that_it_had(script: Script) -> None:
    """That of its n-grams, which it does not save again."""
    async with shown(script) as on:
        make_model(on.app.library.path("poems"))
        await on.start(started(), progress(1, 2, elapsed=1))
        await until(lambda: "step 2/4" in on.head)
        await on.press("w")
        assert on.app.calls == [("use_model", "poems"), ("show_mode", "autocomplete")]
        await on.press("x")
        await on.sees("stop it, you can use the model as it is now")
        await on.press("escape")


async def test_a_run_that_is_measured_or_over_is_not_stopped(script: Script) -> None:
    """Its process may take some seconds to end."""
    async with shown(script) as on:
        await on.start(*epochs(6, 5))
        await until(lambda: on.bar == "p x w escape g i d")
        script.write(Preparing(9.0, "measuring", 0, 1, None))
        await until(lambda: on.bar == "w escape i d")
        script.write(finished("completed", 2, kept_epoch(2)))
        await until(lambda: "✓ done" in on.head)
        assert on.bar == "w escape i r c"
        await on.press("r")
        script.exit()
        await until(lambda: script.arguments()[:3] == ["--train", "--resume", "--name"])


# Its end


def kept_epoch(number: int) -> EpochFigures:
    return EpochFigures(number, Metrics(), None)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stopped", ["--train", "--resume"]),
        ("completed", ["--train", "--update", "poems", "--force", "--epochs", "5"]),
    ],
)
async def test_a_run_that_is_over_offers_what_to_do(
    script: Script, reason: FinishReason, expected: list[str]
) -> None:
    """It is resumed, or trained longer."""
    async with shown(script, (60, 16)) as on:
        leave_model(on, 4, *((5, 20) if reason == "stopped" else ()))
        await on.start(*epochs(6, 5, 5.5, 5.6), finished(reason, 2, kept_epoch(2)))
        script.exit()
        await on.phase(Phase.FINISHED)
        await until(lambda: on.bar == "w escape i r c")
        keys = "w write with it   i look inside it   c compare it with others   r train on"
        await until(lambda: on.end.endswith(keys))
        assert on.head.startswith(" ■ stopped" if reason == "stopped" else " ✓ done")
        assert on.end.startswith(
            ("Stopped after 4 of 20 epochs; epoch 2 is kept", "Trained for 4 epochs; ")
        )
        await on.sees(" 4 ", " 2.500 ")
        await on.press("c", "r")
        assert on.app.calls == [("show_model", "poems")]
        if reason == "completed":
            await until(lambda: isinstance(on.app.screen, AskText) and on.app.screen.focused)
            field = on.app.screen.query_one(Input)
            assert field.value == "130", "as many as it was trained for"
            field.value = "5"
            await on.press("enter")
        await until(lambda: script.arguments()[: len(expected)] == expected)
        await on.phase(Phase.STARTING)


async def test_a_model_whose_text_is_not_here_says_so_before_any_question(script: Script) -> None:
    """Such as one that was imported."""
    async with shown(script) as on:
        leave_model(on)
        write_sources(on.app.library.runs.folder("poems"), [], None)
        with pytest.raises(CorpusError, match="is not known here") as caught:
            await request_to_go_on(cast(RnnlmApp, on.app), "poems")
        assert caught.value.hint == "train a new model on another text"


async def test_a_run_that_fails_leads_back_to_the_form_as_it_was(script: Script) -> None:
    async with shown(script) as on:
        on.form.query_one("#form-name", Input).value = "mine"
        await on.ready()
        arguments = on.form.arguments()
        await on.press("f5")
        hint = "give {max_vocabulary} 9"
        script.exit(3, CorpusError("it is [/b] too large", hint), name="mine")
        await until(lambda: on.end)
        said = 'it is [/b] too large\ngive "max vocabulary" 9\nEsc back to the form'
        assert (on.end, on.bar) == (said, "escape")
        await on.press("escape")
        await until(lambda: not on.screen.is_run_shown and on.form.summary)
        assert on.form.arguments() == arguments


# Runs elsewhere


async def test_a_run_elsewhere_is_watched_and_steered(script: Script) -> None:
    with trained_elsewhere(script, *epochs(6, 5)):
        async with shown(script) as on:
            on.screen.watch_run("other")
            await until(lambda: "epoch 3/20" in on.head and on.keys().get("x"))
            assert "trained by process" in on.head
            keys = on.keys()
            assert "p" in keys and "g" in keys and "d" not in keys
            on.screen.start(TrainArguments.resuming("poems"))
            await until(lambda: on.app.told)
            assert on.app.told[0].startswith("other is being trained by process")
            await on.press("p")
            await on.press("escape")
            assert not on.screen.is_run_shown
            await on.press("escape")
            assert on.screen.is_run_shown, "it is followed on while the form is shown"
            await on.press("x")
            await until(lambda: isinstance(on.app.screen, Confirm))
            await on.press("ctrl+y")
            await until(lambda: script.orders("other") == ["pause", "stop"])
            script.write(finished("stopped", 2, kept_epoch(2)), name="other")
            await until(lambda: "stopped" in on.head)


# Texts that try to break the screen or to steer the terminal


@pytest.mark.slow
async def test_hostile_words_about_a_text_and_of_a_run_are_shown(script: Script) -> None:
    """The summary, its refusal, the run and both kinds of its end, at every size."""
    layer = {"name": HOSTILE, "type": HOSTILE, "output_shape": [None, 7], "parameters": 1 << 60}
    told = {"prospect": [HOSTILE], "warnings": [HOSTILE], "rows": [[HOSTILE, HOSTILE]] * 3}
    script.answer(SUMMARY | told | {"layers": [layer]})
    refusal = to_json_line(failed(CorpusError(HOSTILE, HOSTILE), 1))
    corpus = replace(started().corpus, name=HOSTILE[:1000])
    figures = Metrics(loss=1e300, penalty=-1e300, accuracy=1e9, perplexity=1e308)
    held_out = Metrics(loss=1e300, perplexity=1e308, top1=-5.0, top5=1e300)
    words = [NextWord(HOSTILE, 1.0), NextWord(HOSTILE, 0.0)]
    sample: SampleText = {"seed": HOSTILE, "text": f"{HOSTILE} and\n{HOSTILE}", "next": words}
    events = (
        replace(started(), name=HOSTILE, preset=HOSTILE, device=HOSTILE, corpus=corpus),
        Warned(1.0, HOSTILE),
        EpochEnded(9.0, 1, figures, held_out, True, sample, 9.0),
        Paused(3.0, HOSTILE),
    )
    async with shown(script) as on:

        async def is_whole() -> None:
            for size in ((60, 16), (80, 24), (120, 40)):
                await on.resize(*size)
                await until(lambda size=size: on.screen.size == size)
                on.check_layout()
            await on.sees("[/b] [red]")

        answering = script.command
        refusing = (sys.executable, "-c", f"import sys; print({refusal!r}); sys.exit(3)")
        for script.command, is_refused in ((refusing, True), (answering, False)):
            on.form.query_one("#form-name", Input).value += "x"
            await until(lambda: on.form.problem if is_refused else on.form.summary)  # noqa: B023
            await is_whole()
        on.form.query_one("#more", Collapsible).collapsed = False
        on.form.query_one(DataCard).focus()
        await is_whole()
        for end in (CorpusError(HOSTILE, HOSTILE), f"{HOSTILE}\n{HOSTILE}"):
            await on.start(*events)
            await on.phase(Phase.PAUSED)
            await is_whole()
            script.exit(1, end)
            await until(lambda: on.end)
            await is_whole()
            assert "[/b] [red]" in on.end
