"""A document as an editor has it, and the running text at a place in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from itertools import pairwise
from typing import NamedTuple

from lsprotocol import types as lsp

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.suggesting.accepting import Suggestion
from rnnlm_tui.text.tokenizer import Insertion

LINE_ENDS = "\r\n"
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
"""For each encoding of positions, its codec and the bytes of a unit."""
MARKDOWN = ("markdown", "mdx", "quarto", "rmd")
"""The languages in which a row of ~ begins code, too."""
FENCE = re.compile(r"[\s>]*(`{3,}(?=[^`]*$)|~{3,})")
"""Matches the start of a fence. Fences are the lines around a block of code."""
MARK = re.compile(r"\s*(?:(?:[>#%*+|-]+|\d+[.)]|\\item)\s+)*")
"""Matches what comes before the text of a line: marks of a quotation, list, heading or comment."""
NO_BREAK = r"(?<!(?<!\\)\\)"
"""Matches where the backslash before, if there is one, does not make a line break of the next."""
NAME = (
    r"\\(?:\w*(?:cite|ref)|label|input|include|begin|end|usepackage|documentclass)\w*"
    r"(?:\[[^]]*\])*\{[^}]*"
)
"""Matches a command of LaTeX with the name that it takes, up to the closing brace."""
COMMAND = re.compile(rf"{NO_BREAK}(?:{NAME}\}}|\\(?!item\b)[a-zA-Z]+\*?(?:\[[^]]*\])*)")
"""Matches a command of LaTeX, which is no running text. An item is one of the MARKs, and a word may
follow a line break without a space."""
NO_TEXT = re.compile(
    r"(?:://|\bwww\.|@)\S*$"  # an address
    r"|\]\([^)]*$"  # where a link leads
    r"|^\s*\[[^]]+\]:.*$"  # the same, on a line of its own
    r"|(?:^|[\s(])`[^`']*$"  # code
    rf"|{NO_BREAK}\\[a-zA-Z]*$"  # a command of LaTeX
    rf"|{NAME}$"  # a name in LaTeX
    r"|^[\s>#%*+|=~.-]*[>#%*+|=~.-]$"  # nothing but marks
)
"""Matches a line up to the cursor if what is typed there is no running text."""
SHORTEST_WRAPPED = 55
"""The fewest characters of a wrapped line. A shorter line is a verse or part of an address."""
LONGEST_WRAPPED = 160
"""The most characters of a wrapped line. A longer line is a paragraph."""
ROOM_LEFT = 15
"""Characters. A wrapped line leaves less room than this to the longest line of its paragraph, since
the next word did not fit. A line that leaves more was ended by hand."""
MOST_BEFORE = 4_000
"""The most characters before the cursor that are read. More would slow each key."""
MOST_ABOVE = 10_000
"""The most characters above the line of the cursor that are read."""


class CursorPlace(NamedTuple):
    """A place in running text where words are suggested.

    Attributes:
        line: The line of running text. It joins the lines of a wrapped paragraph of the document.
        cursor: The number of characters of the line before the cursor.
        above: The lines of running text above.
        replaceable: The number of characters before the cursor in the same line of the document.
            Only these can be replaced.
        position: The position of the cursor in the document.
    """

    line: str
    cursor: int
    above: tuple[str, ...]
    replaceable: int
    position: lsp.Position

    def edit(self, count: int, insertion: Insertion | Suggestion) -> tuple[str, str]:
        """Returns an insertion as an edit: the last `count` characters before the cursor, and the
        text that replaces them."""
        typed = self.line[self.cursor - count : self.cursor]
        return typed, typed[: count - insertion.replaces_before] + insertion.text


def split_lines(text: str) -> list[str]:
    """Splits a text into lines with their ends. The last line has no end."""
    lines = [*StringIO(text, newline="")]
    return lines if lines and lines[-1][-1] not in LINE_ENDS else [*lines, ""]


class Document:
    """The lines of a document, and the contexts of the model that has read it."""

    def __init__(self, text: str, encoding: str, is_markdown: bool = True) -> None:
        """`encoding` is that of positions. A row of ~ begins code in Markdown alone."""
        self._fences = "`~" if is_markdown else "`"
        self._codec, self._unit_bytes = CODECS[encoding]
        self._lines = split_lines(text)
        """The lines with their ends. An edit may join a \\r and a \\n to one end."""
        self._code: set[int] | None = None
        """The numbers of the lines of fenced code. None after an edit that may have changed it."""
        self.language = ""
        """The name of the built-in model of the document's language, or "" until it is known."""
        self.contexts: Contexts | None = None
        """Only the thread that asks the model may use them."""

    def change(self, change: lsp.TextDocumentContentChangeEvent) -> None:
        """Replaces a part of the text, or all of it."""
        if not isinstance(change, lsp.TextDocumentContentChangePartial):
            self._lines = split_lines(change.text)
            self._code = None
            return
        ends = change.range.start, change.range.end
        (first, begin), (last, end) = sorted(map(self._row_and_column, ends))
        text = self._lines[first][:begin] + change.text + self._lines[last][end:]
        if first > 0 and self._lines[first - 1].endswith("\r") and text.startswith("\n"):
            first -= 1  # \r and \n are now one end of a line
            text = self._lines[first] + text
        new = split_lines(text)
        if last + 1 < len(self._lines):
            new.pop()  # the text ends with a line end, after which there is no line
        if len(new) > 1 or last > first or FENCE.match(self._lines[first]) or FENCE.match(new[0]):
            self._code = None
        self._lines[first : last + 1] = new

    @property
    def lines(self) -> list[str]:
        """A copy of the lines, without their ends and commands of LaTeX. Any thread may take it."""
        return [COMMAND.sub("", line.rstrip(LINE_ENDS)) for line in [*self._lines]]

    def _line(self, number: int) -> str:
        """Returns the line of this number without its end."""
        return self._lines[number].rstrip(LINE_ENDS)

    def _units(self, text: str) -> int:
        """Returns the length of a text in units of the encoding."""
        return len(text.encode(self._codec, "replace")) // self._unit_bytes

    def range_of(self, position: lsp.Position, before: str, after: str = "") -> lsp.Range:
        """Returns the range of the text `before` a position and of the text `after` it."""
        ends = position.character - self._units(before), position.character + self._units(after)
        return lsp.Range(*(lsp.Position(position.line, end) for end in ends))

    def _row_and_column(self, position: lsp.Position) -> tuple[int, int]:
        """Returns the numbers of the line and of the character at a position. A position beyond the
        end of a line or of the text counts as that end."""
        if position.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        raw = self._line(position.line).encode(self._codec, "replace")
        before = raw[: position.character * self._unit_bytes]
        return position.line, len(before.decode(self._codec, "ignore"))

    @property
    def running_text(self) -> str:
        """The text without fenced code. Any thread may read it."""
        lines = self.lines
        code = self._code_in(lines)
        return "\n".join(line for number, line in enumerate(lines) if number not in code)

    def _code_in(self, lines: Sequence[str]) -> set[int]:
        """Returns the numbers of the lines that are fenced code, the fences included."""
        code, opened_by = set[int](), ""
        for number, line in enumerate(lines):
            found = FENCE.match(line)
            fence = found[1] if found and found[1][0] in self._fences else ""
            if opened_by or fence:
                code.add(number)
            if not opened_by:
                opened_by = fence
            elif fence.startswith(opened_by):  # of the same sign, and no shorter
                opened_by = ""
        return code

    def place(self, position: lsp.Position) -> CursorPlace | None:
        """Returns the place at a position, or None where no words are suggested."""
        row, column = self._row_and_column(position)
        if self._code is None:
            self._code = self._code_in(self._lines)
        code = self._code
        line = self._line(row)
        before = line[max(0, column - MOST_BEFORE) : column]
        start_of_text = len(line) - len(split_mark(line)[1])
        if row in code or column < start_of_text or NO_TEXT.search(before):
            return None
        first, characters = row, 0
        while first > 0 and characters < MOST_ABOVE:
            first -= 1
            characters += len(self._lines[first])
        numbers = range(first, row + 1)
        *above, joined = paragraphs(["" if n in code else self._line(n) for n in numbers])
        cursor = len(joined) - len(line) + column  # both lines end with the same text
        start, space, word = joined[max(0, cursor - MOST_BEFORE) : cursor].rpartition(" ")
        before = COMMAND.sub("", start) + space + word  # `word` stays, since it may be replaced
        return CursorPlace(
            line=before + joined[cursor:],
            cursor=len(before),
            above=tuple(COMMAND.sub("", line) for line in above),
            replaceable=column - start_of_text,
            position=lsp.Position(row, self._units(line[:column])),
        )


def split_mark(line: str) -> tuple[str, str]:
    """Splits a line into the marks at its start and its text."""
    found = MARK.match(line)
    end = found.end() if found else 0
    return line[:end].strip(), line[end:]


def paragraphs(lines: Sequence[str]) -> list[str]:
    """Returns the lines that have words, without their marks. The lines of a wrapped paragraph
    become one. The last line is taken even if it has no words, with the spaces at its end."""
    blocks = list[list[str]]()
    mark_of_block, is_open = "", False
    for number, line in enumerate(lines, start=1):
        is_last = number == len(lines)
        mark, text = split_mark(line if is_last else line.rstrip())
        if not is_last and not any(map(str.isalnum, text)):
            is_open = False
        elif is_open and (not mark or (mark == mark_of_block and mark[0] in ">%")):
            # The block goes on. Each line of a quotation or a comment has its mark.
            blocks[-1].append(text)
        else:  # after a line without words, or with a mark of its own
            blocks.append([text])
            mark_of_block, is_open = mark, True
    joined = list[str]()
    for block in blocks:
        width = max(map(len, block))
        joined.append(block[0])
        for above, text in pairwise(block):
            is_full = len(above) + ROOM_LEFT > width
            if is_full and SHORTEST_WRAPPED <= len(above) <= LONGEST_WRAPPED:
                joined[-1] += f" {text}"
            else:
                joined.append(text)
    return joined
