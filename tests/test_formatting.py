"""Numbers and times as a person reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import pytest

from rnnlm_tui.formatting import (
    cut_words,
    day_and_time,
    day_name,
    format_bytes,
    format_duration,
    format_loss,
    format_percent,
    format_perplexity,
    local_time,
    plural,
    sanitize,
    shorten,
)

ROUGHLY = partial(format_duration, roughly=True)
SECONDS = [8.26, 60, 100, 3599, 200_000]


@pytest.mark.parametrize(
    ("form", "values", "shown"),
    [
        (format_duration, SECONDS, "8.3 s|1 min 00 s|1 min 40 s|59 min 59 s|55 h 33 min"),
        (ROUGHLY, SECONDS, "8.3 s|1 min|2 min|60 min|2 days"),
        (format_bytes, [999, 2_000, 999_700, 515_800_000], "999 B|2 kB|1.0 MB|515.8 MB"),
        (format_bytes, [999_960_000, 1.5e12], "1.0 GB|1,500.0 GB"),
        (format_percent, [None, math.nan, 0, 0.0123, 0.0996, 0.5], "-|-|0%|1.2%|10%|50%"),
        (format_loss, [None, 1.23456], "-|1.235"),
        (format_perplexity, [math.inf, 12.34, 1234.5, 1.5e8], "-|12.3|1,234|1.5e+08"),
        (lambda n: plural(n, "line"), [0, 1, 2158], "0 lines|1 line|2,158 lines"),
        (lambda most: shorten("words", most), [4, 5], "wor…|words"),
        (cut_words, ["a " + "b" * 5_000_000 + " c"], "a " + "b" * 39 + "… c"),
    ],
)
def test_figures_and_words_are_short(
    form: Callable[[Any], str], values: list[Any], shown: str
) -> None:
    assert "|".join(map(form, values)) == shown


def test_times_are_local_and_days_of_this_year_have_no_year() -> None:
    assert re.fullmatch(r"2026-11-2\d \d\d:07", local_time("2026-11-25T04:07:14+00:00"))
    assert local_time("2026-11-25T04:07:14") == "2026-11-25 04:07"
    assert local_time("nonsense [/b]") == "nonsense [/b]"
    assert day_name(datetime(date.today().year, 11, 3, 12).timestamp()) == "3 November"
    assert day_name(datetime(2020, 11, 3, 12).timestamp(), "%b") == "3 Nov 2020"
    assert (
        day_and_time(datetime(2020, 11, 30, 7, 40).timestamp()) == "Monday 30 November 2020, 07:40"
    )
    for name in (day_name, day_and_time):
        assert {*map(name, (1e18, math.inf, math.nan, 4e11))} == {"day unknown"}


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
