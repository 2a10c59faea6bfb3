"""Fractions as percentages and as bars."""

from __future__ import annotations

EIGHTHS = " ▏▎▍▌▋▊▉"


def in_percent(fraction: float) -> str:
    """Formats a fraction as a percentage; "<1%" if it would round to 0."""
    return "<1%" if 0 < fraction < 0.005 else f"{fraction:.0%}"


def bar(fraction: float, width: int) -> str:
    """Returns a bar, `width` cells long for a fraction of 1, in eighths of a cell."""
    eighths = round(max(0.0, min(fraction, 1.0)) * max(0, width) * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
