"""`--suggest` and `--generate`: print the next words of a text, or of each line of standard input.

With --json a line for `--suggest` may be a request (see `protocol`). The answer to a request that
is wrong is a failure, and the process goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnlm_tui.cli import protocol
from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.cli.output import print_json
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.events import EVENT_VERSION, failed, to_json
from rnnlm_tui.formatting import SLIP_MARK, sanitize
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.accepting import Suggestion
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.suggesting.suggest import Suggestions, split_last_line, suggest

CERTAIN_BAR = 20
"""Columns of the bar of a word with the probability 1."""


def show_suggestions(command: CommandLine) -> int:
    """`--suggest`."""
    library = Library(command.data_dir)
    name = library.default_model() if command.model is None else command.model
    library.keep_open(name)  # raises its errors before any text is read
    began = time.monotonic()
    for line in command.texts():
        if command.operand is None and command.json and line.lstrip().startswith("{"):
            print_json(_answer_line(line, library, name, command.top, began))
            continue
        request = protocol.SuggestRequest(line)
        found = _suggestions(request, library.keep_open(name).contexts, command.top)
        if command.json:
            print_json(answer_json(request, found, name))
        elif command.operand is not None:
            print("\n".join(suggestions_table(found, name)), flush=True)
        else:
            words = (
                f"{in_line(word, found.prefix)} {word.probability:.1%}" for word in found.insertable
            )
            print(*words, sep=", ", flush=True)
    return 0


def _answer_line(
    line: str, library: Library, default_model: str, top: int, began: float
) -> dict[str, Any]:
    """Answers the request in a line. Returns a failure if the request cannot be answered."""
    identity: protocol.Id = None
    try:
        fields = protocol.read_fields(line)
        identity = fields.get("id")
        request = protocol.request_of(fields)
        name = request.model or default_model
        found = _suggestions(request, library.keep_open(name).contexts, request.top or top)
    except RnnlmError as error:
        failure = to_json(failed(error, time.monotonic() - began))
        # The fields of every line come first, as in an answer.
        return {**dict.fromkeys(protocol.EVERY_LINE), **failure, "id": identity}
    return answer_json(request, found, name)


def _suggestions(request: protocol.SuggestRequest, contexts: Contexts, top: int) -> Suggestions:
    """Returns the `top` likeliest words at the cursor of a request."""
    before, after = request.both_sides
    above, typed = split_last_line(contexts.model, before)
    line_end, _, _ = after.partition("\n")
    lines_above = [*request.above, *above]
    return suggest(contexts.model, typed + line_end, len(typed), top, lines_above, contexts)


def answer_json(request: protocol.SuggestRequest, found: Suggestions, model: str) -> dict[str, Any]:
    """Returns an answer with the fields of `protocol.EVERY_LINE` and `protocol.ANSWER`."""
    before, after = request.both_sides
    suggestions = [asdict(word) for word in found.insertable]
    ghost = {
        "text": "".join(piece.text for piece in found.ghost),
        "replaces_before": found.ghost[0].replaces_before if found.ghost else 0,
    }
    # From characters to the units of the request.
    for each in (*suggestions, ghost):
        each["replaces_before"] = request.units(before[len(before) - each["replaces_before"] :])
    for each in suggestions:
        each["replaces_after"] = request.units(after[: each["replaces_after"]])
    return {
        "v": EVENT_VERSION,
        "event": protocol.ANSWERED,
        "id": request.id,
        "line": found.line,
        "prefix": found.prefix,
        "suggestions": suggestions,
        "continuation": list(found.continuation),
        "ghost": ghost,
        "seen": list(found.seen),
        "unknown": list(found.unknown),
        "model": model,
    }


def in_line(word: Suggestion, prefix: str) -> str:
    """Returns a word as it will stand in the line, with a mark before it if it corrects typed
    letters."""
    return f"{SLIP_MARK if word.corrects else ''}{sanitize(word.in_line(prefix))}"


def suggestions_table(found: Suggestions, model: str) -> Iterator[str]:
    """Yields suggestions as a table with bars."""
    if found.prefix:
        yield f'words that begin with "{sanitize(found.prefix)}", by {model}'
        yield "(end the text with a space for the word after it)"
    else:
        yield f"next words, by {model}"
    texts = [in_line(word, found.prefix) for word in found.insertable]
    width = max(map(len, texts), default=0)
    for text, word in zip(texts, found.insertable, strict=True):
        bar = "█" * round(CERTAIN_BAR * word.probability)
        yield f"  {text:{width}}  {word.probability:6.1%}  {bar}".rstrip()
    if not texts:
        yield "  none"
    for label, text in (
        ("continuation", found.continuation_in_line),
        ("seen", " ".join(found.seen)),
        ("unknown", " ".join(found.unknown)),
    ):
        if text:
            yield f"{label}: {sanitize(text)}"


def generate(command: CommandLine) -> int:
    """`--generate`."""
    rng = np.random.default_rng(command.seed)
    opened = Library(command.data_dir).open(command.model)
    model = opened.model
    for given in command.texts():
        above, line = split_last_line(model, given)
        words = generate_words(
            model,
            line,
            command.words,
            command.temperature,
            command.top_k,
            rng=rng,
            above=above,
            contexts=opened.contexts,
        )
        text = "\n".join([*above, continue_text(model.tokenizer, line, words)])
        if command.json:
            print_json({"text": text, "words": words, "model": opened.name})
        else:
            print("\n".join(map(sanitize, text.split("\n"))), flush=True)
    return 0
