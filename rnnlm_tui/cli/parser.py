"""Reads a command line into a request, and makes the help.

A mode is a flag; the texts, files and names that it works on, its operands, may come anywhere, with
options between them. `--` ends the options. argparse is loaded only for help: 20 ms a command.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnlm_tui.cli.options import MODES, AppRequest, Request, RunSettings
from rnnlm_tui.config import PRESETS, RENAMED_SETTINGS, all_settings, flag_of, print_warning
from rnnlm_tui.errors import UsageError
from rnnlm_tui.paths import APP_NAME

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
A private next-word autocomplete that you train on your own text. With no mode it opens the terminal
app; with one it does that and ends.
"""
EPILOG = """\
examples:
  rnnlm-tui                                    opens the terminal app: write, train, look after
                                               your models
  rnnlm-tui sonnets-lesson                     opens it with this model
  rnnlm-tui --train poems.txt --epochs 30      train on a text of yours
  rnnlm-tui --train poems.txt --preset ngram   count its words instead: ready in a second
  rnnlm-tui --suggest "shall i compare thee "  the next words; without the last space, the ways
                                               to complete the half-typed word
  rnnlm-tui --generate "look in thy glass"     ten more words
  rnnlm-tui --evaluate                         how good the newest model is on lines it never saw

Options and texts come in any order; -- ends the options, for a text that begins with --.
Settings come from the flags, then RNNLM_... variables (RNNLM_EPOCHS=30), then --config, then the
preset. Models are stored in --data-dir, else in RNNLM_DATA_DIR, else in the user data folder.
Exit codes: 0 done, 1 failure, 2 usage, 3 corpus unusable, 4 training diverged, 130 interrupted (and
saved).
"""
SEE_HELP = f"see {APP_NAME} --help"
FLAG = re.compile(r"--[a-z][a-z0-9-]*(=.*)?", re.DOTALL)
"""What can only be meant as an option, right or wrong; a sentence after `--` cannot."""
GLOBAL_SWITCHES = {
    "debug": "show the traceback of an error",
    "help": "show this help",
    "version": "show the version",
}
OLD_FLAGS = {flag_of(old)[2:]: flag_of(new)[2:] for old, new in RENAMED_SETTINGS.items()}
GONE_FLAGS = ("colour", "color")
"""Flags that do nothing any more, and are accepted for one version."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the command line. `metavar` is empty for a switch; `modes` are those that it
    goes with, None is the app."""

    help: str
    metavar: str
    modes: tuple[str | None, ...]


def _all_options() -> dict[str, Option]:
    """Every option by its name; the help is that of the first mode that has one."""
    found: dict[str, Option] = {}

    def add(name: str, option: Option) -> None:
        before = found.get(name, Option("", "", ()))
        modes = (*before.modes, *option.modes)
        found[name] = Option(before.help or option.help, option.metavar, modes)

    requests: list[tuple[str | None, type[Request]]] = [*MODES.items(), (None, AppRequest)]
    for mode, request in requests:
        for spec in _flagged(request):
            add(_name_of(spec), Option(spec.metadata["help"], spec.metadata["metavar"], (mode,)))
        if _has_settings(request):
            for spec in _flagged(RunSettings):
                add(
                    _name_of(spec), Option(spec.metadata["help"], spec.metadata["metavar"], (mode,))
                )
            for name, setting in all_settings().items():
                add(flag_of(name)[2:], _setting_option(name, setting, mode))
    everywhere = (*MODES, None)
    return found | {name: Option(said, "", everywhere) for name, said in GLOBAL_SWITCHES.items()}


def _flagged(request: type[Request] | type[RunSettings]) -> list[dataclasses.Field[Any]]:
    """The fields of a request that options set."""
    return [spec for spec in dataclasses.fields(request) if "metavar" in spec.metadata]


def _has_settings(request: type[Request]) -> bool:
    return any(spec.name == "settings" for spec in dataclasses.fields(request))


def _name_of(spec: dataclasses.Field[Any]) -> str:
    return spec.metadata["flag"] or spec.name.replace("_", "-")


def _setting_option(name: str, spec: dataclasses.Field[Any], mode: str | None) -> Option:
    """The option of a setting, with its range and its defaults in the help."""
    meta = spec.metadata
    metavar = {"int": "N", "float": "X"}.get(meta["kind"], "|".join(meta["choices"]))
    allowed = [] if meta["choices"] else [str(meta["bounds"])]
    described = "; ".join([*allowed, *_defaults_of(name)])
    return Option(f"{meta['help']} ({described})", metavar, (mode,))


def _defaults_of(setting: str) -> list[str]:
    """The default of a setting for the help: the first preset's, and those that differ from it."""
    by_preset = {
        preset.name: getattr(part, setting)
        for preset in PRESETS.values()
        for part in (preset.model, preset.train)
        if hasattr(part, setting)
    }
    first, *others = by_preset.items()
    differing = [f"{name} {value}" for name, value in others if value != first[1]]
    if first[1] is None and not differing:
        return []
    return [f"default {', '.join([str(first[1]), *differing])}"]


OPTIONS = _all_options()


@dataclass(frozen=True, slots=True)
class Arguments:
    """A command line cut into its parts: the mode, None for the app; the operands in order; and the
    values of each option, none for a switch."""

    mode: str | None
    operands: Sequence[str]
    options: Mapping[str, Sequence[str]]


def parse(arguments: Sequence[str]) -> Arguments:
    """Cuts a command line into its parts. Raises UsageError, which names what is wrong."""
    modes, operands, options = list[str](), list[str](), dict[str, list[str]]()
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if argument == "--":
            operands += left
            break
        if not FLAG.fullmatch(argument):
            operands.append(argument)
            continue
        typed, equals, value = argument[2:].partition("=")
        name = _current_name(typed)
        if name in MODES:
            modes.append(name)
            operands += [value] if equals else []
        elif name in OPTIONS:
            options.setdefault(name, [])
            if OPTIONS[name].metavar:
                options[name].append(value if equals else _next_value(name, left))
            elif equals:
                raise UsageError(f"--{name} takes no value", SEE_HELP)
    if different := [mode for mode in modes if mode != modes[0]]:
        raise UsageError(
            f"--{different[0]} does not go with --{modes[0]}: a command does one of them", SEE_HELP
        )
    return Arguments(modes[0] if modes else None, operands, options)


def _next_value(name: str, left: list[str]) -> str:
    """Takes the value of an option off the arguments that are left."""
    if not left or (left[0][2:] in {*MODES, *OPTIONS, *OLD_FLAGS} and left[0].startswith("--")):
        raise UsageError(f"--{name} needs a value: {OPTIONS[name].metavar}", SEE_HELP)
    return left.pop(0)


def _current_name(name: str) -> str:
    """The name that a flag has now. Raises UsageError for one that does not exist."""
    if name in OLD_FLAGS:
        print_warning(f"--{name} is now --{OLD_FLAGS[name]}")
        return OLD_FLAGS[name]
    if name in GONE_FLAGS:
        print_warning(f"--{name} does nothing any more")
    elif name not in MODES and name not in OPTIONS:
        near = difflib.get_close_matches(name, [*MODES, *OPTIONS], 1)
        meant = f"did you mean --{near[0]}?" if near else f"{SEE_HELP};"
        raise UsageError(
            f"no option is called --{name}", f"{meant} A text that begins so goes after --"
        )
    return name


def make_request(arguments: Arguments) -> Request:
    """What a command line asks for. Raises UsageError for what makes no sense."""
    mode = arguments.mode
    for name in arguments.options:
        if mode not in OPTIONS[name].modes:
            belongs = " or ".join(f"--{other}" for other in OPTIONS[name].modes)
            raise UsageError(f"--{name} goes with {belongs}", SEE_HELP)
    request = AppRequest if mode is None else MODES[mode]
    values = _values_of(request, arguments.options)
    if _has_settings(request):
        names = {name: flag_of(name)[2:] for name in all_settings()}
        flags = {
            name: arguments.options[flag][-1]
            for name, flag in names.items()
            if flag in arguments.options
        }
        values["settings"] = RunSettings(flags, **_values_of(RunSettings, arguments.options))
    return request(**values, **_operands_of(request, arguments))


def _values_of(
    request: type[Request] | type[RunSettings], options: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The fields that these options set."""
    values: dict[str, Any] = {}
    for spec in _flagged(request):
        name = _name_of(spec)
        if name not in options:
            continue
        if not spec.metadata["metavar"]:
            values[spec.name] = True
            continue
        read = [spec.metadata["read"](value, f"--{name}") for value in options[name]]
        values[spec.name] = tuple(read) if spec.metadata["repeated"] else read[-1]
    return values


def _operands_of(request: type[Request], arguments: Arguments) -> dict[str, Any]:
    """The fields of the operands. Raises UsageError for too few or too many of them."""
    fields = [spec for spec in dataclasses.fields(request) if "operand" in spec.metadata]
    operands = arguments.operands
    for operand in operands:
        if operand.startswith("-") and operand[1:].partition("=")[0] in {*MODES, *OPTIONS}:
            raise UsageError(f"{operand} is not an option", f"did you mean -{operand}?")
    if fields and fields[0].default == ():
        return {fields[0].name: tuple(operands)}
    mode = arguments.mode
    usage = f"{APP_NAME} --{mode} {request.operands}".rstrip()
    if len(operands) < request.least:
        raise UsageError(f"--{mode} needs {request.operands}", usage)
    if extra := operands[len(fields) :]:
        if mode is None:
            raise UsageError(
                f"the app opens with one model, not with {len(operands)}: {' '.join(operands)}",
                f"to do something else name a mode, such as --train; {SEE_HELP}",
            )
        if request.operands == "[TEXT]":
            raise UsageError(
                f"--{mode} takes one text, not {len(operands)}",
                f'put quotes around it: --{mode} "{" ".join(operands)}"',
            )
        raise UsageError(f"{' '.join(extra)!r} does not go with --{mode}", usage)
    return {spec.name: value for spec, value in zip(fields, operands, strict=False)}


def format_help() -> str:
    """The help of all modes and options."""
    import argparse

    parser = argparse.ArgumentParser(
        prog=APP_NAME,
        usage=f"{APP_NAME} [MODEL]\n       {APP_NAME} MODE [options] [texts, files or names]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    modes = parser.add_argument_group("modes (one of them)")
    for mode, request in MODES.items():
        _add(modes, mode, request.help, request.operands)
    settings = {flag_of(name)[2:] for name in all_settings()}
    groups = {
        title: parser.add_argument_group(title) for title in ("options", "settings of a training")
    }
    for name, option in OPTIONS.items():
        group = groups["settings of a training" if name in settings else "options"]
        _add(group, name, option.help, option.metavar)
    return parser.format_help()


def _add(group: argparse._ArgumentGroup, name: str, description: str, metavar: str) -> None:
    shown = description.replace("%", "%%")
    if metavar:
        group.add_argument(f"--{name}", metavar=metavar, help=shown)
    else:
        group.add_argument(f"--{name}", action="store_true", help=shown)
