"""How long an editor waits for a suggestion of the language server, in a long document.

    python -m tests.benchmarks.language_server [--words 50000] [--keys 400] [--model english]

An editor that sends one letter after the other, each as a change of the document and a request for
the list, waits from before the change to the answer. It types sentences at the end of a document of
so many words and in its middle, once with a line for each paragraph and once with wrapped lines.
Prints the median and the 95th percentile of these times, without the first one at each place, for
which the model reads what stands above.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

TYPED = "We went to the house of her old friend, and he told us about the people that he knew. "
URI = "file:///book.md"


class Editor:
    """A client that waits for each answer."""

    def __init__(self, model: str) -> None:
        command = [sys.executable, "-m", "rnnlm_tui", "--lsp", "--model", model]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("initialize", processId=None, rootUri=None, capabilities={})
        self.tell("initialized")

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._send({"method": method, "params": params, "id": 1})
        while "id" not in (answer := self._read()):
            pass
        return answer["result"]

    def _send(self, message: dict[str, Any]) -> None:
        raw, stdin = json.dumps({"jsonrpc": "2.0", **message}).encode(), self._server.stdin
        assert stdin is not None
        stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(raw), raw))
        stdin.flush()

    def _read(self) -> dict[str, Any]:
        stdout, length = self._server.stdout, 0
        assert stdout is not None
        while (header := stdout.readline().strip()) or not length:
            name, _, value = header.partition(b": ")
            length = int(value) if name == b"Content-Length" else length
        answer: dict[str, Any] = json.loads(stdout.read(length))
        return answer


def seconds(editor: Editor, lines: list[str], row: int, keys: int) -> list[float]:
    """The times of the keys that are typed on a new line below a line of a document."""
    item = {"uri": URI, "languageId": "markdown", "version": 0, "text": "\n".join(lines)}
    editor.tell("textDocument/didOpen", textDocument=item)
    times, typed, cursor = list[float](), "", {"line": row, "character": len(lines[row])}
    for key in "\n\n" + TYPED * (keys // len(TYPED)):
        start = time.perf_counter()
        change = {"range": {"start": cursor, "end": cursor}, "text": key}
        document = {"uri": URI, "version": len(times) + 1}
        editor.tell("textDocument/didChange", textDocument=document, contentChanges=[change])
        typed = "" if key == "\n" else typed + key
        cursor = {"line": cursor["line"] + (key == "\n"), "character": len(typed)}
        context = {"triggerKind": 2, "triggerCharacter": key}
        answer = editor.ask(
            "textDocument/completion", textDocument={"uri": URI}, position=cursor, context=context
        )
        times.append(time.perf_counter() - start)
        if not answer["items"]:
            print("none", repr(typed[-20:]))
    return times[3:]


def main() -> None:
    """Prints a line for each place and shape of the document."""
    parser = argparse.ArgumentParser(description="how long an editor waits for a suggestion")
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=400)
    parser.add_argument("--model", default="english")
    parser.add_argument("--text", type=Path, required=True)
    options = parser.parse_args()
    text = options.text.read_text("utf-8")
    words = text.split(" ")[: options.words]
    paragraphs = " ".join(words).split("\n")
    editor = Editor(options.model)
    plain = "\n\n".join(filter(None, paragraphs)).split("\n")
    wrapped = [line for text in plain for line in textwrap.wrap(text, 72) or [""]]
    for shape, lines in (("a line a paragraph", plain), ("wrapped", wrapped)):
        for place, row in (("end", len(lines) - 1), ("middle", len(lines) // 2)):
            times = seconds(editor, lines, row, options.keys)
            middle, slowest = statistics.median(times), statistics.quantiles(times, n=20)[-1]
            where = f"{shape}, {len(lines)} lines, {place}"
            print(f"{where:40} p50 {1000 * middle:6.2f} ms, p95 {1000 * slowest:6.2f} ms")


if __name__ == "__main__":
    main()
