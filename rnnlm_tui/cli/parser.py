"""Parses a command line into a request, and formats the help.

A mode is a flag. Its operands (texts, files and names) may come in any place between options. `--`
ends the options.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlm_tui.cli.options import MODES, AppRequest, Request, RunRequest
from rnnlm_tui.config import (
    PRESETS,
    all_settings,
    flag_of,
    parse_number,
)
from rnnlm_tui.errors import UsageError
from rnnlm_tui.paths import APP_NAME

DESCRIPTION = """\
A private next-word autocomplete that you train on your own text. Without a mode it opens the
terminal app; with one it runs that mode and exits.
"""
EPILOG = """\
examples:
  rnnlm-tui                                    opens the terminal app: write, train, look after
                                               your models
  rnnlm-tui sonnets-lesson                     opens it with this model
  rnnlm-tui --train poems.txt --epochs 30      train on a text of yours
  rnnlm-tui --train poems.txt --preset ngram   count its words instead: ready in a second
  rnnlm-tui --suggest "shall i compare thee "  the next words; without the last space, the
                                               completions of the last word
  rnnlm-tui --generate "look in thy glass"     the rest of the sentence
  rnnlm-tui --evaluate                         how good the newest model is on lines it never saw

Options and texts come in any order; -- ends the options, for a text that begins with --.
Settings come from the flags, then RNNLM_... variables (RNNLM_EPOCHS=30), then --config, then the
preset. Models are stored in --data-dir, else in RNNLM_DATA_DIR, else in the user data folder.
Exit codes: 0 done, 1 failure, 2 usage, 3 corpus unusable, 4 training diverged, 130 interrupted (and
saved).
"""
USUAL_COLUMNS, NARROWEST, INDENT = 80, 11, 24
"""Columns of the help: of an unknown terminal, of the narrowest descriptions, and of the flags
before them."""
SEE_HELP = f"see {APP_NAME} --help"
FLAG = re.compile(r"--[a-z][a-z0-9-]*(=.*)?", re.DOTALL)
"""What must be meant as an option, unlike a sentence that begins with `--`."""
SWITCHES = {
    "debug": "show the traceback of an error",
    "help": "show this help",
    "version": "show the version",
}
SETTINGS = {flag_of(name)[2:]: spec for name, spec in all_settings().items()}


def _fields_of(request: type[Request]) -> dict[str, dataclasses.Field[Any]]:
    """The fields set by options, by the name of the option."""
    fields = (spec for spec in dataclasses.fields(request) if "metavar" in spec.metadata)
    return {spec.metadata["flag"] or spec.name.replace("_", "-"): spec for spec in fields}


def _options_of(request: type[Request]) -> dict[str, tuple[str, str]]:
    """The help and the metavar of each option of a mode. Switches have an empty metavar."""
    found = {name: (description, "") for name, description in SWITCHES.items()}
    for name, spec in _fields_of(request).items():
        found[name] = spec.metadata["help"], spec.metadata["metavar"]
    if issubclass(request, RunRequest):
        found |= SETTING_HELP
    return found


def _setting_help(spec: dataclasses.Field[Any]) -> tuple[str, str]:
    """The help of a setting with its range and defaults, and its metavar."""
    meta = spec.metadata
    presets_with: dict[object, list[str]] = {}
    for preset in PRESETS.values():
        for part in (preset.model, preset.train):
            if (value := getattr(part, spec.name, None)) is not None:
                presets_with.setdefault(value, []).append(preset.name)
    shown = [
        f"{'/'.join(names)} {value}" if len(presets_with) > 1 else f"{value}"
        for value, names in presets_with.items()
    ]
    facts = [str(meta["bounds"])] if meta["bounds"] else []
    facts += [f"default {', '.join(shown)}"] if shown else []
    metavar = {"int": "N", "float": "X"}.get(meta["kind"], "|".join(meta["choices"]))
    return f"{meta['help']} ({'; '.join(facts)})", metavar


SETTING_HELP = {name: _setting_help(spec) for name, spec in SETTINGS.items()}
OPTIONS_OF = {mode: _options_of(request) for mode, request in MODES.items()}
METAVARS = {name: o[1] for options in OPTIONS_OF.values() for name, o in options.items()}


@dataclass(frozen=True, slots=True)
class Arguments:
    """A parsed command line: the mode, None for the app; the operands in order; and the values of
    each option, none for a switch."""

    mode: str | None
    operands: Sequence[str]
    options: Mapping[str, Sequence[str]]


def parse(arguments: Sequence[str]) -> Arguments:
    """Parses a command line. Raises UsageError."""
    modes, operands, options = list[str](), list[str](), dict[str, list[str]]()
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if argument == "--":
            operands += left
            break
        if not FLAG.fullmatch(argument):
            if argument[:1] == "-" and argument[1:].partition("=")[0] in {*MODES, *METAVARS}:
                raise UsageError(f"{argument} is not an option", f"did you mean -{argument}?")
            operands.append(argument)
            continue
        typed, equals, value = argument[2:].partition("=")
        name = _flag_named(typed)
        if name in MODES:
            modes.append(name)
            operands += [value] if equals else []
        elif METAVARS[name]:
            options.setdefault(name, []).append(value if equals else _next_value(name, left))
        elif equals:
            raise UsageError(f"--{name} takes no value", SEE_HELP)
        else:
            options[name] = []
    if different := [mode for mode in modes if mode != modes[0]]:
        raise UsageError(
            f"--{different[0]} does not go with --{modes[0]}: a command does one of them", SEE_HELP
        )
    return Arguments(modes[0] if modes else None, operands, options)


def _next_value(name: str, left: list[str]) -> str:
    """Removes the value of an option from the remaining arguments. Raises UsageError."""
    flags = {f"--{flag}" for flag in (*MODES, *METAVARS)}
    if not left or left[0] in flags:
        raise UsageError(f"--{name} needs a value: {METAVARS[name]}", SEE_HELP)
    return left.pop(0)


def _flag_named(name: str) -> str:
    """The name of a flag. Raises UsageError if there is none."""
    if name not in MODES and name not in METAVARS:
        import difflib

        near = difflib.get_close_matches(name, [*MODES, *METAVARS], 1)
        meant = f"did you mean --{near[0]}?" if near else f"{SEE_HELP}."
        hint = f"{meant} A text that begins with -- goes after a -- of its own"
        raise UsageError(f"no option is called --{name}", hint)
    return name


def make_request(arguments: Arguments) -> Request:
    """The request of a parsed command line. Raises UsageError."""
    mode, options = arguments.mode, arguments.options
    request = AppRequest if mode is None else MODES[mode]
    for name in options:
        if name not in _options_of(request):
            belongs = " or ".join(f"--{m}" for m, theirs in OPTIONS_OF.items() if name in theirs)
            raise UsageError(f"--{name} goes with {belongs}", SEE_HELP)
    values = _values_of(request, options)
    if issubclass(request, RunRequest):
        flags = SETTINGS.keys() & options.keys()
        values["flags"] = {SETTINGS[flag].name: options[flag][-1] for flag in flags}
    return request(**values, **_operands_of(request, arguments))


def _values_of(request: type[Request], options: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The values of the fields that these options set. Raises UsageError."""

    def read(name: str, spec: dataclasses.Field[Any]) -> Any:
        meta = spec.metadata
        if not meta["metavar"]:
            return True
        if meta["bounds"] is not None:
            return parse_number(options[name][-1], f"--{name}", meta["bounds"], whole=meta["whole"])
        return tuple(options[name]) if spec.default == () else options[name][-1]

    fields = _fields_of(request).items()
    return {spec.name: read(name, spec) for name, spec in fields if name in options}


def _operands_of(request: type[Request], arguments: Arguments) -> dict[str, Any]:
    """The values of the fields of operands. Raises UsageError for too few or too many."""
    fields = [spec for spec in dataclasses.fields(request) if "operand" in spec.metadata]
    mode, operands = arguments.mode, arguments.operands
    if fields and fields[0].default == ():
        return {fields[0].name: tuple(operands)}
    usage = f"{APP_NAME} --{mode} {request.operands}".rstrip()
    if len(operands) < len(re.sub(r"\[.*\]", "", request.operands).split()):
        raise UsageError(f"--{mode} needs {request.operands}", usage)
    if extra := operands[len(fields) :]:
        message, hint = f"{' '.join(extra)!r} does not go with --{mode}", usage
        if mode is None:
            message = (
                f"the app opens with one model, not with {len(operands)}: {' '.join(operands)}"
            )
            hint = f"to do something else name a mode, such as --train; {SEE_HELP}"
        elif request.operands == "[TEXT]":
            message = f"--{mode} takes one text, not {len(operands)}"
            hint = f'put quotes around it: --{mode} "{" ".join(operands)}"'
        raise UsageError(message, hint)
    return {spec.name: value for spec, value in zip(fields, operands, strict=False)}


def format_help() -> str:
    """The help of all modes and options, as wide as the terminal. Argparse would take 10 ms."""
    described: dict[str, str] = {}
    for theirs in OPTIONS_OF.values():
        for name, (description, _) in theirs.items():
            described[name] = described.get(name) or description
    modes = {f"--{mode} {request.operands}": request.help for mode, request in MODES.items()}
    options, settings = (
        {f"--{n} {METAVARS[n]}": text for n, text in described.items() if (n in SETTINGS) == is_one}
        for is_one in (False, True)
    )
    columns = _columns()
    parts = [
        f"usage: {APP_NAME} [MODEL]\n       {APP_NAME} MODE [options] [texts, files or names]\n",
        DESCRIPTION,
        *_table("modes (one of them)", modes, columns),
        *_table("options", options, columns),
        *_table("settings of a training", settings, columns),
        EPILOG,
    ]
    return "\n".join(parts)


def _table(title: str, rows: Mapping[str, str], columns: int) -> Iterator[str]:
    """A group of options with a title and their descriptions in a second column."""
    lines = [f"{title}:"]
    for flag, description in rows.items():
        head = f"  {flag}".rstrip()
        texts = _wrapped(description, max(NARROWEST, columns - INDENT - 2))
        if len(head) > INDENT - 2 or not texts:
            lines.append(head)
            head = ""
        lines += [f"{head if i == 0 else '':{INDENT}}{text}" for i, text in enumerate(texts)]
    yield "\n".join(lines) + "\n"


def _wrapped(text: str, width: int) -> list[str]:
    """Wraps a text at `width` characters. Importing textwrap would take longer."""
    lines = list[str]()
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _columns() -> int:
    """The width of the terminal, from the variable COLUMNS or from the system."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size().columns or USUAL_COLUMNS
    except OSError:  # no terminal
        return USUAL_COLUMNS
