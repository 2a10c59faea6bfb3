"""Formats numbers, shares and times for people, and text so that it cannot control a terminal."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import date, datetime
from unicodedata import category, east_asian_width

JOINERS = "\u200c\u200d"
"""Invisible characters that belong to the spelling of words and emoji."""
INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufeff"
"""Other invisible characters, such as soft hyphens. Texts from the web have them."""
LONGEST_WORD = 40
"""The most characters of a word that are shown. A corpus may have a word of five million."""
STRAIGHT = str.maketrans(dict.fromkeys("‘’‚‛ʼ", "'") | dict.fromkeys("“”„‟", '"'))
"""The straight quote for each curly one."""
SLIP_MARK = "≈"
"""The mark before a suggested word that corrects a slip of the fingers."""


def sanitize(text: str) -> str:
    """Replaces characters that could control a terminal by U+FFFD."""
    if text.isprintable():  # nearly always, and 30 times faster
        return text
    harmless = {c for c in text if c.isprintable() or c in JOINERS or category(c) == "Zs"}
    return "".join(c if c in harmless else "\ufffd" for c in text)


def same_start(one: str, two: str) -> int:
    """Counts the characters that two texts share at their start."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(two)))


def straight_quotes(text: str) -> str:
    """Makes all quotes and apostrophes straight, as they are typed. Models and word processors
    write curly ones. The length stays the same."""
    return text.translate(STRAIGHT)


def shorten(text: str, most: int = LONGEST_WORD) -> str:
    """Sanitizes text and cuts it to `most` characters."""
    return sanitize(text) if len(text) <= most else f"{sanitize(text[: most - 1])}…"


def cells_of(text: str) -> int:
    """Counts the columns that a text takes: two for a wide letter, none for a mark on a letter."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(category(c) in ("Mn", "Me") for c in text)


def fitted(text: str, width: int) -> str:
    """Sanitizes text and cuts or pads it to `width` columns, of which the last one is blank."""
    text = shorten(text, width)
    while cells_of(text) >= width > 1:
        text = f"{text[:-2]}…"
    return text + " " * (width - cells_of(text))


def cut_words(text: str) -> str:
    """Cuts each word of a line to LONGEST_WORD characters."""
    cut = (f"{w[: LONGEST_WORD - 1]}…" if len(w) > LONGEST_WORD else w for w in text.split(" "))
    return " ".join(cut)


def round_numbers(low: float, high: float, most: int, least: float = 0.0) -> list[float]:
    """Returns the round numbers of an axis, from at most `low` to at least `high`. Their difference
    is at most `most` steps. A step is 1, 2 or 5 times a power of ten, but at least `least`."""
    span = high - low if high - low > 1e-6 else 1.0
    unit = 10 ** math.floor(math.log10(span / most))
    step = max(least, next(unit * n for n in (1, 2, 5, 10) if span <= unit * n * most))
    first = math.floor(low / step)
    return [n * step for n in range(first, max(math.ceil(high / step), first + 1) + 1)]


def local_time(stamp: str) -> str:
    """Converts a time in ISO 8601 to the local time zone. An invalid one is returned unchanged."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return stamp


def day_name(seconds: float, month: str = "%B") -> str:
    """Formats the local day of a time in seconds since 1970, with the year if it is not this year.
    `month` is the format of the month. Returns "day unknown" for a time that no calendar has, which
    a wrong clock may give."""
    try:
        day = date.fromtimestamp(seconds)
    except (ValueError, OverflowError, OSError):
        return "day unknown"
    year = "" if day.year == date.today().year else f" {day.year}"
    return f"{day.day} {day.strftime(month)}{year}"


def day_and_time(seconds: float) -> str:
    """Formats a time in seconds since 1970, such as "Monday 30 November, 07:40"."""
    day = day_name(seconds)
    with suppress(ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(seconds)
        day = f"{moment:%A} {day}, {moment:%H:%M}"
    return day


def plural(count: int, what: str) -> str:
    """Formats a count with its noun, such as "1 line" or "2,158 lines"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def format_bytes(count: float) -> str:
    """Formats a number of bytes in decimal units."""
    for unit, digits in (("B", 0), ("kB", 0), ("MB", 1)):
        if round(count, digits) < 1000:
            return f"{count:.{digits}f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def format_duration(seconds: float, *, roughly: bool = False) -> str:
    """Formats a duration. `roughly` omits seconds after minutes, and hours after days."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{round(seconds / 60)} min" if roughly else f"{minutes} min {rest:02} s"
    hours = minutes // 60
    if roughly and hours >= 48:
        return f"{round(hours / 24):,} days"
    return f"{hours:,} h {minutes % 60:02} min"


def format_loss(value: float | None) -> str:
    """Formats a loss in nats, or a dash if it is missing or not finite."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.3f}"


def format_perplexity(value: float | None) -> str:
    """Formats a perplexity in at most seven characters; a dash if it is missing or not finite."""
    if value is None or not math.isfinite(value):
        return "-"
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def format_percent(value: float | None) -> str:
    """Formats a share in percent, with a decimal below 10 %; a dash if missing or not finite."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.0%}" if value >= 0.0995 or value == 0 else f"{value:.1%}"


def as_unicode(text: str) -> str:
    """Replaces lone surrogates by question marks, because neither UTF-8 files nor SQLite can store
    them. Python decodes the bytes of an argument or file name that are not UTF-8 as surrogates."""
    return text.encode("utf-8", "replace").decode()


def format_whole_percent(value: float) -> str:
    """Formats a share as a percentage without decimals, "<1%" if it would round to 0."""
    return "<1%" if 0 < value < 0.005 else f"{value:.0%}"
