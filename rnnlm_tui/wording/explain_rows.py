"""An explanation as rows of text that fit a width. The command line joins the pieces of a row, the
app styles each piece by its role.

Shapes: C cells of a row, H halves of a cell. A cell shows one number as a glyph (H = 1) or two
numbers in colours (H = 2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from textwrap import wrap
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.formatting import SLIP_MARK, cells_of, fitted, format_percent, sanitize, shorten
from rnnlm_tui.lm.model import SMALLEST_FLOAT
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.explain import Explanation, LineWord, Part

Role: TypeAlias = str | tuple[int, ...]
"""The role of a piece of text, by which the app styles it. Words have "", "bold" or "dim". The bar
of a part has its glyph, one of PART_GLYPHS. A number has its level, from -TOP_LEVEL to NAN_LEVEL:
(level,) if it is a word or a glyph, and (left, right) if a cell in colours shows two numbers."""
Piece: TypeAlias = tuple[str, Role]
StyledRow = Sequence[Piece]
LABEL_COLUMNS = 14
"""Columns of a word or context at the start of a row."""
UNIT_LABEL_COLUMNS = 10
"""Most columns of the label of a row of units."""
VALUE_BAR = 30
"""Most columns of the bar of a value."""
SUGGESTION_BAR = 60
"""Most columns of the bar of a suggestion."""
TABLE_COLUMNS = 11
"""Columns of a number in a table."""
GROUP_GAP = 2
"""Columns between the groups of a heat map."""
FACT_GAP = "   "
"""The space between the facts on a layer."""
TOP_LEVEL = 8
"""The level of the largest numbers."""
NAN_LEVEL = TOP_LEVEL + 1
"""The level of NaN, and of a place without a number."""
LEVEL_GLYPHS = "##≡≡==--·░░▒▒▓▓██ "
"""The glyph of each level, from -TOP_LEVEL to NAN_LEVEL."""
MOST_TIMES = 100
"""The factor by which a word of the highest level makes a suggestion likelier."""
PART_GLYPHS = "█▓▒░"
"""The glyph of each part of a model in the bar of a suggestion."""
EARLIER_WORDS = "… "
"""The sign for words of the line that are not shown."""


# A stage


def stage_title(stage: Stage) -> str:
    """Returns the name of a stage and the shape of its values."""
    shape = " x ".join(f"{size:,}" for size in stage.values.shape if size)
    return f"{stage.name}: {shape}" if shape else stage.name


def stage_sentence(explanation: Explanation, stage: Stage) -> str:
    """Describes a stage. For the embedding also names the words with rows like the last word's."""
    sentence = stage.sentence
    neighbours = explanation.neighbours if stage.name == "embedding" else {}
    for word, similar in neighbours.items():
        alike = ", ".join(f"{shorten(other)} {cosine:.2f}" for other, cosine in similar)
        sentence += f' The row of "{shorten(word)}" is most like: {alike}.'
    return sentence


def layer_rows(stage: Stage, width: int) -> Iterator[StyledRow]:
    """Yields the layer of a stage, its formula and the number of its parameters. If they do not fit
    in a row, the formula comes last."""
    unit = "n-grams" if stage.name == "n-grams" else "parameters"
    count = f"{stage.parameters:,} {unit}" if stage.parameters else ""
    layer, formula, size = (stage.layer, "bold"), (stage.formula, ""), (count, "dim")
    fits = len(FACT_GAP.join((stage.layer, stage.formula, count))) <= width
    facts = (layer, formula, size) if fits else (layer, size, formula)
    row, room = list[Piece](), width
    for text, role in facts:
        for line in wrap(text, width):
            if len(line) > room:
                yield row
                row, room = [], width
            row.append((line + FACT_GAP, role))
            room -= len(line + FACT_GAP)
    if row:
        yield row


def stage_rows(
    stage: Stage, width: int, height: int, *, in_colours: bool = False
) -> Iterator[StyledRow]:
    """Yields the values of a stage: bars of the largest, a table, a heat map of units, or the last
    words. A heat map has glyphs, or colours with `in_colours`."""
    has_number_per_word = stage.values.ndim == 1 and bool(stage.rows)
    if stage.top:
        yield from _top_rows(stage, width, height)
    elif stage.columns:
        yield from _table_rows(stage, width, height)
    elif stage.values.dtype.kind == "f" and not has_number_per_word:
        yield from _unit_rows(stage, width, height, 2 if in_colours else 1)
    else:
        yield from _word_rows(stage, height)


def _unit_rows(stage: Stage, width: int, height: int, halves: int) -> Iterator[StyledRow]:
    """Yields a heat map of the numbers of a layer, then its legend.

    A row has the units of a word, in groups side by side. Each unit has a cell, or a half of one if
    there are too few cells. Units that do not fit into a row continue in a band of rows below, if
    there is room. Of too many words the last ones are shown.
    """
    if not stage.values.size:
        return
    groups, labels = stage.groups or ("",), stage.rows
    room = max(1, height - 1 - bool(stage.groups))  # rows besides the legend and the heads
    values = np.atleast_2d(stage.values.astype(np.float64))[-room:]
    rows, units = len(values), values.shape[1] // len(groups)
    longest = max((cells_of(sanitize(label)) for label in labels), default=0)
    label_columns = 1 + min(UNIT_LABEL_COLUMNS, longest) if labels else 0
    columns = max(1, (width - label_columns + GROUP_GAP) // len(groups) - GROUP_GAP)
    units_per_row = columns if units <= columns else columns * halves
    gap = 1 if labels else 0  # a blank row between two bands
    most_bands = (room + gap) // (rows + gap)
    bands = max(1, min(most_bands, math.ceil(units / units_per_row)))
    scale = stage.scale or float(np.abs(np.nan_to_num(stage.values)).max()) or 1.0
    groups_in_cells = [
        _unit_cells(_levels(group, scale), bands, columns, halves)
        for group in np.split(values, len(groups), axis=1)
    ]
    if stage.groups:
        if max(map(len, groups)) >= columns + GROUP_GAP:  # too long: their first words
            groups = tuple(group.split()[0] for group in groups)
        heads = "".join(fitted(group, columns + GROUP_GAP) for group in groups)
        yield [(" " * label_columns + heads.rstrip(), "dim")]
    for band in range(bands):
        if band and gap:
            yield []
        for row in range(rows):
            label = fitted(labels[-rows:][row], label_columns) if labels else ""
            pieces: list[Piece] = [(label, "")]
            for cells in groups_in_cells:
                pieces += [*_painted(cells[row, band]), (" " * GROUP_GAP, "")]
            yield pieces[:-1]
    lowest = -TOP_LEVEL if np.nan_to_num(stage.values).min() < 0 else 0
    legend = np.repeat(np.arange(lowest, TOP_LEVEL + 1, 2)[:, None], halves, axis=1)
    count = f"{min(units, bands * units_per_row):,} of {units:,} units"
    low, high = f"{lowest / TOP_LEVEL * scale:.2g} ", f" {scale:.2g}{FACT_GAP}{count}"
    yield [(low, "dim"), *_painted(legend), (high, "dim")]


def _unit_cells(
    levels: NDArray[np.int64], bands: int, columns: int, halves: int
) -> NDArray[np.int64]:
    """Arranges the levels of a group [rows, units] in cells [rows, bands, columns, halves].

    A unit fills all halves of a cell if there are enough cells, or else one half. Units without
    room are left out. Halves without a unit have NAN_LEVEL.
    """
    rows, units = levels.shape
    if units <= columns:
        levels = np.repeat(levels, halves, axis=1)
    cells = np.full((rows, bands * columns * halves), NAN_LEVEL)
    levels = levels[:, : cells.shape[1]]
    cells[:, : levels.shape[1]] = levels
    return cells.reshape(rows, bands, columns, halves)


def _levels(values: NDArray[Any], scale: float | NDArray[Any]) -> NDArray[np.int64]:
    """Returns the levels of numbers. A number as large as `scale` has the highest level."""
    sizes = np.minimum(np.ceil(np.abs(values) / scale * TOP_LEVEL), TOP_LEVEL)
    levels = np.where(np.isnan(values), NAN_LEVEL, np.sign(values) * sizes)
    return np.nan_to_num(levels).astype(np.int64)


def _painted(cells: NDArray[np.int64]) -> Iterator[Piece]:
    """Yields a row of cells with levels [C, H]. Equal cells make one piece. In colours, a cell is a
    half block, whose foreground is the left number and whose background is the right one, or a
    space if both are the same."""
    for levels, run in groupby(map(tuple, cells.tolist())):
        if len(levels) == 1:
            glyph = LEVEL_GLYPHS[levels[0] + TOP_LEVEL]
        else:
            glyph = " " if levels[0] == levels[1] else "▌"
        yield glyph * sum(1 for _ in run), levels


def _word_rows(stage: Stage, height: int) -> Iterator[StyledRow]:
    """Yields the last words or numbers of a stage, one on each row. Those without labels are
    numbered."""
    values = stage.values.tolist()
    labels = stage.rows or tuple(f"{number:,}" for number in range(1, len(values) + 1))
    label_columns = LABEL_COLUMNS + 8 if stage.rows else 5  # words, or numbers up to 9999
    for label, value in [*zip(labels, values, strict=True)][-height:]:
        text = {int: "{:,}", float: "{:.3f}"}.get(type(value), "{}").format(value)
        yield [(fitted(label, label_columns) + shorten(text), "")]


def _top_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields a bar for each of the largest values. The bar of the largest one is full."""
    largest = max(value for _, value in stage.top)
    room = min(VALUE_BAR, width - LABEL_COLUMNS - 9)  # 8 columns of the value, and a space
    for word, value in stage.top[:height]:
        text = f"{fitted(word, LABEL_COLUMNS)}{_value_text(stage, value):>8} "
        length = round(value / largest * room) if largest > 0 else 0
        yield [(text, ""), (PART_GLYPHS[0] * length, PART_GLYPHS[0])]


def _value_text(stage: Stage, value: float) -> str:
    """Formats a score or a probability of a stage."""
    if stage.name == "logits":
        return f"{value:.2f}"
    return f"{value:.1%}" if value >= 0.0005 else f"{value:.2%}"


def _table_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the heads of the columns, and a row of numbers for each context, part or word. The
    largest numbers of a column have the highest level. Of too many rows the last ones are shown."""
    count = max(1, (width - LABEL_COLUMNS) // TABLE_COLUMNS)
    heads = (shorten(word, TABLE_COLUMNS - 1) for word in stage.columns[:count])
    corner = "after" if stage.name == "n-grams" else ""
    row = corner.ljust(LABEL_COLUMNS) + "".join(head.rjust(TABLE_COLUMNS) for head in heads)
    yield [(row, "dim")]
    scale = np.maximum(np.abs(stage.values).max(axis=0), SMALLEST_FLOAT)
    levels = _levels(stage.values, scale).tolist()
    rows = [*zip(stage.rows, stage.values.tolist(), levels, strict=True)]
    for label, values, levels_of_row in rows[-max(1, height - 1) :]:
        fits = cells_of(label) < LABEL_COLUMNS
        shown = label if fits else f"…{label[2 - LABEL_COLUMNS :]}"  # the end of a context
        pieces: list[Piece] = [(fitted(shown, LABEL_COLUMNS), "")]
        for value, level in [*zip(values, levels_of_row, strict=True)][:count]:
            text = _value_text(stage, value)
            pieces += [(" " * (TABLE_COLUMNS - len(text)), ""), (text, (level,))]
        yield pieces


# The words of the line


def influence_title(explanation: Explanation) -> str:
    """Explains the figures of `influence_rows`."""
    first = shorten(explanation.suggestions[0].word, LABEL_COLUMNS)
    return f'which words made "{first}" likely (x2: twice as likely with the word)'


def influence_rows(explanation: Explanation, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the last words of the line, each with how many times as likely it makes the first
    suggestion. An ellipsis stands for the words before them."""
    probability = float(explanation.probabilities[0]) if explanation.suggestions else 0.0
    rows: list[list[Piece]] = [[]]
    most = width - len(EARLIER_WORDS)
    room = most
    for word in reversed(explanation.words):  # the last word is at the right end of the last row
        pieces = _influence_pieces(word, probability)
        columns = sum(cells_of(text) for text, _ in pieces)
        if columns > room and rows[0]:
            rows.insert(0, [])
            room = most
        rows[0][:0] = pieces
        room -= columns
    shown = rows[-height:]
    if len(rows) > height or explanation.earlier:
        shown[0].insert(0, (EARLIER_WORDS, ""))
    yield from shown


def _influence_pieces(word: LineWord, probability: float) -> StyledRow:
    """Returns a word and how many times as likely it makes the first suggestion, which has this
    `probability` after the line. The level of the word grows with the logarithm of that number."""
    label = shorten(word.word, LABEL_COLUMNS)
    if not word.seen or not word.known:
        note = f" ({'fallen out' if word.known else 'unknown'})  "
        return [(label, "" if word.seen else "dim"), (note, "dim")]
    if word.influence is None or not probability:
        return [(label, ""), ("  ", "")]
    without = probability - float(word.influence[0])
    times = min(probability / without, 9_999) if without > 0 else 9_999
    level = round(math.log(max(times, 1e-9), MOST_TIMES) * TOP_LEVEL)
    text = f"{times:,.0f}" if times >= 9.95 else f"{times:.2g}"
    return [(label, (max(-TOP_LEVEL, min(level, TOP_LEVEL)),)), (f" x{text}  ", "dim")]


# The next word


def next_title(explanation: Explanation) -> str:
    """Says which word is suggested, and how surprising the last whole word of the line was."""
    if explanation.prefix:
        return f'"{shorten(explanation.prefix)}…": share of all words'
    if not explanation.words:
        return "the first word"
    # A mark belongs to the word before it, so the last word that is no mark is named.
    words = [word for word in explanation.words if any(map(str.isalnum, word.word))]
    last = (words or explanation.words)[-1]
    word = f'"{shorten(last.word)}"'
    if not last.known:
        return f"the next word; the model does not know {word}"
    if last.probability is None or last.bits is None:
        return f"the next word, after {word}"
    guess = f"guess number {last.rank:,}" if last.rank else "never suggested"
    return f"the next word; {word} was {guess} ({_percent(last.probability)}, {last.bits:.1f} bits)"


def _percent(probability: float) -> str:
    """Formats a probability among all words. It may be far below 0.1 % for a half-typed word."""
    return format_percent(probability) if probability >= 0.0005 else "<0.1%"


def suggestion_rows(explanation: Explanation, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the suggestions, each with its probability among all words and a bar. The bar of the
    likeliest one is full. Each part of a mixture has its own glyph in a bar, which a row above
    explains."""
    parts: list[tuple[Part, str]] = [*zip(explanation.parts, PART_GLYPHS, strict=False)]
    if len(parts) > 1:
        legend = ([(glyph, glyph), (f" {part.name}   ", "")] for part, glyph in parts)
        yield [*chain.from_iterable(legend)]
        height -= 1
    room = max(0, min(SUGGESTION_BAR, width - LABEL_COLUMNS - 7))  # 6 of the share, and a space
    largest = float(explanation.probabilities.max()) or 1.0
    for number, listed in enumerate(explanation.suggestions[:height]):
        share = _percent(float(explanation.probabilities[number]))
        word = fitted(f"{SLIP_MARK if listed.corrects else ''}{listed.word}", LABEL_COLUMNS)
        row: list[Piece] = [(f"{word}{share:>6} ", "")]
        contributed = 0.0
        for part, glyph in parts:
            # The ends are rounded: rounded lengths might not add up to that of the bar.
            start = round(contributed / largest * room)
            contributed += float(part.contributions[number])
            row.append((glyph * (round(contributed / largest * room) - start), glyph))
        yield row
