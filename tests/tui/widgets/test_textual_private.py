"""The private members of Textual: the installed one has them, and one module alone uses them."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from textual import _ansi_sequences, _wrap, events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import TextArea, _select
from textual.widgets.text_area import WrappedDocument

import rnnlm_tui
from rnnlm_tui.tui.widgets import textual_private
from rnnlm_tui.tui.widgets.lists import RowList

MEMBERS: list[tuple[type | ModuleType, str]] = [
    (App, "_batch_count"),
    (App, "_css_update_count"),
    (App, "_display"),
    (App, "_handle_exception"),
    (App, "_init_mode"),
    (App, "_screen_stacks"),
    (DOMNode, "_bindings"),
    (Screen, "_css_update_count"),
    (TextArea, "_refresh_size"),
    (TextArea, "_rewrap_and_refresh_virtual_size"),
    (WrappedDocument, "_line_index_to_offsets"),
    (WrappedDocument, "_offset_to_line_info"),
    (WrappedDocument, "_tab_width"),
    (WrappedDocument, "_width"),
    (WrappedDocument, "_wrap_offsets"),
    (_ansi_sequences, "ANSI_SEQUENCES_KEYS"),
    (_select, "SelectCurrent"),
    (_select, "SelectOverlay"),
    (_wrap, "compute_wrap_offsets"),
]
"""Each private member that the app uses, or public one of a private module, with its owner."""


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
PLANTED = """
from textual import _wrap
from textual.widgets._select import SelectCurrent

class Planted(RowList):
    _lines = ()

    def _update_lines(self) -> None: ...

    def own(self) -> None:
        self._own = self._options
        super()._on_resize()
        self.app._driver = None
"""
"""Each kind of use in a module of its own."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def is_self(node: ast.expr) -> bool:
    """Whether this is `self` or `super()`."""
    return ast.unparse(node) in ("self", "super()")


def attributes(tree: ast.AST, *contexts: type[ast.expr_context]) -> set[str]:
    """The attributes of `self` that a piece of code stores or loads."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in nodes if is_self(node.value) and isinstance(node.ctx, contexts)}


def members_of(kind: ast.ClassDef) -> set[str]:
    """The methods of a class and the names that its body assigns."""
    functions = [part for part in kind.body if isinstance(part, FUNCTIONS)]
    others = (node for part in kind.body if part not in functions for node in ast.walk(part))
    names = {node.id for node in others if isinstance(node, ast.Name)}
    return names | {function.name for function in functions}


@cache
def names_in(owner: type | ModuleType) -> frozenset[str]:
    """The names that a class or a module has, with the attributes that its methods store."""
    code = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    return frozenset(vars(owner).keys() | attributes(code, ast.Store))


@cache
def sources() -> dict[str, str]:
    """The modules of the program that use Textual, by name, with their source."""
    root = Path(rnnlm_tui.__file__).parent
    texts = {path: path.read_text("utf-8") for path in root.rglob("*.py")}
    return {
        ".".join(path.relative_to(root.parent).with_suffix("").parts): text
        for path, text in texts.items()
        if "textual" in text
    }


@cache
def own_names() -> frozenset[str]:
    """The methods of the program's classes, and the attributes that they store."""
    names = set[str]()
    for tree in map(ast.parse, sources().values()):
        names |= {node.name for node in ast.walk(tree) if isinstance(node, FUNCTIONS)}
        names |= attributes(tree, ast.Store)
    return frozenset(names)


def uses(source: str, members: Mapping[str, object]) -> set[str]:
    """The private members of Textual that the source of a module uses, which has these members: it
    imports one or from a private module; a class uses or hides one that it has from Textual; or it
    uses one of another object, which no class of the program defines."""
    used = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [*str(node.module).split("."), *(alias.name for alias in node.names)]
            if names[0] == "textual":
                used |= {name for name in names if is_private(name)}
        elif isinstance(node, ast.Attribute) and not is_self(node.value):
            used |= {node.attr} - own_names()
        elif isinstance(node, ast.ClassDef) and isinstance(kind := members.get(node.name), type):
            named = members_of(node) | attributes(node, ast.Store, ast.Load)
            bases = (base for base in kind.__mro__ if base.__module__.startswith("textual."))
            used |= named & frozenset().union(*map(names_in, bases))
    return set(filter(is_private, used))


@pytest.mark.parametrize(
    ("owner", "name"), MEMBERS, ids=lambda part: getattr(part, "__name__", part)
)
def test_the_installed_textual_has_each_private_member(owner: type | ModuleType, name: str) -> None:
    assert name in names_in(owner), (
        f"Textual {version('textual')} has no {owner.__name__}.{name}, which"
        f" {textual_private.__name__} uses"
    )


def test_one_module_alone_uses_private_members_of_textual_and_the_list_names_them_all() -> None:
    for name, source in sources().items():
        used = uses(source, vars(importlib.import_module(name)))
        if name == textual_private.__name__:
            listed = (f"{owner.__name__}.{member}".split(".") for owner, member in MEMBERS)
            assert used == {part for parts in listed for part in parts if is_private(part)}
        else:
            assert not used, f"{name} uses {used}: only {textual_private.__name__} may"


def test_alt_and_a_digit_is_that_key_and_no_character() -> None:
    textual_private.read_alt_digits()

    def read(sent: str) -> list[tuple[str, str | None]]:
        parsed = XTermParser().feed(sent)
        return [(event.key, event.character) for event in parsed if isinstance(event, events.Key)]

    for digit in "1234567890":
        assert read(f"\x1b{digit}") == [(f"alt+{digit}", None)]
    typed = [character for _, character in read("¡™£¢∞2")]
    assert typed == [*"¡™£¢∞2"], "typed on a keyboard they stay what they are"


def test_a_use_of_any_kind_is_found() -> None:
    planted: dict[str, object] = {"RowList": RowList}
    exec(PLANTED, planted)
    assert uses(PLANTED, planted) == {
        *("_wrap", "_select", "_lines", "_update_lines", "_options", "_on_resize", "_driver")
    }
