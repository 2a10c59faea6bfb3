"""Reads and writes settings.json, the user's preferences. Does not import textual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct

from rnnlm_tui.accepting import WITH_ALT, DigitSetting
from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.paths import SETTINGS
from rnnlm_tui.session.damaged import put_aside


class Preferences(Struct):
    """The user's choices. `model` is the last active model, or "". `digits` says which digits take
    a word of the list. `files` are the last files to train on, as typed; "" if another text was
    chosen."""

    theme: Annotated[str, Meta(max_length=100)] = ""
    ghost: bool = True
    digits: DigitSetting = WITH_ALT
    model: Annotated[str, Meta(max_length=64)] = ""
    files: Annotated[str, Meta(max_length=10_000)] = ""


class SettingsFile:
    """settings.json. Several apps may change it: each stores only what its user has changed."""

    def __init__(self, folder: Path) -> None:
        """Reads the file. A damaged one is put aside; one that cannot be read stays as it is, and
        nothing is stored."""
        self._path = folder / SETTINGS
        self._is_readable = True
        self.problem = ""
        """Why the file could not be read."""
        data = dict[str, Any]()
        try:
            data, self.problem = _read(self._path)
        except StorageError as error:
            self.problem = error.message
            self._is_readable = False
        self.preferences = msgspec.convert(data, Preferences)
        """The user's choices, to be changed before `store`."""
        self._stored = msgspec.structs.asdict(self.preferences)

    def store(self) -> str:
        """Stores what was changed since the last time. Returns a message if the file was damaged
        and put aside. Raises StorageError."""
        if not self._is_readable:  # which was told at the start
            return ""
        from rnnlm_tui.store.files import write_json  # imports numpy

        choices = msgspec.structs.asdict(self.preferences)
        data, problem = _read(self._path)
        changed = {
            name: value
            for name, value in choices.items()
            if problem or value != self._stored[name]  # the others are known from the last time
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, data | changed)
        except OSError as error:
            raise StorageError(f"could not save {self._path}: {os_reason(error)}") from error
        self._stored = choices
        return problem


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """Returns the values in the file, also those of other versions. If it is damaged, it is
    renamed, and a message is returned. Raises StorageError if it cannot be read or renamed."""
    try:
        data = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if data.get("digits") not in get_args(DigitSetting):
            data.pop("digits", None)  # else all settings would be put aside
        msgspec.convert(data, Preferences)
        return data, ""
    except (FileNotFoundError, NotADirectoryError):
        return {}, ""
    except OSError as error:
        raise StorageError(
            f"cannot read {path} ({os_reason(error)}): it stays as it is, and no change of a"
            " setting is kept"
        ) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = str(error)
    try:
        kept = put_aside(path)
    except OSError as error:
        raise StorageError(f"cannot read {path} ({reason}): {os_reason(error)}") from error
    return {}, f"the settings cannot be read ({reason}) and are now in {kept}"
