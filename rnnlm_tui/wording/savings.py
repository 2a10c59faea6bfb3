"""Sentences on how many keys a model saves."""

from __future__ import annotations

from rnnlm_tui.events import ByWriter, Comparison, Evaluation
from rnnlm_tui.formatting import plural

ENOUGH_WORDS = 500
"""Fewest words to measure a model on. A hit rate of 10 % on 500 words is accurate to 3 points."""
ENOUGH_TEXT = "a text of 5,000 to 8,000 words is enough"
"""A tenth of the lines is held out by default. Since lines differ in length, a text that holds out
ENOUGH_WORDS may have more than ten times as many."""


def savings_sentence(
    evaluation: Evaluation | None,
    before: ByWriter[float] | None = None,
    *,
    are_unseen: bool = False,
) -> str:
    """Says how many keys a model saves, or that it was measured on too few words to tell.

    For example: "saves 61 of 100 keys of a writer who reads the list, 46 of one who looks at the
    cursor only; english alone 60 and 45". `before` are the shares before an update, on the same
    lines. `are_unseen` adds that the model has not learned the lines. Returns "" if no keys were
    counted.
    """
    if evaluation is None or evaluation.keystroke_savings is None:
        return ""
    if evaluation.words < ENOUGH_WORDS:
        measured = f"measured on {plural(evaluation.words, 'word')}"
        return f"{measured}, too few to tell how many keys it saves: that takes {ENOUGH_WORDS}"
    where = "on lines it has not seen, it " if are_unseen else ""
    parts = [f"{where}{_saves(evaluation.keystroke_savings)}"]
    if before is not None:
        parts.append(f"before {both_shares(before)}")
    if (base := evaluation.base) is not None:
        parts.append(f"{base.name} alone {both_shares(base.keystroke_savings)}")
    return "; ".join(parts)


def both_shares(saved: ByWriter[float], decimals: int = 0) -> str:
    """Formats the percentages of a writer who reads the list and of one who looks at the cursor."""
    return f"{100 * saved.attentive:.{decimals}f} and {100 * saved.at_cursor:.{decimals}f}"


def _saves(saved: ByWriter[float], decimals: int = 0) -> str:
    return (
        f"saves {100 * saved.attentive:.{decimals}f} of 100 keys of a writer who reads the list,"
        f" {100 * saved.at_cursor:.{decimals}f} of one who looks at the cursor only"
    )


def is_better(comparison: Comparison) -> bool:
    """True if a new model saves more keys of a writer who looks at the cursor than the one in use,
    on enough words to tell."""
    new, old = comparison.new.keystroke_savings, comparison.in_use.keystroke_savings
    is_enough = comparison.new.words >= ENOUGH_WORDS
    return is_enough and new is not None and old is not None and new.at_cursor > old.at_cursor


def comparison_sentence(name: str, comparison: Comparison) -> str:
    """Says how many keys the new model `name` and the one in use save on the same lines.

    For example: "mine saves 58.4 of 100 keys of a writer who reads the list, 43.4 of one who looks
    at the cursor only, on lines that neither has learned; english 55.1 and 40.1".
    """
    new, old = comparison.new.keystroke_savings, comparison.in_use.keystroke_savings
    if comparison.new.words < ENOUGH_WORDS or new is None or old is None:
        few = f"{plural(comparison.new.words, 'word')} that neither has learned are too few to tell"
        return f"{few} whether {name} is better than {comparison.name}; {ENOUGH_TEXT}"
    on_lines = "on lines that neither has learned"
    return f"{name} {_saves(new, 1)}, {on_lines}; {comparison.name} {both_shares(old, 1)}"
