"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from rnnlm_tui.printing import in_bytes, in_time


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
    assert in_time(seconds) == exactly
    assert in_time(seconds, roughly=True) == roughly


@pytest.mark.parametrize(
    ("count", "shown"),
    [(999, "999 B"), (2_000, "2 kB"), (515_800_000, "515.8 MB"), (1.5e12, "1,500.0 GB")],
)
def test_bytes_are_in_decimal_units(count: float, shown: str) -> None:
    assert in_bytes(count) == shown
