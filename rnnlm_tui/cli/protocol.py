"""The protocol of `--suggest --json` for editors and scripts: a line of JSON for each request and
each answer.

Requests and answers are declared here, and their help is made from the declarations.
"""

from __future__ import annotations

import json
import textwrap
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct, structs

from rnnlm_tui.config import Amount, check_value
from rnnlm_tui.errors import UsageError, did_you_mean
from rnnlm_tui.events import EVENT_VERSION
from rnnlm_tui.formatting import plural

REQUEST_HINT = 'such as {"text": "shall i ", "id": 1}: --suggest --help has the fields'
Id = str | int | None


class SuggestRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for the words that may come at the cursor in a text."""

    text: Annotated[
        str,
        "what is written. A newline begins a new line: the line with the cursor is completed, and"
        " those before it are lines above",
    ]
    cursor: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        "the place in the text where the words are to come, in characters (code points); by default"
        " its end",
    ] = None
    above: Annotated[tuple[str, ...], "a list of the lines above the text, in order"] = ()
    top: Annotated[Amount | None, "how many suggestions; by default those of --top"] = None
    model: Annotated[str | None, "a model's name; by default that of --model"] = None
    encoding: Annotated[
        Literal["utf-32", "utf-16"],
        "utf-16: cursor, replaces_before and replaces_after count UTF-16 code units, as JavaScript,"
        " Java and .NET do; utf-32, the default: they count characters",
    ] = "utf-32"
    id: Annotated[Id, "a string or a whole number, which the answer repeats"] = None

    @property
    def both_sides(self) -> tuple[str, str]:
        """The text before the cursor and after it. Raises UsageError for an impossible cursor."""
        if self.cursor is None:
            return self.text, ""
        if self.cursor > (length := self.units(self.text)):
            size = plural(length, "code unit" if self.encoding == "utf-16" else "character")
            beyond = f"the cursor is {self.cursor}, and the text has {size}"
            raise UsageError(beyond, "without a cursor, words come at the end of the text")
        if self.encoding == "utf-32":
            return self.text[: self.cursor], self.text[self.cursor :]
        before = _utf_16(self.text)[: 2 * self.cursor].decode("utf-16-le", "surrogatepass")
        if not self.text.startswith(before):  # half of a surrogate pair
            within = f"the cursor {self.cursor} is within a character"
            raise UsageError(within, f"use {self.cursor - 1} or {self.cursor + 1}")
        return before, self.text[len(before) :]

    def units(self, text: str) -> int:
        """The length of a text in the units of the encoding."""
        return len(text) if self.encoding == "utf-32" else len(_utf_16(text)) // 2


def _utf_16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


ANSWERED = "suggestions"
EVERY_LINE = {
    "v": f"{EVENT_VERSION}, the version of this protocol",
    "event": f"{ANSWERED} in an answer, failed in a failure",
    "id": "the id of the request; null if it has none or cannot be read, and for a text",
}
"""The fields of every line of output."""
ANSWER = {
    "line": "the line with the cursor",
    "prefix": "what is typed of the word at the cursor",
    "suggestions": "a list of the words that fit, the likeliest first",
    "continuation": "a list of words, each the likeliest after those before it, up to an unlikely"
    " one; the first one completes the word at the cursor",
    "ghost": "the continuation as it is inserted at the end of a line: an object with text and"
    " replaces_before",
    "seen": "a list of the words of the line that the model reads",
    "unknown": "a list of the words of the line that it does not know",
    "model": "the name of the model",
}
"""The fields of an answer besides those of every line."""
SUGGESTION = {
    "word": "the whole word",
    "probability": "how likely the word is among all words that fit, whose probabilities sum to 1",
    "text": "what is inserted at the cursor: the rest of the word, with a space if it needs one",
    "replaces_before": "how many characters before the cursor are removed first: the space before"
    " a comma, or letters that the word writes in another way",
    "space_after": "whether a space follows the word in running text, which the editor inserts",
    "replaces_after": "how many characters after the cursor are removed: the rest of the word at"
    " the cursor",
    "corrects": "whether the word corrects what is typed, which may be a slip of the fingers",
}
"""The fields of a suggestion."""
FAILURE = {
    "message": "what is wrong",
    "hint": "what to do about it",
    "field": "the field of the request that is wrong; null if none is",
    "kind": "usage, model or another kind of error, as in the events of a training",
    "time": "seconds since the start of the program",
}
"""The fields of a failure besides those of every line."""


def read_fields(line: str) -> dict[str, Any]:
    """Returns the fields of the request in a line that begins with `{`. A field that is null counts
    as left out. Raises UsageError for a line that is not JSON, and for a wrong id."""
    try:
        fields = json.loads(line)  # msgspec refuses half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a request: {error}", REQUEST_HINT) from error
    given = {name: value for name, value in fields.items() if value is not None}
    identity = given.get("id")
    if isinstance(identity, bool) or not isinstance(identity, Id):
        raise UsageError("{id} is wrong", "it must be a string or a whole number", field="id")
    return given


def request_of(given: dict[str, Any]) -> SuggestRequest:
    """Returns the request with these fields, which it checks. Raises UsageError."""
    types = {each.name: each.type for each in structs.fields(SuggestRequest)}
    for name, value in given.items():
        if name not in types:
            hint = did_you_mean(name, types) or REQUEST_HINT
            raise UsageError(f"a request has no field {name!r}", hint, field=name)
        if name != "id":
            check_value(value, name, types[name], strict=True)
    if "text" not in given:
        raise UsageError("the request has no {text}", REQUEST_HINT, field="text")
    return msgspec.convert(given, SuggestRequest)


def protocol_help() -> str:
    """The description of the protocol in `--suggest --help`."""
    request = {each.name: str(get_args(each.type)[-1]) for each in structs.fields(SuggestRequest)}
    tables = (
        ("a request", request),
        ("every line of output", EVERY_LINE),
        ("an answer, besides", ANSWER),
        ("each of the suggestions", SUGGESTION),
        ("a failure, besides; the next line is read after it", FAILURE),
    )
    lines = [
        "",
        "protocol of --suggest --json: without TEXT, a line of standard input that begins",
        "with { is a request, and one line of standard output answers it. Any other line",
        "is a text. All is UTF-8. A request with other fields than these is refused.",
    ]
    for title, fields in tables:
        lines += ["", f"{title}:"]
        for name, text in fields.items():
            head = f"  {name:17}"
            lines += textwrap.wrap(text, 79, initial_indent=head, subsequent_indent=" " * 19)
    return "\n".join(lines) + "\n"
