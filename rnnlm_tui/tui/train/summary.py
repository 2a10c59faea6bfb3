"""What a corpus would make of a network, asked of the command line's `--summary` in a process.

Reading and splitting a large text holds Python's lock for tenths of a second at a time, which would
freeze the screen if it happened here.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import format_bytes, format_duration, plural, shorten
from rnnlm_tui.tui.runs.headless import run_headless
from rnnlm_tui.tui.train.plan import Plan

A_FEW_S = 10.0
"""A training that takes less than this takes a few seconds: it is not worth a number."""


Count: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class Layer(Struct, frozen=True):
    """One layer of the network. `output_shape` is as Keras gives it, None for any size."""

    name: str
    type: str
    output_shape: tuple[Count | None, ...]
    parameters: Count


class Corpus(Struct, frozen=True):
    """The size of a text."""

    name: str
    sha256: str
    lines: Count
    words: Count
    held_out_lines: Count


class CorpusSummary(Struct, frozen=True):
    """What `--summary --json` prints.

    `settings` are those that a training would have, the defaults for a corpus of this size among
    them; `size` is what a corpus of this size is called, None if the preset's defaults are the same
    for all. `total_words` includes the padding. `estimated_s` is for all epochs on this machine,
    None if it is unknown. `first_pairs` are the words before and the word to predict of the first
    examples. `notes` say how the text is read, `warnings` what makes it a poor text to learn from.
    """

    settings: dict[str, Setting]
    corpus: Corpus
    total_words: Count
    window: Count
    examples: Count
    parameters: Count
    memory_bytes: Count
    layers: tuple[Layer, ...]
    first_pairs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    size: str | None = None
    estimated_s: float | None = None


async def summarise(plan: Plan, files: tuple[str, ...]) -> CorpusSummary:
    """Asks what the text of `plan`, in `files` unless it is pasted, would make of its network.

    Cancelling this coroutine kills the process that works on it. Raises the RnnlmError that the
    command line complained of.
    """
    is_pasted = plan.source == "pasted"
    sources = ("-",) if is_pasted else files
    arguments = ("--summary", *sources, "--json", f"--preset={plan.preset}", *plan.setting_flags())
    answer = await run_headless(arguments, plan.text if is_pasted else "")
    try:
        return msgspec.json.decode(answer, type=CorpusSummary)
    except msgspec.DecodeError as error:
        raise RnnlmError("the answer about this text makes no sense", str(error)) from error


def cost_line(summary: CorpusSummary) -> str:
    """What the network of a corpus takes, in one line."""
    time = estimate(summary.estimated_s)
    return (
        f"{summary.parameters:,} parameters · {format_bytes(summary.memory_bytes)} of memory"
        f" · {time or 'time unknown'}"
    )


def estimate(seconds: float | None) -> str:
    """How long a training will take, roughly; nothing if that is not known. What is measured is
    the training alone, and PyTorch takes seconds to load."""
    if seconds is None:
        return ""
    return (
        "a few seconds" if seconds < A_FEW_S else f"about {format_duration(seconds, roughly=True)}"
    )


def card_facts(summary: CorpusSummary) -> list[tuple[str, str]]:
    """The data card's figures, each with its label."""
    held_out = summary.corpus.held_out_lines
    facts = [
        ("lines", f"{summary.corpus.lines:,}"),
        ("words", f"{summary.corpus.words:,}"),
        ("vocabulary", f"{summary.total_words - 1:,}"),
        ("held out", plural(held_out, "line") if held_out else "nothing"),
        ("window", plural(summary.window, "word")),
        ("pairs", f"{summary.examples:,}"),
        ("parameters", f"{summary.parameters:,}"),
        ("memory", format_bytes(summary.memory_bytes)),
        ("time", estimate(summary.estimated_s) or "unknown"),
    ]
    if summary.size is not None:
        facts.append(("defaults", f"{shorten(summary.size, 7)} corpus"))
    return facts
