"""Runs the command line's `--summary` for facts about a corpus and the network for it.

This is done in a child process: reading and splitting a large text holds Python's global lock for
tenths of a second at a time, which would freeze the screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import format_bytes, plural, shorten
from rnnlm_tui.tui.runs.child import run_headless
from rnnlm_tui.tui.train.form_content import FormContent

Count: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class LayerFacts(Struct, frozen=True):
    """One layer of the network. `output_shape` is as in Keras, with None for any size."""

    name: str
    type: str
    output_shape: tuple[Count | None, ...]
    parameters: Count


class CorpusCounts(Struct, frozen=True):
    """The size of a text."""

    name: str
    sha256: str
    lines: Count
    words: Count
    held_out_lines: Count


class CorpusSummary(Struct, frozen=True):
    """The output of `--summary --json`.

    `settings` are the settings of the training, including defaults that depend on the size of the
    corpus; `size` names that size, None if the preset's defaults do not depend on it. `total_words`
    includes the padding.
    `reads` says which words before the next one the model reads. `first_pairs` are the context and
    the next word of the first examples. For the lesson, `first_padded` are the ids of the first of
    them, with zeros before the context. `notes` say how the text is read, `warnings` why it is a
    poor text to learn from. `opening` are the first words of the text.
    """

    settings: dict[str, Setting]
    corpus: CorpusCounts
    total_words: Count
    reads: str
    examples: Count
    parameters: Count
    memory_bytes: Count
    layers: tuple[LayerFacts, ...]
    first_pairs: tuple[tuple[str, str], ...]
    first_padded: tuple[tuple[tuple[Count, ...], Count], ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    opening: str = ""
    size: str | None = None


async def summarise(content: FormContent, files: tuple[str, ...], data_dir: Path) -> CorpusSummary:
    """Returns the summary for a form, whose text is in `files` unless it was typed.

    Cancelling this coroutine kills the process. Raises RnnlmError with the message that the command
    line printed.
    """
    typed = content.typed
    sources = files if typed is None else ("-",)
    options = ("--json", f"--preset={content.preset}", f"--data-dir={data_dir}")
    arguments = ("--summary", *sources, *options, *content.setting_flags())
    answer = await run_headless(arguments, typed or "")
    try:
        return msgspec.json.decode(answer, type=CorpusSummary)
    except msgspec.DecodeError as error:
        raise RnnlmError("the summary of this text is not valid", str(error)) from error


def cost_line(summary: CorpusSummary) -> str:
    """Returns the size and the memory of the network in one line."""
    return f"{summary.parameters:,} parameters · {format_bytes(summary.memory_bytes)} of memory"


def card_facts(summary: CorpusSummary) -> list[tuple[str, str]]:
    held_out = summary.corpus.held_out_lines
    facts = [
        ("lines", f"{summary.corpus.lines:,}"),
        ("words", f"{summary.corpus.words:,}"),
        ("vocabulary", f"{summary.total_words - 1:,}"),
        ("held out", plural(held_out, "line") if held_out else "nothing"),
        ("pairs", f"{summary.examples:,}"),
        ("parameters", f"{summary.parameters:,}"),
        ("memory", format_bytes(summary.memory_bytes)),
    ]
    if summary.size is not None:
        facts.append(("defaults", f"{shorten(summary.size, 7)} corpus"))
    return facts
