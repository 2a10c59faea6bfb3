"""The app around its screens: theme, modes, sizes, the active model, quitting."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets._toast import Toast, ToastHolder

from rnnlm_tui.errors import StorageError
from rnnlm_tui.events import EpochFigures, Event, Failed, FinishReason, Metrics, Saved
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.locks import Trainer
from rnnlm_tui.store.saved_runs import SavedRun
from rnnlm_tui.tui import app as app_module
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.keys import KeysScreen
from rnnlm_tui.tui.preferences import SettingsFile
from rnnlm_tui.tui.runs.progress import Phase, RunProgress
from rnnlm_tui.tui.runs.wording import progress_text, unfinished_notice
from rnnlm_tui.tui.start import log_to_file
from rnnlm_tui.tui.widgets import terminal
from rnnlm_tui.tui.widgets.base_screen import Header
from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.widgets.key_bar import KeyBar
from tests.helpers.app import (
    ScriptedLibrary,
    answered,
    chain,
    check_layout,
    current_tab,
    picture,
    post_keys,
    press,
    resize,
    rows_of,
    running,
    scripted_app,
    scripted_model,
    sees,
    toasts,
    told,
    until,
    write,
)
from tests.helpers.events import comparison, ended, finished, measured, saved, started
from tests.helpers.models import make_model, put, put_state, renamed, saved_model
from tests.helpers.runs import Script, trained_elsewhere
from tests.helpers.writing_screen import desk


class ScriptedRun:
    """A training of the app, half done. `closed` has the arguments of close(), which fails if it
    has no `space`."""

    name = "poems"

    def __init__(self, *, is_running: bool = True, detached: bool = False) -> None:
        self.is_running, self.detached, self.is_own = is_running, detached, True
        self.progress = RunProgress()
        self.progress.take(started(epochs_done=1, epochs=2))
        self.closed: list[bool] = []
        self.has_space = True
        self.compared: list[str | None] = []

    def compare_with(self, model: str | None) -> None:
        self.compared.append(model)

    async def close(self, *, detach: bool) -> None:
        if not self.has_space:
            raise StorageError("no space left on device")
        self.closed.append(detach)
        if not detach:
            self.progress.take(finished("stopped"))


def give_run(app: RnnlmApp, **options: bool) -> ScriptedRun:
    """Puts a training of its own into the app."""
    run = ScriptedRun(**options)
    app.followed_runs.own = cast(Any, run)
    return run


def saved_by(app: RnnlmApp, *, epoch: int = 1, best: bool = True) -> None:
    """Reports that the run poems has saved its model."""
    app.run_saved(cast(Any, ScriptedRun()), Saved(1.0, epoch, "models/poems", best))


def scripted_models(app: RnnlmApp) -> dict[str, Any]:
    """The models of a scripted app."""
    return cast(ScriptedLibrary, app.library).models


# Start


async def test_the_first_key_is_typed_into_the_first_screen(tmp_path: Path) -> None:
    """Python 3.12 and later run the mounting of widgets at once, 3.11 in later steps: on all of
    them the first screen is the app's when its widgets are mounted, and ready for the first key."""
    app = scripted_app(tmp_path)
    mounted_on: list[object] = []

    class Asking(Widget):
        def on_mount(self) -> None:
            mounted_on.append(app.screen)

    app.autocomplete.page.compose_add_child(Asking())

    async def type_at_once(pilot: Pilot[object]) -> None:
        post_keys(app, *"shall")
        await until(lambda: app.autocomplete.editor.line == "shall")
        app.exit()

    await app.run_async(headless=True, auto_pilot=type_at_once)  # run_test waits for the screen
    assert mounted_on == [app.autocomplete]


# Screens


async def shown(pilot: Pilot[None], mode: str, label: str) -> None:
    """Waits until the screen is shown."""
    await until(lambda: pilot.app.current_mode == mode)
    await until(lambda: current_tab(pilot.app) == label)
    check_layout(pilot.app)


async def test_screens_by_key_and_by_click(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other screens are built while nobody types. The theme is kept."""
    monkeypatch.setattr(terminal, "IDLE_S", 0.01)
    async with desk(tmp_path) as it:
        assert it.app.theme == "rnnlm-dark"
        it.app.theme = "rnnlm-light"
        await until(lambda: it.app.train_screen.is_mounted and it.app.models_screen.is_mounted)
        await it.write(*"shall")
        await it.press("f4")
        await shown(it.pilot, "models", "Models")
        await it.press("f3")
        await shown(it.pilot, "train", "Train")
        assert it.app.screen.focused is not None
        await it.pilot.click(Header, offset=(it.rows[0].index("Autocomplete") + 3, 0))
        await shown(it.pilot, "autocomplete", "Autocomplete")
        assert it.line == "shall" and it.editor.has_focus
    assert SettingsFile(tmp_path / "config").preferences.theme == "rnnlm-light"


async def test_letters_right_behind_f2_reach_the_line(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.press("f3")
        await until(lambda: it.app.screen.focused is not None)
        post_keys(it.app, "f2", *"shall")
        await it.press()
        assert it.line == "shall"


async def test_the_bottom_row_names_the_keys_and_can_be_clicked(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.write(*"shall ")
        row = it.rows[-1]
        shown = "Tab word  → all  Enter keep  alt+1-5 take  ctrl+o texts  F1 keys  ctrl+q quit"
        assert row.strip() == shown
        await it.pilot.click(KeyBar, offset=(row.index("Tab word") + 1, 0))
        await until(lambda: it.line == "shall i ")
        await it.pilot.click(KeyBar, offset=(row.index("F1 keys") + 4, 0))
        await until(lambda: isinstance(it.app.screen, KeysScreen))


async def test_the_other_screens_are_one_line_below_60_by_16(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with running(app, size=(59, 20)) as pilot:
        await resize(pilot, 60, 16)
        await until(lambda: current_tab(app) == "Autocomplete")
        await until(lambda: app.autocomplete.editor.has_focus)
        await press(pilot, "f4")
        await shown(pilot, "models", "Models")
        for size in ((59, 16), (60, 15), (1, 1)):
            await resize(pilot, *size)
            await until(lambda: "Models" not in picture(app))
            check_layout(app)
            assert size == (1, 1) or "please enlarge to 60 x 16" in rows_of(app)[0]


async def test_nothing_is_chosen_in_a_list_that_does_not_fit_the_window(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    async with running(app) as pilot:
        await answered(pilot)
        await press(pilot, "f10")
        await sees(app, "─ stages ─")
        for screen in (app.inside_screen, Choice("Which?", "", [("a", "A", ""), ("b", "B", "")])):
            if screen is not app.screen:
                await app.push_screen(screen)
            await resize(pilot, 59, 15)
            await sees(app, "please enlarge")
            await press(pilot, "pagedown", "pageup", "down", "enter")
            await resize(pilot, 80, 24)
            assert app.screen is screen and app.is_running
        await press(pilot, "escape")
        await until(lambda: app.screen is app.inside_screen)


@pytest.mark.parametrize(("message", "covered"), [("a short one", 1), ("a longer one " * 15, 4)])
async def test_notices_cover_the_keys_and_never_the_line_being_written(
    message: str, covered: int, tmp_path: Path
) -> None:
    async with desk(tmp_path, size=(60, 16)) as it:
        await it.press()  # no key: all is painted then
        before = it.rows
        it.app.notify_user(message, "error")
        await until(lambda: "one" in it.rows[-1])
        assert it.rows[:-covered] == before[:-covered]
        assert "Shall" in it.rows[it.editor.region.y + 1]


async def test_a_notice_replaces_the_last_one_of_its_topic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "TOAST_S", dict.fromkeys(terminal.TOAST_S, 60))
    async with desk(tmp_path) as it:
        it.app.notify_user("the disk is full", "error")
        await it.press("ctrl+t", "alt+d", "ctrl+t", "ctrl+c", "alt+d", "ctrl+c")
        kept, ghost, digits, quits = toasts(it.app)
        assert (kept, ghost) == ("the disk is full", "the ghost is on")
        assert digits.startswith(it.app.preferences.digits)
        assert quits == "nothing is selected to copy; ctrl+q quits"
        await until(lambda: len(it.app.screen.query(Toast)) == 4)
        await it.press("alt+d")
        await it.sees(f"{it.app.preferences.digits}:")
        await until(lambda: len(it.app.screen.query(ToastHolder)) == 4)  # none is empty


# The active model


async def test_without_a_model_one_can_write_and_train(tmp_path: Path) -> None:
    app = scripted_app(tmp_path, {})
    async with running(app) as pilot:
        await until(lambda: app.has_no_models)
        await until(lambda: "No model can be used" in picture(app))
        check_layout(app)
        await press(pilot, "f10")
        await until(lambda: "There is no model: F3 trains one." in picture(app))
        await press(pilot, "left", "down", "enter", "tab", "right", "f2", "ctrl+r")
        await told(app, "there is no model: F3 trains one")
        await press(pilot, *"shall i", "enter")
        assert [line.plain_text for line in app.autocomplete.page.lines] == ["shall i"]
        assert "No model can be used" in picture(app)
        scripted_models(app)["poems"] = scripted_model()
        saved_by(app)
        await until(lambda: app.active_name == "poems")
        await write(pilot, *"shall ")
        assert app.autocomplete.editor.suggestion == "i compare thee to"
        assert "No model can be used" not in picture(app)


async def test_the_model_in_use_stays_while_another_is_trained(tmp_path: Path) -> None:
    """Of the model in use, each save that is better suggests at once. The training knows with which
    model it is to be compared."""
    async with desk(tmp_path) as it:
        run = give_run(it.app)
        await it.write(*"shall ")
        scripted_models(it.app)["poems"] = scripted_model(chain("shall", "we", "dance"))
        saved_by(it.app, epoch=0)
        await it.told("the n-grams of poems are saved. F3, w: write with them")
        saved_by(it.app)
        await it.write("backspace", " ")
        assert (it.app.active_name, it.shown) == ("sonnets", "i compare thee to")
        it.app.use_model("poems")
        await until(lambda: it.shown == "we dance" and " poems" in it.rows[0])
        assert it.tells("poems is in use") and run.compared == ["poems"]
        better = scripted_models(it.app)["poems"] = scripted_model(chain("shall", "go", "on"))
        saved_by(it.app, best=False)
        saved_by(it.app)
        await until(lambda: it.shown == "go on")
        assert it.app.opened_model and it.app.opened_model.model is better


async def test_stopped_trainings_are_announced_at_the_start(tmp_path: Path) -> None:
    app = scripted_app(tmp_path)
    put_state(app.library.runs.folder("poems"), 3, 9)
    async with running(app):
        await told(app, "‖ poems  stopped at epoch 2 of 9: F4 resumes it")
    put_state(app.library.runs.folder("verses"), 3, 9)
    several = unfinished_notice(app.library.runs.all(), app.shown_key)
    assert several == "2 trainings were stopped before their end: F4 lists them"
    going = SavedRun("diary", Trainer(7, ""), resumable=True)
    assert (
        unfinished_notice([going], app.shown_key)
        == "▶ diary is being trained in the background: F3 shows it"
    )


async def test_a_training_in_the_background_stands_in_the_header_and_on_the_train_screen(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one of an earlier app."""
    monkeypatch.setattr(app_module, "CHECK_EVERY_S", 0.05)
    app = scripted_app(tmp_path)
    with trained_elsewhere(script, started(epochs=4), ended(1), saved(1)):
        async with running(app, size=(100, 30)) as pilot:
            await until(lambda: "▶ 25% of other · sonnets" in rows_of(app)[0])
            await press(pilot, "f3")
            await sees(app, "▶ training  other", "trained by process")
            await press(pilot, "escape")
            problem = "! other is training: wait for its end, or stop it (Esc shows it)"
            await sees(app, problem)
            await press(pilot, "f2", "f3")
            await sees(app, problem)  # the form stays as it was left
            script.write(finished("stopped"), name="other")
            await press(pilot, "ctrl+q")
            await until(lambda: not app.is_running)


# The end of a run, and of the app


def over(reason: FinishReason = "completed", **facts: Any) -> Event:
    """The end of a run that keeps its first epoch."""
    return replace(finished(reason, 1, EpochFigures(1, Metrics(), None)), **facts)


BETTER = comparison(0.5841, 0.551)
STAYS = "sonnets stays in use. F3, w: write with poems"
KILLED = Failed(1.0, "error", "it was killed", "start it again")


@pytest.mark.parametrize(
    ("end", "is_own", "is_used", "says"),
    [
        (over(comparison=BETTER), True, True, "40.1: it is in use now. F4, u: back to sonnets"),
        (over("stopped", comparison=BETTER), True, True, "40.1: it is in use now."),
        (over(comparison=comparison(0.549, 0.551)), True, False, f"40.1: {STAYS}"),
        # A lesson or a model of the sonnets.
        (over(evaluation=measured()), True, False, STAYS),
        (KILLED, True, False, "it was killed; start it again; epoch 1 was saved"),
        # A run of another program, and one that was compared with a model that is not in use now.
        (over(comparison=BETTER), False, False, STAYS),
        (over(comparison=replace(BETTER, name="letters")), True, False, STAYS),
    ],
)
async def test_a_new_model_is_used_only_if_it_saves_more_than_the_one_in_use(
    end: Event, is_own: bool, is_used: bool, says: str, tmp_path: Path
) -> None:
    """The user is told both figures, and how to change it; also on the Train screen, afterwards."""
    models = {"sonnets": scripted_model(), "poems": scripted_model()}
    run = ScriptedRun(is_running=False)
    run.is_own = is_own
    run.progress.take(end)
    async with desk(tmp_path, models) as it:
        if says.endswith(STAYS):
            await it.press("f3")  # the form
            await until(lambda: it.app.current_mode == "train")
        it.app.run_ended(cast(Any, run))
        await it.told(says)
        used = "poems" if is_used else "sonnets"
        await until(lambda: it.app.active_name == used == it.app.library.in_use(pytest.fail))
        assert isinstance(end, Failed) or says in run.progress.log[-1].text


async def test_the_model_that_was_in_use_before_is_a_key_away(tmp_path: Path) -> None:
    app, library = scripted_app(tmp_path), Library(tmp_path / "data")
    for name in ("letters", "poems", "sonnets"):
        make_model(library.path(name))
    app.library = library
    run = ScriptedRun(is_running=False)
    run.progress.take(over(comparison=BETTER))
    async with running(app) as pilot:
        await until(lambda: app.active_name == "sonnets")
        app.run_ended(cast(Any, run))
        await until(lambda: app.active_name == "poems")
        await press(pilot, "f4")
        await until(lambda: app.models_screen.selected)
        await press(pilot, "u")
        await until(lambda: app.active_name == "sonnets")
        assert library.in_use(pytest.fail) == "sonnets"


async def test_no_model_is_taken_while_the_app_is_closed(tmp_path: Path) -> None:
    """Nobody would read that it was."""
    models = {"sonnets": scripted_model(), "poems": scripted_model()}
    async with desk(tmp_path, models) as it:
        run = give_run(it.app)

        async def close(*, detach: bool) -> None:
            run.progress.take(over("stopped", comparison=BETTER))
            it.app.run_ended(cast(Any, run))

        run.close = close  # type: ignore[method-assign]
        await it.press("ctrl+q")
        await until(lambda: isinstance(it.app.screen, Choice))
        await it.press("enter")
        await until(lambda: not it.app.is_running)
    assert run.progress.finished and it.app.library.in_use(pytest.fail) == "sonnets"


async def test_a_damaged_model_in_use_is_told_and_the_english_suggests(
    tmp_path: Path, built_in_dir: Path
) -> None:
    put(built_in_dir, {"english.safetensors": saved_model("ngram")})
    library = Library(tmp_path / "data")
    put(library.folder, {"poems.safetensors": renamed("ngram", "ngrams.word.3")})
    library.use("poems")
    app = RnnlmApp(tmp_path / "data", tmp_path / "config", tmp_path / "app.log")
    async with running(app, size=(120, 40)):
        await until(lambda: app.active_name == "english" and toasts(app))
        assert "poems, is damaged: its tensors are not those of its card; english" in toasts(app)[0]


@pytest.mark.parametrize(
    ("answer", "closed", "printed"),
    [
        ("1", [False], "rnnlm-tui --train --resume --name poems"),
        ("2", [True], "poems trains in the background"),
        ("3", None, ""),
        ("escape", None, ""),
    ],
)
async def test_quitting_asks_while_a_model_trains(
    answer: str,
    closed: list[bool] | None,
    printed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with desk(tmp_path) as it:
        run = give_run(it.app)
        put_state(it.app.library.runs.folder("poems"), 2, 2)
        await it.press("ctrl+q", "ctrl+q")
        await until(lambda: isinstance(it.app.screen, Choice))
        assert it.has("Stop the training?")
        it.check_layout()
        await it.press(answer)
        if closed is None:
            await until(lambda: it.app.screen is it.app.autocomplete)
        else:
            await until(lambda: not it.app.is_running)
    assert run.closed == (closed or [])
    assert printed in capsys.readouterr().err


@pytest.mark.parametrize("key", ["f1", "ctrl+o", "ctrl+p"])
async def test_quitting_asks_over_what_is_open_and_stays_if_the_training_cannot_be_told(
    key: str, tmp_path: Path
) -> None:
    async with desk(tmp_path) as it:
        run = give_run(it.app)
        run.has_space = False
        await it.press(key)
        await until(lambda: it.app.screen.is_modal)
        open_dialog = it.app.screen
        for answer in ("escape", "2", "2"):
            await it.press("ctrl+q")
            await until(lambda: isinstance(it.app.screen, Choice))
            await it.press(answer)
            if answer == "escape":
                await until(lambda: it.app.screen is open_dialog)
            elif not run.has_space:
                await it.told("no space left on device")
                run.has_space = True
        await until(lambda: not it.app.is_running)
    assert run.closed == [True]


@pytest.mark.parametrize(
    ("is_running", "detached", "phase", "closed"),
    [
        (False, True, Phase.TRAINING, []),
        (True, True, Phase.TRAINING, [True]),
        (True, False, Phase.FINISHED, [False]),
    ],
)
async def test_quitting_does_not_ask_if_nothing_would_be_lost(
    is_running: bool, detached: bool, phase: Phase, closed: list[bool], tmp_path: Path
) -> None:
    async with desk(tmp_path) as it:
        run = give_run(it.app, is_running=is_running, detached=detached)
        run.progress.phase = phase
        it.app.name_changed("poems", "verses")  # a run that is over follows its model
        assert run.name == ("poems" if is_running else "verses")
        await it.press("ctrl+q")
        await until(lambda: not it.app.is_running)
    assert (it.app.return_code, run.closed) == (0, closed)


def test_the_header_says_how_far_a_training_is() -> None:
    """Without the name of its model if that is active and stands there anyway."""
    run = ScriptedRun()
    for phase, active, text in (
        (Phase.TRAINING, "sonnets", "▶ 50% of poems"),
        (Phase.TRAINING, "poems", "▶ 50%"),
        (Phase.STOPPING, None, "■ stopping poems"),
    ):
        run.progress.phase = phase
        assert progress_text(cast(Any, run), active) == text


def test_a_log_that_cannot_be_written_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNLM_LOG_DIR", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"app\.log") as caught:
        log_to_file()
    assert "RNNLM_LOG_DIR" in caught.value.hint
