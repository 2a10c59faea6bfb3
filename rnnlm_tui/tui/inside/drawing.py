"""Draws an explanation as rows of text that fit a width and a height in cells.

The glyph of a number says both its sign and its size, as its colour does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from textual.content import Content

from rnnlm_tui.formatting import format_percent, sanitize, shorten
from rnnlm_tui.tui.widgets.bars import bar

if TYPE_CHECKING:
    from rnnlm_tui.explain import Explanation, LineWord
    from rnnlm_tui.lm.stages import Stage

BAR, DIM = "$text-primary", "$text-muted"
LABEL = 14
"""Columns of a word or a context."""
UNIT_LABEL = 10
"""Columns of the label of a row of units, at most."""
LONGEST_BAR, LONGEST_OF_PARTS = 30, 60
COLUMN = 11
"""Columns of a suggestion in a table."""
FEWEST_ROWS = 4
"""Rows below the sentence on a stage, which is cut off if need be."""
BELOW, ZERO, ABOVE = "-=≡#", "·", "░▒▓█"
"""Glyphs of numbers below 0, at 0 and above 0, by size: up to a quarter of the scale, up to a half,
and so on."""
GLYPHS = np.array([*reversed(BELOW), ZERO, *ABOVE, " "])
STYLES = {
    **dict.fromkeys(BELOW, "$text-warning"),
    **dict.fromkeys(ABOVE, BAR),
    ZERO: "$text-disabled",
    " ": "",
}
"""The style of each glyph. A cell after the end of the array is blank."""
PARTS = (("█", BAR), ("▓", "$text-accent"), ("▒", "$text-success"), ("░", "$text-warning"))
"""What each part of a model adds to the bar of a suggestion."""
FALL, RISE, MOST_RISE = "█", "░", 99.99
"""Of what the bar is made if the suggestion is less likely or likelier without the word, and the
largest rise that is told."""
INFLUENCE_BAR = 5
"""Columns of the bar of a word without which the suggestion is impossible, or twice as likely."""
BEFORE = "… "
ORDINALS = {1: "st", 2: "nd", 3: "rd"}
Rows = Iterator[Content]


def fitted(text: str, width: int) -> Content:
    """A text in exactly this many columns, of which the last one is blank."""
    return Content(sanitize(text)).truncate(width - 1, ellipsis=True, pad=True) + " "


def sentence_rows(sentence: str, width: int, height: int) -> Rows:
    """A sentence in at most this many rows."""
    rows = Content(sanitize(sentence)).wrap(width)
    yield from rows[: height - 1]
    if len(rows) >= height:
        last = rows[height - 1]
        yield last if len(rows) == height else (last + " …").truncate(width, ellipsis=True)


# A stage


def stage_rows(stage: Stage, sentence: str, width: int, height: int) -> Rows:
    """The sentence on a stage, and its values."""
    head = [*sentence_rows(sentence, width, max(1, height - FEWEST_ROWS))]
    yield from head
    yield from value_rows(stage, width, max(1, height - len(head)))


def value_rows(stage: Stage, width: int, height: int) -> Rows:
    """The values of a stage: its largest ones, a table, the numbers of units, or the last words."""
    if stage.top:
        yield from _top_rows(stage, width, height)
    elif stage.columns:
        yield from _table_rows(stage, width, height)
    elif stage.values.dtype.kind == "f" and not (stage.values.ndim == 1 and stage.rows):
        yield from unit_rows(stage, width, height)
    else:
        yield from _word_rows(stage, height)


def unit_rows(stage: Stage, width: int, height: int) -> Rows:
    """A cell for each number of a layer, and what the glyphs mean: of several rows the last ones
    with their first units; a single row goes on in those below it."""
    values, units = stage.values.astype(np.float64), stage.values.shape[-1]
    if not values.size:
        return
    scale = stage.scale or float(np.abs(np.nan_to_num(values)).max()) or 1.0
    height = max(1, height - 1)
    if values.ndim == 1:
        pad, labels = 0, [""] * height
        values = np.append(values, np.full(-units % width, np.nan)).reshape(-1, width)[:height]
        shown = values.size
    else:
        pad = min(UNIT_LABEL, max(cell_len(sanitize(label)) for label in stage.rows)) + 1
        shown = max(1, width - pad)
        values, labels = values[-height:, :shown], [*stage.rows[-height:]]
    sizes = np.minimum(np.ceil(np.abs(values) / scale * len(ABOVE)), len(ABOVE))
    levels = np.nan_to_num(np.sign(values) * sizes)
    places = np.where(np.isnan(values), -1, levels + len(BELOW)).astype(int)
    for label, glyphs in zip(labels, GLYPHS[places].tolist(), strict=False):
        runs = groupby(glyphs, key=STYLES.__getitem__)
        cells = (("".join(run), style) for style, run in runs)
        yield Content.assemble(fitted(label, pad) if pad else "", *cells)
    legend = f"{BELOW} <0 {ZERO} 0 {ABOVE} >0 {ABOVE[-1]} ≥{0.75 * scale:.2g}"
    yield Content.styled(f"{legend}   {min(shown, units):,} of {units:,} units", DIM)


def _word_rows(stage: Stage, height: int) -> Rows:
    """The last words or numbers of a row."""
    values = stage.values.tolist()
    labels = stage.rows or tuple(f"{number:,}" for number in range(1, len(values) + 1))
    width = LABEL + 8 if stage.rows else 5
    for label, value in [*zip(labels, values, strict=True)][-height:]:
        text = f"{value:.3f}" if isinstance(value, float) else f"{value}"
        yield fitted(label, width) + shorten(text)


def _top_rows(stage: Stage, width: int, height: int) -> Rows:
    """A bar for each of the largest values, the largest one being full."""
    largest = max(value for _, value in stage.top)
    for word, value in stage.top[:height]:
        figure = f"{value:.2f}" if stage.name == "logits" else f"{value:.1%}"
        drawn = bar(value / largest, min(LONGEST_BAR, width - LABEL - 9)) if largest > 0 else ""
        yield Content.assemble(fitted(word, LABEL), f"{figure:>8} ", (drawn, BAR))


def _table_rows(stage: Stage, width: int, height: int) -> Rows:
    """A row for each context, the longest last, and a column for each suggestion."""
    count = max(1, (width - LABEL) // COLUMN)
    heads = [shorten(word, COLUMN - 1).rjust(COLUMN) for word in stage.columns[:count]]
    yield Content.styled("after".ljust(LABEL) + "".join(heads), DIM)
    rows = zip(stage.rows, stage.values.tolist(), strict=True)
    for label, row in [*rows][-max(1, height - 1) :]:
        end = sanitize(label)
        end = end if cell_len(end) < LABEL else f"…{end[2 - LABEL :]}"
        figures = "".join(f"{value:.1%}".rjust(COLUMN) for value in row[:count])
        yield fitted(end, LABEL) + figures


# The words of the line


def influence_title(found: Explanation) -> str:
    """What the bars of `influence_rows` say."""
    first = shorten(found.suggestions[0].word, LABEL)
    return f'without a word, "{first}" is {FALL} less likely or {RISE} likelier'


def influence_rows(found: Explanation, width: int, height: int) -> Rows:
    """The last words of the line, each with the change of the probability of the first suggestion
    if it is left out. An ellipsis stands for the words before them."""
    whole = float(found.probabilities[0]) if found.suggestions else 0.0
    rows, row = list[Content](), Content("")
    for word in reversed(found.words):  # the last one is at the right end of the last row
        text = _influence(word, whole)
        if row.cell_length + text.cell_length > width - len(BEFORE) and row.cell_length:
            rows.insert(0, row)
            row = Content("")
        row = text + row
    first, *others = [row, *rows][-height:]
    yield Content(BEFORE) + first if len(rows) >= height or found.earlier else first
    yield from others


def _influence(word: LineWord, whole: float) -> Content:
    label = (shorten(word.word, LABEL), "" if word.seen else "dim")
    if not word.seen or not word.known:
        why = "fallen out" if word.known else "unknown"
        return Content.assemble(label, (f" ({why})  ", DIM))
    if not word.influence or not whole:
        return Content.assemble(label, "  ")
    rise = min(-word.influence[0] / whole, MOST_RISE)
    drawn = bar(-rise, INFLUENCE_BAR)
    if rise > 0:
        drawn = RISE * math.ceil(min(rise, 1) * INFLUENCE_BAR)
    change = f"{rise:+.0%}"
    if change[1:] == "0%":
        drawn, change = "", "0%"
    return Content.assemble(label, " ", (drawn, BAR), " " * bool(drawn), (change, DIM), "  ")


# The next word


def next_title(found: Explanation) -> str:
    """What the suggestions are for, and how surprising the last whole word of the line was."""
    if found.prefix:
        return f'words that begin with "{shorten(found.prefix)}"; a space ends the word'
    words = [word for word in found.words if any(map(str.isalnum, word.word))] or found.words
    if not words:
        return "the first word"
    last = words[-1]  # a mark goes with the word before it
    title = f'the next word, after "{shorten(last.word)}"'
    if not last.known:
        return f"{title}, which the model does not know"
    if last.probability is None or last.bits is None:
        return title
    guess = f"the {last.rank:,}{ordinal(last.rank)} guess" if last.rank else "never suggested"
    return f"{title}, which was {guess} ({_exactly(last.probability)}, {last.bits:.1f} bits)"


def ordinal(number: int) -> str:
    """The ending of an ordinal number."""
    return "th" if number % 100 in (11, 12, 13) else ORDINALS.get(number % 10, "th")


def _exactly(probability: float) -> str:
    """A probability in per cent: those of the words that begin with a letter are small."""
    return format_percent(probability) if probability >= 0.0005 else "<0.1%"


def suggestion_rows(found: Explanation, width: int, height: int) -> Rows:
    """The suggestions with their probability among all words as a bar, that of the likeliest one
    being full. What each part of a mixture adds to it has a glyph of its own."""
    parts = [*zip(found.parts, PARTS, strict=False)]
    if len(parts) > 1:
        legend = (Content.assemble(glyph, f" {part.name}") for part, glyph in parts)
        yield Content("   ").join(legend)
        height -= 1
    room = max(0, min(LONGEST_OF_PARTS, width - LABEL - 7))
    largest = float(found.probabilities.max()) or 1.0
    for number, listed in enumerate(found.suggestions[:height]):
        bars, end, length = list[tuple[str, str]](), 0.0, 0
        for part, (glyph, style) in parts:
            end += float(part.contributions[number]) / largest * room
            bars.append((glyph * (round(end) - length), style))
            length = round(end)
        figure = f"{_exactly(float(found.probabilities[number])):>6} "
        yield Content.assemble(fitted(listed.word, LABEL), figure, *bars)
