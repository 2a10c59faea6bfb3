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
from rnnlm_tui.cli.options import Request
from rnnlm_tui.cli.output import print_json, prints_unicode
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.events import EVENT_VERSION, failed, to_json
from rnnlm_tui.formatting import CORRECTS, sanitize
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.accepting import Suggestion
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.suggesting.suggest import Suggestions, split_last_line, suggest

FULL_BAR = 20
"""Columns of the bar of a word that is certain."""


def show_suggestions(command: Request) -> int:
    """`--suggest`."""
    library = Library(command.data_dir)
    name = library.default_model() if command.model is None else command.model
    library.keep_open(name)  # raises its errors before any text is read
    began = time.monotonic()
    for line in command.given_texts():
        if command.operand is None and command.json and line.lstrip().startswith("{"):
            print_json(_answer_line(line, library, name, command.top, began))
            continue
        request = protocol.SuggestRequest(line)
        answer = _answer(request, library.keep_open(name).contexts, command.top)
        if command.json:
            print_json(answer_json(request, answer, name))
        elif command.operand is not None:
            print("\n".join(suggestions_table(answer, name)), flush=True)
        else:
            words = (
                f"{shown(word, answer.prefix)} {word.probability:.1%}" for word in answer.insertable
            )
            print(*words, sep=", ", flush=True)
    return 0


def _answer_line(
    line: str, library: Library, default_model: str, top: int, began: float
) -> dict[str, Any]:
    """Answers the request in a line. Returns a failure if the request cannot be answered."""
    identity, request = protocol.read_request(line)
    try:
        if isinstance(request, RnnlmError):
            raise request
        name = request.model or default_model
        answer = _answer(request, library.keep_open(name).contexts, request.top or top)
    except RnnlmError as error:
        event = to_json(failed(error, time.monotonic() - began))
        return {**dict.fromkeys(protocol.EVERY_LINE), **event, "id": identity}  # in this order
    return answer_json(request, answer, name)


def _answer(request: protocol.SuggestRequest, contexts: Contexts, top: int) -> Suggestions:
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
        "text": "".join(way.text for way in found.ghost),
        "replaces_before": found.ghost[0].replaces_before if found.ghost else 0,
    }
    for each in (*suggestions, ghost):
        replaced = before[len(before) - each["replaces_before"] :]
        each["replaces_before"] = request.units(replaced)
        if "replaces_after" in each:
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


def shown(candidate: Suggestion, prefix: str) -> str:
    """Returns a word as it will stand in the line, with a mark before it if it corrects typed
    letters."""
    mark = CORRECTS if prints_unicode() else "~"
    return f"{mark if candidate.corrects else ''}{sanitize(candidate.in_line(prefix))}"


def suggestions_table(answer: Suggestions, model: str) -> Iterator[str]:
    """Yields an answer as a table with bars."""
    words = answer.insertable
    if answer.prefix:
        yield f'words that begin with "{sanitize(answer.prefix)}", by {model}'
        yield "(end the text with a space for the word after it)"
    else:
        yield f"next words, by {model}"
    spelled = [shown(word, answer.prefix) for word in words]
    width = max(map(len, spelled), default=0)
    for in_line, word in zip(spelled, words, strict=True):
        bar = ("█" if prints_unicode() else "#") * round(FULL_BAR * word.probability)
        yield f"  {in_line:{width}}  {word.probability:6.1%}  {bar}".rstrip()
    if not words:
        yield "  none"
    for label, listed in (
        ("continuation", answer.continuation),
        ("seen", answer.seen),
        ("unknown", answer.unknown),
    ):
        if listed:
            yield f"{label}: {sanitize(' '.join(listed))}"


def generate(request: Request) -> int:
    """`--generate`."""
    rng = np.random.default_rng(request.seed)
    library = Library(request.data_dir)
    chosen = library.open(request.model)
    model, tokenizer = chosen.model, chosen.model.tokenizer
    for given in request.given_texts():
        above, line = split_last_line(model, given)
        words = generate_words(
            model,
            line,
            request.words,
            request.temperature,
            request.top_k,
            rng=rng,
            previous_lines=above,
            contexts=chosen.contexts,
        )
        text = "\n".join([*above, continue_text(tokenizer, line, words)])
        if request.json:
            print_json({"text": text, "words": words, "model": chosen.name})
        else:
            print("\n".join(map(sanitize, text.split("\n"))), flush=True)
    return 0
