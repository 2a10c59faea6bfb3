"""Shows the command line's summary of a text and of a model of it.

The summary is made in a child process. In this one it would freeze the screen: reading and
splitting a large text holds Python's global lock for tenths of a second at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.table import Table
from rich.text import Text
from textual.content import Content
from textual.widgets import Static

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import sanitize, shorten
from rnnlm_tui.lm.layers import Layer
from rnnlm_tui.store.files import json_fault
from rnnlm_tui.tui.runs.child import run_headless

CARD_LABEL_WIDTH = 13


class Summary(Struct, frozen=True):
    """What the screen shows of the output of `--summary --json`.

    `name` is the name of the model. `settings` are the settings of the training, some of which
    depend on the size of the text. `prospect` says what the training does, and `warnings` what is
    bad about the text. Each of the `rows` is a label and a text, or a heading and "".
    """

    name: str
    settings: dict[str, Setting]
    prospect: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]


async def summarise(arguments: tuple[str, ...], data_dir: Path) -> Summary:
    """Returns the summary for a training with these arguments. Cancelling this coroutine kills its
    process. Raises RnnlmError with the message of the command line."""
    answer = await run_headless(("--summary", *arguments, "--json", f"--data-dir={data_dir}"))
    try:
        return msgspec.json.decode(answer, type=Summary)
    except msgspec.DecodeError as error:
        raise RnnlmError("the summary of this text is not valid", json_fault(error)) from error


def summary_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yields the rows of the card, the layers last."""
    yield from summary.rows
    yield "layers: output shape, parameters, kind", ""
    for layer in summary.layers:
        sizes = " x ".join(f"{size:,}" for size in layer.output_shape if size is not None)
        yield layer.name, f"{sizes:>8} {layer.parameters:>9,} {layer.type}"


class DataCard(Static, can_focus=True):
    """Shows the summary under a rule. It can have the focus, so that arrow keys scroll it."""

    DEFAULT_CSS = """
    DataCard {
        height: auto;
        margin-left: 1;
        border-top: solid $foreground 20%;
        border-title-color: $quiet;
        &:focus { border-top: solid $border; border-title-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.border_title = Content("the text, and a model of it").pad(1, 1)

    def show(self, summary: Summary | None) -> None:
        """Shows a summary, or a hint if there is none because the form has a fault."""
        if summary is None:
            self.update(Content.styled("here, once the form is right", "$quiet"))
            return
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=CARD_LABEL_WIDTH, style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in summary_rows(summary):
            if text:
                table.add_row(Text(shorten(label)), Text(sanitize(text)))
            else:
                table.add_row()
                table.add_row("", Text(label, "dim"))
        self.update(table)
