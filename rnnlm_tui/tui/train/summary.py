"""Runs the command line's `--summary` for facts about a text and the model to be made of it.

This is done in a child process: reading and splitting a large text holds Python's global lock for
tenths of a second at a time, which would freeze the screen.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.stages import Layer
from rnnlm_tui.tui.runs.child import run_headless

FEW_WORDS = 5_000
"""A text of fewer words is said to be too small to help much."""
TRAINED_PER_S = 1e10
"""Examples times parameters that a training learns in a second on two cores: 5e9 from the English,
13e9 with the lesson's network."""


class CorpusCounts(Struct, frozen=True):
    """The size of a text."""

    lines: int
    words: int
    held_out_lines: int


class CorpusSummary(Struct, frozen=True):
    """The output of `--summary --json`.

    `name` is that of the model, `base` the model that it is built on, None if it starts from
    nothing. `settings` are the settings of the training, including defaults that depend on the size
    of the corpus. `total_words` includes the padding. `reads` says which words before the next one
    the model reads. `first_pairs` are the context and the next word of the first examples. For the
    lesson, `first_padded` are the ids of the first of them, with zeros before the context. `notes`
    say how the text is read, `warnings` why it is a poor text to learn from. `opening` are the
    first words of the text.
    """

    name: str
    settings: dict[str, Setting]
    corpus: CorpusCounts
    total_words: int
    reads: str
    examples: int
    parameters: int
    memory_bytes: int
    layers: tuple[Layer, ...]
    first_pairs: tuple[tuple[str, str], ...]
    first_padded: tuple[tuple[tuple[int, ...], int], ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    opening: str = ""
    base: str | None = None


async def summarise(arguments: tuple[str, ...], data_dir: Path) -> CorpusSummary:
    """Returns the summary of a training with these arguments.

    Cancelling this coroutine kills the process. Raises RnnlmError with the message that the command
    line printed.
    """
    answer = await run_headless(("--summary", *arguments, "--json", f"--data-dir={data_dir}"))
    try:
        return msgspec.json.decode(answer, type=CorpusSummary)
    except msgspec.DecodeError as error:
        raise RnnlmError("the summary of this text is not valid", str(error)) from error


def prospect(summary: CorpusSummary) -> str:
    """Says what a training does, how long it takes and what it will tell; and if the text is small,
    what to expect of it."""
    words, epochs = summary.corpus.words, summary.settings.get("epochs")
    seconds = summary.examples * summary.parameters * float(epochs or 0) / TRAINED_PER_S
    minutes = max(1, round(seconds / 60))
    time = "some seconds" if epochs is None else f"about {plural(minutes, 'minute')}"
    if minutes >= 90:
        time = f"about {plural(round(minutes / 60), 'hour')}"
    start = "It starts from the English and learns your words"
    told = "Then it tells how many keys it saves on lines of this text that it has not seen."
    if summary.base is None:
        start = "It starts from nothing and learns this text"
    if not summary.corpus.held_out_lines:
        told = "It learns every line, so it cannot tell how well it does on others."
    few = "the English with your names in it, little more" if summary.base else "little of it"
    few = f"\n! {plural(words, 'word')} are few: expect {few}." if words < FEW_WORDS else ""
    return f"{start}, in {time}. {told}{few}"
