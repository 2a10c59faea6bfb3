"""Keeps files that cannot be read under other names. Does not import textual."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path


def put_aside(path: Path, endings: Sequence[str] = ("",)) -> Path:
    """Renames a file to the first free one of NAME.damaged, NAME.damaged-2 and so on, and returns
    the new path. Raises OSError.

    `endings` are added to both names: each existing file among them is renamed, in this order.
    """
    for number in count(1):
        kept = path.with_name(f"{path.name}.damaged" + (f"-{number}" if number > 1 else ""))
        if not any(os.path.lexists(f"{kept}{ending}") for ending in endings):
            break
    for ending in endings:
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{kept}{ending}")
    return kept
