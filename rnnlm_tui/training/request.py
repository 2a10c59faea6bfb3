"""The options of a training, for the command line and for Python.

An option is a field. Its annotation has the type, the word for its value in the help, and the help.
A bool is a switch, and the flag of a tuple may be repeated.

This module has no `from __future__ import annotations`, since evaluating the strings would double
the time of its import.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct

from rnnlm_tui.config import PRESETS

PRESET_HELP = (
    "the kind of model; "
    + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
    + " (default lesson for the sonnets, gru for a text of your own)"
)


class TrainingRequest(Struct, frozen=True, kw_only=True):
    """The options of a training.

    `sources` are files and folders. Without them, a new model learns the sonnets, an update the
    files that its model has learned, and a resumed run its own files. `settings` maps names of
    settings to values, as text or numbers.

    The texts `written` in the app are added to the sources. An update leaves out what its model has
    learned of them. They are stored as one file in `written_folder`, by default in the data folder.
    """

    sources: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    written_folder: Path | None = None

    written: Annotated[
        tuple[str, ...],
        "TITLE",
        "another text written in the app, by its title; all: every one; may be repeated",
    ] = ()
    name: Annotated[
        str | None, "NAME", "the model's name; made from the text or the file by default"
    ] = None
    preset: Annotated[str | None, "PRESET", PRESET_HELP] = None
    on: Annotated[
        str | None,
        "auto|NAME|none",
        "the built-in model to mix with; by default auto: that of the text's language",
    ] = None
    start_from: Annotated[
        str | None, "NAME", "start from a model's network and words; none: from nothing"
    ] = None
    update: Annotated[
        str | None,
        "NAME",
        "train a model further, on its own texts as they are now or on those given; the result"
        " replaces it if its suggestions are likelier on lines that neither has seen",
    ] = None
    add: Annotated[
        tuple[str, ...], "FILE", "another text or folder for --update; may be repeated"
    ] = ()
    resume: Annotated[bool, "resume the run of --name, or the most recent one"] = False
    seed_line: Annotated[str | None, "TEXT", "the line continued after each epoch"] = None
    encoding: Annotated[
        str | None, "CODE", "encoding of the texts without a byte order mark; by default UTF-8"
    ] = None
    force: Annotated[
        bool, "replace what has that name already; with --update, its unfinished training"
    ] = False
