"""Random, broken, huge and misplaced messages to the language server."""

from __future__ import annotations

import json
import os
import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp

from rnnlm_tui.lsp.messages import Messages
from rnnlm_tui.lsp.server import CHOOSE
from tests.helpers.commands import PATIENCE_S, Run, running
from tests.helpers.random_json import broken_bytes, no_json, other_fields, random_json, random_text

MESSAGES, BATCH = 5_000, 20
LONGEST_S = 2.0
METHODS = sorted({*lsp.METHOD_TO_TYPES} - {lsp.EXIT, lsp.SHUTDOWN, lsp.WORKSPACE_EXECUTE_COMMAND})
KINDS = ("opened", "changed", "asked", "asked", "any", "any", "told", "answer", "broken", "bytes")


def framed(content: object) -> bytes:
    """A message as it is sent."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(data), data)


class Client:
    """Sends messages to a server, and waits for the answers."""

    def __init__(self, run: Run, chance: random.Random) -> None:
        assert run.process.stdin is not None and run.process.stdout is not None
        self._input = os.fdopen(run.process.stdin.fileno(), "wb", closefd=False)
        self.end = run.process.stdin.close
        self._output = Messages(run.process.stdout.fileno())
        self.chance, self._count = chance, 0
        self.answers, self.changed = dict[object, Any](), threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError):
            while True:
                message = self._output.next()
                with self.changed:
                    self.answers[message.get("id")] = message
                    self.changed.notify()

    def send(self, data: bytes) -> None:
        self._input.write(data)
        self._input.flush()

    def request(self, method: str, params: object) -> tuple[str, dict[str, Any]]:
        """A request and its id."""
        self._count += 1
        identity = f"request {self._count}"
        return identity, {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}

    def wait_for(self, identity: object, seconds: float = LONGEST_S) -> Any:
        """The answer with this id."""
        with self.changed:
            come = self.changed.wait_for(lambda: identity in self.answers, seconds)
            assert come, f"no answer to {identity} in {seconds} s"
            return self.answers[identity]

    def _place(self) -> dict[str, Any]:
        line, character = (self.chance.choice((0, 0, 1, 7, 10**6)) for _ in range(2))
        uri = {"uri": self.chance.choice("abc"), "version": 1}
        return {"textDocument": uri, "position": {"line": line, "character": character}}

    def random_message(self) -> tuple[str | None, bytes]:
        """A message, and its id if it is a request that has to be answered."""
        chance, kind = self.chance, self.chance.choice(KINDS)
        place, text = self._place(), random_text(chance)
        item = {**place["textDocument"], "languageId": "markdown", "text": text}
        where = {"start": place["position"], "end": self._place()["position"]}
        params: dict[str, Any]
        match kind:
            case "opened":
                method, params = lsp.TEXT_DOCUMENT_DID_OPEN, {"textDocument": item}
            case "changed":
                method = lsp.TEXT_DOCUMENT_DID_CHANGE
                params = {**place, "contentChanges": [{"range": where, "text": text}]}
            case "asked":
                asks = (lsp.TEXT_DOCUMENT_COMPLETION, lsp.TEXT_DOCUMENT_INLINE_COMPLETION)
                method, params = chance.choice(asks), {**place, "context": {"triggerKind": 1}}
            case _:
                method, params = chance.choice(METHODS), {**place, "textDocument": item}
        identity, request = self.request(method, params)
        if kind in ("opened", "changed", "told"):
            del request["id"]
        if kind in ("any", "told") or chance.random() < 0.1:
            request["params"] = other_fields(chance, params)
        match kind:
            case "answer":
                others = [*self.answers] or [0]
                answer = {"id": chance.choice(others), "result": random_json(chance)}
                return None, framed({"jsonrpc": "2.0", **answer})
            case "broken":
                whole = framed(other_fields(chance, request))
                return None, chance.choice((broken_bytes(chance, whole), whole))
            case "bytes":
                data = no_json(chance)
                return None, chance.choice((framed(data), data))
        return identity if "id" in request else None, framed(request)


@pytest.mark.hunt
def test_every_request_among_random_messages_is_answered(letter_data: Path) -> None:
    """Of 5,000 messages in 250 batches each request is answered within 2 s, and so is a good one
    behind each batch. The server ends with its client."""
    chance = random.Random(4)
    with running("--lsp", f"--data-dir={letter_data}", stream="stderr") as run:
        client = Client(run, chance)
        identity, start = client.request("initialize", {"processId": None, "capabilities": {}})
        client.send(framed(start))
        client.wait_for(identity, PATIENCE_S)
        for _ in range(MESSAGES // BATCH):
            batch = [client.random_message() for _ in range(BATCH)]
            item = {"uri": "good", "languageId": "text", "version": 1, "text": "The old "}
            opened = {"jsonrpc": "2.0", "method": lsp.TEXT_DOCUMENT_DID_OPEN}
            place = {"textDocument": {"uri": "good"}, "position": {"line": 0, "character": 8}}
            good, asked = client.request(lsp.TEXT_DOCUMENT_COMPLETION, place)
            for _, data in batch:
                client.send(data)
            client.send(framed({**opened, "params": {"textDocument": item}}) + framed(asked))
            found = client.wait_for(good)
            assert found["result"]["items"][0]["label"] == "café"
            for other, _ in batch:
                if other is not None:
                    client.wait_for(other)
        client.send(framed(client.request(CHOOSE, [])[1]))
        client.end()
        assert run.process.wait(LONGEST_S) == 1
