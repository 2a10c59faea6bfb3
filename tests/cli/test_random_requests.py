"""Random, broken and huge lines to `--suggest --json`."""

from __future__ import annotations

import json
import os
import queue
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.commands import PATIENCE_S, running
from tests.helpers.random_json import broken_bytes, no_json, other_fields, random_text

LINES, BATCH = 5_000, 20
LONGEST_S = 2.0
GOOD = {"text": "the cat s", "id": "good"}


def random_line(chance: random.Random) -> bytes:
    """A text, a request, or what is none."""
    request = {
        "text": random_text(chance),
        "cursor": chance.choice((None, 0, 1, 5, 10**6)),
        "above": [random_text(chance) for _ in range(chance.randrange(3))],
        "top": chance.choice((None, 1, 5, 10**7)),
        "encoding": chance.choice((None, "utf-16", "utf-32")),
        "id": chance.choice((1, "x", None)),
    }
    whole = json.dumps(request).encode()
    line = chance.choice(
        (
            whole,
            json.dumps(other_fields(chance, request)).encode(),
            broken_bytes(chance, whole),
            no_json(chance),
            random_text(chance).encode("utf-8", "surrogatepass"),
        )
    )
    return line.replace(b"\n", b" ") + b"\n"


@pytest.mark.hunt
def test_every_random_line_is_answered(verses_data: Path) -> None:
    """Each of 5,000 lines gets one line within 2 s, and a good request after every 20 of them its
    answer. The process ends with its input."""
    chance = random.Random(4)
    with running("--suggest", "--json", f"--data-dir={verses_data}", stream="stderr") as run:
        stdin, stdout = run.process.stdin, run.process.stdout
        assert stdin is not None and stdout is not None
        answers = queue.Queue[dict[str, Any]]()

        def read() -> None:
            for line in stdout:
                answers.put(json.loads(line))

        threading.Thread(target=read, daemon=True).start()
        good = json.dumps(GOOD).encode() + b"\n"
        patience = float(PATIENCE_S)  # until it has started
        for _ in range(LINES // BATCH):
            for line in (*(random_line(chance) for _ in range(BATCH)), good):
                os.write(stdin.fileno(), line)
                try:
                    answer = answers.get(timeout=patience)
                except queue.Empty:
                    pytest.fail(f"no answer in {patience} s to {line[:500]!r}")
                patience = LONGEST_S
                assert "suggestions" in answer or answer["event"] == "failed"
            assert (answer["id"], answer["prefix"]) == ("good", "s")
        stdin.close()
        assert run.process.wait(LONGEST_S) == 0
