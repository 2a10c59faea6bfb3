"""What every mode prints with."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rnnlm_tui.events import json_safe
from rnnlm_tui.formatting import escape


def print_json(data: Mapping[str, Any]) -> None:
    """One object on one line of stdout."""
    print(escape(json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False)), flush=True)


def prints_unicode() -> bool:
    """Whether stdout can take a block character."""
    return sys.stdout.encoding.lower().startswith("utf")


def columns_of(rows: Sequence[Sequence[str]], numbers_from: int) -> list[str]:
    """The rows as lines of aligned columns; from the column `numbers_from` on, aligned right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place >= numbers_from else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
