"""`--suggest` and `--generate`: the next words of a text, or of each line of standard input.

With --json a line for `--suggest` may be a request such as

    {"text": "shall i ", "above": ["look in thy glass"], "top": 3, "id": 7, "model": "poems"}

whose answer has the same `id`. A request that cannot be answered gets an error on one line, and the
process goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from rnnlm_tui.cli.inputs import texts_of
from rnnlm_tui.cli.options import Request
from rnnlm_tui.cli.output import print_json, prints_unicode
from rnnlm_tui.errors import RnnlmError, UsageError, label_of
from rnnlm_tui.formatting import plural, sanitize
from rnnlm_tui.generate import continue_text, generate_words
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.store.library import Library, opened
from rnnlm_tui.suggest import Suggestions, split_last_line, suggest

BAR_WIDTH = 20
HINT = 'such as {"text": "shall i ", "id": 1}; a text that begins with { goes into "text"'


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of another program for the next words in `text` at `cursor` (in characters, by
    default the end), with the previous lines `above`. `top` and `model` default to those of the
    command line. `typed` says that the word was typed letter by letter below the answers: the words
    that were listed for fewer letters count less."""

    text: str
    cursor: Annotated[int, Meta(ge=0)] | None = None
    above: tuple[str, ...] = ()
    top: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    typed: bool = False
    id: str | int | None = None
    model: str | None = None


def show_suggestions(asked: Request) -> int:
    """`--suggest`."""
    library, top = Library(asked.data_dir), asked.top
    name = library.default_model() if asked.model is None else asked.model
    opened(library, name)
    for line in texts_of(asked.operand):
        if asked.operand is None and asked.json and line.lstrip().startswith("{"):
            print_json(_answer_request(line, library, name, top))
            continue
        answer = _answer(_Request(line), opened(library, name), top)
        if asked.json:
            print_json(suggestions_json(answer, top, name))
        elif asked.operand is not None:
            print("\n".join(suggestions_table(answer, top, name)), flush=True)
        else:
            words = answer.insertable(top)
            print(*(f"{sanitize(c.word)} {c.probability:.1%}" for c in words), sep=", ", flush=True)
    return 0


def _answer(request: _Request, contexts: Contexts, top: int) -> Suggestions:
    """The next words for a request: one more than `top`, since a complete word is not listed."""
    before = request.text[: request.cursor]
    above, typed = split_last_line(contexts.model, before)
    line_end, _, _ = request.text[len(before) :].partition("\n")
    return suggest(
        contexts.model,
        typed + line_end,
        len(typed),
        top + 1,
        [*request.above, *above],
        contexts,
        while_typing=request.typed,
    )


def _answer_request(line: str, library: Library, default_model: str, top: int) -> dict[str, Any]:
    """The answer to a request, or an error, with the `id` of the request if that can be read."""
    identity = None
    try:
        fields = json.loads(line)
        identity = fields.get("id") if isinstance(fields.get("id"), str | int) else None
        request = msgspec.convert(fields, _Request)
        if request.cursor is not None and request.cursor > len(request.text):
            length = plural(len(request.text), "character")
            beyond = f"the cursor is {request.cursor}, and the text has {length}"
            raise UsageError(beyond, "leave it out for the end")
        name, top = request.model or default_model, request.top or top
        answer = _answer(request, opened(library, name), top)
    except (ValueError, RecursionError) as error:
        return {"error": f"not a request: {error}", "hint": HINT, "id": identity}
    except RnnlmError as error:
        message, hint = error.worded(label_of)
        return {"error": message, "hint": hint, "id": identity}
    return {**suggestions_json(answer, top, name), "id": identity}


def suggestions_json(answer: Suggestions, top: int, model: str) -> dict[str, Any]:
    """The output of `--suggest --json`, which is a contract."""
    return {
        "line": answer.line,
        "prefix": answer.prefix,
        "suggestions": [asdict(candidate) for candidate in answer.insertable(top)],
        "continuation": list(answer.continuation),
        "ghost": {
            "text": "".join(way.text for way in answer.ghost),
            "replaces_before": answer.ghost[0].replaces_before if answer.ghost else 0,
        },
        "seen": list(answer.seen),
        "unknown": list(answer.unknown),
        "model": model,
    }


def suggestions_table(answer: Suggestions, top: int, model: str) -> Iterator[str]:
    """An answer as a table with bars."""
    candidates = answer.insertable(top)
    if answer.prefix:
        yield f'words that begin with "{sanitize(answer.prefix)}", by {model}'
        yield "(end the text with a space for the word after it)"
    else:
        yield f"next words, by {model}"
    width = max((len(sanitize(c.word)) for c in candidates), default=0)
    for candidate in candidates:
        bar = ("█" if prints_unicode() else "#") * round(BAR_WIDTH * candidate.probability)
        yield f"  {sanitize(candidate.word):{width}}  {candidate.probability:6.1%}  {bar}".rstrip()
    if not candidates:
        yield "  none"
    for label, words in (
        ("continuation", answer.continuation),
        ("seen", answer.seen),
        ("unknown", answer.unknown),
    ):
        if words:
            yield f"{label}: {sanitize(' '.join(words))}"


def generate(request: Request) -> int:
    """`--generate`."""
    from rnnlm_tui.store.texts import copied_spans

    rng = np.random.default_rng(request.seed)
    chosen = Library(request.data_dir).opened_model(request.model)
    model, tokenizer = chosen.model, chosen.model.tokenizer
    asked = request.words, request.temperature, request.top_k
    copies = copied_spans(chosen.name, chosen.folder, chosen.card, tokenizer)
    for given in texts_of(request.operand):
        above, line = split_last_line(model, given)
        words = generate_words(model, line, *asked, rng=rng, previous_lines=above)
        text = "\n".join([*above, continue_text(tokenizer, line, words)])
        spans = copies.copied(words, tokenizer.words(line)) if copies else ()
        if request.json:
            copied = None if copies is None else [asdict(span) for span in spans]
            print_json({"text": text, "words": words, "model": chosen.name, "copied": copied})
            continue
        print("\n".join(map(sanitize, text.split("\n"))), flush=True)
        for span in spans:
            before, after = (
                continue_text(tokenizer, line, words[:count])
                for count in (span.start, span.start + span.length)
            )
            place = f"{chosen.card.corpus.name}, line {span.line_number}"
            shown = f'copied: "{after[len(before) :].strip()}" is in {place}'
            print(sanitize(shown), file=sys.stderr)
    return 0
