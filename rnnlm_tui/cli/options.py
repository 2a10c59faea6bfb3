"""The requests of the command line: a frozen class per mode, whose fields are its options and
operands.

`parser` makes an argparse parser of each, and reads command lines into them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from rnnlm_tui.config import PRESETS
from rnnlm_tui.paths import data_dir

ENCODING = "encoding of the texts without a byte order mark; by default UTF-8"
DEFAULT_MODEL = "by default the one used last in the app, or else the newest"
QUERY_CONFIG = "a TOML file with settings: model, top, words or temperature"


def option(
    help_text: str,
    metavar: str = "NAME",
    *,
    flag: str = "",
    default: Any = None,
    kind: Any = str,
) -> Any:
    """A field for the value of an option, or for a tuple of values if the default is a tuple. The
    flag is named like the field by default. `kind` is the type of a value, with its range."""
    meta = {"help": help_text, "metavar": metavar, "flag": flag, "kind": kind}
    return field(default=default, metadata=meta)


def switch(help_text: str, flag: str = "") -> Any:
    """A field for an option without a value, which sets it to True."""
    return field(default=False, metadata={"help": help_text, "metavar": "", "flag": flag})


def operand(default: Any = None) -> Any:
    """A field for a positional argument, or for all of them if the default is ()."""
    return field(default=default, metadata={"operand": True})


@dataclass(frozen=True, repr=False)
class Request:
    """The base of all requests."""

    data_folder: str | None = None

    @property
    def data_dir(self) -> Path:
        """The data folder: the given one, or the user's."""
        return data_dir(Path(self.data_folder) if self.data_folder else None)


@dataclass(frozen=True, repr=False)
class AppRequest(Request):
    """The terminal app. The default `model` is the one used last."""

    model: str | None = operand()
    file: str | None = option("write in this text file; F5 saves it", "FILE", flag="open")
    encoding: str | None = option(ENCODING)


@dataclass(frozen=True, repr=False)
class RunRequest(Request):
    """`--summary`, and the base of `--train`. Without `sources` and `written` the text is the
    sonnets. `flags` are the values of settings given as flags, by the name of the setting. By
    default `name` is made from the text."""

    sources: tuple[str, ...] = operand(())
    flags: Mapping[str, str] = field(default_factory=dict)
    written: tuple[str, ...] = option(
        "another text written in the app, by its title; all: every one; may be repeated",
        "TITLE",
        default=(),
    )
    name: str | None = option("the model's name; made of the corpus and the preset by default")
    preset: str | None = option(
        "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
        + " (default lesson for the sonnets, gru for a text of your own)",
        "PRESET",
    )
    config: str | None = option("settings from a TOML file", "FILE")
    base: str | None = option(
        "mix with this model as a base, or with none; by default English texts with English",
        flag="on",
    )
    encoding: str | None = option(ENCODING)
    as_json: bool = switch("the result, or the events of a training, as JSON lines", flag="json")


@dataclass(frozen=True, repr=False)
class TrainRequest(RunRequest):
    """`--train`. Without `sources` a resumed run keeps its own. By default `seed_line` is made from
    the text."""

    force: bool = switch("replace an existing model of that name")
    resume: bool = switch("resume the run of --name, or the most recent one")
    source_model: str | None = option(
        "start from a model's network and words; none: from nothing", flag="from"
    )
    update: str | None = option(
        "train a model further on its own texts as they are now, or on those given, and replace it"
        " if the result is better on lines that neither has seen"
    )
    added: tuple[str, ...] = option(
        "another text for --update; may be repeated",
        "FILE",
        flag="add",
        default=(),
    )
    seed_line: str | None = option("the line continued after each epoch", "TEXT")
    control: str | None = option(
        "obey lines of standard input: pause, resume, stop, detach, sample TEXT; its end stops the"
        " run unless it is detached",
        "stdin",
        kind=Annotated[Literal["stdin"], "always"],
    )
    is_quiet: bool = switch("no progress, only the result", flag="quiet")


@dataclass(frozen=True, repr=False)
class Query(Request):
    """`--score`, `--explain`, and the base of the other modes that query a model. The default
    `text` is the lines of standard input, the default `model` the `default_model`."""

    text: str | None = operand()
    model: str | None = option(f"the model to ask; {DEFAULT_MODEL}")
    config: str | None = option(QUERY_CONFIG, "FILE")
    as_json: bool = switch("results as JSON lines", flag="json")


@dataclass(frozen=True, repr=False)
class SuggestRequest(Query):
    """`--suggest`."""

    top: int = option(
        "how many words to suggest (default 5)",
        "N",
        default=5,
        kind=Annotated[int, Meta(ge=1, le=10_000)],
    )
    lines_above: bool = switch("read standard input as one text, each line after those before it")


@dataclass(frozen=True, repr=False)
class GenerateRequest(Query):
    """`--generate`. The defaults of `words` and `temperature` depend on the model. `top_k` None
    means all words, `seed` None means different words each time."""

    words: int | None = option(
        "how many words to generate (default: to the end of the sentence, or 10 for a model without"
        " punctuation)",
        "N",
        kind=Annotated[int, Meta(ge=1, le=100_000)],
    )
    temperature: float | None = option(
        "sampling temperature: higher is more varied, 0 takes the likeliest word (default 0.7, or 0"
        " for a model without punctuation)",
        "X",
        kind=Annotated[float, Meta(ge=0, le=100)],
    )
    top_k: int | None = option(
        "draw from the N likeliest words", "N", kind=Annotated[int, Meta(ge=1, le=10_000_000)]
    )
    seed: int | None = option(
        "draw the same words each time", "N", kind=Annotated[int, Meta(ge=0, le=2**32 - 1)]
    )


@dataclass(frozen=True, repr=False)
class EvaluateRequest(Request):
    """`--evaluate`. Without `sources` the text is the model's own held-out lines."""

    sources: tuple[str, ...] = operand(())
    encoding: str | None = option(ENCODING)
    model: str | None = option(f"the model to measure; {DEFAULT_MODEL}")
    config: str | None = option(QUERY_CONFIG, "FILE")
    against: tuple[str, ...] = option(
        "another model to measure on the same lines; may be repeated", default=()
    )
    limit: int | None = option(
        "measure on the first N lines only", "N", kind=Annotated[int, Meta(ge=1, le=10**9)]
    )
    is_all: bool = switch(
        "measure on all lines, not on a sample of 20,000 words spread over them", flag="all"
    )
    as_json: bool = switch("the result as a JSON line", flag="json")


@dataclass(frozen=True, repr=False)
class ModelsRequest(Request):
    """`--models`. Lists all of them by default."""

    name: str | None = operand()
    as_json: bool = switch("the models as a JSON line", flag="json")


@dataclass(frozen=True, repr=False)
class RenameRequest(Request):
    """`--rename`."""

    old: str = operand()
    new: str = operand()


@dataclass(frozen=True, repr=False)
class DeleteRequest(Request):
    """`--delete`."""

    name: str = operand()
    is_confirmed: bool = switch("delete without asking", flag="yes")


@dataclass(frozen=True, repr=False)
class ExportRequest(Request):
    """`--export`. The default `target` is a file with the model's name."""

    name: str = operand()
    target: str | None = operand()
    force: bool = switch("replace an existing file")


@dataclass(frozen=True, repr=False)
class ImportRequest(Request):
    """`--import`. The default `name` is that of the file."""

    source: str = operand()
    name: str | None = option("the model's name; that of the file by default")
