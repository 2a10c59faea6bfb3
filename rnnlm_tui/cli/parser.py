"""Reads the options of a mode into its request, and formats their help."""

from __future__ import annotations

import os
import re
from argparse import ArgumentError, ArgumentParser
from collections.abc import Sequence
from dataclasses import Field, fields
from functools import partial
from pathlib import Path
from typing import Any, get_args

from msgspec.structs import FieldInfo

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.modes import MODES, SEE_HELP, add_common_options, make_parser
from rnnlm_tui.cli.options import REQUESTS, Request, RunRequest
from rnnlm_tui.config import (
    ALL_SETTINGS,
    PRESETS,
    QUERY_SETTINGS,
    check_value,
    did_you_mean,
    help_of,
    parts_of,
    range_words,
    settings_from_toml,
    variable_of,
    warn_of_unknown_variables,
)
from rnnlm_tui.errors import UsageError, flag_of

OPTION = re.compile(r"--?[a-zA-Z][\w-]*(=.*)?", re.ASCII | re.DOTALL)
"""What is meant as an option, unlike a number or a sentence that begins with a dash."""


def make_request(mode: str | None, arguments: Sequence[str], operands: Sequence[str]) -> Request:
    """The request of a command line as `modes.split` returns it. Raises UsageError."""
    try:
        parsed, rest = _parser(mode).parse_known_args(arguments)
    except ArgumentError as error:
        see_help = f"see {APP_NAME} --{mode} --help" if mode else SEE_HELP
        raise UsageError(f"{error.argument_name}: {error.message}", see_help) from error
    if unknown := next(filter(OPTION.fullmatch, rest), None):
        raise _unknown_option(unknown.partition("=")[0])
    request, given = REQUESTS[mode], vars(parsed)
    names = {spec.name for spec in fields(request)}
    if "config" in names:
        warn_of_unknown_variables()
    values = _query_settings(request, given.get("config"))
    for name in names & given.keys():
        values[name] = tuple(given[name]) if isinstance(given[name], list) else given[name]
    if issubclass(request, RunRequest):
        values["flags"] = {name: given[name] for name in ALL_SETTINGS if name in given}
    return request(**values, **_operands(mode, request, [*rest, *operands]))


def format_mode_help(mode: str | None) -> str:
    """The help of a mode."""
    return _parser(mode).format_help()


def _parser(mode: str | None) -> ArgumentParser:
    """The parser of the options of a mode; None is the app."""
    operands, _, description = MODES.get(mode or "", ("", "", ""))
    parser = make_parser(f"{APP_NAME} --{mode} {operands} [options]", description)
    request = REQUESTS[mode]
    own = parser.add_argument_group(f"options of --{mode}")
    for flag, spec in _options(request).items():
        if not spec.metadata["metavar"]:
            own.add_argument(flag, dest=spec.name, action="store_true", help=spec.metadata["help"])
            continue
        own.add_argument(
            flag,
            dest=spec.name,
            metavar=spec.metadata["metavar"],
            action="append" if spec.default == () else "store",
            type=partial(_checked, spec),
            help=spec.metadata["help"],
        )
    if issubclass(request, RunRequest):
        settings = parser.add_argument_group("settings of the training")
        for name, setting in ALL_SETTINGS.items():
            help_text, metavar = _setting_help(setting)
            settings.add_argument(flag_of(name), metavar=metavar, help=help_text)
    add_common_options(parser)
    return parser


def _options(request: type[Request]) -> dict[str, Field[Any]]:
    """The fields that options set, by flag."""
    return {flag_of(_name(spec)): spec for spec in fields(request) if "help" in spec.metadata}


def _name(spec: Field[Any]) -> str:
    """The name of an option, without dashes."""
    return str(spec.metadata["flag"] or spec.name)


def _setting_help(spec: FieldInfo) -> tuple[str, str]:
    """The help of a setting with its range and defaults, and its metavar."""
    presets_with: dict[object, list[str]] = {}
    for name, preset in PRESETS.items():
        for part in (preset.model, preset.train):
            if (value := getattr(part, spec.name, None)) is not None:
                presets_with.setdefault(value, []).append(name)
    shown = [
        f"{'/'.join(names)} {value}" if len(presets_with) > 1 else f"{value}"
        for value, names in presets_with.items()
    ]
    base, bounds = parts_of(spec.type)
    facts = [range_words(bounds)] if bounds else []
    facts += [f"default {', '.join(shown)}"] if shown else []
    metavar = "|".join(get_args(base)) or ("N" if base is int else "X")
    return f"{help_of(spec)} ({'; '.join(facts)})", metavar


def _unknown_option(flag: str) -> UsageError:
    """The error for an option that the mode does not have."""
    modes_with: dict[str, list[str]] = {}
    for mode in MODES:
        settings = map(flag_of, ALL_SETTINGS) if issubclass(REQUESTS[mode], RunRequest) else ()
        for option in (*_options(REQUESTS[mode]), *settings):
            modes_with.setdefault(option[2:], []).append(f"--{mode}")
    name = flag.lstrip("-")
    if name in modes_with and flag[:2] == "--":
        hint = f"{APP_NAME} NAME opens the app with a model" if flag == "--model" else SEE_HELP
        return UsageError(f"{flag} goes with {' or '.join(modes_with[name])}", hint)
    near = did_you_mean(name, [*MODES, *modes_with], dashes="--")
    hint = f"{near or SEE_HELP}; a text that begins with - goes after a -- of its own"
    return UsageError(f"no option is called {flag}", hint)


def _query_settings(request: type[Request], config: str | None) -> dict[str, Any]:
    """The settings of a mode that asks a model, from variables or else from a TOML file."""
    asked = [spec for spec in _options(request).values() if spec.name in QUERY_SETTINGS]
    file = settings_from_toml(Path(config)) if asked and config is not None else {}
    found: dict[str, Any] = {}
    for spec in asked:
        value, source = os.environ.get(variable_of(spec.name)), f"from {variable_of(spec.name)}"
        if not value:
            value, source = file.get(spec.name), f"in {config}"
        if value is not None:
            found[spec.name] = _checked(spec, value, source)
    return found


def _checked(spec: Field[Any], value: Any, source: str = "") -> Any:
    """The value of an option, converted to its type. Raises UsageError."""
    return check_value(value, _name(spec), spec.metadata["kind"], source)


def _operands(mode: str | None, request: type[Request], operands: Sequence[str]) -> dict[str, Any]:
    """The values of the fields of operands. Raises UsageError for too few or too many."""
    names = [spec.name for spec in fields(request) if "operand" in spec.metadata]
    wanted, command = MODES[mode][0] if mode else "[MODEL]", f"--{mode}" if mode else APP_NAME
    if wanted.endswith("...]"):
        return {names[0]: tuple(operands)}
    if len(re.sub(r"\[.*\]", "", wanted).split()) <= len(operands) <= len(names):
        return dict(zip(names, operands, strict=False))
    given, hint = " ".join(operands), f"{APP_NAME} --{mode} {wanted}"
    if mode is None:
        hint = f"to do something else name a mode, such as --train; {SEE_HELP}"
    elif wanted == "[TEXT]":
        hint = f'put quotes around it: --{mode} "{given}"'
    raise UsageError(f"{command} takes {wanted}, not {given!r}", hint)
