"""`--suggest` without a text: one answer for each line of standard input, for as long as it lasts.

A line is a text, or with --json a request such as

    {"text": "shall i ", "above": ["look in thy glass"], "top": 3, "id": 7, "model": "poems"}

whose answer carries the same `id`. A request that cannot be answered gets an error of one line, and
the process goes on.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from rnnlm_tui.cli.inputs import lines_of_stdin, split_lines
from rnnlm_tui.cli.options import SuggestRequest
from rnnlm_tui.cli.output import print_json
from rnnlm_tui.cli.suggest import one_line, suggestions_json
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.files import MODEL
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggest import suggest

MAX_LINES_ABOVE = 400
"""Far more than any model sees. The older half is dropped at once when there are more, so that the
model can mostly go on from the state after the line before."""
OPEN_MODELS = 4
HINT = 'such as {"text": "shall i ", "id": 1}; a text that begins with { goes into "text"'
LargeInt = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class Request(msgspec.Struct, frozen=True):
    """A question of another program: the words that may come in `text` at `cursor` (characters,
    by default the end), after the lines `above`. None for `top` and `model` are those of the
    command line."""

    text: str
    cursor: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    above: tuple[str, ...] = ()
    top: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    id: str | LargeInt | None = None
    model: str | None = None


class _Identity(msgspec.Struct, frozen=True):
    """What is looked for in a request that is wrong elsewhere."""

    id: str | LargeInt | None = None


class OpenModels:
    """The models that requests name. One is opened again after it was saved again."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._opened = lru_cache(OPEN_MODELS)(self._open)

    def model(self, name: str) -> LanguageModel:
        """The model of this name. Raises ModelError."""
        return self._opened(name, _saved_at(self._library.path(name) / MODEL))

    def _open(self, name: str, saved_at: int) -> LanguageModel:
        return self._library.open(name)[1]


def _saved_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # opening it says what is wrong


def answer_stdin(asked: SuggestRequest) -> int:
    """Answers line after line until the input ends."""
    library = Library(asked.data_dir)
    default_model = library.newest() if asked.model is None else asked.model
    models = OpenModels(library)
    models.model(default_model)
    above: list[str] = []
    for line in lines_of_stdin():
        if asked.as_json and line.startswith("{"):
            print_json(answer_request(line, models, default_model, asked.top))
            continue
        answer = suggest(models.model(default_model), line, k=asked.top, previous_lines=above)
        if asked.as_json:
            print_json(suggestions_json(answer, default_model))
        else:
            print(one_line(answer), flush=True)
        if asked.lines_above:
            above.append(line)
            if len(above) > MAX_LINES_ABOVE:
                del above[: MAX_LINES_ABOVE // 2]
    return 0


def answer_request(line: str, models: OpenModels, default_model: str, top: int) -> dict[str, Any]:
    """The answer to a request, or what is wrong with it."""
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.MsgspecError, RecursionError) as error:
        return {"error": f"not a request: {error}", "hint": HINT, "id": _id_in(line)}
    try:
        name = request.model or default_model
        model = models.model(name)
        before = request.text if request.cursor is None else request.text[: request.cursor]
        above, typed = split_lines(model, before)
        line_end, _, _ = request.text[len(before) :].partition("\n")
        answer = suggest(
            model,
            typed + line_end,
            len(typed),
            k=request.top or top,
            previous_lines=[*request.above, *above],
        )
    except RnnlmError as error:
        return {"error": error.message, "hint": error.hint, "id": request.id}
    return {**suggestions_json(answer, name), "id": request.id}


def _id_in(line: str) -> str | int | None:
    """The `id` of a request that is wrong elsewhere, None if it has none."""
    try:
        return msgspec.json.decode(line, type=_Identity).id
    except (msgspec.MsgspecError, RecursionError):
        return None
