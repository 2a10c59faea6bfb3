"""The estimate of the time left."""

from __future__ import annotations

import pytest

from rnnlm_tui.training.time_left import TimeLeft


def test_before_any_step_it_is_what_was_estimated() -> None:
    left = TimeLeft(0.5, 2.0, 7.0)
    left.add_steps(0.2, 0)
    assert left.seconds(10, 3) == 5.0 + 6.0 + 7.0
    left.set_end(1.0)
    assert left.seconds(0, 1) == 8.0
    assert left.seconds(0, 0) == 7.0


@pytest.mark.parametrize(
    ("before", "after"),
    [(0.02, 0.02), (0.005, 0.1), (0.1, 0.005), (0.3, 3.0), (3.0, 0.3), (3.0, 0.005)],
)
def test_ten_seconds_after_a_change_it_follows_the_new_speed(before: float, after: float) -> None:
    left = TimeLeft(1.0, 0.0, 0.0)
    for seconds_per_step in (before, after):
        steps = max(1, round(0.1 / seconds_per_step))  # a report
        for _ in range(round(10 / (steps * seconds_per_step))):
            left.add_steps(steps * seconds_per_step, steps)
    assert 1 / 1.5 < left.seconds(1000, 0) / (1000 * after) < 1.5
