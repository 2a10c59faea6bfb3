"""Writes the history of a training to files: the epochs as a table, their losses as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from rnnlm_tui.cli.options import CommandLine
from rnnlm_tui.errors import ModelError, UsageError, os_reason
from rnnlm_tui.events import EpochEnded
from rnnlm_tui.formatting import round_numbers, shorten
from rnnlm_tui.store import files
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import read_card
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.wording.trainings import best_of, loss_points, trained_part

PICTURE_WIDTH = 640
"""Pixels, as all lengths of the picture."""
PICTURE_HEIGHT = 384
LEFT = 56
"""The left edge of the axes. LEFT, RIGHT, TOP and BOTTOM enclose the curves."""
RIGHT = 620
TOP = 84
BOTTOM = 352
LEGEND_X = (LEFT, LEFT + 150, LEFT + 336)
"""The places of the three texts of the legend: one for each curve, and one for the best epoch."""
MOST_TICKS = 8
"""Most intervals between the ticks of an axis."""
GREY = "#767676"
"""The colour of the axes and texts. All colours can be read on white and on black."""
BEST = "#8a63d2"
"""The colour of the best epoch."""
CURVES = {
    "train": ("training", "#3d7fd9", 'stroke-width="2" stroke-dasharray="7 3"'),
    "held_out": ("held out", "#d0611f", 'stroke-width="2"'),
}
"""The metrics of an epoch that are drawn, each with its label, colour and style."""


def check_files(command: CommandLine) -> None:
    """Checks that the files of --csv and --plot can be written. Raises UsageError."""
    texts_to_read = {Path(each).resolve() for each in (*command.operands, *command.add)}
    for file, ending in ((command.csv, ".csv"), (command.plot, ".svg")):
        if file is None:
            continue
        path = Path(file).resolve()
        if path.suffix.lower() != ending:
            hint = "this keeps other files from being replaced"
            raise UsageError(f"{file} must end in {ending}", hint)
        if path in texts_to_read:
            raise UsageError(f"{file} is also a text to read", "name another file")
        if path.exists() and not path.is_file():
            raise UsageError(f"{file!r} is not a file", "name a file; it need not exist yet")
        try:  # writes the temporary file only, so that an existing table stays
            files.temporary_of(path).touch()
            files.temporary_of(path).unlink()
        except OSError as error:
            hint = files.missing_folder_hint(Path(file)) or "name another file"
            raise UsageError(f"cannot write {file}: {os_reason(error)}", hint) from error


def write_files(command: CommandLine, library: Library, name: str) -> None:
    """Writes the last training of a model to the files of --csv and --plot, if they are given.
    Raises ModelError if no training is recorded, StorageError if a file cannot be written."""
    if command.csv is None and command.plot is None:
        return
    if not (epochs := read_epochs(library.runs.folder(name))):
        hint = "the machine that trains a model writes its history after each epoch"
        raise ModelError(f"{name} has no history here", hint)
    part = trained_part(read_card(library.path(name)).config)
    if command.csv is not None:
        files.write_bytes(Path(command.csv).resolve(), csv_of(epochs).encode())
    if command.plot is not None:
        files.write_bytes(Path(command.plot).resolve(), svg_of(name, part, epochs).encode())


def csv_of(epochs: Sequence[EpochEnded]) -> str:
    """Returns a table with a row of numbers for each epoch, below their names. The cell of a number
    that was not measured is empty."""
    rows = [ended.row for ended in epochs]
    names = [*dict.fromkeys(name for row in rows for name in row)]
    cells = ([f"{row[name]:.12g}" if name in row else "" for name in names] for row in rows)
    return "".join(",".join(line) + "\n" for line in (names, *cells))


def svg_of(name: str, part: str, epochs: Sequence[EpochEnded]) -> str:
    """Draws the losses of a `part` of a model by epoch, on a transparent background."""
    box = f'viewBox="0 0 {PICTURE_WIDTH} {PICTURE_HEIGHT}"'
    size = f'{box} width="{PICTURE_WIDTH}" height="{PICTURE_HEIGHT}"'
    looks = f'font-family="sans-serif" font-size="13" fill="{GREY}"'
    drawing = "\n".join(_drawing(shorten(name), part, epochs))
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {looks}>\n{drawing}\n</svg>\n'


def _drawing(name: str, part: str, epochs: Sequence[EpochEnded]) -> Iterator[str]:
    """Yields the head, the axes, the curves with their legend, and the best epoch."""
    curves = {key: loss_points((e.epoch, getattr(e, key)) for e in epochs) for key in CURVES}
    losses = [loss for points in curves.values() for _, loss in points] or [0.0]
    epoch_ticks = round_numbers(epochs[0].epoch, epochs[-1].epoch, MOST_TICKS, least=1)
    loss_ticks = round_numbers(min(losses), max(losses), MOST_TICKS)

    def place(epoch: float, loss: float) -> tuple[float, float]:
        x = (epoch - epoch_ticks[0]) / (epoch_ticks[-1] - epoch_ticks[0])
        y = (loss - loss_ticks[0]) / (loss_ticks[-1] - loss_ticks[0])
        return round(LEFT + x * (RIGHT - LEFT), 1), round(BOTTOM - y * (BOTTOM - TOP), 1)

    yield _text(LEFT, 24, name, 'font-size="18" font-weight="bold"')
    yield _text(LEFT, 44, f"loss of the {part}, in nats per word, by epoch")
    for loss in loss_ticks:
        x, y = place(epoch_ticks[0], loss)
        yield _line([(x, y), (RIGHT, y)], GREY, 'stroke-opacity="0.3"')
        yield _text(x - 10, y + 4, f"{loss:.6g}", 'text-anchor="end"')
    for epoch in epoch_ticks:
        x, y = place(epoch, loss_ticks[0])
        yield _line([(x, y), (x, y + 5)], GREY, "")
        yield _text(x, y + 20, f"{epoch:.6g}", 'text-anchor="middle"')
    for x, (key, points) in zip(LEGEND_X, curves.items(), strict=False):
        label, color, style = CURVES[key]
        yield _line([(x, 62), (x + 28, 62)], color, style)
        yield _text(x + 36, 66, f"{label} {points[-1][1]:.3f}" if points else f"{label}: none")
        yield _line([place(*point) for point in points], color, style)
    best = best_of(epochs)
    held_out = dict(curves["held_out"])
    if best in held_out:
        x, y = place(best, held_out[best])
        yield _line([(x, TOP), (x, BOTTOM)], BEST, 'stroke-dasharray="2 3"')
        yield f'<circle cx="{x}" cy="{y}" r="5" fill="{BEST}"/>'
        yield _text(LEGEND_X[-1], 66, f"best: epoch {best}", f'fill="{BEST}"')


def _line(points: Sequence[tuple[float, float]], color: str, style: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" {style}/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'
