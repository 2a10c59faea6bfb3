"""The names that models may have, and the names of the built-in models."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from rnnlm_tui.errors import UsageError
from rnnlm_tui.paths import built_in_models
from rnnlm_tui.store.files import SUFFIX

LONGEST_NAME = 64
"""The length of the longest name, in characters."""
LONGEST_STEM = 40
"""The number of characters that a model's name takes from the name of its text's file."""
NAME_RULE = (
    "use at most 64 letters, digits, '.', '_' and '-', the first one a letter, a digit or '_', and"
    " the last one no '.'"
)


def is_name(name: str) -> bool:
    """Returns True if a model may have this name."""
    is_allowed = 0 < len(name) <= LONGEST_NAME and all(map(_may_be_in_name, name))
    return is_allowed and (name[0].isalnum() or name[0] == "_") and name[-1] != "."


def check_name(name: str) -> str:
    """Returns `name` if a model may have it. Raises UsageError."""
    if not is_name(name):
        raise UsageError(f"{name!r} cannot be a model's name", NAME_RULE, field="name")
    return name


def _may_be_in_name(character: str) -> bool:
    """Returns True for a letter or a digit of any script, for an accent, and for one of `._-`."""
    is_mark = unicodedata.category(character).startswith("M")
    return character.isalnum() or character in "._-" or is_mark


def tidy_name(text: str) -> str:
    """Returns `text` with `-` for spaces and composed letters (NFC), which may be no valid name."""
    return "-".join(unicodedata.normalize("NFC", text).split())


def model_name_of(stem: str) -> str:
    """Returns a name for a model of the text in a file. `stem` is the file's name without its
    ending. Characters that no name may have become `-`. The name is "text" if nothing is left."""
    stem = unicodedata.normalize("NFC", stem).replace(".", "-")
    plain = "".join(c if _may_be_in_name(c) else "-" for c in stem)
    name = re.sub("-+", "-", plain).strip("-")[:LONGEST_STEM]
    return name if is_name(name) else "text"


def built_in_names() -> list[str]:
    """Returns the sorted names of the built-in models."""
    names = (path.stem for path in built_in_models().glob(f"*{SUFFIX}"))
    return sorted(filter(is_name, names))


def built_in_path(name: str) -> Path:
    return built_in_models() / f"{name}{SUFFIX}"
