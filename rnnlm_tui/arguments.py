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
from rnnlm_tui.threads import one_numpy_thread

F = TypeVar("F", bound=Callable[..., object])


def checks_arguments(function: F) -> F:
    """Makes a function check its arguments by their annotations.

    The function raises TypeError for a value of another type, and UsageError for a number out of
    its range. It receives numbers of numpy as numbers of Python. Each of `*texts` is checked, and
    each of `**options` by the TypedDict in their annotation. It computes in `one_numpy_thread`.
    """
    parameters = signature(function)

    @wraps(function)
    def checked(*positional: Any, **named: Any) -> object:
        positional = tuple(map(_plain, positional))
        named = {name: _plain(value) for name, value in named.items()}
        given = parameters.bind(*positional, **named).arguments
        texts = [("texts", text) for text in given.pop("texts", ())]
        types, types_with_ranges = _types_of(function), _types_of(function, with_ranges=True)
        for name, value in (*texts, *given.pop("options", {}).items(), *given.items()):
            if name in types:  # not `self`, nor an unknown option
                _check(name, value, types[name], types_with_ranges[name])
        with one_numpy_thread():
            return function(*positional, **named)

    return cast(F, checked)


def _plain(value: Any) -> Any:
    """Returns a number of numpy as a number of Python, and any other value as it is."""
    return value.item() if isinstance(value, np.generic) else value


@cache
def _types_of(function: Callable[..., object], with_ranges: bool = False) -> dict[str, Any]:
    """Returns the types of a function's arguments and options by name, with or without ranges."""
    annotations = dict(function.__annotations__)
    del annotations["return"]  # its type may not be imported, and get_type_hints would need it
    arguments = SimpleNamespace(__annotations__=annotations)
    types = get_type_hints(arguments, function.__globals__, include_extras=with_ranges)
    for options in get_args(types.pop("options", None)):  # the TypedDict in Unpack[...]
        types |= get_type_hints(options)
    return types


def _check(name: str, value: Any, kind: Any, kind_with_range: Any) -> None:
    """Raises TypeError if a value is not of this type, and UsageError if it is out of its range."""
    if not _is_of(kind, value):
        wanted = re.sub(r"[\w.]+\.", "", formatannotation(kind)).replace("Sequence", "list")
        raise TypeError(f"{name} must be {wanted}, not {short_repr(value)}")
    _, bounds = split_annotation(kind_with_range)
    if bounds is not None:
        check_value(value, name, kind_with_range)


def _is_of(kind: Any, value: Any) -> bool:
    """Returns True for a value of this type. A bool is no number, and a string no list."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return isinstance(value, str)
    if origin is abc.Callable:
        return callable(value)
    if origin is abc.Sequence:
        is_list = isinstance(value, abc.Collection) and not isinstance(value, str | bytes)
        return is_list and all(_is_of(parts[0], each) for each in value)
    if parts:  # a union
        return any(_is_of(part, value) for part in parts)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int | float) if kind is float else kind)
