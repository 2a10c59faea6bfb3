"""`--explain`: shows what a model does with a text, stage by stage."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.output import print_json
from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.explain import Explanation, LineWord, explain
from rnnlm_tui.suggesting.suggest import split_last_line
from rnnlm_tui.wording.explain_rows import (
    StyledRow,
    influence_rows,
    influence_title,
    layer_rows,
    next_title,
    stage_rows,
    stage_sentence,
    stage_title,
    suggestion_rows,
)

LINE_WIDTH = 79
"""Most columns of a line."""
INDENT = "    "
"""The start of a row of a stage or of a list."""
ROWS = 6
"""Most rows that are shown of a stage, of the suggestions and of the words of the line."""


def show_explanation(command: CommandLine) -> int:
    """`--explain`."""
    library = Library(command.data_dir)
    opened = library.open(command.model)
    for number, text in enumerate(command.texts()):
        above, line = split_last_line(opened.model, text)
        found = explain(opened.model, line, above, opened.contexts)
        if command.json:
            print_json(explanation_json(found, line, opened.name))
        else:
            lines = [""] if number else []
            lines += explanation_lines(found, line, opened.name)
            print("\n".join(lines), flush=True)
    return 0


def explanation_json(found: Explanation, line: str, model: str) -> dict[str, Any]:
    """Returns the output of `--explain --json`, which is a contract. A suggestion has a
    contribution of each part, in their order; a word has an influence on each suggestion."""
    by_part = np.stack([part.contributions for part in found.parts], axis=1).tolist()
    suggestions = zip(found.suggestions, found.probabilities.tolist(), by_part, strict=True)
    return {
        "line": line,
        "prefix": found.prefix,
        "words": [_word_json(word) for word in found.words],
        "earlier_words": found.earlier,
        "suggestions": [
            {
                "word": listed.word,
                "share": listed.probability,
                "probability": probability,
                "contributions": contributions,
            }
            for listed, probability, contributions in suggestions
        ],
        "parts": [
            {
                "name": part.name,
                "weight": part.weight,
                "stages": [
                    {
                        "name": stage.name,
                        "sentence": stage.sentence,
                        "layer": stage.layer,
                        "formula": stage.formula,
                        "parameters": stage.parameters,
                        "shape": list(stage.values.shape),
                        "values": stage.values.tolist(),
                        "rows": list(stage.rows),
                        "columns": list(stage.columns),
                        "groups": list(stage.groups),
                        "top": [list(pair) for pair in stage.top],
                    }
                    for stage in part.stages
                ],
            }
            for part in found.parts
        ],
        "neighbours": found.neighbours,
        "notes": list(found.notes),
        "model": model,
    }


def _word_json(word: LineWord) -> dict[str, Any]:
    influence = None if word.influence is None else word.influence.tolist()
    return {**asdict(word), "influence": influence, "bits": word.bits}


def explanation_lines(found: Explanation, line: str, model: str) -> Iterator[str]:
    """Yields an explanation as lines of at most LINE_WIDTH columns, as the app shows it."""
    yield from _wrapped(f'what {model} does with "{shorten(line, LINE_WIDTH)}"')
    for part in found.parts_and_mixture:
        yield ""
        if len(found.parts) > 1:
            yield f"{part.name.upper()}: {part.weight:.1%}"
        for stage in part.stages:
            yield stage_title(stage)
            yield from _plain(layer_rows(stage, LINE_WIDTH), indent="")
            yield from _wrapped(stage_sentence(found, stage))
            yield from _plain(stage_rows(stage, LINE_WIDTH - len(INDENT), ROWS))
    if found.suggestions:
        yield ""
        yield from _wrapped(next_title(found))
        yield from _plain(suggestion_rows(found, LINE_WIDTH - len(INDENT), ROWS))
    if found.suggestions and found.words:
        yield ""
        yield from _wrapped(influence_title(found))
        yield from _plain(influence_rows(found, LINE_WIDTH - len(INDENT), ROWS))
    if found.notes:
        yield ""
        yield from _wrapped(" ".join(found.notes))


def _plain(rows: Iterable[StyledRow], indent: str = INDENT) -> Iterator[str]:
    """Yields rows without their styles."""
    for row in rows:
        yield (indent + "".join(text for text, _ in row)).rstrip()


def _wrapped(text: str) -> list[str]:
    """Wraps a text at LINE_WIDTH columns."""
    return textwrap.wrap(sanitize(text), LINE_WIDTH)
