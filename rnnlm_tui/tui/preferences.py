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

    `theme` is the name of a theme; "" for the default. `ghost` shows the ghost text. `digits` says
    which digits take a word of the list, `alt_told` whether the user was told of those with alt.
    `files` are the last files to train on, as typed; "" if another text was chosen.
    """

    theme: Annotated[str, Meta(max_length=100)] = ""
    ghost: bool = True
    digits: DigitSetting = WITH_ALT
    alt_told: bool = False
    files: Annotated[str, Meta(max_length=10_000)] = ""


class SettingsFile:
    """Reads and writes settings.json. Several apps may change it, so each stores only what its
    user has changed."""

    def __init__(self, folder: Path) -> None:
        """Reads the file. A damaged file is put aside. One that cannot be read stays as it is:
        `store` does nothing then."""
        self._path = folder / SETTINGS_FILE
        self._is_readable = True
        self.problem = ""
        """Why the file could not be read; "" if it could."""
        self.preferences = Preferences()
        """The user's choices. `store` stores changes of them."""
        try:
            self.preferences, self.problem = _read_preferences(self._path)
        except StorageError as error:
            self._is_readable, self.problem = False, error.message
        self._stored = replace(self.preferences)

    def store(self) -> str:
        """Stores the preferences that were changed since the last call. Returns a message if the
        file was damaged and put aside, else "". Raises StorageError if it cannot be written."""
        if not self._is_readable:  # `problem` says so
            return ""
        others, problem = _read_preferences(self._path)
        choices, stored = asdict(self.preferences), asdict(self._stored)
        changed = {name: value for name, value in choices.items() if value != stored[name]}
        data = choices if problem else asdict(others) | changed
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, data)
        except OSError as error:
            raise StorageError(f"could not save {self._path}: {os_reason(error)}") from error
        self._stored = replace(self.preferences)
        return problem


def _read_preferences(path: Path) -> tuple[Preferences, str]:
    """Returns the preferences in the file, and "". A damaged file is renamed: returns the defaults
    and a message. Raises StorageError if the file cannot be read or renamed."""
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
