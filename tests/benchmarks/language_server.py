"""Measures how long an editor waits for a suggestion of the language server, in a long document.

    python -m tests.benchmarks.language_server [--words 50000] [--model english]

Types sentences at the end and in the middle of a document with this number of words. The document
first has a line for each paragraph, then wrapped lines. Each letter is a change and a request for
the list, and the time runs from the change to the answer. The first answer at a place takes longer,
since the model reads the text above it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import textwrap
import time
from itertools import cycle, islice
from typing import Any

from rnnlm_tui.paths import bundled_corpus

URI = "file:///book.md"
TYPED = "We went to the house of her old friend, and he told us about the people that he knew. "


class Editor:
    """A client that waits for each answer."""

    def __init__(self, model: str) -> None:
        command = [sys.executable, "-m", "rnnlm_tui", "--lsp", "--model", model]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert server.stdin is not None and server.stdout is not None
        self._to_server, self._from_server = server.stdin, server.stdout
        self.ask("initialize", processId=None, capabilities={})
        self.tell("initialized")

    def tell(self, method: str, **more: Any) -> None:
        params = {name: value for name, value in more.items() if name != "id"}
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        raw = json.dumps(message | ({"id": 1} if "id" in more else {})).encode()
        self._to_server.write(b"Content-Length: %d\r\n\r\n%b" % (len(raw), raw))
        self._to_server.flush()

    def ask(self, method: str, **params: Any) -> Any:
        self.tell(method, **params, id=1)
        length, header = 0, b""
        while header != b"\r\n":
            header = self._from_server.readline()
            assert header, "the server has ended"
            length = int(header[16:]) if header.startswith(b"Content-Length: ") else length
        return json.loads(self._from_server.read(length))["result"]


def seconds(editor: Editor, lines: list[str], row: int) -> list[float]:
    """The seconds from each key to the answer, in a new paragraph below this row of a document."""
    item = {"uri": URI, "languageId": "markdown", "version": 0, "text": "\n".join(lines)}
    editor.tell("textDocument/didOpen", textDocument=item)
    times, typed, cursor = list[float](), "", {"line": row, "character": len(lines[row])}
    for key in "\n\n" + TYPED * 5:
        start = time.perf_counter()
        change = {"range": {"start": cursor, "end": cursor}, "text": key}
        item = {"uri": URI, "version": len(times) + 1}
        editor.tell("textDocument/didChange", textDocument=item, contentChanges=[change])
        typed = "" if key == "\n" else typed + key
        cursor = {"line": cursor["line"] + (key == "\n"), "character": len(typed)}
        where = {"textDocument": {"uri": URI}, "position": cursor}
        editor.ask("textDocument/completion", **where, context={"triggerKind": 2})
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Prints a line for each place and shape of the document."""
    parser = argparse.ArgumentParser(description="how long an editor waits for a suggestion")
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--model", default="english")
    options = parser.parse_args()
    words = [*islice(cycle(bundled_corpus().read_text("utf-8").split()), options.words)]
    paragraphs = [" ".join(words[start : start + 110]) for start in range(0, len(words), 110)]
    editor = Editor(options.model)
    for width in (10**6, 72):
        lines = "\n\n".join(textwrap.fill(text, width) for text in paragraphs).split("\n")
        for row in (len(lines) - 1, len(lines) // 2):
            first, *times = seconds(editor, lines, row)
            middle, slowest = statistics.median(times), statistics.quantiles(times, n=20)[-1]
            found = f"first {first:.2f} s, p50 {1e3 * middle:.2f} ms, p95 {1e3 * slowest:.2f} ms"
            print(f"below line {row:5} of {len(lines):5}: {found}", flush=True)


if __name__ == "__main__":
    main()
