"""The modes of the command line and its help.

A mode is a flag. Options and operands (texts, files and names) come in any order; `--` ends the
options. The options of a mode are in `parser`, whose imports take longer than all of `--help`.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, HelpFormatter, RawDescriptionHelpFormatter
from collections import namedtuple
from collections.abc import Sequence
from functools import partial

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import UsageError

Mode = namedtuple("Mode", "request run operands help")  # typing.NamedTuple takes 3 ms
"""A mode: the class of its request within `cli.options`, the function that runs it, as
module:function within `cli`, its operands (those in brackets are optional), and its help."""
APP = Mode("AppRequest", "main:open_app", "[MODEL]", "")
"""Without a mode the app is opened."""
MODES = {
    "train": Mode(
        "TrainRequest",
        "train:train",
        "[CORPUS ...]",
        "train on text files, on pipes, or on - for standard input; on the sonnets by default",
    ),
    "suggest": Mode(
        "SuggestRequest",
        "suggest:show_suggestions",
        "[TEXT]",
        "the next words; without TEXT, one answer for each line of standard input (with --json a"
        ' line may be a request such as {"text": "shall i ", "id": 1})',
    ),
    "generate": Mode(
        "GenerateRequest",
        "suggest:generate",
        "[TEXT]",
        "continue TEXT, or each line of standard input",
    ),
    "evaluate": Mode(
        "EvaluateRequest",
        "evaluate:show_evaluation",
        "[CORPUS ...]",
        "how good a model is: perplexity, hits and keys saved on a text, or on the lines that its"
        " training held out",
    ),
    "score": Mode(
        "Query",
        "score:show_score",
        "[TEXT]",
        "TEXT, or each line of standard input, word by word with probability and rank",
    ),
    "explain": Mode(
        "Query",
        "explain:show_explanation",
        "[TEXT]",
        "look inside: what the model does with TEXT, or with each line of standard input, stage by"
        " stage",
    ),
    "summary": Mode(
        "RunRequest",
        "summary:summary",
        "[CORPUS ...]",
        "the data card and the layers of the network, without training",
    ),
    "models": Mode("ModelsRequest", "models:models", "[NAME]", "list the models, or show one"),
    "rename": Mode("RenameRequest", "models:rename", "OLD NEW", "rename a model"),
    "delete": Mode("DeleteRequest", "models:delete", "NAME", "delete a model"),
    "export": Mode(
        "ExportRequest",
        "models:export",
        "NAME [FILE]",
        "copy a model to a file, NAME.safetensors by default",
    ),
    "import": Mode(
        "ImportRequest",
        "models:import_",
        "FILE",
        "add an exported model, as --name or under its own",
    ),
}
DESCRIPTION = """\
A private next-word autocomplete that you train on your own text. Without a mode
it opens the terminal app; with one it runs that mode and exits.
"""
EPILOG = f"""\
{APP_NAME} MODE --help lists the options of a mode.

examples:
  {APP_NAME}                             opens the app: write, train, your models
  {APP_NAME} mine                        opens it with the model mine
  {APP_NAME} --open diary.md             opens it to write in a text file
  {APP_NAME} --train poems.txt           trains on a text of yours
  {APP_NAME} --suggest "shall i comp"    the ends of the word; after a space, the
                                        next words
  {APP_NAME} --generate "look in thy"    the rest of the sentence
  {APP_NAME} --evaluate                  how good the model used last is on lines
                                        that it never saw

Options and texts come in any order; -- ends the options, for a text that begins
with -. Settings come from the flags, then from variables (RNNLM_EPOCHS=30,
RNNLM_MODEL=mine), then from the TOML file of --config, then from the preset.
Models are stored in --data-dir, else in RNNLM_DATA_DIR, else in the user data
folder. Exit codes: 0 done, 1 failure, 2 usage, 3 corpus unusable, 4 training
diverged, 130 interrupted (and saved).
"""
HELP_COLUMNS = 80
"""The width of the help. To ask the terminal, argparse would import shutil, which takes 2 ms."""
SEE_HELP = f"see {APP_NAME} --help"


def mode_named(name: str | None) -> Mode:
    """The mode of this name; None is the app."""
    return MODES[name] if name else APP


def split(arguments: Sequence[str]) -> tuple[str | None, list[str], list[str]]:
    """The mode of a command line, None for the app; the other arguments before `--`; and those
    after it. Raises UsageError."""
    modes, before, after = list[str](), list[str](), list[str]()
    for number, argument in enumerate(arguments):
        flag, equals, operand = argument.partition("=")
        if argument == "--":
            after = [*arguments[number + 1 :]]
            break
        if flag[:2] == "--" and flag[2:] in MODES:
            modes.append(flag[2:])
            before += [operand] if equals else []
        else:
            before.append("--help" if argument == "-h" else argument)
    if different := [mode for mode in modes if mode != modes[0]]:
        raise UsageError(
            f"--{different[0]} does not go with --{modes[0]}: a command does one of them", SEE_HELP
        )
    return modes[0] if modes else None, before, after


def make_parser(
    usage: str, description: str, formatter: type[HelpFormatter] = HelpFormatter
) -> ArgumentParser:
    """A parser that raises its errors, takes no abbreviations, and has no value for what is not
    given."""
    return ArgumentParser(
        usage=usage,
        description=description,
        formatter_class=partial(formatter, width=HELP_COLUMNS),
        argument_default=SUPPRESS,
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
    )


def add_common_options(parser: ArgumentParser) -> None:
    """Adds the options that all modes have."""
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--data-dir", dest="data_folder", metavar="FOLDER", help="where the models are stored"
    )
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
    group.add_argument("--help", action="store_true", help="show this help; so does -h")
    group.add_argument("--version", action="store_true", help="show the version")


def format_help() -> str:
    """The help of the command, which lists the modes."""
    usage = f"{APP_NAME} {APP.operands}\n       {APP_NAME} MODE [options] [texts, files or names]"
    parser = make_parser(usage, DESCRIPTION, RawDescriptionHelpFormatter)
    parser.epilog = EPILOG
    modes = parser.add_argument_group("modes (one of them)")
    for name, mode in MODES.items():
        modes.add_argument(f"--{name}", metavar=mode.operands, help=mode.help)
    add_common_options(parser)
    return parser.format_help()
