"""Documents: what an editor changes in them, and the running text at a place."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from lsprotocol import types as lsp

from rnnlm_tui.lsp.document import CursorPlace, Document

LONG = "We had a very long conversation about the state of the world"


def place(text: str) -> CursorPlace | None:
    """The place at the | in a text."""
    before, after = text.split("|")
    position = lsp.Position(before.count("\n"), len(before.rpartition("\n")[2]))
    return Document(before + after, "utf-32").place(position)


@pytest.mark.parametrize(
    ("text", "line", "above"),
    [
        ("One.\nTwo.\n\nThr|ee", "Thr|ee", ["One.", "Two."]),
        (f"{LONG}\nand we|nt", f"{LONG} and we|nt", []),
        (f"{LONG}\n{LONG}\n|", f"{LONG} {LONG} |", []),
        (f"{LONG}\n\nHe|", "He|", [LONG]),
        (f"{LONG}\nHome.\nThen he|", "Then he|", [f"{LONG} Home."]),
        (f"> {LONG}\n> that |", f"{LONG} that |", []),
        (f"> {LONG}\nThat |", f"{LONG} That |", []),
        (f"- {LONG}\n  and so\n- ne|", "ne|", [f"{LONG} and so"]),
        (f"{LONG}\n# A head|", "A head|", [LONG]),
        (f"{LONG * 3}\nNew |", "New |", [LONG * 3]),
        ("Yes\n```\ncode\n```\n----\nno|", "no|", ["Yes"]),
        ("Yes\n````\n```\n````\nno|", "no|", ["Yes"]),
        (
            "\\section*{One}\n\\label{a}\nIt is.\n\nA \\emph{new}\\cite[p. 3]{b} \\emph{yes|",
            *("A {new} \\emph{yes|", ["{One}", "", "It is."]),
        ),
    ],
)
def test_the_running_text_is_that_of_the_paragraph(text: str, line: str, above: list[str]) -> None:
    found = place(text)
    assert found is not None
    assert f"{found.line[: found.cursor]}|{found.line[found.cursor :]}" == line
    assert found.above == (*above,)


def test_commands_of_latex_are_not_read() -> None:
    text = "\\usepackage[T1]{fontenc}\n\\item \\emph{So} it is\\parencite[3]{a}.\n"
    text += r"One\\two\\\emph{three}"
    wanted = ["", "\\item {So} it is.", r"One\\two\\{three}"]
    assert Document(text, "utf-32").lines == wanted, "a line break begins no command"


def test_words_are_suggested_where_text_is_written() -> None:
    for text in (
        *("```\nno|\n```", "~~~ sh\nno|", "> ```\n> no|", "a\n```\nb\n```\n```py\nno|"),
        *("see http://a.b/no|", "www.no|", "anna@no|", "[a](no|", "[a](<no way|", "[1]: no|"),
        *("say `no|", "(`no|", r"\no|", r"a\\\no|", r"\textcite{no|", r"\ref{no|", "#|", "-|"),
        *(r"\begin[x]{no|", r"\usepackage[x]{no|"),
        *("`a` ye|", "``He sa|", "it's `a` b's ye|", r"\emph{ye|", r"a \\ ye|", "(ye|", "- ye|"),
    ):
        assert (place(text) is None) == ("no" in text or text in ("#|", "-|")), text


def test_a_long_paragraph_is_read_from_its_last_characters_on() -> None:
    found = place("word " * 50_000 + "| end\n")
    assert found is not None
    assert (len(found.line), found.cursor, found.replaceable) == (4004, 4000, 250_000)


@pytest.mark.parametrize(
    ("text", "start", "end", "new", "lines"),
    [
        ("a\rX\nb", (1, 0), (1, 1), "", ["a", "b"]),
        ("a\rX\n", (1, 0), (1, 1), "", ["a", ""]),
        ("a\rb", (1, 0), (1, 0), "\n", ["a", "b"]),
        ("a\nb", (0, 1), (0, 1), "\r", ["a", "b"]),
        ("a\r\nb", (0, 1), (0, 1), "\r", ["a", "", "b"]),
        ("a\rX\nb", (1, 1), (1, 0), "", ["a", "b"]),  # a range may be backwards
    ],
)
def test_an_edit_joins_a_carriage_return_and_a_newline(
    text: str, start: tuple[int, int], end: tuple[int, int], new: str, lines: list[str]
) -> None:
    document = Document(text, "utf-16")
    where = lsp.Range(lsp.Position(*start), lsp.Position(*end))
    document.change(lsp.TextDocumentContentChangePartial(where, new))
    assert document.lines == lines


LINE_END = re.compile(r"\r\n|\n|\r")
UNITS: dict[str, Callable[[str], int]] = {
    "utf-8": lambda text: len(text.encode("utf-8")),
    "utf-16": lambda text: len(text.encode("utf-16-le")) // 2,
    "utf-32": len,
}
"""The length of a text in the units of each encoding."""
PIECES = (
    *"a\r\n é🙂字\x0c\u2028",
    "wo rd",
    "\r\n",
    "e\u0301",
    "👩\u200d🚀",
    "```\n",
    "~~~",
    "> - ",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
PLACES = st.tuples(st.integers(0, 12), st.integers(0, 15))


def place_in(text: str, place: tuple[int, int], encoding: str) -> int:
    """The number of characters before a place, counted in the whole text."""
    ends = [(found.start(), found.end()) for found in LINE_END.finditer(text)]
    starts, stops = [0, *(end for _, end in ends)], [*(end for end, _ in ends), len(text)]
    line, units = place
    if line >= len(starts):
        return len(text)
    at, stop = starts[line], stops[line]
    while at < stop and UNITS[encoding](text[starts[line] : at + 1]) <= units:
        at += 1
    return at


class Edits(RuleBasedStateMachine):
    """Random edits of a document, held against an editor that splits the whole text each time."""

    @initialize(text=TEXTS, encoding=st.sampled_from([*UNITS]))
    def open(self, text: str, encoding: str) -> None:
        self.text, self.encoding = text, encoding
        self.document = Document(text, encoding)

    @rule(start=PLACES, end=PLACES, new=TEXTS)
    def replace(self, start: tuple[int, int], end: tuple[int, int], new: str) -> None:
        where = lsp.Range(lsp.Position(*start), lsp.Position(*end))
        self.document.change(lsp.TextDocumentContentChangePartial(where, new))
        first, last = sorted(place_in(self.text, place, self.encoding) for place in (start, end))
        self.text = self.text[:first] + new + self.text[last:]

    @rule(start=PLACES, new=TEXTS)
    def insert(self, start: tuple[int, int], new: str) -> None:
        self.replace(start, start, new)

    @rule(text=TEXTS)
    def replace_all(self, text: str) -> None:
        self.text = text
        self.document.change(lsp.TextDocumentContentChangeWholeDocument(text))

    @invariant()
    def lines_are_those_of_the_text(self) -> None:
        assert self.document.lines == LINE_END.split(self.text)

    @rule(place=PLACES)
    def the_place_is_that_of_the_text(self, place: tuple[int, int]) -> None:
        here, same = lsp.Position(*place), Document(self.text, self.encoding)
        assert self.document.place(here) == same.place(here)
        if found := self.document.place(here):
            asked, answered = place, (found.position.line, found.position.character)
            ends = [place_in(self.text, each, self.encoding) for each in (asked, answered)]
            assert ends[0] == ends[1]


def test_edits_change_a_document_as_its_editor_does() -> None:
    few = settings(deadline=None, derandomize=True, max_examples=50, stateful_step_count=20)
    run_state_machine_as_test(Edits, settings=few)


def test_a_row_of_tildes_underlines_a_title_outside_of_markdown() -> None:
    text, place = "A title\n~~~~~~~\n\nWe went ho", lsp.Position(3, 10)
    assert Document(text, "utf-16").place(place) is None
    assert Document(text, "utf-16", is_markdown=False).place(place) is not None


@pytest.mark.hunt
def test_many_edits_change_a_document_as_its_editor_does() -> None:
    many = settings(deadline=None, max_examples=1_000)
    run_state_machine_as_test(Edits, settings=many)
