"""What a command line can ask for: one frozen class a mode, each field an option of that mode.

A field gives its flag, its help and its range; `parser` reads a command line into these classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from rnnlm_tui.config import PRESETS, Range, parse_number
from rnnlm_tui.errors import UsageError
from rnnlm_tui.paths import data_dir

Reader = Callable[[str, str], Any]
"""Turns the value of an option, and the flag that it was given to, into that of a field. Raises
UsageError."""


def as_unicode(argument: str, flag: str = "") -> str:
    """An argument or a file's name with a question mark for each byte that is not UTF-8, which
    Python holds as a lone surrogate that no file can take."""
    return argument.encode("utf-8", "replace").decode("utf-8")


def option(
    description: str,
    metavar: str = "TEXT",
    *,
    read: Reader = as_unicode,
    default: Any = None,
    flag: str = "",
    repeated: bool = False,
) -> Any:
    """A field that an option with a value sets, a tuple of values if it is `repeated`. `flag` is
    its name if it is not that of the field."""
    meta = {"help": description, "metavar": metavar, "read": read}
    meta |= {"flag": flag, "repeated": repeated}
    return field(default=() if repeated else default, metadata=meta)


def switch(description: str, flag: str = "") -> Any:
    """A field that an option without a value makes true."""
    return field(default=False, metadata={"help": description, "metavar": "", "flag": flag})


def operand(*, many: bool = False) -> Any:
    """The field of one operand, None without it, or of all that are left."""
    return field(default=() if many else None, metadata={"operand": True})


def whole(low: float, high: float) -> Reader:
    """Reads a whole number within these bounds."""
    return lambda value, flag: int(parse_number(value, flag, Range(low, high), whole=True))


def number(low: float, high: float) -> Reader:
    """Reads a number within these bounds."""
    return lambda value, flag: parse_number(value, flag, Range(low, high), whole=False)


def control(value: str, flag: str) -> bool:
    """Reads from where a run is controlled: only from standard input."""
    if value != "stdin":
        raise UsageError(f"{flag} is {value!r}", "it must be stdin")
    return True


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a command line says of a run's settings: the values of flags by the setting's name, and
    the preset and the TOML file if they are given."""

    flags: Mapping[str, str] = field(default_factory=dict)
    preset: str | None = option(
        "; ".join(f"{preset.name}: {preset.summary}" for preset in PRESETS.values())
        + " (default lesson for the sonnets, gru for a text of your own)",
        "PRESET",
    )
    file: str | None = option("settings from a TOML file", "FILE", flag="config")


@dataclass(frozen=True, slots=True)
class Request:
    """What all modes have. `runs` is the function that does what is asked, in a module of `cli`;
    `operands` and `help` are what the help says of the mode; it takes at least `least` operands."""

    runs: ClassVar[str]
    help: ClassVar[str]
    operands: ClassVar[str] = ""
    least: ClassVar[int] = 0

    data_folder: str | None = option("where the models are stored", "FOLDER", flag="data-dir")

    @property
    def data_dir(self) -> Path:
        """The data folder: the one named, else the user's."""
        return data_dir(Path(self.data_folder) if self.data_folder else None)


@dataclass(frozen=True, slots=True)
class AppRequest(Request):
    """The terminal app. `model` is None for the one used last."""

    runs = "main:open_app"
    help = "open the terminal app, with this model"
    operands = "[MODEL]"

    model: str | None = operand()


@dataclass(frozen=True, slots=True)
class TrainRequest(Request):
    """`--train`. No `sources` are the sonnets, or the text of the run that is resumed; `name` and
    `seed_line` are None if they follow from the text."""

    runs = "train:train"
    help = "train on text files, on pipes, or on - for standard input; on the sonnets by default"
    operands = "[CORPUS ...]"

    sources: tuple[str, ...] = operand(many=True)
    name: str | None = option(
        "the model's name; made of the corpus and the preset by default", "NAME"
    )
    settings: RunSettings = field(default_factory=RunSettings)
    encoding: str | None = option(
        "the corpus's encoding; UTF-8, or UTF-16 with its mark, by default", "ENCODING"
    )
    force: bool = switch("replace what has that name")
    resume: bool = switch("go on with the run of --name, or the last one")
    source_model: str | None = option(
        "start from a model's weights and words", "MODEL", flag="from"
    )
    seed_line: str | None = option("the line continued after each epoch")
    is_controlled: bool = option(
        "obey lines of standard input: pause, resume, stop, detach, sample TEXT; its end stops the"
        " run unless it is detached",
        "stdin",
        flag="control",
        read=control,
        default=False,
    )
    is_quiet: bool = switch("no progress, only the result", flag="quiet")
    as_json: bool = switch("results (or events) as JSON lines", flag="json")


@dataclass(frozen=True, slots=True)
class SummaryRequest(Request):
    """`--summary`. No `sources` are the sonnets."""

    runs = "summary:summary"
    help = "the data card and the layers of the network, without training"
    operands = "[CORPUS ...]"

    sources: tuple[str, ...] = operand(many=True)
    settings: RunSettings = field(default_factory=RunSettings)
    encoding: str | None = option("", "ENCODING")
    as_json: bool = switch("", flag="json")


@dataclass(frozen=True, slots=True)
class Query(Request):
    """What the modes that ask a model have. `text` is None for the lines of standard input, `model`
    for the newest."""

    operands = "[TEXT]"

    text: str | None = operand()
    model: str | None = option("the model to ask; the newest by default", "NAME")
    as_json: bool = switch("", flag="json")


@dataclass(frozen=True, slots=True)
class SuggestRequest(Query):
    """`--suggest`."""

    runs = "suggest:show_suggestions"
    help = (
        "the next words; without TEXT, one answer for each line of standard input (with --json a"
        ' line may be a request such as {"text": "shall i ", "id": 1})'
    )

    top: int = option(
        "how many words to suggest (default 5)", "N", read=whole(1, 10_000), default=5
    )
    lines_above: bool = switch("read standard input as one text, each line after those before it")


@dataclass(frozen=True, slots=True)
class GenerateRequest(Query):
    """`--generate`. `top_k` is None for all words, `seed` for other words each time."""

    runs = "suggest:generate"
    help = "continue TEXT, or each line of standard input"

    words: int = option(
        "how many words to generate (default 10)", "N", read=whole(1, 100_000), default=10
    )
    temperature: float = option(
        "draw words, more freely above 1; 0 takes the likeliest",
        "X",
        read=number(0, 100),
        default=0.0,
    )
    top_k: int | None = option("draw from the N likeliest words only", "N", read=whole(1, 10**7))
    seed: int | None = option("", "N", read=whole(0, 2**32 - 1))


@dataclass(frozen=True, slots=True)
class EvaluateRequest(Request):
    """`--evaluate`. No `sources` are the model's own held-out lines; `limit` is None for all."""

    runs = "evaluate:show_evaluation"
    help = (
        "how good a model is: perplexity, hits and keys saved on a text, or on the lines that its"
        " training held out"
    )
    operands = "[CORPUS ...]"

    sources: tuple[str, ...] = operand(many=True)
    encoding: str | None = option("", "ENCODING")
    model: str | None = option("", "NAME")
    against: tuple[str, ...] = option(
        "another model to measure on the same lines; may be repeated", "NAME", repeated=True
    )
    limit: int | None = option("measure on the first N lines alone", "N", read=whole(1, 10**9))
    as_json: bool = switch("", flag="json")


@dataclass(frozen=True, slots=True)
class ScoreRequest(Query):
    """`--score`."""

    runs = "score:show_score"
    help = "TEXT, or each line of standard input, word by word with probability and rank"


@dataclass(frozen=True, slots=True)
class ModelsRequest(Request):
    """`--models`."""

    runs = "models:models"
    help = "list the models"

    as_json: bool = switch("", flag="json")


@dataclass(frozen=True, slots=True)
class RenameRequest(Request):
    """`--rename`."""

    runs = "models:rename"
    help = "rename a model"
    operands = "OLD NEW"
    least = 2

    old: str = operand()
    new: str = operand()


@dataclass(frozen=True, slots=True)
class DeleteRequest(Request):
    """`--delete`."""

    runs = "models:delete"
    help = "delete a model"
    operands = "NAME"
    least = 1

    name: str = operand()
    is_confirmed: bool = switch("delete without asking", flag="yes")


@dataclass(frozen=True, slots=True)
class ExportRequest(Request):
    """`--export`."""

    runs = "models:export"
    help = "write a model as one zip, NAME.zip by default; - writes it to standard output"
    operands = "NAME [FILE]"
    least = 1

    name: str = operand()
    target: str | None = operand()
    force: bool = switch("")


@dataclass(frozen=True, slots=True)
class ImportRequest(Request):
    """`--import`. `name` is None for that of the file."""

    runs = "models:import_"
    help = "take in an exported model (see --name)"
    operands = "FILE"
    least = 1

    source: str = operand()
    name: str | None = option("", "NAME")


MODES: Mapping[str, type[Request]] = {
    "train": TrainRequest,
    "suggest": SuggestRequest,
    "generate": GenerateRequest,
    "evaluate": EvaluateRequest,
    "score": ScoreRequest,
    "summary": SummaryRequest,
    "models": ModelsRequest,
    "rename": RenameRequest,
    "delete": DeleteRequest,
    "export": ExportRequest,
    "import": ImportRequest,
}
