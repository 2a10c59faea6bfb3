"""Checks the arguments of the Python interface by the annotations of its functions."""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable
from functools import cache, wraps
from inspect import formatannotation, signature
from reprlib import repr as short_repr
from types import SimpleNamespace
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

from rnnlm_tui.config import check_value, split_annotation

F = TypeVar("F", bound=Callable[..., object])


def checks_arguments(function: F) -> F:
    """Makes a function check its arguments by their annotations.

    The function raises TypeError for a value of another type, and UsageError for a number out of
    its range. A number of numpy reaches it as a number of Python. Of `*texts` each one is checked,
    of `**options` each one by the TypedDict that annotates them.
    """
    parameters = signature(function)

    @wraps(function)
    def checked(*positional: Any, **named: Any) -> object:
        positional = tuple(map(_plain, positional))
        named = {name: _plain(value) for name, value in named.items()}
        given = parameters.bind(*positional, **named).arguments
        several = [("texts", text) for text in given.pop("texts", ())]
        for name, value in (*several, *given.pop("options", {}).items(), *given.items()):
            if name in _types_of(function):  # not `self`, nor an unknown option
                _check(name, value, _types_of(function)[name], _types_of(function, True)[name])
        return function(*positional, **named)

    return cast(F, checked)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


@cache
def _types_of(function: Callable[..., object], ranges: bool = False) -> dict[str, Any]:
    """Returns the types of a function's arguments and options by name, with or without ranges."""
    own = dict(function.__annotations__)
    del own["return"]  # get_type_hints would need its type, which may not be imported
    arguments = SimpleNamespace(__annotations__=own)
    types = get_type_hints(arguments, function.__globals__, include_extras=ranges)
    for options in get_args(types.pop("options", None)):
        types |= get_type_hints(options)
    return types


def _check(name: str, value: Any, kind: Any, with_range: Any) -> None:
    """Raises TypeError if a value is not of this type, and UsageError if it is out of its range."""
    if not _is_of(kind, value):
        wanted = re.sub(r"[\w.]+\.", "", formatannotation(kind)).replace("Sequence", "list")
        raise TypeError(f"{name} must be {wanted}, not {short_repr(value)}")
    if split_annotation(with_range)[1]:
        check_value(value, name, with_range)


def _is_of(kind: Any, value: Any) -> bool:
    """True for a value of this type. A bool is no number, and a string is not several strings."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return isinstance(value, str)
    if origin is abc.Callable:
        return callable(value)
    if origin is abc.Sequence:
        several = isinstance(value, abc.Collection) and not isinstance(value, str | bytes)
        return several and all(_is_of(parts[0], each) for each in value)
    if parts:  # a union
        return any(_is_of(part, value) for part in parts)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
