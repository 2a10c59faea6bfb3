"""Draws what belongs to words: stages over words, the influence of words, the next words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from rnnlm_tui.formatting import format_percent, sanitize, shorten
from rnnlm_tui.tui.inside.cells import fitted, on_view
from rnnlm_tui.tui.widgets.bars import bar, in_percent

if TYPE_CHECKING:
    from rnnlm_tui.explain import Explanation, LineWord
    from rnnlm_tui.lm.stages import Stage

BAR = "$text-primary"
DIM = "$text-muted"
LABEL = 14
"""Columns of a word or a context."""
LONGEST_BAR = 30
COLUMN = 11
"""Columns of a suggestion in a table."""
WIDEST_PART = 24
"""Columns of what a part contributes, at most."""
INFLUENCE_BAR = 5
"""Columns of the bar of a word without which the suggestion is impossible, or twice as likely."""
RISE, MOST_RISE = "░", 99.99
"""What the bar is made of if the suggestion is likelier without the word, and the largest rise that
is told."""
BEFORE = "… "
ORDINALS = {1: "st", 2: "nd", 3: "rd"}
CONTEXT = 16
"""Characters of the words before a word that are named."""


def word_rows(stage: Stage, width: int, height: int) -> Iterator[Content]:
    """The values of a stage that belong to words, in this room: its largest ones, a table, or the
    last ones, and which of them these are."""
    if stage.top:
        yield from _top_rows(stage, width, height)
    elif stage.columns:
        yield from _table_rows(stage, width, height)
    else:
        values = stage.values.tolist()
        labels = stage.rows or tuple(f"{number:,}" for number in range(1, len(values) + 1))
        shown = [f"{value:.3f}" if isinstance(value, float) else f"{value}" for value in values]
        is_cut = len(shown) > height
        rows = [*zip(labels, shown, strict=True)][-max(1, height - is_cut) :]
        for label, text in rows:
            yield fitted(label, LABEL + 8 if stage.rows else 4) + Content(f" {shorten(text)}")
        if is_cut:
            yield Content.styled(
                on_view("rows", len(shown) - len(rows), len(rows), len(shown)), DIM
            )


def _top_rows(stage: Stage, width: int, height: int) -> Iterator[Content]:
    """A bar for each of the largest values, the largest one being full."""
    words = stage.top[:height]
    largest = max(value for _, value in words)
    for word, value in words:
        figure = f"{value:.2f}" if stage.name == "logits" else f"{value:.1%}"
        drawn = bar(value / largest, min(LONGEST_BAR, width - LABEL - 9)) if largest > 0 else ""
        yield Content.assemble(fitted(word, LABEL), f" {figure:>7} ", (drawn, BAR))


def _table_rows(stage: Stage, width: int, height: int) -> Iterator[Content]:
    """A row for each context, the longest last, and a column for each suggestion."""
    count = max(1, (width - LABEL) // COLUMN)
    heads = [fitted(word, COLUMN - 1).plain.strip().rjust(COLUMN) for word in stage.columns[:count]]
    yield Content.styled("after".ljust(LABEL) + "".join(heads), DIM)
    rows = zip(stage.rows, stage.values.tolist(), strict=True)
    for label, row in [*rows][-max(1, height - 1) :]:
        end = sanitize(label)
        end = end if cell_len(end) <= LABEL else f"…{end[1 - LABEL :]}"
        figures = "".join(f"{value:.1%}".rjust(COLUMN) for value in row[:count])
        yield fitted(end, LABEL) + Content(figures)


def influence_rows(found: Explanation, width: int, height: int) -> Iterator[Content]:
    """The last words of the line, each with the change of the probability of the first suggestion
    if it is left out. An ellipsis stands for the words before them."""
    whole = float(found.probabilities[0]) if found.suggestions else 0.0
    texts = [_influence(word, whole) for word in found.words]
    rows, row = list[Content](), Content("")
    for text in reversed(texts):  # the last word is at the right end of the last row
        if row.cell_length + text.cell_length > width - len(BEFORE) and row.cell_length:
            rows.insert(0, row)
            row = Content("")
        row = text + row
    first, *others = [row, *rows][-height:]
    yield Content(BEFORE) + first if len(rows) >= height or found.earlier else first
    yield from others


def _influence(word: LineWord, whole: float) -> Content:
    label = (shorten(word.word, LABEL), "" if word.seen else "dim")
    if not word.known:
        return Content.assemble(label, (" (unknown)  ", DIM))
    if not word.seen:
        return Content.assemble(label, (" (fallen out)  ", DIM))
    if not word.influence or not whole:
        return Content.assemble(label, "  ")
    rise = min(-word.influence[0] / whole, MOST_RISE)
    drawn = bar(-rise, INFLUENCE_BAR)
    if rise > 0:
        drawn = RISE * math.ceil(min(rise, 1) * INFLUENCE_BAR)
    change = f"{rise:+.1%}" if rise < -0.99 else f"{rise:+.0%}"  # tells the strongest apart
    if change[1:] == "0%":
        drawn, change = "", "0%"
    return Content.assemble(label, " ", (drawn, BAR), " " * bool(drawn), (change, DIM), "  ")


def guess_sentence(found: Explanation) -> str:
    """How surprising the last whole word of the line was; "" if there is none."""
    before = [word.word for word in found.words]
    if not before:
        return ""
    is_word = [any(map(str.isalnum, word)) for word in before]
    number = max((place for place, is_one in enumerate(is_word) if is_one), default=-1)
    last = found.words[number]  # a mark goes with the word before it
    word, before = shorten(last.word), before[:number]
    if not last.known:
        return f'"{word}": unknown to the model, so it is never guessed'
    if last.probability is None or last.bits is None:
        return f'"{word}": no word that is known stands before it'
    guess = f"{last.rank:,}{ordinal(last.rank)} guess" if last.rank else "never suggested"
    share = _exactly(last.probability)
    near = before
    while len(near) > 1 and len(" ".join(near)) > CONTEXT:
        near = near[1:]
    cut = "… " if len(near) < len(before) else ""
    after = shorten(" ".join(near))
    where = f'after "{cut}{after}"' if before else "as the first word"
    return f'"{word}": {guess}, {share}, {last.bits:.1f} bits {where}'


def _exactly(probability: float) -> str:
    """A probability in per cent: those of the words that begin with a letter are small."""
    return format_percent(probability) if probability >= 0.0005 else "<0.1%"


def ordinal(number: int) -> str:
    """The ending of an ordinal number."""
    return "th" if number % 100 in (11, 12, 13) else ORDINALS.get(number % 10, "th")


def suggestion_rows(found: Explanation, width: int, height: int) -> Iterator[Content]:
    """The suggestions with their probability among all words; for a mixture with the share of each
    part in it."""
    parts = found.parts if len(found.parts) > 1 else ()
    part_width = min(WIDEST_PART, max(12, (width - LABEL - 13) // max(1, len(parts))))
    if parts:
        names = "".join(fitted(part.name, part_width).plain for part in parts)
        yield Content.styled(f"{'':{LABEL + 7}}from: {names}", DIM).truncate(width)
        height -= 1
    contributions = [part.contributions.tolist() for part in parts]
    for number, listed in enumerate(found.suggestions[:height]):
        word, probability = fitted(listed.word, LABEL), float(found.probabilities[number])
        figure = f" {_exactly(probability):>5} "
        of_parts = [values[number] for values in contributions]
        whole = sum(of_parts)
        shares = [value / whole if whole else 0.0 for value in of_parts]
        if parts:
            columns = (_share(share, part_width) for share in shares)
            yield Content.assemble(word, figure, " " * 6, *columns).truncate(width)
        else:
            room = min(2 * LONGEST_BAR, width - LABEL - 8)
            drawn = bar(probability, room)
            yield Content.assemble(word, figure, (drawn, BAR))


def _share(share: float, width: int) -> Content:
    drawn = f"{bar(share, width - 9)} {in_percent(share)}"
    return fitted(drawn, width).stylize(BAR)
