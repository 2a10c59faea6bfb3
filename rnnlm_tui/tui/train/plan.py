"""What the Train screen's form says, checked and turned into what the command line is asked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rnnlm_tui.config import Range, Setting, check_setting, parse_number, preset_named, settings_of
from rnnlm_tui.errors import UsageError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.tui.runs.child import TrainingRequest
from rnnlm_tui.tui.widgets.error_text import without_flags
from rnnlm_tui.tui.widgets.path_input import expanded

Source: TypeAlias = Literal["bundled", "files", "pasted"]
FIRST_PRESET = "gru"
"""What the form starts with: it learns soonest and predicts best."""
SEPARATOR = ";"
"""Between two files in one line."""
PER_CENT = ("held_out",)
"""Settings that are shares, which the form asks for in per cent."""
LONGEST_STEM = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """The form as it was filled in. `settings` holds what was typed, by the setting's name, the
    empty ones left out; `files` is the line of paths."""

    source: Source = "bundled"
    files: str = ""
    text: str = ""
    preset: str = FIRST_PRESET
    name: str = ""
    seed_line: str = ""
    encoding: str = ""
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def corpus_problem(self) -> str | None:
        """What is missing of the corpus, before anything is read."""
        if self.source == "files" and not split_line(self.files):
            return "name the file to train on"
        if self.source == "pasted" and (not self.text or self.text.isspace()):
            return "paste or type the text to train on"
        return None

    def paths(self) -> tuple[str, ...]:
        """The files to train on; none for the bundled corpus and for a pasted text.

        Checks whether the whole line is the name of one file, so it is for threads.
        """
        return paths_in(self.files) if self.source == "files" else ()

    def request(self, files: tuple[str, ...]) -> TrainingRequest:
        """The training that the plan asks for. `files` holds the file of a pasted text."""
        flags = (f"--preset={self.preset}", f"--name={self.name}", *self.setting_flags())
        return TrainingRequest((*files, *flags), self.name, " ".join(self.seed_line.split()))

    def setting_flags(self) -> list[str]:
        """The command line's flags for the settings that were typed."""
        known = all_settings_of(self.preset)
        flags = [
            f"--{name.replace('_', '-')}={setting_value(known[name], typed)}"
            for name, typed in self.settings.items()
            if name in known
        ]
        # What was pasted is written as UTF-8.
        if self.encoding and self.source == "files":
            flags.append(f"--encoding={self.encoding}")
        return flags


def all_settings_of(preset: str) -> dict[str, dataclasses.Field[Any]]:
    """The settings of a preset, those of its training first."""
    parts = settings_of(preset_named(preset))
    return parts["train"] | parts["model"]


def default_of(preset: str, setting: str) -> Setting:
    """The preset's own value of a setting; None if it does not have it."""
    chosen = preset_named(preset)
    part = chosen.train if hasattr(chosen.train, setting) else chosen.model
    value: Setting = getattr(part, setting, None)
    return value


def as_typed(setting: str, value: Setting) -> str:
    """How the form shows a value of this setting."""
    if value is None:
        return ""
    if setting in PER_CENT and not isinstance(value, str):
        return f"{100 * value:g}"
    return str(value)


def setting_value(spec: dataclasses.Field[Any], typed: str) -> Setting:
    """The value that was typed for a setting. Raises UsageError, saying what it may be."""
    if spec.name not in PER_CENT:
        return check_setting(spec, typed.strip())
    bounds: Range = spec.metadata["bounds"]
    scaled = dataclasses.replace(bounds, low=100 * bounds.low, high=100 * bounds.high)
    number = parse_number(typed.strip().removesuffix("%"), spec.name, scaled, whole=False)
    # Twelve digits, so that 7 % is 0.07 and not 0.07000000000000001.
    return check_setting(spec, float(f"{number / 100:.12g}"))


def setting_problem(spec: dataclasses.Field[Any], typed: str) -> str | None:
    """The sentence that says what is wrong with what was typed; None for a value, or nothing."""
    if not typed.strip():
        return None
    try:
        setting_value(spec, typed)
    except UsageError as error:
        return without_flags(error.hint or error.message)
    return None


def split_line(line: str) -> list[str]:
    """The paths in a line, as they were typed, without the quotes that a terminal puts round a
    file dropped into it."""
    parts = (part.strip() for part in line.split(SEPARATOR))
    return [_unquoted(part) for part in parts if part]


def paths_in(line: str) -> tuple[str, ...]:
    """The absolute paths that a line names, `~` written out. A line that is the name of a file is
    that file, whatever is in it."""
    whole = _absolute(_unquoted(line.strip()))
    if SEPARATOR in line and _is_file(whole):
        return (whole,)
    return tuple(_absolute(part) for part in split_line(line))


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _absolute(text: str) -> str:
    """An absolute path cannot be taken for an option."""
    return str(Path(expanded(text)).absolute())


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def proposed_stem(plan: Plan) -> str:
    """A name made of the corpus and the preset, whether it is free or not."""
    return f"{corpus_stem(plan)}-{plan.preset}"


def corpus_stem(plan: Plan) -> str:
    """A name made of the corpus."""
    if plan.source == "pasted":
        stem = "text"
    else:
        paths = split_line(plan.files) if plan.source == "files" else [bundled_corpus().name]
        stem = Path(paths[0]).stem if paths else "text"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:LONGEST_STEM] or "text"
