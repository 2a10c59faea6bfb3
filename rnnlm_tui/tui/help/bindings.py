"""The app's own key bindings, from which the help, the palette and the keymap file are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from rnnlm_tui.tui.widgets.host import Mode


def sections(app: type[DOMNode]) -> Iterator[tuple[str, type[DOMNode]]]:
    """The classes that have key bindings, each with its title; `app` is the class of the app."""
    from rnnlm_tui.tui.help.screen import KeysScreen
    from rnnlm_tui.tui.models.card import ModelCardScreen
    from rnnlm_tui.tui.models.screen import ModelsScreen
    from rnnlm_tui.tui.train.fields import SourceSet
    from rnnlm_tui.tui.train.run_pane import RunPane
    from rnnlm_tui.tui.train.screen import TrainScreen
    from rnnlm_tui.tui.widgets.dialogs import Choice, Confirm, Dialog
    from rnnlm_tui.tui.widgets.path_input import PathInput
    from rnnlm_tui.tui.writing.editor import LineEditor
    from rnnlm_tui.tui.writing.screen import AutocompleteScreen
    from rnnlm_tui.tui.writing.transcript_view import TranscriptView

    yield "Everywhere", app
    yield "Autocomplete: the line", LineEditor
    yield "Autocomplete", AutocompleteScreen
    yield "Autocomplete: the transcript", TranscriptView
    yield "Train", TrainScreen
    yield "Train: a run", RunPane
    yield "Train: where the text comes from", SourceSet
    yield "Models", ModelsScreen
    yield "A model's card", ModelCardScreen
    yield "The path of a file", PathInput
    yield "Every dialog", Dialog
    yield "A yes or no", Confirm
    yield "One of several", Choice
    yield "All keys", KeysScreen


def screens(app: type[DOMNode]) -> list[tuple[Mode, type[DOMNode]]]:
    """The classes of the three screens, and of the parts that act for a whole screen."""
    kinds = dict(sections(app))
    found = [(mode, kinds[mode.capitalize()]) for mode in get_args(Mode)]
    return [*found, ("train", kinds["Train: a run"])]


def own_bindings(kind: type[DOMNode]) -> list[Binding]:
    """The bindings that a class itself declares, each with its id."""
    return [b for b in kind.BINDINGS if isinstance(b, Binding) and b.id is not None]


def all_ids(app: type[DOMNode]) -> set[str]:
    """The ids of all bindings, which a keymap can name."""
    return {str(binding.id) for _, kind in sections(app) for binding in own_bindings(kind)}


def keymap_lines(app: type[DOMNode]) -> Iterable[tuple[str, str, str]]:
    """For each binding its id, its keys, and what it does."""
    for title, kind in sections(app):
        for binding in own_bindings(kind):
            yield str(binding.id), binding.key, f"{title}: {binding.tooltip}"


def active_bindings(screen: Screen[object]) -> Iterator[tuple[DOMNode, Binding]]:
    """The actions that work on `screen` now, each once, with the widget that does it."""
    seen = set()
    for node, binding, enabled, _ in screen.active_bindings.values():
        if binding.id is not None and binding.id not in seen and enabled and binding.tooltip:
            seen.add(binding.id)
            yield node, binding
