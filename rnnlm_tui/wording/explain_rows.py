"""An explanation as rows of text that fit a width. The command line joins the pieces of a row, the
app styles each piece by its role.

Shapes: R rows and C columns of cells, H numbers in a cell: 2 in colours, 1 as a glyph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from math import inf, log
from textwrap import wrap
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.formatting import CORRECTS, cells_of, fitted, format_percent, sanitize, shorten
from rnnlm_tui.lm.model import SMALLEST_FLOAT
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.explain import Explanation, LineWord, Part

Role: TypeAlias = str | tuple[int, ...]
"""What a piece of text is: "", "bold" or "dim", or the glyph in PARTS of the bar of a part. Numbers
have levels from -LEVELS to LEVELS: (level,) for a word or a glyph, (left, right) for the halves of
a cell in colours."""
Piece: TypeAlias = tuple[str, Role]
StyledRow = Sequence[Piece]
LABEL = 14
"""Columns of a word or context."""
UNIT_LABEL = 10
"""Most columns of the label of a row of units."""
VALUE_BAR = 30
"""Most columns of the bar of a value."""
SUGGESTION_BAR = 60
"""Most columns of the bar of a suggestion."""
COLUMN = 11
"""Columns of a suggestion in a table."""
GAP = 2
"""Columns between the groups of a heat map."""
BETWEEN = "   "
"""Stands between the facts on a layer."""
LEVELS = 8
"""The level of the largest numbers."""
NO_LEVEL = LEVELS + 1
"""The level of NaN, which fills up rows."""
GLYPHS = "##≡≡==--·░░▒▒▓▓██ "
"""The glyph of each level from -LEVELS to NO_LEVEL."""
MOST_TIMES = 100
"""A word that makes a suggestion so many times as likely has the highest level."""
PARTS = "█▓▒░"
"""The glyph of each part of a model in the bar of a suggestion."""
BEFORE = "… "
"""Stands for earlier words."""


# A stage


def stage_title(stage: Stage) -> str:
    """Returns the name of a stage and the shape of its values."""
    shape = " x ".join(f"{size:,}" for size in stage.values.shape if size)
    return f"{stage.name}: {shape}" if shape else stage.name


def stage_sentence(found: Explanation, stage: Stage) -> str:
    """Describes a stage. Of the embedding also names the words with rows like the last word's."""
    sentence = stage.sentence
    neighbours = found.neighbours if stage.name == "embedding" else {}
    for word, similar in neighbours.items():
        alike = ", ".join(f"{shorten(other)} {cosine:.2f}" for other, cosine in similar)
        sentence += f' The row of "{shorten(word)}" is most like: {alike}.'
    return sentence


def layer_rows(stage: Stage, width: int, height: int = 2) -> Iterator[StyledRow]:
    """Yields the layer of a stage, its formula and the number of its parameters: in one row, or if
    that is too narrow, with the formula below."""
    unit = "n-grams" if stage.name == "n-grams" else "parameters"
    count = f"{stage.parameters:,} {unit}" if stage.parameters else ""
    facts: list[Piece] = [(stage.layer, "bold"), (stage.formula, ""), (count, "dim")]
    if len(BETWEEN.join(text for text, _ in facts)) > width:
        facts = [facts[0], facts[2], facts[1]]
    row, room = list[Piece](), width
    for line, role in ((line, role) for text, role in facts for line in wrap(text, width)):
        if len(line) > room:
            yield row
            row, room = [], width
        row.append((line + BETWEEN, role))
        room -= len(line + BETWEEN)
    if row:
        yield row


def stage_rows(
    stage: Stage, width: int, height: int, *, in_colours: bool = False
) -> Iterator[StyledRow]:
    """Yields the values of a stage: the largest, a table, the units, or the last words. Units are
    drawn with glyphs, or else `in_colours`."""
    if stage.top:
        yield from _top_rows(stage, width, height)
    elif stage.columns:
        yield from _table_rows(stage, width, height)
    elif stage.values.dtype.kind == "f" and not (stage.values.ndim == 1 and stage.rows):
        yield from _unit_rows(stage, width, height, 2 if in_colours else 1)
    else:
        yield from _word_rows(stage, height)


def _unit_rows(stage: Stage, width: int, height: int, per_cell: int) -> Iterator[StyledRow]:
    """Yields a heat map of the numbers of a layer, then its legend. Units that do not fit into a
    row go on in a band below if there is room. Of too many rows the last ones are shown. Units have
    a cell each if there are enough cells."""
    if not stage.values.size:
        return
    groups, labels = stage.groups or ("",), stage.rows
    height = max(1, height - 1 - bool(stage.groups))
    values = np.atleast_2d(stage.values.astype(np.float64))[-height:]
    units = values.shape[1] // len(groups)
    pad = 1 + min(UNIT_LABEL, max(cells_of(sanitize(label)) for label in labels)) if labels else 0
    room = max(1, (width - pad + GAP) // len(groups) - GAP)
    most = room if units <= room else room * per_cell  # units in a row of a band
    bands = (height + bool(labels)) // (len(values) + bool(labels))
    bands = max(1, min(bands, -(-units // most)))
    scale = stage.scale or float(np.abs(np.nan_to_num(stage.values)).max()) or 1.0
    drawn = list[NDArray[np.int64]]()
    for group in np.split(values, len(groups), axis=1):
        levels = np.full((len(values), bands * most), NO_LEVEL)
        levels[:, :units] = _levels(group[:, : bands * most], scale)
        if units <= room:
            levels = np.repeat(levels, per_cell, axis=1)
        drawn.append(levels.reshape(len(values), bands, room, per_cell))
    if stage.groups:
        if max(map(len, groups)) >= room + GAP:
            groups = tuple(group.split()[0] for group in groups)
        heads = "".join(fitted(group, room + GAP) for group in groups)
        yield [(" " * pad + heads.rstrip(), "dim")]
    for band in range(bands):
        if band and labels:
            yield []
        for number in range(len(values)):
            label = fitted(labels[number - len(values)], pad) if labels else ""
            row: list[Piece] = [(label, "")]
            for cells in drawn:
                row += [*_painted(cells[number, band]), (" " * GAP, "")]
            yield row[:-1]
    first = -LEVELS if np.nan_to_num(stage.values).min() < 0 else 0
    sample = np.repeat(np.arange(first, LEVELS + 1, 2)[:, None], per_cell, axis=1)
    count = f"{min(units, bands * most):,} of {units:,} units"
    low, high = f"{first / LEVELS * scale:.2g} ", f" {scale:.2g}{BETWEEN}{count}"
    yield [(low, "dim"), *_painted(sample), (high, "dim")]


def _levels(values: NDArray[Any], scale: float | NDArray[Any]) -> NDArray[np.int64]:
    """The levels of numbers. Those of the size `scale` have the highest one."""
    sizes = np.minimum(np.ceil(np.abs(values) / scale * LEVELS), LEVELS)
    levels = np.where(np.isnan(values), NO_LEVEL, np.sign(values) * sizes)
    return np.nan_to_num(levels).astype(np.int64)


def _painted(cells: NDArray[np.int64]) -> Iterator[Piece]:
    """Yields the pieces of a row of cells with levels [C, H]."""
    for levels, run in groupby(map(tuple, cells.tolist())):
        glyph = GLYPHS[levels[0] + LEVELS] if len(levels) == 1 else " ▌"[levels[0] != levels[-1]]
        yield glyph * sum(1 for _ in run), levels


def _word_rows(stage: Stage, height: int) -> Iterator[StyledRow]:
    """Yields the last words or numbers of a stage, one on each row."""
    values = stage.values.tolist()
    labels = stage.rows or tuple(f"{number:,}" for number in range(1, len(values) + 1))
    width = LABEL + 8 if stage.rows else 5
    for label, value in [*zip(labels, values, strict=True)][-height:]:
        text = {int: "{:,}", float: "{:.3f}"}.get(type(value), "{}").format(value)
        yield [(fitted(label, width) + shorten(text), "")]


def _top_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields a bar for each of the largest values. The bar of the largest one is full."""
    largest = max(value for _, value in stage.top)
    room = min(VALUE_BAR, width - LABEL - 9)
    for word, value in stage.top[:height]:
        figure = _figure(stage, value)
        length = round(value / largest * room) if largest > 0 else 0
        yield [(f"{fitted(word, LABEL)}{figure:>8} ", ""), (PARTS[0] * length, PARTS[0])]


def _figure(stage: Stage, value: float) -> str:
    """Formats a score or a probability of a stage."""
    if stage.name == "logits":
        return f"{value:.2f}"
    return f"{value:.1%}" if value >= 0.0005 else f"{value:.2%}"


def _table_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields a row for each context, part or word with its numbers, and the heads of the columns.
    The largest numbers of a column have the highest level. Of too many rows the last ones are
    shown."""
    count = max(1, (width - LABEL) // COLUMN)
    heads = [shorten(word, COLUMN - 1).rjust(COLUMN) for word in stage.columns[:count]]
    corner = "after" if stage.name == "n-grams" else ""
    yield [(corner.ljust(LABEL) + "".join(heads), "dim")]
    levels = _levels(stage.values, np.maximum(np.abs(stage.values).max(axis=0), SMALLEST_FLOAT))
    rows = zip(stage.rows, stage.values.tolist(), levels.tolist(), strict=True)
    for label, row, levels_of_row in [*rows][-max(1, height - 1) :]:
        end = label if cells_of(label) < LABEL else f"…{label[2 - LABEL :]}"
        styled: list[Piece] = [(fitted(end, LABEL), "")]
        for value, level in [*zip(row, levels_of_row, strict=True)][:count]:
            figure = _figure(stage, value)
            styled += [(" " * (COLUMN - len(figure)), ""), (figure, (level,))]
        yield styled


# The words of the line


def influence_title(found: Explanation) -> str:
    """Explains the figures of `influence_rows`."""
    first = shorten(found.suggestions[0].word, LABEL)
    return f'which words made "{first}" likely (x2: twice as likely with the word)'


def influence_rows(found: Explanation, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the last words of the line, each with how many times as likely it makes the first
    suggestion. An ellipsis stands for the words before them."""
    whole = float(found.probabilities[0]) if found.suggestions else 0.0
    rows: list[list[Piece]] = [[]]
    room = width - len(BEFORE)
    for word in reversed(found.words):  # the last one is at the right end of the last row
        pieces = _influence(word, whole)
        room -= sum(cells_of(text) for text, _ in pieces)
        if room < 0 and rows[0]:
            rows.insert(0, [])
            room = width - len(BEFORE) - sum(cells_of(text) for text, _ in pieces)
        rows[0][:0] = pieces
    if len(rows) > height or found.earlier:
        rows[-height:][0].insert(0, (BEFORE, ""))
    yield from rows[-height:]


def _influence(word: LineWord, whole: float) -> StyledRow:
    """Returns a word and how many times as likely it makes the suggestion, which has the
    probability `whole` after the whole line."""
    label = shorten(word.word, LABEL)
    if not word.seen or not word.known:
        note = f" ({'fallen out' if word.known else 'unknown'})  "
        return [(label, "" if word.seen else "dim"), (note, "dim")]
    if word.influence is None or not whole:
        return [(label, ""), ("  ", "")]
    without = whole - float(word.influence[0])
    times = min(whole / without if without > 0 else inf, 9_999)
    level = round(log(max(times, 1e-9), MOST_TIMES) * LEVELS)
    figure = f"{times:,.0f}" if times >= 9.95 else f"{times:.2g}"
    return [(label, (max(-LEVELS, min(level, LEVELS)),)), (f" x{figure}  ", "dim")]


# The next word


def next_title(found: Explanation) -> str:
    """Says what the suggestions are for, and how surprising the last whole word of the line was."""
    if found.prefix:
        return f'"{shorten(found.prefix)}…": share of all words'
    # A mark belongs to the word before it, so the last word that is no mark is named.
    words = [word for word in found.words if any(map(str.isalnum, word.word))] or found.words
    if not words:
        return "the first word"
    last = words[-1]
    word = f'"{shorten(last.word)}"'
    if not last.known:
        return f"the next word; the model does not know {word}"
    if last.probability is None or last.bits is None:
        return f"the next word, after {word}"
    guess = f"guess number {last.rank:,}" if last.rank else "never suggested"
    figures = f"{_percent(last.probability)}, {last.bits:.1f} bits"
    return f"the next word; {word} was {guess} ({figures})"


def _percent(probability: float) -> str:
    """Formats a probability among all words. It may be far below 0.1 % for a half-typed word."""
    return format_percent(probability) if probability >= 0.0005 else "<0.1%"


def suggestion_rows(found: Explanation, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the suggestions, each with its probability among all words and a bar. The bar of the
    likeliest one is full. Each part of a mixture adds a piece of its own glyph."""
    parts: list[tuple[Part, str]] = [*zip(found.parts, PARTS, strict=False)]
    if len(parts) > 1:
        legend = ([(glyph, glyph), (f" {part.name}   ", "")] for part, glyph in parts)
        yield [*chain.from_iterable(legend)]
        height -= 1
    room = max(0, min(SUGGESTION_BAR, width - LABEL - 7))
    largest = float(found.probabilities.max()) or 1.0
    for number, listed in enumerate(found.suggestions[:height]):
        figure = _percent(float(found.probabilities[number]))
        word = fitted(f"{CORRECTS if listed.corrects else ''}{listed.word}", LABEL)
        row: list[Piece] = [(f"{word}{figure:>6} ", "")]
        end, length = 0.0, 0
        for part, glyph in parts:
            end += float(part.contributions[number]) / largest * room
            row.append((glyph * (round(end) - length), glyph))
            length = round(end)
        yield row
