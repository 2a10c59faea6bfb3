"""What a corpus would make of a network, asked of the command line's `--summary` in a process.

Reading and splitting a large text holds Python's lock for tenths of a second at a time, which would
freeze the screen if it happened here.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.formatting import format_bytes, format_duration, plural
from rnnlm_tui.paths import APP_NAME
from rnnlm_tui.tui.runs.processes import ended
from rnnlm_tui.tui.runs.wording import shortened

A_FEW_S = 10.0
"""A training that takes less than this takes a few seconds: it is not worth a number."""


@dataclass(frozen=True, slots=True)
class Question:
    """A corpus, by its files or as a text, and the settings of the network for it.

    No files and no text is the bundled corpus. `settings` are flags such as `--held-out=0.1`.
    """

    files: tuple[str, ...]
    text: str | None
    preset: str
    settings: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """What stands behind the command; the text is read from standard input."""
        sources = ["-"] if self.text is not None else self.files
        return ["--summary", *sources, "--json", f"--preset={self.preset}", *self.settings]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of the network; `shape` is the shape of what it puts out, as Keras writes it."""

    name: str
    type: str
    shape: str
    parameters: int


@dataclass(frozen=True, slots=True)
class CorpusSummary:
    """The answer. `settings` are those that a training would have, the defaults for a corpus of
    this size among them; `size` is what a corpus of this size is called, None where the preset's
    defaults are the same for all; `total_words` counts the padding; `estimated_s` is for all epochs
    on this machine, None where nothing was estimated; `pairs` are the words before and the word to
    predict of the first examples."""

    settings: Mapping[str, Setting]
    size: str | None
    corpus: str
    lines: int
    words: int
    held_out_lines: int
    total_words: int
    window: int
    examples: int
    parameters: int
    memory_bytes: int
    estimated_s: float | None
    layers: tuple[LayerRow, ...]
    pairs: tuple[tuple[str, str], ...]


async def summarise(question: Question, command: Sequence[str]) -> CorpusSummary:
    """The answer of `command`, which is this program, headless. A question that is cancelled kills
    the process that works on it.

    Raises the RnnlmError that the process complained of: its sentence and its hint.
    """
    try:
        process = subprocess.Popen(
            [*command, *question.arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # ctrl+c in the app's terminal is not meant for it
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a path
        raise RnnlmError("the text cannot be looked at", str(error)) from error
    text = (question.text or "").encode("utf-8", "replace")
    answer, complaint = await ended(process, partial(process.communicate, text))
    if process.returncode != 0:
        raise complaint_of(complaint.decode("utf-8", "replace"))
    try:
        return parse_summary(answer)
    except (ValueError, TypeError, LookupError) as error:
        raise RnnlmError("the answer about this text makes no sense", str(error)) from error


def complaint_of(stderr: str) -> RnnlmError:
    """The error that the command line wrote: its last sentence, and the hint below it."""
    lines = stderr.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(f"{APP_NAME}: ")]
    if not starts:
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return RnnlmError("the text cannot be looked at", last)
    sentence, *rest = lines[starts[-1] :]
    hint = " ".join(line.strip() for line in rest)
    return CorpusError(sentence.removeprefix(f"{APP_NAME}: "), hint)


def parse_summary(raw: bytes) -> CorpusSummary:
    """The object that `--summary --json` prints. Raises ValueError, TypeError or LookupError."""
    data: dict[str, Any] = json.loads(raw)
    corpus = data["corpus"]
    estimate, size = data.get("estimated_s"), data.get("size")
    return CorpusSummary(
        settings=dict(data["settings"]),
        size=None if size is None else str(size),
        corpus=str(corpus["name"]),
        lines=int(corpus["lines"]),
        words=int(corpus["words"]),
        held_out_lines=int(corpus["held_out_lines"]),
        total_words=int(data["total_words"]),
        window=int(data["window"]),
        examples=int(data["examples"]),
        parameters=int(data["parameters"]),
        memory_bytes=int(data["memory_bytes"]),
        estimated_s=None if estimate is None else float(estimate),
        layers=tuple(_layer(layer) for layer in data["layers"]),
        pairs=tuple((str(features), str(label)) for features, label in data["first_pairs"]),
    )


def _layer(data: dict[str, Any]) -> LayerRow:
    shape = ", ".join("None" if size is None else str(size) for size in data["output_shape"])
    return LayerRow(str(data["name"]), str(data["type"]), f"({shape})", int(data["parameters"]))


def cost_line(summary: CorpusSummary) -> str:
    """What the network of a corpus takes, in one line."""
    time = estimate(summary.estimated_s)
    return (
        f"{summary.parameters:,} parameters · {format_bytes(summary.memory_bytes)} of memory"
        f" · {time or 'time unknown'}"
    )


def estimate(seconds: float | None) -> str:
    """How long a training will take, roughly; nothing where that is not known. What is measured is
    the training alone, and PyTorch takes seconds to load."""
    if seconds is None:
        return ""
    return (
        "a few seconds" if seconds < A_FEW_S else f"about {format_duration(seconds, roughly=True)}"
    )


def card_facts(summary: CorpusSummary) -> list[tuple[str, str]]:
    """The data card's figures, each with its label."""
    held_out = summary.held_out_lines
    facts = [
        ("lines", f"{summary.lines:,}"),
        ("words", f"{summary.words:,}"),
        ("vocabulary", f"{summary.total_words - 1:,}"),
        ("held out", plural(held_out, "line") if held_out else "nothing"),
        ("window", plural(summary.window, "word")),
        ("pairs", f"{summary.examples:,}"),
        ("parameters", f"{summary.parameters:,}"),
        ("memory", format_bytes(summary.memory_bytes)),
        ("time", estimate(summary.estimated_s) or "unknown"),
    ]
    if summary.size is not None:
        facts.append(("defaults", f"{shortened(summary.size, 7)} corpus"))
    return facts
