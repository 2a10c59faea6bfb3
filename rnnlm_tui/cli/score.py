"""`--score`: the probability and the rank of each word of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from rnnlm_tui.cli.inputs import texts_of
from rnnlm_tui.cli.options import Request
from rnnlm_tui.cli.output import print_fitted, print_json, table
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.evaluate import ScoredLine, ScoredWord, score


def show_score(request: Request) -> int:
    """`--score`."""
    opened = Library(request.data_dir).opened_model(request.model)
    lines = (line for text in texts_of(request.operand) for line in text.split("\n"))
    for number, scored in enumerate(score(opened.model, lines)):
        if request.json:
            print_json(score_json(scored, opened.name))
        else:
            print_fitted(["", *score_table(scored, opened.name)][number == 0 :])
    return 0


def score_json(scored: ScoredLine, model: str) -> dict[str, Any]:
    """The output of `--score --json`, which is a contract."""
    loss = scored.loss
    return {
        "text": scored.text,
        "words": [
            {
                "word": word.word,
                "known": word.is_known,
                "probability": word.probability,
                "rank": None if word.probability is None else word.rank,
            }
            for word in scored.words
        ],
        "end_of_line": scored.end,
        "predicted": len(scored.losses),
        "loss": loss,
        "perplexity": None if loss is None else math.exp(loss),
        "model": model,
    }


def score_table(scored: ScoredLine, model: str) -> Iterator[str]:
    """The words of a line as a table."""
    rows = [(sanitize(word.word), _percent(word.probability), _rank(word)) for word in scored.words]
    if scored.end is not None:
        rows.append(("(end of line)", _percent(scored.end), ""))
    if rows:
        yield from table([("word", "probability", "rank"), *rows])
    if (loss := scored.loss) is None:
        yield f"{model} predicts nothing here"
        return
    yield (
        f"loss {loss:.3f} nats per word, perplexity {math.exp(loss):,.1f},"
        f" over {plural(len(scored.losses), 'word')} that {model} predicts"
    )


def _percent(probability: float | None) -> str:
    if probability is None:
        return "-"
    return f"{probability:.3%}" if probability >= 0.00001 else "<0.001%"


def _rank(word: ScoredWord) -> str:
    if not word.is_known:
        return "unknown"
    return "-" if word.rank is None or word.probability is None else f"{word.rank:,}"
