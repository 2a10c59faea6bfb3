"""`--suggest` and `--generate`: the next words of a text, or of each line of standard input.

With --json a line for `--suggest` may be a request such as

    {"text": "shall i ", "above": ["look in thy glass"], "top": 3, "id": 7, "model": "poems"}

whose answer has the same `id`. A request that cannot be answered gets an error on one line, and the
process goes on.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from rnnlm_tui.cli.inputs import lines_of_stdin, texts_of
from rnnlm_tui.cli.options import GenerateRequest, SuggestRequest
from rnnlm_tui.cli.output import print_json, prints_unicode
from rnnlm_tui.errors import RnnlmError, label_of
from rnnlm_tui.formatting import as_unicode, plural, sanitize
from rnnlm_tui.generate import continue_text, generate_words
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggest import Suggestions, split_last_line, suggest

BAR_WIDTH = 20
MAX_LINES_ABOVE = 400
"""Previous lines to keep, more than a model reads at once."""
MAX_OPEN_MODELS = 4
HINT = 'such as {"text": "shall i ", "id": 1}; a text that begins with { goes into "text"'
LargeInt = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of another program for the next words in `text` at `cursor` (in characters, by
    default the end), with the previous lines `above`. `top` and `model` default to those of the
    command line. `typed` says that the word was typed letter by letter below the answers: the words
    that were listed for fewer letters count less."""

    text: str
    cursor: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    above: tuple[str, ...] = ()
    top: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    typed: bool = False
    id: str | LargeInt | None = None
    model: str | None = None


class _Identity(msgspec.Struct, frozen=True):
    """The part of an invalid request that is still read."""

    id: str | LargeInt | None = None


def opened(library: Library, name: str) -> Contexts:
    """The model of this name, and what it has read lately. The last few stay open; one that was
    saved again is opened again. Raises ModelError."""
    path, saved_at = library.path(name), 0
    with suppress(OSError):  # opening it says why it cannot be read
        saved_at = path.stat().st_mtime_ns
    return _opened(library, name, saved_at)


@lru_cache(MAX_OPEN_MODELS)
def _opened(library: Library, name: str, saved_at: int) -> Contexts:
    return Contexts(library.open(name)[1])


def show_suggestions(asked: SuggestRequest) -> int:
    """`--suggest`."""
    library, top = Library(asked.data_dir), asked.top
    name = library.default_model() if asked.model is None else asked.model
    if asked.text is not None:
        answer = _answer(_Request(as_unicode(asked.text)), opened(library, name), top)
        if asked.as_json:
            print_json(suggestions_json(answer, top, name))
        else:
            print("\n".join(suggestions_table(answer, top, name)), flush=True)
        return 0
    opened(library, name)
    above = deque[str](maxlen=MAX_LINES_ABOVE)
    for line in lines_of_stdin():
        if asked.as_json and line.lstrip().startswith("{"):
            print_json(_answer_request(line, library, name, top))
            continue
        answer = _answer(_Request(line, above=tuple(above)), opened(library, name), top)
        if asked.as_json:
            print_json(suggestions_json(answer, top, name))
        else:
            print(one_line(answer, top), flush=True)
        if asked.lines_above:
            above.append(line)
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
    """The answer to a request, or an error."""
    try:
        request = msgspec.json.decode(line, type=_Request)
    except (msgspec.MsgspecError, RecursionError) as error:
        return {"error": f"not a request: {error}", "hint": HINT, "id": _id_in(line)}
    if request.cursor is not None and request.cursor > (length := len(request.text)):
        beyond = f"the cursor is {request.cursor}, and the text has {plural(length, 'character')}"
        return {"error": beyond, "hint": "leave it out for the end", "id": request.id}
    name, top = request.model or default_model, request.top or top
    try:
        answer = _answer(request, opened(library, name), top)
    except RnnlmError as error:
        message, hint = error.worded(label_of)
        return {"error": message, "hint": hint, "id": request.id}
    return {**suggestions_json(answer, top, name), "id": request.id}


def _id_in(line: str) -> str | int | None:
    """The `id` of an invalid request; None if it has none."""
    try:
        return msgspec.json.decode(line, type=_Identity).id
    except (msgspec.MsgspecError, RecursionError):
        return None


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


def one_line(answer: Suggestions, top: int) -> str:
    """An answer on one line, the most likely word first."""
    return ", ".join(f"{sanitize(c.word)} {c.probability:.1%}" for c in answer.insertable(top))


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


def generate(request: GenerateRequest) -> int:
    """`--generate`."""
    from rnnlm_tui.store.texts import copied_spans

    rng = np.random.default_rng(request.seed)
    chosen = Library(request.data_dir).opened_model(request.model)
    model, tokenizer = chosen.model, chosen.model.tokenizer
    asked = request.words, request.temperature, request.top_k
    copies = copied_spans(chosen.name, chosen.folder, chosen.card, tokenizer)
    for given in texts_of(request.text):
        above, line = split_last_line(model, given)
        words = generate_words(model, line, *asked, rng=rng, previous_lines=above)
        text = "\n".join([*above, continue_text(tokenizer, line, words)])
        spans = copies.copied(words, tokenizer.words(line)) if copies else ()
        if request.as_json:
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
