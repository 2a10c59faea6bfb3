"""The app's own keys, read from the bindings themselves."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys
from textual.screen import Screen

from rnnlm_tui.tui.widgets.host import Mode

MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
KEY_NAMES = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def sections(app: type[DOMNode]) -> Iterator[tuple[str, type[DOMNode]]]:
    """The classes that have key bindings, each with its title; `app` is the class of the app."""
    from rnnlm_tui.tui.help.screen import KeysScreen
    from rnnlm_tui.tui.models.card import ModelCardScreen
    from rnnlm_tui.tui.models.screen import ModelsScreen
    from rnnlm_tui.tui.train.fields import SourceSet
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
    yield "Train: where the text comes from", SourceSet
    yield "Models", ModelsScreen
    yield "A model's card", ModelCardScreen
    yield "The path of a file", PathInput
    yield "Every question", Dialog
    yield "A yes or no", Confirm
    yield "One of several", Choice
    yield "All keys", KeysScreen


def screens(app: type[DOMNode]) -> dict[Mode, type[DOMNode]]:
    """The three screens by their names."""
    kinds = dict(sections(app))
    return {mode: kinds[mode.capitalize()] for mode in get_args(Mode)}


def own_bindings(kind: type[DOMNode]) -> list[Binding]:
    """The bindings that `kind` itself brings, each with its id."""
    return [b for b in kind.BINDINGS if isinstance(b, Binding) and b.id is not None]


def all_ids(app: type[DOMNode]) -> set[str]:
    """The ids of all bindings, which a keymap can name."""
    return {str(binding.id) for _, kind in sections(app) for binding in own_bindings(kind)}


def is_key(key: str) -> bool:
    """Whether a keyboard has this key, such as "ctrl+n", "f7", "question_mark" or "x"."""
    *modifiers, last = key.split("+")
    named = last in KEY_NAMES or (last.islower() and is_character_name(last))
    return set(modifiers) <= MODIFIERS and (len(last) == 1 or named)


def is_character_name(name: str) -> bool:
    """Whether Unicode has a character of this name, as Textual spells it."""
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


def clashes(app: type[DOMNode], keymap: Mapping[str, str]) -> Iterator[str]:
    """What the user's keymap puts on one key although it can be pressed at one time."""
    for _, kind in sections(app):
        takers: dict[str, set[str]] = {}
        for binding in (*own_bindings(kind), *own_bindings(app)):
            for key in keymap.get(str(binding.id), binding.key).split(","):
                takers.setdefault(key, set()).add(str(binding.id))
        for key, ids in takers.items():
            if len(ids) > 1 and not ids.isdisjoint(keymap):
                yield f"{key} ({', '.join(sorted(ids))})"


def keymap_lines(app: type[DOMNode]) -> Iterable[tuple[str, str, str]]:
    """For each binding its id, its keys, and what it does."""
    for title, kind in sections(app):
        for binding in own_bindings(kind):
            yield str(binding.id), binding.key, f"{title}: {binding.tooltip}"


def described_bindings(screen: Screen[object]) -> Iterator[tuple[DOMNode, Binding]]:
    """The actions that can be done now on `screen`, each once, with who does it."""
    seen = set()
    for node, binding, enabled, _ in screen.active_bindings.values():
        if binding.id is not None and binding.id not in seen and enabled and binding.tooltip:
            seen.add(binding.id)
            yield node, binding
