"""The private members of Textual: the installed one has them, and one module alone uses them."""

from __future__ import annotations

import dis
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from types import FunctionType, ModuleType

import pytest
from textual import _ansi_sequences, events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import _select

from rnnlm_tui import tui
from rnnlm_tui.tui.widgets import textual_private

MEMBERS: list[tuple[type | ModuleType, str]] = [
    (App, "_css_update_count"),
    (App, "_handle_exception"),
    (App, "_init_mode"),
    (App, "_screen_stacks"),
    (DOMNode, "_bindings"),
    (Screen, "_css_update_count"),
    (_ansi_sequences, "ANSI_SEQUENCES_KEYS"),
    (_select, "SelectCurrent"),
    (_select, "SelectOverlay"),
]
"""Each private member that the app uses, or public one of a private module, with its owner."""


def methods_of(owner: type | ModuleType) -> Iterator[FunctionType]:
    """The methods and properties of a class, or the functions of a module."""
    parts = (getattr(part, "fget", part) for part in vars(owner).values())
    yield from (inspect.unwrap(part) for part in parts if isinstance(part, FunctionType))


@cache
def names_in(owner: type | ModuleType) -> frozenset[str]:
    """The names that a class or a module has, with the attributes that its own methods store."""
    steps = (step for method in methods_of(owner) for step in dis.get_instructions(method))
    stored = {step.argval for step in steps if step.opname == "STORE_ATTR"}
    return frozenset(vars(owner).keys() | stored)


def own_classes() -> Iterator[type[DOMNode]]:
    """The screens and widgets of the program outside that one module."""
    for found in pkgutil.walk_packages(tui.__path__, "rnnlm_tui.tui."):
        if found.name != textual_private.__name__:
            for kind in vars(importlib.import_module(found.name)).values():
                is_own = isinstance(kind, type) and kind.__module__ == found.name
                if is_own and issubclass(kind, DOMNode):
                    yield kind


@pytest.mark.parametrize(
    ("owner", "name"), MEMBERS, ids=lambda part: getattr(part, "__name__", part)
)
def test_the_installed_textual_has_each_private_member(owner: type | ModuleType, name: str) -> None:
    assert name in names_in(owner), f"Textual {version('textual')} has no {owner.__name__}.{name}"


def test_no_other_class_uses_or_hides_a_private_member_of_textual() -> None:
    for kind in own_classes():
        bases = [base for base in kind.__mro__ if base.__module__.startswith("textual.")]
        textuals = frozenset().union(*map(names_in, bases))
        used = {name for method in methods_of(kind) for name in method.__code__.co_names}
        shared = {name for name in (vars(kind).keys() | used) & textuals if name.startswith("_")}
        shared -= vars(type("Empty", (kind,), {})).keys()  # which every class has of its own
        # A default is that of a reactive attribute.
        assert not {name for name in shared if not name.startswith(("__", "_default_"))}, kind


def test_alt_and_a_digit_is_that_key_and_no_character() -> None:
    textual_private.read_alt_digits()

    def read(sent: str) -> list[tuple[str, str | None]]:
        parsed = XTermParser().feed(sent)
        return [(event.key, event.character) for event in parsed if isinstance(event, events.Key)]

    for digit in "1234567890":
        assert read(f"\x1b{digit}") == [(f"alt+{digit}", None)]
    typed = [character for _, character in read("¡™£¢∞2")]
    assert typed == [*"¡™£¢∞2"], "typed on a keyboard they stay what they are"
