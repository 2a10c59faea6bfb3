"""The Models screen: every model and unfinished run, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import DataTable, Static

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import format_bytes
from rnnlm_tui.store.library import new_name_fault
from rnnlm_tui.tui.models.card import ModelCardScreen, ModelCardView
from rnnlm_tui.tui.models.facts import (
    ACTIVE,
    Listed,
    read_library,
)
from rnnlm_tui.tui.models.table import ModelTable
from rnnlm_tui.tui.widgets.base_screen import AppScreen, TooSmall
from rnnlm_tui.tui.widgets.dialogs import AskPath, AskText, Confirm
from rnnlm_tui.tui.widgets.error_text import error_sentence
from rnnlm_tui.tui.widgets.header import Header
from rnnlm_tui.tui.widgets.key_bar import KeyBar

IMPORT = "The zip file of an exported model. It is checked before anything is kept."
EMPTY = """\
There is no model yet.

Train one on a text of your own: F3, or a click on Train above.
Take in one that was exported: i, or a click on it below."""
Action = Callable[..., Coroutine[Any, Any, None]]
FOLLOW_S = 0.5
"""How often it looks which model suggests: one is loaded behind any screen's back."""


def name_problem(name: str, taken: Collection[str]) -> str | None:
    """What is wrong with `name` for a new model where these are taken; None where nothing is."""
    if (fault := new_name_fault(name)) is not None:
        return fault
    return f"there is a model {name} already" if name in taken else None


def free_name(name: str, taken: Collection[str]) -> str:
    """`name` with the first number behind it that nobody has, for a copy."""
    numbered = (f"{name[: 64 - len(str(n)) - 1]}-{n}" for n in range(2, len(taken) + 3))
    return next(candidate for candidate in numbered if candidate not in taken)


class ModelsScreen(AppScreen):
    """See the module. The work on files is done in threads; `reload` lists the library anew."""

    DEFAULT_CSS = """
    ModelsScreen {
        .models-body { height: 1fr; }
        .models-left { width: 1fr; }
        .models-count { height: 1; padding: 0 1; color: $text-muted; }
        .models-empty { display: none; height: 1fr; padding: 2 4; }
        .models-side { display: none; }
        &.-wide .models-side {
            display: block;
            width: 30%;
            min-width: 36;
            height: 100%;
            border-left: vkey $panel-lighten-2;
        }
        &.-without {
            ModelTable, &.-wide .models-side { display: none; }
            .models-empty { display: block; }
        }
    }
    """
    AUTO_FOCUS = "ModelTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "card", id="models.open", tooltip="What is known of the model"),
        Binding("u", "use", "use", id="models.use", tooltip="Write with the model"),
        Binding("r", "rename", "rename", id="models.rename", tooltip="Give the model another name"),
        Binding(
            "c", "duplicate", "copy", id="models.duplicate", tooltip="Copy the model to a new name"
        ),
        Binding("e", "export", "export", id="models.export", tooltip="Write the model to a file"),
        Binding("i", "import", "import", id="models.import", tooltip="Take in an exported model"),
        Binding(
            "d,delete",
            "delete",
            "delete",
            id="models.delete",
            tooltip="Delete the model; asks first",
        ),
        Binding(
            "g",
            "resume",
            "go on training",
            id="models.resume",
            tooltip="Go on with the run, or watch it where it runs",
        ),
        Binding("f5", "refresh", "refresh", id="models.refresh", tooltip="Read the list anew"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._listed: dict[str, Listed] = {}
        self._wanted: str | None = None
        self._speaker: str | None = None
        self._is_acting = self._is_scanning = self._is_stale = False

    def compose(self) -> ComposeResult:
        """The list, the card beside it where there is space, and what to do where it is empty."""
        yield Header()
        with Horizontal(classes="models-body"):
            with Vertical(classes="models-left"):
                yield ModelTable()
                yield Static(EMPTY, classes="models-empty", markup=False)
                yield Static("", classes="models-count", markup=False)
            yield ModelCardView(classes="models-side")
        yield KeyBar()
        yield TooSmall()

    def on_mount(self) -> None:
        """Follows which model suggests."""
        self.set_interval(FOLLOW_S, self._follow_speaker)

    def on_screen_resume(self) -> None:
        """Lists the library anew whenever the screen is shown."""
        self.reload()

    # The list

    def choose(self, name: str) -> None:
        """Has this model's row in hand once the library is listed anew."""
        self._wanted = name

    def reload(self) -> None:
        """Lists the library anew, in a thread; the row in hand stays in hand. Not while another
        screen is shown, after which it is listed anew anyway."""
        self._is_stale = self.is_mounted and self.is_active
        if self._is_stale and not self._is_scanning:
            self._is_scanning = True
            self._scan()

    @work(group="models-list")
    async def _scan(self) -> None:
        """Reads the library, and once more where that was asked for meanwhile: a thread cannot be
        called off, and a scan takes as long as there are models."""
        try:
            while self._is_stale:
                self._is_stale = False
                listed = await asyncio.to_thread(read_library, self.host.library)
                self._listed = {one.name: one for one in listed}
                self._show()
        except RnnlmError as error:
            self.host.show_error(error)
        finally:
            self._is_scanning = False

    def _show(self) -> None:
        table = self.query_one(ModelTable)
        listed, self._speaker = list(self._listed.values()), self.host.active_name
        keep = table.current
        if self._wanted in self._listed:
            keep, self._wanted = self._wanted, None
        table.show(listed, self._speaker, keep)
        self.set_class(not listed, "-without")
        self.query_one(".models-count", Static).update(Content(self._summary(listed)))
        self._show_card()

    def _summary(self, listed: list[Listed]) -> str:
        """How many models there are, and what the one mark means that has no word in its row."""
        if not listed:
            return ""
        count = sum(one.entry is not None for one in listed)
        size = format_bytes(sum(one.size_bytes for one in listed))
        text = f"{count} {'model' if count == 1 else 'models'}, {size}"
        return f"{text}   {ACTIVE} suggests now" if self._speaker in self._listed else text

    def _follow_speaker(self) -> None:
        if self.is_current and self.host.active_name != self._speaker:
            self._show()

    @on(DataTable.RowHighlighted)
    def _show_card(self) -> None:
        current = self._current
        is_active = current is not None and current.name == self._speaker
        self.query_one(ModelCardView).show(current, is_active)

    @property
    def _current(self) -> Listed | None:
        """The model in hand."""
        name = self.query_one(ModelTable).current
        return self._listed.get(name) if name is not None else None

    # What can be done

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        """Shows the whole card."""
        if current := self._chosen():
            self._begin(self._open, current)

    async def _open(self, listed: Listed) -> None:
        card = ModelCardScreen(listed, listed.name == self._speaker)
        if await self.host.ask(card) == "use":
            self._use(listed)

    def action_use(self) -> None:
        """Writes with the model."""
        if current := self._chosen():
            self._use(current)

    def _use(self, listed: Listed) -> None:
        if self._is_whole(listed):
            self.host.use_model(listed.name)

    def action_rename(self) -> None:
        """Asks for another name."""
        if (current := self._chosen()) and self._is_own(current):
            self._begin(self._rename, current.name)

    async def _rename(self, old: str) -> None:
        new = await self._ask_name(f"Rename {old}", old, but=old)
        if new is not None and new != old:
            await self._change(new, self.host.library.rename, old, new)
            self.host.notify_user(f"{old} is now {new}")
            self.host.renamed(old, new)

    def action_duplicate(self) -> None:
        """Asks for the name of the copy."""
        if (current := self._chosen()) and self._is_whole(current):
            self._begin(self._duplicate, current.name)

    async def _duplicate(self, name: str) -> None:
        free = free_name(name, self._listed)
        text = "It suggests the same; only the training of the first can go on."
        target = await self._ask_name(f"Copy {name} to", free, text=text)
        if target is not None:
            await self._change(target, self.host.library.duplicate, name, target)
            self.host.notify_user(f"{target} is a copy of {name}")
            self.host.models_changed()

    async def _ask_name(
        self, title: str, value: str, but: str | None = None, text: str = ""
    ) -> str | None:
        """A name that no model has, or `but`; None where the user wants none."""
        taken = self._listed.keys() - {but}
        return await self.host.ask(
            AskText(title, text, value, check=lambda name: name_problem(name, taken))
        )

    def action_export(self) -> None:
        """Asks for the file to write the model to."""
        if (current := self._chosen()) and self._is_whole(current):
            self._begin(self._export, current.name)

    async def _export(self, name: str) -> None:
        text = "One zip file with the model, its words and its history."
        start = str(Path.cwd() / f"{name}.zip")
        path = await self.host.ask(AskPath(f"Export {name} to", text, start, for_new_file=True))
        if path is None:
            return
        replace = await asyncio.to_thread(Path(path).exists)
        if replace and not await self.host.ask(
            Confirm("Replace the file?", f"{path} is there already.", yes="Replace")
        ):
            return
        target = await asyncio.to_thread(
            lambda: self.host.library.export(name, Path(path), replace=replace)
        )
        self.host.notify_user(f"{name} is written to {target}")

    def action_import(self) -> None:
        """Asks for the file of an exported model."""
        self._begin(self._import)

    async def _import(self) -> None:
        asked = AskPath("Import a model", IMPORT, f"{Path.cwd()}/")
        while path := await self.host.ask(asked):
            if (name := await self._name_of_import(Path(path).stem)) is None:
                return
            try:
                await self._change(name, self.host.library.import_, Path(path), name)
            except RnnlmError as error:
                why = error_sentence(error.message, error.hint)
                asked = AskPath("Import a model", IMPORT, path, problem=why)
                continue
            self.host.notify_user(f"{name} is here now")
            self.host.models_changed()
            return

    async def _name_of_import(self, stem: str) -> str | None:
        """The name of the file, or what the user says where no new model can have it."""
        if (problem := name_problem(stem, self._listed)) is None:
            return stem
        title, words = f"Name of the model in {stem}", f"{problem[0].upper()}{problem[1:]}."
        proposed = free_name(stem, self._listed) if stem in self._listed else "model"
        return await self._ask_name(title, proposed, text=words)

    def action_delete(self) -> None:
        """Asks whether to delete the model."""
        if (current := self._chosen()) and self._is_own(current):
            self._begin(self._delete, current)

    async def _delete(self, listed: Listed) -> None:
        text = f"{format_bytes(listed.size_bytes)} are freed. It cannot be brought back."
        if listed.name == self._speaker:
            text += "\nIt is the model that suggests now."
        if await self.host.ask(Confirm(f"Delete {listed.name}?", text)):
            await asyncio.to_thread(self.host.library.delete, listed.name)
            self.host.notify_user(f"{listed.name} is deleted")
            self.host.deleted(listed.name)

    def action_resume(self) -> None:
        """Goes on with the training of the model, or watches it, on the Train screen."""
        if (current := self._chosen()) is None:
            return
        if current.run is None:
            self.host.notify_user(
                f"no run of {current.name} can go on: its training state is not here"
            )
        elif current.run.running:
            self.host.watch_run(current.name)
        else:
            self.host.resume_run(current.name)

    def action_refresh(self) -> None:
        """Lists the library anew."""
        self.reload()

    def _chosen(self) -> Listed | None:
        """The model in hand; says so where there is none."""
        current = self._current
        if current is None:
            self.host.notify_user("no model is chosen")
        return current

    def _is_own(self, listed: Listed) -> bool:
        """Whether the user may change the model; says so where not."""
        if listed.built_in:
            self.host.notify_user(
                f"{listed.name} came with the program and stays as it is: c copies it"
            )
        return not listed.built_in

    def _is_whole(self, listed: Listed) -> bool:
        """Whether the model can be used; says why where it cannot."""
        if listed.entry is None:
            self.host.notify_user(f"{listed.name} has saved no model yet", "warning")
        elif listed.damaged is not None:
            self.host.notify_user(f"{listed.name} is damaged: {listed.damaged}", "error")
        return listed.card is not None

    async def _change(self, name: str, change: Callable[..., None], *arguments: object) -> None:
        """Changes the library in a thread; the row of the model `name` is in hand after it."""
        await asyncio.to_thread(change, *arguments)
        self._wanted = name

    @work(group="models-action")
    async def _begin(self, action: Action, *arguments: Any) -> None:
        """Does something that may ask and may fail, and explains why it failed. One at a time: a
        key pressed twice must not ask twice."""
        if self._is_acting:
            return
        self._is_acting = True
        try:
            await action(*arguments)
        except RnnlmError as error:
            self.host.show_error(error)
        finally:
            self._is_acting = False
