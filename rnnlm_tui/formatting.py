"""What is printed: foreign text, so that it cannot steer a terminal, and numbers for a person."""

from __future__ import annotations

import json
import math
import unicodedata
from datetime import datetime

JOINERS = "\u200c\u200d"
"""Invisible, and part of the spelling of many languages' words and of emoji."""


def escape(json_line: str) -> str:
    """The same JSON with escapes for the characters that could steer a terminal or end a line."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json_line)


def sanitize(text: str) -> str:
    """`text` with every control character, which could steer a terminal, made visible."""
    if text.isprintable():  # nearly always, and 30 times faster
        return text
    return "".join(c if c.isprintable() or _harmless(c) else "\ufffd" for c in text)


def _harmless(character: str) -> bool:
    return character in JOINERS or unicodedata.category(character) == "Zs"


def local_time(stamp: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time in ISO 8601 in the local zone, for a person; as it stands where it is no time."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime(form)
    except (ValueError, OverflowError, OSError):
        return stamp


def plural(count: int, what: str) -> str:
    """A number of things for a person: 1 line, 2,158 lines."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def format_bytes(count: float) -> str:
    """A number of bytes for a person, in decimal units."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit != "MB" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def format_duration(seconds: float, *, roughly: bool = False) -> str:
    """A duration for a person; `roughly` leaves out the seconds of what takes minutes, and the
    hours of what takes days."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{round(seconds / 60)} min" if roughly else f"{minutes} min {rest:02} s"
    hours = minutes // 60
    if roughly and hours >= 48:
        return f"{round(hours / 24):,} days"
    return f"{hours:,} h {minutes % 60:02} min"


def finite(value: object) -> float | None:
    """A measured value as a float; None if it is no finite number."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def format_perplexity(value: float | None) -> str:
    """A perplexity in at most seven characters."""
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def format_percent(value: float | None) -> str:
    """A share as a percentage."""
    if value is None:
        return "-"
    return f"{value:.0%}" if value >= 0.0995 or value == 0 else f"{value:.1%}"
