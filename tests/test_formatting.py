"""Numbers and times as a person reads them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from rnnlm_tui.formatting import (
    cut_words,
    day_name,
    escape,
    finite,
    format_bytes,
    format_duration,
    format_percent,
    format_perplexity,
    local_time,
    plural,
    sanitize,
    shorten,
)


@pytest.mark.parametrize(
    ("seconds", "exactly", "roughly"),
    [
        (0.04, "0.0 s", "0.0 s"),
        (8.26, "8.3 s", "8.3 s"),
        (59.4, "59 s", "59 s"),
        (60, "1 min 00 s", "1 min"),
        (100, "1 min 40 s", "2 min"),
        (1066, "17 min 46 s", "18 min"),
        (3599, "59 min 59 s", "60 min"),
        (8460, "2 h 21 min", "2 h 21 min"),
        (200_000, "55 h 33 min", "2 days"),
        (1e13, "2,777,777,777 h 46 min", "115,740,741 days"),
    ],
)
def test_a_duration_is_as_exact_as_it_needs_to_be(
    seconds: float, exactly: str, roughly: str
) -> None:
    assert format_duration(seconds) == exactly
    assert format_duration(seconds, roughly=True) == roughly


@pytest.mark.parametrize(
    ("count", "shown"),
    [(999, "999 B"), (2_000, "2 kB"), (515_800_000, "515.8 MB"), (1.5e12, "1,500.0 GB")],
)
def test_bytes_are_in_decimal_units(count: float, shown: str) -> None:
    assert format_bytes(count) == shown


def test_a_time_is_local_and_other_text_is_not_changed() -> None:
    assert re.fullmatch(r"2026-11-2\d \d\d:07", local_time("2026-11-25T04:07:14+00:00"))
    assert local_time("2026-11-25T04:07:14", "%H:%M") == "04:07"
    assert local_time("nonsense [/b]") == "nonsense [/b]"
    assert local_time("0001-01-01T00:00:00+23:59") == "0001-01-01T00:00:00+23:59"


def test_one_is_singular() -> None:
    assert [plural(n, "line") for n in (0, 1, 2158)] == ["0 lines", "1 line", "2,158 lines"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ça va", "Ça va"),
        ("a\x1b[31mb\x9b\n\x00", "a\ufffd[31mb\ufffd\ufffd\ufffd"),
        ("\u202eabc", "\ufffdabc"),
        ("a\u00a0b\u200dc", "a\u00a0b\u200dc"),
        ("\udce9", "\ufffd"),
    ],
)
def test_foreign_text_cannot_steer_a_terminal(text: str, shown: str) -> None:
    assert sanitize(text) == shown
    line = escape(json.dumps({"text": text}, ensure_ascii=False))
    assert line.isprintable()
    assert json.loads(line) == {"text": text}


def test_long_text_is_cut() -> None:
    assert shorten("word", 4) == "word"
    assert shorten("words", 4) == "wor…"
    assert cut_words("a " + "b" * 5_000_000 + " c") == "a " + "b" * 39 + "… c"
    assert shorten("\x1b" * 5_000_000) == "\ufffd" * 39 + "…"


@pytest.mark.parametrize(
    ("form", "values", "shown"),
    [
        (format_percent, [None, 0, 0.0123, 0.0996, 0.5], "- 0% 1.2% 10% 50%"),
        (format_perplexity, [None, 12.34, 1234.5, 1.5e8], "- 12.3 1,234 1.5e+08"),
        (finite, [1, 2.5, math.nan, math.inf, "3", None], "1.0 2.5 None None None None"),
    ],
)
def test_figures_are_short(form: Callable[[Any], object], values: list[Any], shown: str) -> None:
    assert " ".join(str(form(value)) for value in values) == shown


def test_the_day_of_this_year_has_no_year() -> None:
    assert day_name(datetime(date.today().year, 11, 3, 12).timestamp()) == "3 November"
    assert day_name(datetime(2020, 11, 3, 12).timestamp(), "%b") == "3 Nov 2020"


@pytest.mark.parametrize("seconds", [1e18, -1e18, math.inf, -math.inf, math.nan, 2.6e11])
def test_a_time_that_no_calendar_has_is_no_error(seconds: float) -> None:
    assert day_name(seconds) == "day unknown"
