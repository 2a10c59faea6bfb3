"""Reads and writes settings.json, the user's preferences. Does not import textual."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from rnnlm_tui.accepting import GHOST_FROM, DigitSetting
from rnnlm_tui.errors import StorageError, os_reason


class Preferences(Struct):
    """The user's choices. `model` is the last active model, or "". `ghost_from` is the lowest
    probability at which the ghost is shown. `digits` says where a digit takes a word of the list.
    `continue_lines`: the model continues lines that are sent. `files` are the last files to train
    on, as typed; "" if another text was chosen."""

    theme: Annotated[str, Meta(max_length=100)] = ""
    ghost: bool = True
    ghost_from: Annotated[float, Meta(ge=0, le=1)] = GHOST_FROM
    digits: DigitSetting = "inside words"
    continue_lines: bool = False
    model: Annotated[str, Meta(max_length=64)] = ""
    files: Annotated[str, Meta(max_length=10_000)] = ""


def load_preferences(folder: Path) -> tuple[Preferences, str]:
    """Returns the preferences in `folder`, and a message if they could not be read.

    A damaged file is renamed to settings.json.damaged.
    """
    path = folder / "settings.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Preferences), ""
    except FileNotFoundError:
        return Preferences(), ""
    except OSError as error:
        return Preferences(), f"cannot read {path}: {os_reason(error)}"
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        damaged = path.with_name(f"{path.name}.damaged")
        try:
            path.replace(damaged)
        except OSError as failure:
            return Preferences(), f"{path} is damaged ({error}): {os_reason(failure)}"
        return Preferences(), f"the settings were damaged ({error}) and are now in {damaged}"


def save_preferences(folder: Path, preferences: Preferences) -> None:
    """Stores the preferences. Raises StorageError."""
    path = folder / "settings.json"
    temporary = folder / f".settings.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(msgspec.to_builtins(preferences), indent=1), "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"could not save {path}: {os_reason(error)}") from error
