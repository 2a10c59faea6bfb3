"""The content of the Train screen's form, and its conversion to command-line arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import FieldInfo

from rnnlm_tui.config import (
    SETTINGS,
    Setting,
    check_value,
    preset_named,
)
from rnnlm_tui.errors import UsageError, flag_of, label_of
from rnnlm_tui.paths import bundled_corpus, current_dir
from rnnlm_tui.store.library import name_of_file
from rnnlm_tui.store.texts import text_of
from rnnlm_tui.tui.runs.child import TrainArguments
from rnnlm_tui.tui.widgets.inputs import expanded

Source: TypeAlias = Literal["bundled", "written", "files"]
FIRST_PRESET = "gru"
"""The default of the form: it learns fastest and predicts best."""
SEPARATOR = ";"
"""Separates the paths of files."""
PER_CENT = {"held_out": Annotated[float, Meta(ge=0, le=50)]}
"""Settings that are shares, which the form shows in per cent, with their ranges there."""
WRITTEN_STEM = "mine"


@dataclass(frozen=True, slots=True)
class FormContent:
    """The content of the form. `files` is the line of paths, `written` the paragraphs written in
    the app; `settings` maps the name of each setting that was typed to its text."""

    source: Source = "bundled"
    files: str = ""
    written: tuple[str, ...] = ()
    preset: str = FIRST_PRESET
    name: str = ""
    seed_line: str = ""
    encoding: str = ""
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def corpus_problem(self) -> str | None:
        """Returns what is missing, or None. Does not read the disk."""
        if self.source == "files" and not split_line(self.files):
            return "name the file to train on"
        if self.source == "written" and not self.written:
            return "nothing is written yet: Enter keeps a line, and then it counts"
        return None

    @property
    def typed(self) -> str | None:
        """The text to train on, if it is not in a file."""
        return text_of(self.written) if self.source == "written" else None

    def paths(self) -> tuple[str, ...]:
        """Returns the files to train on; none if the text is not in files of the user.

        Reads the disk, so call it in a thread.
        """
        return paths_in(self.files) if self.source == "files" else ()

    def request(self, files: tuple[str, ...]) -> TrainArguments:
        """Returns the request for the training. `files` includes the file in which a typed text was
        stored."""
        flags = (f"--preset={self.preset}", f"--name={self.name}", *self.setting_flags())
        return TrainArguments((*files, *flags), self.name, " ".join(self.seed_line.split()))

    def setting_flags(self) -> list[str]:
        """Returns the command-line flags for the settings that were typed."""
        specs = all_settings_of(self.preset)
        flags = [
            f"{flag_of(name)}={setting_value(specs[name], typed)}"
            for name, typed in self.settings.items()
            if name in specs
        ]
        # What was written is stored as UTF-8.
        if self.encoding and self.source == "files":
            flags.append(f"--encoding={self.encoding}")
        return flags


def all_settings_of(preset: str) -> dict[str, FieldInfo]:
    """Returns the settings of a preset, those of the training first."""
    chosen = preset_named(preset)
    return dict(
        sorted(SETTINGS[preset].items(), key=lambda item: not hasattr(chosen.train, item[0]))
    )


def default_of(preset: str, setting: str) -> Setting:
    """Returns the preset's value of a setting; None if it does not have it."""
    chosen = preset_named(preset)
    part = chosen.train if hasattr(chosen.train, setting) else chosen.model
    value: Setting = getattr(part, setting, None)
    return value


def as_typed(setting: str, value: Setting) -> str:
    """Formats a value of this setting for the form."""
    if value is None:
        return ""
    if setting in PER_CENT and not isinstance(value, str):
        return f"{100 * value:g}"
    return str(value)


def setting_value(spec: FieldInfo, typed: str) -> Setting:
    """Parses the text typed for a setting. Raises UsageError with the allowed values."""
    if spec.name not in PER_CENT:
        value: Setting = check_value(typed.strip(), spec.name, spec.type)
        return value
    per_cent = check_value(typed.strip().removesuffix("%").rstrip(), spec.name, PER_CENT[spec.name])
    # Twelve digits, so that 7 % is 0.07 and not 0.07000000000000001.
    return float(f"{per_cent / 100:.12g}")


def setting_problem(spec: FieldInfo, typed: str) -> str | None:
    """Returns what is wrong with the text typed for a setting, in a sentence; None if it is empty
    or valid."""
    if not typed.strip():
        return None
    try:
        setting_value(spec, typed)
    except UsageError as error:
        message, hint = error.worded(label_of)
        return hint or message
    return None


def split_line(line: str) -> list[str]:
    """Splits a line into paths, without the quotes that a terminal puts around a dropped file."""
    parts = (part.strip() for part in line.split(SEPARATOR))
    return [_unquoted(part) for part in parts if part]


def paths_in(line: str) -> tuple[str, ...]:
    """Returns the absolute paths in a line, with `~` expanded. If the whole line is the name of a
    file, that is the only path."""
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
    """Returns the absolute path, which cannot be mistaken for an option."""
    return str(current_dir() / expanded(text))


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def proposed_stem(content: FormContent) -> str:
    """Returns a name made of the corpus and the preset, whether it is free or not."""
    match content.source:
        case "bundled":
            paths = [bundled_corpus().name]
        case "written":
            paths = [WRITTEN_STEM]
        case "files":
            paths = split_line(content.files)
    stem = "".join(Path(path).stem for path in paths[:1])
    return f"{name_of_file(stem)}-{content.preset}"
