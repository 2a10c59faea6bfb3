"""What the app remembers of its looks, and the user's own keys. No textual here."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rnnlm_tui.errors import RnnlmError, StorageError, UsageError, os_reason
from rnnlm_tui.tui.session.text_files import put_in_place


@dataclass(slots=True)
class Preferences:
    """The choices kept in settings.json. `model` is the one that suggested last, "" for none."""

    theme: str = ""
    ghost: bool = True
    model: str = ""


def load_preferences(folder: Path) -> Preferences:
    """The choices kept in `folder`; what is missing or makes no sense is as it is at first."""
    preferences = Preferences()
    with suppress(OSError, ValueError, RecursionError):
        data = json.loads((folder / "settings.json").read_text("utf-8"))
        for spec in fields(Preferences):
            value = data.get(spec.name) if isinstance(data, dict) else None
            if type(value) is type(getattr(preferences, spec.name)):
                setattr(preferences, spec.name, value)
    return preferences


def save_preferences(folder: Path, preferences: Preferences) -> None:
    """Keeps the choices. Raises StorageError."""
    path = folder / "settings.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        put_in_place(path, json.dumps(asdict(preferences), indent=1))
    except OSError as error:
        raise StorageError(f"could not save {path}: {os_reason(error)}") from error


def keymap_path(folder: Path) -> Path:
    """The file in which the user gives keys of their own."""
    return folder / "keymap.toml"


def load_keymap(folder: Path, known: Iterable[str]) -> dict[str, str]:
    """The user's keys by the id of their binding; empty where there is no file.

    Raises UsageError, naming the file, for one that cannot be read and for ids that are none of
    `known`.
    """
    path = keymap_path(folder)
    try:
        data = _flat(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path}: {os_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    keys = {name: value for name, value in data.items() if isinstance(value, str)}
    faults = []
    if wrong := data.keys() - keys.keys():
        faults.append(f'{", ".join(sorted(wrong))} must be text in quotes, such as "ctrl+n"')
    if unknown := keys.keys() - set(known):
        faults.append(f"there is no action {', '.join(sorted(unknown))}")
    if faults:
        raise UsageError(
            f"{path} is not used: {'; '.join(faults)}",
            "the file that the palette writes lists all actions",
        )
    return {name: value.replace(" ", "") for name, value in keys.items()}


def _flat(data: Mapping[str, object], above: str = "") -> dict[str, object]:
    """Tables as dotted names: `[line] send = "enter"` is `line.send`, and so is a quoted key."""
    flat: dict[str, object] = {}
    for name, value in data.items():
        full = f"{above}{name}"
        flat |= _flat(value, f"{full}.") if isinstance(value, dict) else {full: value}
    return flat


def write_keymap(folder: Path, lines: Iterable[tuple[str, str, str]]) -> Path:
    """Writes a keymap file to edit, of (id, keys, what it does), all commented out.

    Raises RnnlmError where there is one already, StorageError where it cannot be written.
    """
    path = keymap_path(folder)
    text = [
        "# Keys of your own: take the # off and change what stands in the quotes.\n"
        '# Several keys for one action: "tab,ctrl+right". They apply at the next start.\n'
    ]
    text += [f'\n# {what}\n# "{name}" = "{keys}"\n' for name, keys, what in lines]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.writelines(text)
    except OSError as error:
        if path.exists():
            why = f"{path} is there already"
            raise RnnlmError(why, "edit it, and start the app again") from error
        raise StorageError(f"could not write {path}: {os_reason(error)}") from error
    return path
