"""The requests of the command line: a frozen class per mode, whose fields are its options.

`parser` parses command lines into these classes and generates the help from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rnnlm_tui.config import PRESETS, Range

if TYPE_CHECKING:
    from pathlib import Path


def option(
    description: str,
    metavar: str = "NAME",
    *,
    flag: str = "",
    default: Any = None,
    bounds: Range | None = None,
    whole: bool = True,
) -> Any:
    """A field for the value of an option, or for a tuple of values if the default is a tuple. The
    flag is named like the field by default. A number has `bounds` and may be `whole`."""
    meta = {"help": description, "metavar": metavar, "flag": flag, "bounds": bounds, "whole": whole}
    return field(default=default, metadata=meta)


def switch(description: str = "", flag: str = "") -> Any:
    """A field for an option without a value, which sets it to True."""
    return field(default=False, metadata={"help": description, "metavar": "", "flag": flag})


def operand(default: Any = None) -> Any:
    """A field for a positional argument, or for all of them if the default is ()."""
    return field(default=default, metadata={"operand": True})


@dataclass(frozen=True, repr=False)
class Request:
    """The base of all requests. `runs` names the function that runs the request, as module:function
    within `cli`; `operands` and `help` are for the help. Operands in brackets are optional."""

    runs: ClassVar[str]
    help: ClassVar[str]
    operands: ClassVar[str] = ""

    data_folder: str | None = option("where the models are stored", "FOLDER", flag="data-dir")

    @property
    def data_dir(self) -> Path:
        """The data folder: the given one, or the user's."""
        from pathlib import Path  # 3 ms that --help does not need

        from rnnlm_tui.paths import data_dir

        return data_dir(Path(self.data_folder) if self.data_folder else None)


@dataclass(frozen=True, repr=False)
class AppRequest(Request):
    """The terminal app. The default `model` is the one used last."""

    runs = "main:open_app"
    help = "open the terminal app, with this model"
    operands = "[MODEL]"
    model: str | None = operand()


@dataclass(frozen=True, repr=False)
class RunRequest(Request):
    """The base of requests that prepare a training. Without `sources` the text is the sonnets.
    `flags` are the values of settings given as flags, by the name of the setting."""

    operands = "[CORPUS ...]"
    sources: tuple[str, ...] = operand(())
    flags: Mapping[str, str] = field(default_factory=dict)
    preset: str | None = option(
        "; ".join(f"{preset.name}: {preset.summary}" for preset in PRESETS.values())
        + " (default lesson for the sonnets, gru for a text of your own)",
        "PRESET",
    )
    config: str | None = option("settings from a TOML file", "FILE")
    encoding: str | None = option(
        "encoding of the texts; by default UTF-8, or UTF-16 with a byte order mark"
    )
    as_json: bool = switch("results (or events) as JSON lines", flag="json")


@dataclass(frozen=True, repr=False)
class TrainRequest(RunRequest):
    """`--train`. Without `sources` a resumed run keeps its own. By default `name` and `seed_line`
    are made from the text."""

    runs = "train:train"
    help = "train on text files, on pipes, or on - for standard input; on the sonnets by default"
    name: str | None = option("the model's name; made of the corpus and the preset by default")
    force: bool = switch("replace an existing model of that name")
    resume: bool = switch("resume the run of --name, or the most recent one")
    source_model: str | None = option("start from a model's weights and words", flag="from")
    base: str | None = option("mix with this model as a base, or with none", flag="on")
    update: str | None = option(
        "train a model further on its own texts as they are now, or on those given, and replace it"
        " if the result is better on lines that neither has seen"
    )
    added: tuple[str, ...] = option(
        "another text for --update, such as one of lines written in the app; may be repeated",
        "FILE",
        flag="add",
        default=(),
    )
    seed_line: str | None = option("the line continued after each epoch", "TEXT")
    control: str | None = option(
        "obey lines of standard input: pause, resume, stop, detach, sample TEXT; its end stops the"
        " run unless it is detached",
        "stdin",
    )
    is_quiet: bool = switch("no progress, only the result", flag="quiet")


class SummaryRequest(RunRequest):
    """`--summary`."""

    runs = "summary:summary"
    help = "the data card and the layers of the network, without training"


@dataclass(frozen=True, repr=False)
class Query(Request):
    """The base of requests that query a model. The default `text` is the lines of standard input,
    the default `model` the newest one."""

    operands = "[TEXT]"
    text: str | None = operand()
    model: str | None = option("the model to ask; the newest by default")
    as_json: bool = switch(flag="json")


@dataclass(frozen=True, repr=False)
class SuggestRequest(Query):
    """`--suggest`."""

    runs = "suggest:show_suggestions"
    help = (
        "the next words; without TEXT, one answer for each line of standard input (with --json a"
        ' line may be a request such as {"text": "shall i ", "id": 1})'
    )
    top: int = option(
        "how many words to suggest (default 5)", "N", default=5, bounds=Range(1, 10_000)
    )
    lines_above: bool = switch("read standard input as one text, each line after those before it")


@dataclass(frozen=True, repr=False)
class GenerateRequest(Query):
    """`--generate`. The defaults of `words` and `temperature` depend on the model. `top_k` None
    means all words, `seed` None means different words each time."""

    runs = "suggest:generate"
    help = "continue TEXT, or each line of standard input"
    words: int | None = option(
        "how many words to generate (default: to the end of the sentence, or 10 for a model without"
        " punctuation)",
        "N",
        bounds=Range(1, 100_000),
    )
    temperature: float | None = option(
        "sampling temperature: higher is more varied, 0 takes the likeliest word (default 0.7, or 0"
        " for a model without punctuation)",
        "X",
        bounds=Range(0, 100),
        whole=False,
    )
    top_k: int | None = option("draw from the N likeliest words", "N", bounds=Range(1, 10_000_000))
    seed: int | None = option("", "N", bounds=Range(0, 2**32 - 1))


@dataclass(frozen=True, repr=False)
class EvaluateRequest(Request):
    """`--evaluate`. Without `sources` the text is the model's own held-out lines."""

    runs = "evaluate:show_evaluation"
    help = (
        "how good a model is: perplexity, hits and keys saved on a text, or on the lines that its"
        " training held out"
    )
    operands = "[CORPUS ...]"
    sources: tuple[str, ...] = operand(())
    encoding: str | None = option("")
    model: str | None = option("")
    against: tuple[str, ...] = option(
        "another model to measure on the same lines; may be repeated", default=()
    )
    limit: int | None = option("measure on the first N lines only", "N", bounds=Range(1, 10**9))
    is_all: bool = switch(
        "measure on all lines, not on a sample of 20,000 words spread over them", flag="all"
    )
    as_json: bool = switch(flag="json")


class ScoreRequest(Query):
    """`--score`."""

    runs = "score:show_score"
    help = "TEXT, or each line of standard input, word by word with probability and rank"


@dataclass(frozen=True, repr=False)
class ModelsRequest(Request):
    """`--models`. Lists all of them by default."""

    runs = "models:models"
    help = "list the models, or show one"
    operands = "[NAME]"
    name: str | None = operand()
    as_json: bool = switch(flag="json")


@dataclass(frozen=True, repr=False)
class RenameRequest(Request):
    """`--rename`."""

    runs = "models:rename"
    help = "rename a model"
    operands = "OLD NEW"
    old: str = operand()
    new: str = operand()


@dataclass(frozen=True, repr=False)
class DeleteRequest(Request):
    """`--delete`."""

    runs = "models:delete"
    help = "delete a model"
    operands = "NAME"
    name: str = operand()
    is_confirmed: bool = switch("delete without asking", flag="yes")


@dataclass(frozen=True, repr=False)
class ExportRequest(Request):
    """`--export`. The default `target` is a file with the model's name."""

    runs = "models:export"
    help = "copy a model to a file, NAME.safetensors by default; - writes it to standard output"
    operands = "NAME [FILE]"
    name: str = operand()
    target: str | None = operand()
    force: bool = switch()


@dataclass(frozen=True, repr=False)
class ImportRequest(Request):
    """`--import`. The default `name` is that of the file."""

    runs = "models:import_"
    help = "add an exported model; - reads it from standard input (see --name)"
    operands = "FILE"
    source: str = operand()
    name: str | None = option("")


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
