"""The row that says what the model has taken into account."""

from __future__ import annotations

from textual.content import Content

from rnnlm_tui.formatting import sanitize
from rnnlm_tui.tui.writing.predictor import Answer


def context_line(answer: Answer, width: int) -> Content:
    """The words that the model sees, and at the right those that it does not know, in `width`
    cells. If there is no room for all words the last ones are shown: they matter most."""
    found, model = answer.suggestions, answer.question.loaded_model.model
    above = model.uses_previous_lines and answer.question.previous_lines
    more = " and the lines above" if above else ""
    head = f"the model sees {len(found.seen)} of {model.window} words{more}: "
    frame = len(head) + len("|  | ")
    unknown = Content(f"unknown: {sanitize(', '.join(found.unknown)) or '-'}")
    unknown = unknown.truncate(max(0, min(width // 2, width - frame - 1)), ellipsis=True)
    room = max(1, width - frame - unknown.cell_length)
    words = [sanitize(word) for word in found.seen]
    seen = Content(" ".join(words))
    while len(words) > 1 and seen.cell_length > room:
        words = words[max(1, len(words) // 16) :]
        seen = Content(" ".join(["…", *words]))
    if seen.cell_length > room:
        seen = Content(words[-1]).truncate(room, ellipsis=True)
    left = Content.assemble(head, "| ", seen, " |")
    gap = " " * max(1, width - left.cell_length - unknown.cell_length)
    return Content.assemble(left, gap, unknown)
