"""Reads a command line, and formats the help of a mode."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentError, ArgumentParser, HelpFormatter, _ArgumentGroup
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin

from msgspec.structs import FieldInfo, fields

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.cli.modes import APP, COMMON_OPTIONS, MODES, SEE_HELP, Mode
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.config import (
    ALL_SETTINGS,
    DEFAULT_RATES,
    DEFAULTS_WITH_PARENT,
    MAX_FROM_BASE,
    PRESETS,
    QUERY_SETTINGS,
    SIZES,
    Setting,
    check_value,
    help_of,
    range_words,
    settings_from_toml,
    split_annotation,
)
from rnnlm_tui.errors import UsageError, did_you_mean, flag_of
from rnnlm_tui.paths import NEVER_SUGGEST, config_dir, data_dir

OPTION_PATTERN = re.compile(r"--?[a-zA-Z][\w-]*(=.*)?", re.ASCII | re.DOTALL)
"""Matches an option, but no number and no sentence that begins with a dash."""
OPTIONS = {flag_of(field.name): field for field in fields(CommandLine)}
"""The declaration of each option by its flag, without the settings of a training."""
SUGGESTING_MODES = ("--suggest", "--generate", "--explain", "--lsp")
"""The modes whose help tells of the words that are never suggested."""
NEVER_SUGGEST_HELP = """\
No model suggests the words in {path}, a UTF-8 text with one word a line, which is read at the
start. A word in small letters covers all its spellings: "will" also covers Will and WILL. A word
with a capital covers only itself: "Will" does not cover will. In the app, Del adds the word that is
chosen in the list with the arrow down.
"""
SETTINGS_HELP = """\
In brackets are the range, the presets that have the setting, and its default. Three defaults are
for a text of up to {small:,} words, for one of up to {middle:,}, and for a longer one. A network
that starts from a model keeps the sizes and the dropout of that model, and learns by gentle steps:
{gentle}. The gru of a text of up to {most:,} words starts from its base,
unless a size or --from none is given. An update has one epoch. With another optimizer than the
default one, the default of --learning-rate is {rates}.
--summary tells which settings a training has.
"""


def parse(mode: Mode, arguments: Sequence[str], after_dashes: Sequence[str]) -> CommandLine:
    """Reads a command line that `modes.split_command_line` has split. Raises UsageError."""
    try:
        parsed, rest = parser_of(mode).parse_known_args(arguments)
    except ArgumentError as error:
        see_help = f"see {APP_NAME} {mode.flag} --help" if mode.flag else SEE_HELP
        raise UsageError(f"{error.argument_name}: {error.message}", see_help) from error
    if unknown := next(filter(OPTION_PATTERN.fullmatch, rest), None):
        raise _unknown_option(unknown.partition("=")[0])
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(parsed).items()
    }
    operands = _operands(mode, (*rest, *after_dashes))
    _check_not_empty(mode, given, operands)
    types = {option.name: option.type for option in _options(mode)}
    options = {name: value for name, value in given.items() if name in types}
    # In a training, `train.training_request` reads the file of --config.
    types_in_file = {name: types[name] for name in QUERY_SETTINGS if name in types}
    if types_in_file and "config" in given:
        options = settings_from_toml(Path(given["config"]), types_in_file) | options
    return CommandLine(
        **options,
        settings={each.name: given[each.name] for each in _settings(mode) if each.name in given},
        data_dir=data_dir(given.get("data_dir")),
        operands=operands,
    )


def _check_not_empty(mode: Mode, options: Mapping[str, Any], operands: tuple[str, ...]) -> None:
    """Raises UsageError for an empty name or file. Texts may be empty."""
    given = {flag_of(name): value for name, value in options.items() if name != "seed_line"}
    if mode.operands != "[TEXT]":
        given[mode.flag or APP_NAME] = operands
    for flag, value in given.items():
        if "" in (value if isinstance(value, tuple) else (value,)):
            raise UsageError(f"{flag} has an empty name", "is a variable of the shell not set?")


def _options(mode: Mode) -> list[FieldInfo]:
    """Returns the declared options of a mode, without the settings of a training."""
    return [OPTIONS[flag] for flag in mode.options.split()]


def _settings(mode: Mode) -> list[FieldInfo]:
    """Returns the settings of a training if a mode has them, or else none."""
    return [*ALL_SETTINGS.values()] if "--preset" in mode.options else []


def format_mode_help(mode: Mode) -> str:
    """Returns the help of a mode."""
    shown = parser_of(mode).format_help()
    if mode.flag == "--suggest":
        from rnnlm_tui.cli.protocol import protocol_help  # needed here alone

        shown += protocol_help()
    return shown


def parser_of(mode: Mode) -> ArgumentParser:
    """Returns a parser for the options of a mode. It raises ArgumentError, takes no abbreviations,
    and leaves out options that are not given."""
    epilog = None
    if mode.flag in SUGGESTING_MODES:  # the others need no config folder
        epilog = NEVER_SUGGEST_HELP.format(path=_escaped(config_dir() / NEVER_SUGGEST))
    parser = ArgumentParser(
        usage=" ".join(f"{APP_NAME} {mode.flag} {mode.operands} [options]".split()),
        description=mode.help,
        epilog=epilog,
        formatter_class=partial(HelpFormatter, width=80),
        argument_default=SUPPRESS,
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
    )
    own = parser.add_argument_group(f"options of {mode.flag}")
    for option in _options(mode):
        _add(own, option)
    if settings := _settings(mode):
        group = parser.add_argument_group("settings of the training", _settings_help())
        for setting in settings:
            _add(group, setting, _defaults(setting.name))
    common = parser.add_argument_group("common options")
    for option_row, text in COMMON_OPTIONS.items():
        flag, _, placeholder = option_row.partition(" ")
        if placeholder:
            default = f"default {_escaped(data_dir())}"
            common.add_argument(flag, metavar=placeholder, help=f"{text} ({default})")
        else:
            common.add_argument(flag, action="store_true", help=text)
    return parser


def _settings_help() -> str:
    small, middle, _ = SIZES.values()
    gentle = ", ".join(f"{flag_of(name)} {value}" for name, value in DEFAULTS_WITH_PARENT.items())
    rates = " and ".join(f"{rate} for {optimizer}" for optimizer, rate in DEFAULT_RATES.items())
    return SETTINGS_HELP.format(
        small=small, middle=middle, gentle=gentle, most=MAX_FROM_BASE, rates=rates
    )


def _escaped(path: Path) -> str:
    """Returns a path for a help text, in which argparse formats %."""
    return str(path).replace("%", "%%")


def _add(group: _ArgumentGroup, option: FieldInfo, defaults: str = "") -> None:
    """Adds an option or setting. Its help ends with its range and its defaults."""
    flag, kind = flag_of(option.name), option.type
    base, bounds = split_annotation(kind)
    if base is bool:
        group.add_argument(flag, dest=option.name, action="store_true", help=help_of(option))
        return
    if base in (int, float):
        placeholder = "N" if base is int else "X"
    else:
        _, *placeholders, _ = get_args(kind)  # Annotated[type, "FILE", help] or [type, help]
        placeholder = placeholders[0] if placeholders else "|".join(get_args(base))
    is_many = get_origin(base) is tuple
    facts = "; ".join(filter(None, (range_words(bounds) if bounds else "", defaults)))
    group.add_argument(
        flag,
        dest=option.name,
        metavar=placeholder,
        action="append" if is_many else "store",
        type=str if is_many else partial(check_value, name=option.name, kind=kind),
        help=f"{help_of(option)} ({facts})" if facts else help_of(option),
    )


def _defaults(setting: str) -> str:
    """Returns the defaults of a setting by preset, such as "ngram: 5; gru: 0.3, 0.4, 0.5".

    Three values are for the SIZES of texts. A preset whose default is None is named without one. If
    all presets have the same default, "default" stands in place of their names.
    """
    presets_with = dict[tuple[Setting, ...], list[str]]()
    for name, preset in PRESETS.items():
        for part in (preset.model, preset.train):
            if hasattr(part, setting):
                usual = getattr(part, setting)
                values = [preset.by_size.get(size, {}).get(setting, usual) for size in SIZES]
                presets_with.setdefault(tuple(values), []).append(name)
    texts = list[str]()
    for by_size, names in presets_with.items():
        presets = " ".join(names) if len(names) < len(PRESETS) else "default"
        shown = by_size if len({*by_size}) > 1 else by_size[:1]
        default = ", ".join(map(str, shown)).lower()
        texts.append(presets if by_size[-1] is None else f"{presets}: {default}")
    return "" if texts == ["default"] else "; ".join(texts)


def _unknown_option(flag: str) -> UsageError:
    """Returns the error for an option that the mode does not have."""
    modes_with: dict[str, list[str]] = {}
    for mode in (APP, *MODES.values()):
        for option in (*_options(mode), *_settings(mode)):
            modes_with.setdefault(flag_of(option.name), []).append(mode.flag or "the app")
    if flag in modes_with:
        hints = {
            "--model": f"{APP_NAME} NAME opens the app with a model",
            "--open": f"{APP_NAME} --open FILE, without a mode, opens the app to write in the file",
        }
        goes_with = " or ".join(modes_with[flag])
        return UsageError(f"{flag} goes with {goes_with}", hints.get(flag, SEE_HELP))
    known = [known_flag[2:] for known_flag in (*MODES, *modes_with)]
    near = did_you_mean(flag.lstrip("-"), known, dashes="--")
    hint = f"{near or f'{SEE_HELP}.'} Put -- before a text that begins with -"
    return UsageError(f"no option is called {flag}", hint)


def _operands(mode: Mode, given: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the operands. Raises UsageError if the mode takes fewer or more."""
    expected = mode.operands.split()
    fewest = sum(not name.startswith("[") for name in expected)
    if mode.operands.endswith("...]") or fewest <= len(given) <= len(expected):
        return given
    shown = " ".join(given)
    if mode is APP:
        hint = f"to do something else name a mode, such as --train; {SEE_HELP}"
    elif mode.operands == "[TEXT]":
        hint = f'put quotes around it: {mode.flag} "{shown}"'
    else:
        hint = f"{APP_NAME} {mode.flag} {mode.operands}"
    takes = mode.operands or "no text"
    raise UsageError(f"{mode.flag or APP_NAME} takes {takes}, not {shown!r}", hint)
