"""`--explain`: what a model does with a text, stage by stage."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnlm_tui.cli.inputs import open_model, texts_of
from rnnlm_tui.cli.options import Query
from rnnlm_tui.cli.output import print_json, table
from rnnlm_tui.explain import Explanation, LineWord, explain, neighbours
from rnnlm_tui.formatting import plural, sanitize, shorten
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.stages import Stage
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggest import split_last_line

WIDTH = 79
LABEL = 18
"""Characters of a label that are shown."""
ROWS, COLUMNS = 5, 7
"""The last rows and the first columns of an array that are shown."""
NO_BREAK = "\u00a0"
SHOWN_WORDS = 12
"""The last words of a line that are shown."""
Neighbours = dict[str, tuple[tuple[str, float], ...]]


def show_explanation(request: Query) -> int:
    """`--explain`."""
    opened = open_model(Library(request.data_dir), request.model)
    for number, text in enumerate(texts_of(request.text)):
        above, line = split_last_line(opened.model, text)
        found = explain(opened.model, line, previous_lines=above)
        alike = _neighbours(opened.model, found.words)
        if request.as_json:
            print_json(explanation_json(found, line, alike, opened.name))
            continue
        if number:
            print()
        print("\n".join(explanation_lines(found, line, alike, opened.name)), flush=True)
    return 0


def _neighbours(model: LanguageModel, words: Iterable[LineWord]) -> Neighbours:
    """The neighbours of the last known word of the line that has letters."""
    known = [each.word for each in words if each.known and not model.tokenizer.is_mark(each.word)]
    found = {word: neighbours(model, word) for word in known[-1:]}
    return {word: alike for word, alike in found.items() if alike}


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
                "stages": [_stage_json(stage) for stage in part.stages],
            }
            for part in found.parts
        ],
        "neighbours": alike,
        "notes": list(found.notes),
        "model": model,
    }


def _stage_json(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "sentence": stage.sentence,
        "shape": list(stage.values.shape),
        "values": stage.values.tolist(),
        "rows": list(stage.rows),
        "columns": list(stage.columns),
        "top": [list(pair) for pair in stage.top],
    }


def explanation_lines(
    found: Explanation, line: str, alike: Neighbours, model: str
) -> Iterator[str]:
    """An explanation as lines of at most WIDTH characters."""
    yield from _wrapped(f'what {model} does with "{shorten(line, WIDTH)}"'.split(" "), 0, " ")
    for part in found.parts:
        yield ""
        if len(found.parts) > 1:
            yield f"{part.name.upper()}: {part.weight:.1%} of the mixture"
        for number, stage in enumerate(part.stages, start=1):
            yield f"{number:2} {stage.name}  {'x'.join(map(str, stage.values.shape))}"
            yield from _wrapped(stage.sentence.split(), 3, " ")
            yield from _value_lines(stage)
    if found.suggestions:
        yield ""
        yield from _suggestion_lines(found)
    if found.words:
        yield ""
        yield from _word_lines(found)
    for word, those in alike.items():
        yield ""
        yield f'words whose embeddings are most like that of "{shorten(word)}", with the cosine'
        yield from _wrapped([f"{shorten(other)} {cosine:.2f}" for other, cosine in those], 5)
    if found.notes:
        yield ""
        yield from _wrapped(" ".join(found.notes).split(), 0, " ")


def _value_lines(stage: Stage) -> Iterator[str]:
    """The values of a stage, cut to what fits: the last words, and the first units."""
    values = stage.values
    if stage.top:
        form = "{:.2f}" if stage.name == "logits" else "{:.1%}"
        yield from _wrapped([f"{shorten(w)} {form.format(value)}" for w, value in stage.top], 5)
    elif stage.columns:
        heads = ["after", *(shorten(word, 10) for word in stage.columns)]
        cells = [
            [_end(label), *(f"{value:.1%}" for value in row)]
            for label, row in zip(stage.rows, values.tolist(), strict=True)
        ]
        yield from (f"     {row}" for row in table([heads, *cells]))
    elif values.ndim == 1 and (stage.rows or values.dtype.kind == "U"):
        form = "{} {:.3f}" if values.dtype.kind == "f" else "{} {}"
        pairs = zip(stage.rows or [""] * len(values), values.tolist(), strict=True)
        pieces = [shorten(form.format(*pair).strip()) for pair in pairs]
        cut = ["…"] * (len(pieces) > SHOWN_WORDS)
        yield from _wrapped([*cut, *pieces[-SHOWN_WORDS:]], 5)
    elif values.size:
        matrix = [*zip(stage.rows or [""], np.atleast_2d(values), strict=True)]
        if len(matrix) > ROWS:
            yield f"     ({plural(len(matrix) - ROWS, 'row')} above)"
        for label, row in matrix[-ROWS:]:
            numbers = " ".join(f"{value:6.2f}" for value in row[:COLUMNS])
            yield f"     {f'{_end(label):{LABEL}} ' * bool(label)}{numbers} …"


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
    yield from _wrapped(sentence.split(), 0, " ")
    contributions = [part.contributions.tolist() for part in parts]
    columns = [
        ["", *(shorten(each.word, LABEL) for each in found.suggestions)],
        ["share", *(f"{each.probability:.1%}" for each in found.suggestions)],
        ["probability", *(f"{value:.2%}" for value in found.probabilities.tolist())],
        *(
            [part.name, *(f"{value:.2%}" for value in row)]
            for part, row in zip(parts, contributions, strict=True)
        ),
    ]
    yield from (f"     {row}" for row in table([*zip(*columns, strict=True)]))


def _word_lines(found: Explanation) -> Iterator[str]:
    """The last words of the line: how surprising each was, and what it does for the first
    suggestion."""
    yield "words of the line: how surprising each was after those before it"
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
    yield from (f"     {row}" for row in table([heads, *rows]))


def _end(label: str) -> str:
    """The end of a label, which is nearest to the cursor."""
    label = sanitize(label)
    return label if len(label) <= LABEL else f"…{label[1 - LABEL :]}"


def _wrapped(pieces: Iterable[str], indent: int = 0, between: str = ", ") -> Iterator[str]:
    """The pieces on as many lines of WIDTH characters as needed."""
    space = " " * indent
    # The words of a piece stay together.
    text = between.join(sanitize(piece).replace(" ", NO_BREAK) for piece in pieces)
    for line in textwrap.wrap(text, WIDTH, initial_indent=space, subsequent_indent=space):
        yield line.replace(NO_BREAK, " ")
