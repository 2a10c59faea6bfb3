"""Documents: what an editor changes in them, and the running text at a place."""

from __future__ import annotations

import random

import pytest
from lsprotocol import types as lsp

from rnnlm_tui.lsp.document import Document, Place

LONG = "We had a very long conversation about the state of the world"


def place(text: str) -> Place | None:
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
    ],
)
def test_the_running_text_is_that_of_the_paragraph(text: str, line: str, above: list[str]) -> None:
    found = place(text)
    assert found is not None
    assert f"{found.line[: found.cursor]}|{found.line[found.cursor :]}" == line
    assert found.above == (*above,)


def test_words_are_suggested_where_text_is_written() -> None:
    for text in (
        *("```\nno|\n```", "~~~ sh\nno|", "> ```\n> no|", "a\n```\nb\n```\n```py\nno|"),
        *("see http://a.b/no|", "www.no|", "anna@no|", "[a](no|", "[a](<no way|", "[1]: no|"),
        *("say `no|", "(`no|", r"\no|", r"\cite{no|", r"\ref{no|", r"\begin[x]{no|", "#|", "-|"),
        *("`a` ye|", "``He sa|", "it's `a` b's ye|", r"\emph{ye|", r"a \\ ye|", "(ye|", "- ye|"),
    ):
        assert (place(text) is None) == ("no" in text or text in ("#|", "-|")), text


def test_a_long_paragraph_is_read_from_its_last_characters_on() -> None:
    found = place("word " * 50_000 + "| end\n")
    assert found is not None
    assert (len(found.line), found.cursor, found.own) == (4004, 4000, 250_000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_a_document_is_changed_as_its_editor_changes_it(encoding: str) -> None:
    codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[
        encoding
    ]
    chance, text, document = random.Random(1), "", Document("", encoding)
    pieces = ("a", "é", "🙂", "\n", "``` py\n", "```\n", "\x0c", "\u2028", "two\nlines\n", "")

    def position(end: int) -> lsp.Position:
        line = text[:end].rpartition("\n")[2]
        return lsp.Position(text.count("\n", 0, end), len(line.encode(codec)) // size)

    for _ in range(500):
        start, end = sorted(chance.choices(range(len(text) + 1), k=2))
        end = min(end, start + 3)
        new = "".join(chance.choices(pieces, k=chance.randrange(4)))
        where = lsp.Range(position(start), position(end))
        document.change(lsp.TextDocumentContentChangePartial(where, new))
        text = text[:start] + new + text[end:]
        assert document.lines == text.split("\n")
        row = chance.randrange(len(document.lines))
        here = lsp.Position(row, 10**6)
        assert document.place(here) == Document(text, encoding).place(here)
    document.change(lsp.TextDocumentContentChangeWholeDocument("all\r\nnew\rlines"))
    assert document.lines == ["all", "new", "lines"]
    last = lsp.Position(2, 5)
    assert document.place(lsp.Position(9, 9)) == Place("lines", 5, ("all", "new"), 5, last)


def test_a_row_of_tildes_underlines_a_title_outside_of_markdown() -> None:
    text, place = "A title\n~~~~~~~\n\nWe went ho", lsp.Position(3, 10)
    assert Document(text, "utf-16").place(place) is None
    assert Document(text, "utf-16", is_markdown=False).place(place) is not None
