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
from rnnlm_tui.cli import options
from rnnlm_tui.cli.modes import (
    APP,
    MODES,
    SEE_HELP,
    Mode,
    add_common_options,
    make_parser,
    mode_named,
)
from rnnlm_tui.cli.options import RunRequest
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


def parse(name: str | None, arguments: Sequence[str], operands: Sequence[str]) -> Any:
    """The request of a command line as `modes.split` returns it. Raises UsageError."""
    mode = mode_named(name)
    try:
        parsed, rest = _parser(name).parse_known_args(arguments)
    except ArgumentError as error:
        see_help = f"see {APP_NAME} --{name} --help" if name else SEE_HELP
        raise UsageError(f"{error.argument_name}: {error.message}", see_help) from error
    if unknown := next(filter(OPTION.fullmatch, rest), None):
        raise _unknown_option(unknown.partition("=")[0])
    request, given = _request(mode), vars(parsed)
    names = {spec.name for spec in fields(request)}
    if "config" in names:
        warn_of_unknown_variables()
    values = _query_settings(request, given.get("config"))
    for field in names & given.keys():
        values[field] = tuple(given[field]) if isinstance(given[field], list) else given[field]
    if issubclass(request, RunRequest):
        values["flags"] = {setting: given[setting] for setting in ALL_SETTINGS if setting in given}
    return request(**values, **_operands(name, [*rest, *operands]))


def format_mode_help(name: str | None) -> str:
    """The help of a mode."""
    return _parser(name).format_help()


def _request(mode: Mode) -> type[options.Request]:
    request: type[options.Request] = getattr(options, mode.request)
    return request


def _parser(name: str | None) -> ArgumentParser:
    """The parser of the options of a mode; None is the app."""
    mode = mode_named(name)
    request = _request(mode)
    parser = make_parser(f"{APP_NAME} --{name} {mode.operands} [options]", mode.help)
    own = parser.add_argument_group(f"options of --{name}")
    for flag, spec in _options(request).items():
        facts = spec.metadata
        if not facts["metavar"]:
            own.add_argument(flag, dest=spec.name, action="store_true", help=facts["help"])
            continue
        own.add_argument(
            flag,
            dest=spec.name,
            metavar=facts["metavar"],
            action="append" if spec.default == () else "store",
            type=partial(_checked, spec),
            help=facts["help"],
        )
    if issubclass(request, RunRequest):
        settings = parser.add_argument_group("settings of the training")
        for setting in ALL_SETTINGS.values():
            help_text, metavar = _setting_help(setting)
            settings.add_argument(flag_of(setting.name), metavar=metavar, help=help_text)
    add_common_options(parser)
    return parser


def _options(request: type[options.Request]) -> dict[str, Field[Any]]:
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
    for name, mode in MODES.items():
        request = _request(mode)
        settings = map(flag_of, ALL_SETTINGS) if issubclass(request, RunRequest) else ()
        for option in (*_options(request), *settings):
            modes_with.setdefault(option, []).append(f"--{name}")
    if flag in modes_with:
        hint = f"{APP_NAME} NAME opens the app with a model" if flag == "--model" else SEE_HELP
        return UsageError(f"{flag} goes with {' or '.join(modes_with[flag])}", hint)
    known = [*MODES, *(each[2:] for each in modes_with)]
    near = did_you_mean(flag.lstrip("-"), known, dashes="--")
    hint = f"{near or SEE_HELP}; a text that begins with - goes after a -- of its own"
    return UsageError(f"no option is called {flag}", hint)


def _query_settings(request: type[options.Request], config: str | None) -> dict[str, Any]:
    """The settings of a mode that asks a model, from variables or else from a TOML file."""
    asked = [spec for spec in _options(request).values() if spec.name in QUERY_SETTINGS]
    file = settings_from_toml(Path(config)) if asked and config is not None else {}
    found: dict[str, Any] = {}
    for spec in asked:
        variable = variable_of(spec.name)
        if value := os.environ.get(variable):
            found[spec.name] = _checked(spec, value, f"from {variable}")
        elif spec.name in file:
            found[spec.name] = _checked(spec, file[spec.name], f"in {config}")
    return found


def _checked(spec: Field[Any], value: Any, source: str = "") -> Any:
    """The value of an option, converted to its type. Raises UsageError."""
    return check_value(value, _name(spec), spec.metadata["kind"], source)


def _operands(name: str | None, given: Sequence[str]) -> dict[str, Any]:
    """The values of the fields of operands. Raises UsageError for too few or too many."""
    mode = mode_named(name)
    names = [spec.name for spec in fields(_request(mode)) if "operand" in spec.metadata]
    if mode.operands.endswith("...]"):
        return {names[0]: tuple(given)}
    if len(re.sub(r"\[.*\]", "", mode.operands).split()) <= len(given) <= len(names):
        return dict(zip(names, given, strict=False))
    shown, command = " ".join(given), f"{APP_NAME} --{name}" if name else APP_NAME
    if mode is APP:
        hint = f"to do something else name a mode, such as --train; {SEE_HELP}"
    elif mode.operands == "[TEXT]":
        hint = f'put quotes around it: --{name} "{shown}"'
    else:
        hint = f"{command} {mode.operands}"
    raise UsageError(
        f"{f'--{name}' if name else APP_NAME} takes {mode.operands}, not {shown!r}", hint
    )
