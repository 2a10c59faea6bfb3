"""`--explain`: what a model does with a text, stage by stage."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnlm_tui.cli.inputs import texts_of
from rnnlm_tui.cli.options import Query
from rnnlm_tui.cli.output import print_json, table
from rnnlm_tui.explain import Explanation, explain, neighbours
from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggest import split_last_line

WIDTH = 79
LABEL = 18
"""Characters of a label that are shown."""
ROWS, COLUMNS = 5, 7
"""The last rows and the first columns of an array that are shown."""
SHOWN_WORDS = 12
"""The last words of a line that are shown."""
Neighbours = dict[str, tuple[tuple[str, float], ...]]


def show_explanation(request: Query) -> int:
    """`--explain`."""
    opened = Library(request.data_dir).opened_model(request.model)
    model = opened.model
    for number, text in enumerate(texts_of(request.text)):
        above, line = split_last_line(model, text)
        found = explain(model, line, previous_lines=above)
        known = [each.word for each in found.words if each.known]
        words = [word for word in known if not model.tokenizer.is_mark(word)]
        alike = {word: pairs for word in words[-1:] if (pairs := neighbours(model, word))}
        if request.as_json:
            print_json(explanation_json(found, line, alike, opened.name))
        else:
            between = "\n" if number else ""
            lines = explanation_lines(found, line, alike, opened.name)
            print(between + "\n".join(lines), flush=True)
    return 0


def explanation_json(
    found: Explanation, line: str, alike: Neighbours, model: str
) -> dict[str, Any]:
    """The output of `--explain --json`, which is a contract. The contributions and influences are
    in the order of the parts and of the suggestions."""
    contributions = np.stack([part.contributions for part in found.parts], axis=1)
    numbers = zip(
        found.suggestions, found.probabilities.tolist(), contributions.tolist(), strict=True
    )
    return {
        "line": line,
        "prefix": found.prefix,
        "words": [{**asdict(word), "bits": word.bits} for word in found.words],
        "earlier_words": found.earlier,
        "suggestions": [
            {
                "word": listed.word,
                "share": listed.probability,
                "probability": probability,
                "contributions": of_parts,
            }
            for listed, probability, of_parts in numbers
        ],
        "parts": [
            {
                "name": part.name,
                "weight": part.weight,
                "stages": [
                    {
                        "name": stage.name,
                        "sentence": stage.sentence,
                        "shape": list(stage.values.shape),
                        "values": stage.values.tolist(),
                        "rows": list(stage.rows),
                        "columns": list(stage.columns),
                        "top": [list(pair) for pair in stage.top],
                    }
                    for stage in part.stages
                ],
            }
            for part in found.parts
        ],
        "neighbours": alike,
        "notes": list(found.notes),
        "model": model,
    }


def explanation_lines(
    found: Explanation, line: str, alike: Neighbours, model: str
) -> Iterator[str]:
    """An explanation as lines of at most WIDTH characters."""
    yield from _wrapped(f'what {model} does with "{shorten(line, WIDTH)}"')
    for part in found.parts:
        yield ""
        if len(found.parts) > 1:
            yield f"{part.name.upper()}: {part.weight:.1%} of the mixture"
        for number, stage in enumerate(part.stages, start=1):
            yield f"{number:2} {stage.name}  {'x'.join(map(str, stage.values.shape))}"
            yield from _wrapped(stage.sentence, 3)
            yield from _value_lines(stage)
    if found.suggestions:
        yield from _suggestion_lines(found)
    if found.words:
        yield from _word_lines(found)
    for word, those in alike.items():
        yield f'\nwords whose embeddings are most like that of "{shorten(word)}", with the cosine'
        yield from _wrapped(", ".join(f"{shorten(other)} {value:.2f}" for other, value in those), 5)
    if found.notes:
        yield ""
        yield from _wrapped(" ".join(found.notes))


def _value_lines(stage: Stage) -> Iterator[str]:
    """The values of a stage, cut to what fits: the last words, and the first units."""
    values = stage.values
    if stage.top:
        form = ".2f" if stage.name == "logits" else ".1%"
        pairs = (f"{shorten(word)} {format(value, form)}" for word, value in stage.top)
        yield from _wrapped(", ".join(pairs), 5)
    elif stage.columns:
        heads = ["after", *(shorten(word, 10) for word in stage.columns)]
        cells = [
            [_end(label), *(f"{value:.1%}" for value in row)]
            for label, row in zip(stage.rows, values.tolist(), strict=True)
        ]
        yield from _indented(table([heads, *cells]))
    elif values.ndim == 1 and (stage.rows or values.dtype.kind == "U"):
        form = ".3f" if values.dtype.kind == "f" else ""
        numbers = (format(value, form) for value in values.tolist())
        labels = stage.rows or [""] * len(values)
        pieces = [shorten(f"{a} {b}".strip()) for a, b in zip(labels, numbers, strict=True)]
        cut = ["…"] * (len(pieces) > SHOWN_WORDS)
        yield from _wrapped(", ".join([*cut, *pieces[-SHOWN_WORDS:]]), 5)
    elif values.size:
        matrix = [*zip(stage.rows or [""], np.atleast_2d(values), strict=True)]
        if len(matrix) > ROWS:
            yield f"     ({plural(len(matrix) - ROWS, 'row')} above)"
        for label, row in matrix[-ROWS:]:
            shown = " ".join(f"{value:6.2f}" for value in row[:COLUMNS])
            yield f"     {f'{_end(label):{LABEL}} ' * bool(label)}{shown} …"


def _suggestion_lines(found: Explanation) -> Iterator[str]:
    """The suggestions with their shares, their probabilities, and what each part contributes."""
    parts = found.parts if len(found.parts) > 1 else ()
    sentence = "suggestions: the share of each in the list, and its probability among all words"
    if parts:
        sentence += ", to which each part contributes"
    if found.prefix:
        sentence += (
            f'. Only words that begin with "{shorten(found.prefix)}" have a share, and those that'
            " were listed for fewer letters and not taken have a smaller one"
        )
    yield ""
    yield from _wrapped(sentence)
    heads = ["", "share", "probability", *(part.name for part in parts)]
    numbers = np.stack([found.probabilities, *(part.contributions for part in parts)], axis=1)
    rows = [
        [shorten(each.word, LABEL), f"{each.probability:.1%}", *(f"{x:.2%}" for x in row)]
        for each, row in zip(found.suggestions, numbers.tolist(), strict=True)
    ]
    yield from _indented(table([heads, *rows]))


def _word_lines(found: Explanation) -> Iterator[str]:
    """The last words of the line: how surprising each was, and what it does for the first
    suggestion."""
    yield "\nwords of the line: how surprising each was after those before it"
    heads = ["", "rank", "bits"]
    if found.suggestions:
        heads += ["fall", "relative"]
        first = shorten(found.suggestions[0].word)
        yield f'and by how much the probability of "{first}" falls if it is left out'
    rows = []
    for word in found.words[-SHOWN_WORDS:]:
        rank = "unknown" if not word.known else "-" if word.bits is None else f"{word.rank:,}"
        bits = "-" if word.bits is None else f"{word.bits:.1f}"
        cells = [shorten(word.word, LABEL), rank, bits]
        if word.influence:
            fall, whole = word.influence[0], float(found.probabilities[0])
            cells += [f"{fall:.2%}", f"{fall / whole:.0%}" if whole else "-"]
        rows.append(cells)
    yield from _indented(table([heads, *rows]))


def _end(label: str) -> str:
    """The end of a label, which is nearest to the cursor."""
    label = sanitize(label)
    return label if len(label) <= LABEL else f"…{label[1 - LABEL :]}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    yield from (f"     {line}" for line in lines)


def _wrapped(text: str, indent: int = 0) -> list[str]:
    """A text on as many lines of WIDTH characters as needed."""
    space = " " * indent
    return textwrap.wrap(sanitize(text), WIDTH, initial_indent=space, subsequent_indent=space)
