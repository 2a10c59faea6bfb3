"""The modes of the command line, and its help.

A mode is chosen by a flag. Options and operands (texts, files and names) come in any order; `--`
ends the options. The module `options` declares the options, and `parser` reads them. This module
imports neither of them, nor argparse: that would take longer than all of `--help`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import UsageError

Mode = namedtuple("Mode", "flag run operands options help")  # typing.NamedTuple takes 3 ms
"""A mode. All fields are strings.

`run` names the function that runs the mode, as module:function within `cli`. `operands` are written
as in the help: one in brackets may be left out. `options` are flags. A mode that has --preset also
has all settings of a training."""
APP_HELP = "no mode: opens the app, with this model or this text file"
APP = Mode("", "main:open_app", "[MODEL]", "--open --encoding", APP_HELP)
"""The app, which is opened if no mode is given."""
TRAINING_OPTIONS = "--written --name --preset --on --encoding --config --json"
"""Options of --train and of --summary."""
QUERY_OPTIONS = "--model --config --json"
"""Options of the modes that ask a model."""
_MODES = (
    Mode(
        "--train",
        "train:train_model",
        "[CORPUS ...]",
        f"{TRAINING_OPTIONS} --force --from --update --add --resume --seed-line"
        " --csv --plot --quiet",
        "train on text files, on folders (the .txt and .md files in them and below, sorted by name,"
        " but no hidden ones), on pipes, or on - for standard input; on the sonnets by default",
    ),
    Mode(
        "--suggest",
        "suggest:show_suggestions",
        "[TEXT]",
        f"--top {QUERY_OPTIONS}",
        "the next words; without TEXT, one answer for each line of standard input (with --json a"
        ' line may be a request such as {"text": "shall i ", "id": 1})',
    ),
    Mode(
        "--generate",
        "suggest:generate",
        "[TEXT]",
        f"--words --temperature --top-k --seed {QUERY_OPTIONS}",
        "continue TEXT, or each line of standard input",
    ),
    Mode(
        "--evaluate",
        "evaluate:show_evaluation",
        "[CORPUS ...]",
        f"--against --limit --all --encoding {QUERY_OPTIONS}",
        "how good a model is: perplexity, hits and keys saved on files, folders or pipes, or on the"
        " lines that its training held out",
    ),
    Mode(
        "--explain",
        "explain:show_explanation",
        "[TEXT]",
        QUERY_OPTIONS,
        "look inside: what the model does with TEXT, or with each line of standard input, stage by"
        " stage",
    ),
    Mode(
        "--lsp",
        "main:serve_editor",
        "",
        "--model --config",
        "a language server for editors; until you choose a model, a document gets that of its"
        " language",
    ),
    Mode(
        "--summary",
        "summary:summary",
        "[CORPUS ...]",
        TRAINING_OPTIONS,
        "the data card of files, folders or pipes and the layers of the network, without training",
    ),
    Mode(
        "--models",
        "models:show_models",
        "[NAME]",
        "--csv --plot --json",
        "list models, or show one",
    ),
    Mode(
        "--use",
        "models:use_model",
        "NAME",
        "--json",
        "use a model from now on in the app, in editors, in Python and by --suggest and the like,"
        " where no other is named; an app or an editor that is open keeps its model",
    ),
    Mode("--rename", "models:rename_model", "OLD NEW", "", "rename a model"),
    Mode("--delete", "models:delete_model", "NAME", "--yes", "delete a model"),
    Mode(
        "--export",
        "models:export_model",
        "NAME [FILE]",
        "--force",
        "copy a model to a file, NAME.safetensors by default",
    ),
    Mode(
        "--import",
        "models:import_model",
        "FILE",
        "--name",
        "add an exported model, as --name or under its own",
    ),
    Mode(
        "--completion",
        "completion:script",
        "bash|zsh|fish",
        "",
        "print a script by which a shell completes commands: source <(rnnlm-tui --completion bash);"
        " in fish: rnnlm-tui --completion fish | source",
    ),
)
MODES = {mode.flag: mode for mode in _MODES}
COMMON_OPTIONS = {
    "--data-dir FOLDER": "where the models are stored",
    "--debug": "show the traceback of an error",
    "--help": "show this help; so does -h",
    "--version": "show the version",
}
"""The options that all modes have, with their help."""
HELP_HEAD = f"""\
usage: {APP_NAME} [MODEL] [--open FILE]
       {APP_NAME} MODE [options] [texts, files or names]

A private next-word autocomplete that you train on your own text. Without a mode
it opens the terminal app; with one it runs that mode and exits.
"""
HELP_TAIL = f"""\
{APP_NAME} MODE --help lists the options of a mode.

examples:
  {APP_NAME}                             opens the app: write, train, your models
  {APP_NAME} mine                        opens it with the model mine
  {APP_NAME} --open diary.md             opens it to write in a text file
  {APP_NAME} --train poems.txt           trains on a text of yours
  {APP_NAME} --suggest "shall i comp"    the ends of the word; after a space, the
                                        next words
  {APP_NAME} --generate "look in thy"    the rest of the sentence
  {APP_NAME} --evaluate                  how good the model in use is on lines
                                        that it never saw

Options and texts come in any order; put -- before a text that begins with -.
A setting comes from its flag, else from the TOML file of --config, else from
the preset. Where no model is named, the variable RNNLM_MODEL names it, or else
it is the one in use in the app, which --use sets. At first that is the model of
the locale's language, or english.
Models are stored in --data-dir, else in RNNLM_DATA_DIR, else in the user data
folder, which the help of a mode names. Words in never-suggest.txt, one a line,
are never suggested; {APP_NAME} --suggest --help says where the file is.
RNNLM_CONFIG_DIR and RNNLM_LOG_DIR name the folders of the settings and the log.
Exit codes: 0 done, 1 failure, 2 usage, 3 corpus unusable, 4 training diverged,
130 interrupted (and saved).
"""
MODE_WIDTH = 26
"""Columns of a mode or option in the help, before its description."""
SEE_HELP = f"see {APP_NAME} --help"


def split_command_line(arguments: Sequence[str]) -> tuple[Mode, list[str], list[str]]:
    """Returns the mode, the other arguments before `--`, and those after it. Raises UsageError."""
    modes = list[Mode]()
    before, after = list[str](), list[str]()
    for number, argument in enumerate(arguments):
        flag, equals, operand = argument.partition("=")
        if argument == "--":
            after = [*arguments[number + 1 :]]
            break
        if flag in MODES:
            modes.append(MODES[flag])
            if equals:
                before.append(operand)
        else:
            before.append("--help" if argument == "-h" else argument)
    if other := next((mode for mode in modes if mode is not modes[0]), None):
        raise UsageError(
            f"{other.flag} does not go with {modes[0].flag}: a command does one of them", SEE_HELP
        )
    return modes[0] if modes else APP, before, after


def format_help() -> str:
    """Returns the help of the command, which lists the modes."""
    rows = [("[MODEL] [--open FILE]", APP.help)]
    rows += [(f"{mode.flag} {mode.operands}", mode.help) for mode in MODES.values()]
    modes = "\n".join(_help_row(*row) for row in rows)
    common = "\n".join(_help_row(*row) for row in COMMON_OPTIONS.items())
    return f"{HELP_HEAD}\nmodes (one of them):\n{modes}\n\ncommon options:\n{common}\n\n{HELP_TAIL}"


def _help_row(head: str, text: str) -> str:
    """Returns a mode or option with its help beside it, on lines of less than 80 characters."""
    lines = [f"  {head:{MODE_WIDTH}}"]
    for word in text.split():
        if len(lines[-1]) + len(word) > 78:
            lines.append(" " * (MODE_WIDTH + 2))
        lines[-1] += f" {word}"
    return "\n".join(lines)
