"""Reads and writes settings.json, the user's preferences. Does not import textual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.store.files import json_fault, put_aside, read_bytes, write_json
from rnnlm_tui.suggesting.accepting import WITH_ALT, DigitSetting

SETTINGS_FILE = "settings.json"
"""The name of the file in the config folder."""


class Preferences(Struct):
    """The user's choices.

    `theme` is the name of a theme, or "" for the default. `ghost` is true if the ghost is shown.
    `digits` says which digits take a word of the list. `alt_told` is true once the app has said
    that alt with a digit takes one. `files` are the files of the last training, as typed, or "" if
    it had another text.
    """

    theme: Annotated[str, Meta(max_length=100)] = ""
    ghost: bool = True
    digits: DigitSetting = WITH_ALT
    alt_told: bool = False
    files: Annotated[str, Meta(max_length=10_000)] = ""


class SettingsFile:
    """Reads and writes settings.json. Several apps may change the file, so each writes only the
    preferences that were changed in it."""

    def __init__(self, folder: Path) -> None:
        """Reads the file. A damaged file is put aside. If the file cannot be read, it stays as it
        is, and `store` does nothing."""
        self._path = folder / SETTINGS_FILE
        self._is_readable = True
        self.problem = ""
        """Why the file could not be read; "" if it could."""
        self.preferences = Preferences()
        """The preferences, which may be changed. `store` writes the changes."""
        try:
            self.preferences, self.problem = _read_preferences(self._path)
        except StorageError as error:
            self._is_readable, self.problem = False, error.message
        self._stored = replace(self.preferences)

    def store(self) -> str:
        """Writes the preferences that were changed since the last call. Returns a message if the
        file was damaged and put aside, or else "". Raises StorageError if it cannot be written."""
        if not self._is_readable:  # `problem` says so
            return ""
        in_file, problem = _read_preferences(self._path)
        here, stored = asdict(self.preferences), asdict(self._stored)
        changed = {name: value for name, value in here.items() if value != stored[name]}
        data = here if problem else asdict(in_file) | changed  # a damaged file has nothing to keep
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, data)
        except OSError as error:
            raise StorageError(f"could not save {self._path}: {os_reason(error)}") from error
        self._stored = replace(self.preferences)
        return problem


def _read_preferences(path: Path) -> tuple[Preferences, str]:
    """Returns the preferences in the file, and "". If the file is damaged, renames it, and returns
    the defaults and a message. Raises StorageError if it cannot be read or renamed."""
    try:
        return msgspec.json.decode(read_bytes(path), type=Preferences), ""
    except (FileNotFoundError, NotADirectoryError):
        return Preferences(), ""
    except OSError as error:
        raise StorageError(
            f"cannot read {path} ({os_reason(error)}): it stays as it is, and no change of a"
            " setting is kept"
        ) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = json_fault(error)
    try:
        kept = put_aside(path)
    except OSError as error:
        raise StorageError(f"cannot read {path} ({reason}): {os_reason(error)}") from error
    return Preferences(), f"the settings cannot be read ({reason}) and are now in {kept}"
