"""An explanation as rows of text that fit a width. The command line joins the pieces of a row, the
app styles each piece by its role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby

import numpy as np

from rnnlm_tui.formatting import CORRECTS, cells_of, fitted, format_percent, sanitize, shorten
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.suggesting.explain import Explanation, LineWord, Part

StyledRow = Sequence[tuple[str, str]]
"""Pieces of text, each with its role: "" for plain text, "dim" or "bar". The role of numbers of one
sign is BELOW, ZERO or ABOVE, that of the share of a part is its glyph of PARTS."""
LABEL, UNIT_LABEL = 14, 10
"""Columns of a word or context, and most columns of the label of a row of units."""
VALUE_BAR, SUGGESTION_BAR, INFLUENCE_BAR = 30, 60, 5
"""Most columns of a bar. The bar of an influence is full if the suggestion is impossible without
the word."""
COLUMN = 11
"""Columns of a suggestion in a table."""
BELOW, ZERO, ABOVE = "-=≡#", "·", "░▒▓█"
"""Glyphs of numbers below 0, at 0 and above 0. The four of a sign are for sizes up to a quarter of
the scale, up to a half, and so on."""
GLYPHS = np.array([*reversed(BELOW), ZERO, *ABOVE, " "])
"""All glyphs from the lowest numbers to the highest. The last one is for NaN."""
PARTS = "█▓▒░"
"""The glyph of each part of a model in the bar of a suggestion."""
LESS_LIKELY, LIKELIER = "█", "░"
"""The glyphs of an influence, by what the suggestion becomes if the word is left out."""
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


def stage_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the values of a stage: the largest, a table, the units, or the last words."""
    if stage.top:
        yield from _top_rows(stage, width, height)
    elif stage.columns:
        yield from _table_rows(stage, width, height)
    elif stage.values.dtype.kind == "f" and not (stage.values.ndim == 1 and stage.rows):
        yield from _unit_rows(stage, width, height)
    else:
        yield from _word_rows(stage, height)


def _unit_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields a cell for each number of a layer, then the meaning of the glyphs. A single row of
    numbers is wrapped. Of several rows only the last ones and their first units are shown."""
    values = stage.values.astype(np.float64)
    units = values.shape[-1]
    if not values.size:
        return
    scale = stage.scale or float(np.abs(np.nan_to_num(values)).max()) or 1.0
    height = max(1, height - 1)
    if values.ndim == 1:
        pad, labels = 0, [""] * height
        values = np.append(values, np.full(-units % width, np.nan)).reshape(-1, width)[:height]
        shown = values.size
    else:
        pad = min(UNIT_LABEL, max(cells_of(sanitize(label)) for label in stage.rows)) + 1
        shown = max(1, width - pad)
        values, labels = values[-height:, :shown], [*stage.rows[-height:]]
    sizes = np.minimum(np.ceil(np.abs(values) / scale * len(ABOVE)), len(ABOVE))
    levels = np.nan_to_num(np.sign(values) * sizes)
    indexes = np.where(np.isnan(values), -1, levels + len(BELOW)).astype(int)
    for label, glyphs in zip(labels, GLYPHS[indexes].tolist(), strict=False):
        runs = ("".join(run) for _, run in groupby(glyphs, key=_sign))
        yield [(fitted(label, pad) if pad else "", ""), *((run, _sign(run[0])) for run in runs)]
    legend = f"{BELOW} <0 {ZERO} 0 {ABOVE} >0 {ABOVE[-1]} ≥{0.75 * scale:.2g}"
    yield [(f"{legend}   {min(shown, units):,} of {units:,} units", "dim")]


def _sign(glyph: str) -> str:
    return next((role for role in (BELOW, ABOVE, ZERO) if glyph in role), "")


def _word_rows(stage: Stage, height: int) -> Iterator[StyledRow]:
    """Yields the last words or numbers of a stage, one on each row."""
    values = stage.values.tolist()
    labels = stage.rows or tuple(f"{number:,}" for number in range(1, len(values) + 1))
    width = LABEL + 8 if stage.rows else 5
    for label, value in [*zip(labels, values, strict=True)][-height:]:
        text = f"{value:.3f}" if isinstance(value, float) else shorten(f"{value}")
        yield [(fitted(label, width) + text, "")]


def _top_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields a bar for each of the largest values. The bar of the largest one is full."""
    largest = max(value for _, value in stage.top)
    room = min(VALUE_BAR, width - LABEL - 9)
    for word, value in stage.top[:height]:
        figure = f"{value:.2f}" if stage.name == "logits" else f"{value:.1%}"
        length = round(value / largest * room) if largest > 0 else 0
        yield [(f"{fitted(word, LABEL)}{figure:>8} ", ""), ("█" * length, "bar")]


def _table_rows(stage: Stage, width: int, height: int) -> Iterator[StyledRow]:
    """Yields a row for each context, the longest last, with a column for each suggestion."""
    count = max(1, (width - LABEL) // COLUMN)
    heads = [shorten(word, COLUMN - 1).rjust(COLUMN) for word in stage.columns[:count]]
    yield [("after".ljust(LABEL) + "".join(heads), "dim")]
    rows = zip(stage.rows, stage.values.tolist(), strict=True)
    for label, row in [*rows][-max(1, height - 1) :]:
        end = label if cells_of(label) < LABEL else f"…{label[2 - LABEL :]}"
        figures = "".join(f"{value:.1%}".rjust(COLUMN) for value in row[:count])
        yield [(fitted(end, LABEL) + figures, "")]


# The words of the line


def influence_title(found: Explanation) -> str:
    """Explains the bars of `influence_rows`."""
    first = shorten(found.suggestions[0].word, LABEL)
    return f'without a word, "{first}" is {LESS_LIKELY} less likely or {LIKELIER} likelier'


def influence_rows(found: Explanation, width: int, height: int) -> Iterator[StyledRow]:
    """Yields the last words of the line. Each has the change in probability of the first suggestion
    if the word is left out. An ellipsis stands for the words before them."""
    whole = float(found.probabilities[0]) if found.suggestions else 0.0
    rows: list[list[tuple[str, str]]] = [[]]
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
    """Returns a word with the bar of its influence, relative to the probability `whole` of the
    suggestion after the whole line."""
    label = (shorten(word.word, LABEL), "" if word.seen else "dim")
    if not word.seen or not word.known:
        return [label, (f" ({'fallen out' if word.known else 'unknown'})  ", "dim")]
    if word.influence is None or not whole:
        return [label, ("  ", "")]
    rise = -float(word.influence[0]) / whole
    change = f"{rise:+,.0%}"
    change = "0%" if change[1:] == "0%" else change
    glyph = LIKELIER if rise > 0 else LESS_LIKELY
    drawn = glyph * round(min(abs(rise), 1) * INFLUENCE_BAR)
    space = " " if drawn else ""
    return [label, (f" {drawn}", "bar"), (f"{space}{change}  ", "dim")]


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
        row = [(f"{word}{figure:>6} ", "")]
        end, length = 0.0, 0
        for part, glyph in parts:
            end += float(part.contributions[number]) / largest * room
            row.append((glyph * (round(end) - length), glyph))
            length = round(end)
        yield row
