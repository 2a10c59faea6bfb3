"""The command line: arguments to one front end, errors to exit codes.

Imports neither torch nor textual nor numpy, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rnnlm_tui import __version__
from rnnlm_tui.config import (
    DEFAULT_PRESET,
    PRESETS,
    RENAMED_SETTINGS,
    all_settings,
    flag_of,
    print_warning,
    settings_of,
)
from rnnlm_tui.errors import EXIT_INTERRUPTED, RnnlmError, UsageError, os_reason
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.paths import APP_NAME, data_dir

DESCRIPTION = """\
A private next-word autocomplete that you train on your own text. With no mode it opens the terminal
app; with one it does that and ends.
"""
EPILOG = """\
examples:
  rnnlm-tui                                    opens the terminal app: write, train, look after
                                               your models
  rnnlm-tui sonnets-lesson                     opens it with this model
  rnnlm-tui --train poems.txt --epochs 30      train on a text of yours
  rnnlm-tui --train poems.txt --preset ngram   count its words instead: ready in a second
  rnnlm-tui --suggest "shall i compare thee "  the next words; without the last space, the ways
                                               to complete the half-typed word
  rnnlm-tui --generate "look in thy glass"     ten more words
  rnnlm-tui --evaluate                         how good the newest model is on lines it never saw

Settings come from the flags, then RNNLM_... variables (RNNLM_EPOCHS=30), then --config, then the
preset. Models lie in --data-dir, else in RNNLM_DATA_DIR, else in the user data folder.
Exit codes: 0 done, 1 failure, 2 usage, 3 corpus unusable, 4 training diverged, 130 interrupted (and
saved).
"""

MODES = (
    "train",
    "suggest",
    "generate",
    "evaluate",
    "score",
    "summary",
    "models",
    "rename",
    "delete",
    "export",
    "import",
)
TRAINING_MODES = ("train", "summary")
QUERY_MODES = ("suggest", "generate", "score")
OPTION_MODES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(all_settings(), TRAINING_MODES),
    "seed": ("train", "summary", "generate"),
    "preset": TRAINING_MODES,
    "config": TRAINING_MODES,
    "encoding": (*TRAINING_MODES, "evaluate"),
    "name": ("train", "import"),
    "force": ("train", "export"),
    "resume": ("train",),
    "from": ("train",),
    "seed_line": ("train",),
    "control": ("train",),
    "quiet": ("train",),
    "json": ("train", "summary", *QUERY_MODES, "evaluate", "models"),
    "model": (*QUERY_MODES, "evaluate"),
    "against": ("evaluate",),
    "limit": ("evaluate",),
    "colour": ("score",),
    "top": ("suggest",),
    "words": ("generate",),
    "temperature": ("generate",),
    "top_k": ("generate",),
    "yes": ("delete",),
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence; argparse's own print all options first."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        complain(message, f"see {APP_NAME} --help")
        self.exit(UsageError.exit_code)


class RenamedFlag(argparse.Action):
    """An old name of a flag: sets what the new one sets, and warns."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        print_warning(f"{option_string} is now {flag_of(self.dest)}")
        setattr(namespace, self.dest, values)


def make_parser() -> Parser:
    """The parser of all modes. Settings stay text here; `config` checks them."""
    parser = Parser(
        prog=APP_NAME,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "model_to_open", nargs="?", metavar="MODEL", help="open the app with this model"
    )
    parser.add_argument("--version", action="version", version=f"{APP_NAME} {__version__}")
    _add_modes(parser.add_argument_group("modes (one of them)"))
    _add_training(parser.add_argument_group("training"))
    _add_settings(parser)
    _add_queries(parser.add_argument_group("suggesting, generating and measuring"))
    general = parser.add_argument_group("general")
    general.add_argument("--json", action="store_true", help="results (or events) as JSON lines")
    general.add_argument("--data-dir", type=Path, metavar="FOLDER", help="where the models lie")
    general.add_argument("--yes", action="store_true", help="delete without asking")
    general.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_modes(group: argparse._ArgumentGroup) -> None:
    mode = group.add_mutually_exclusive_group()
    mode.add_argument(
        "--train",
        nargs="*",
        metavar="CORPUS",
        help="train on text files, or - for standard input; the sonnets by default",
    )
    mode.add_argument(
        "--suggest",
        nargs="?",
        const=None,
        default=argparse.SUPPRESS,
        metavar="TEXT",
        help="the next words; without TEXT, one answer for each line of standard input",
    )
    mode.add_argument(
        "--generate",
        nargs="?",
        const=None,
        default=argparse.SUPPRESS,
        metavar="TEXT",
        help="continue TEXT, or each line of standard input",
    )
    mode.add_argument(
        "--evaluate",
        nargs="*",
        metavar="CORPUS",
        help="how good a model is: perplexity, hits and keys saved on a text, or on the lines that"
        " its training held out",
    )
    mode.add_argument(
        "--score",
        nargs="?",
        const=None,
        default=argparse.SUPPRESS,
        metavar="TEXT",
        help="TEXT, or each line of standard input, word by word with probability and rank",
    )
    mode.add_argument(
        "--summary",
        nargs="*",
        metavar="CORPUS",
        help="what the corpus and its network would be, without training",
    )
    mode.add_argument("--models", action="store_true", help="list the models")
    mode.add_argument("--rename", nargs=2, metavar=("OLD", "NEW"), help="rename a model")
    mode.add_argument("--delete", metavar="NAME", help="delete a model")
    mode.add_argument(
        "--export",
        nargs="+",
        metavar=("NAME", "FILE"),
        help="write a model as one zip, NAME.zip by default",
    )
    mode.add_argument("--import", metavar="FILE", help="take in an exported model (see --name)")


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", help="the model's name; from the corpus and the preset by default")
    group.add_argument(
        "--preset",
        metavar="PRESET",
        help=f"{', '.join(f'{p.name} ({p.summary})' for p in PRESETS.values())};"
        f" default {DEFAULT_PRESET}",
    )
    group.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML file")
    group.add_argument(
        "--encoding", help="the corpus's encoding; UTF-8, or UTF-16 with its mark, by default"
    )
    group.add_argument("--force", action="store_true", help="replace what has that name")
    group.add_argument(
        "--resume", action="store_true", help="go on with the run of --name, or the last one"
    )
    group.add_argument("--from", metavar="MODEL", help="start from a model's weights and words")
    group.add_argument("--seed-line", metavar="TEXT", help="the line continued after each epoch")
    group.add_argument(
        "--control",
        choices=["stdin"],
        help="obey lines of standard input: pause, resume, stop, detach, sample TEXT;"
        " its end stops the run unless it is detached",
    )
    group.add_argument("--quiet", action="store_true", help="no progress, only the result")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting of each preset, with its range and default in the help."""
    seen: set[str] = set()
    for preset in PRESETS.values():
        for part, title in (("train", "training settings"), ("model", "sizes")):
            group = parser.add_argument_group(f"{title} (defaults of {preset.name})")
            for name, spec in settings_of(preset)[part].items():
                if name in seen:
                    continue
                seen.add(name)
                meta = spec.metadata
                allowed = " | ".join(meta["choices"]) or str(meta["bounds"])
                shown = _defaults_of(part, name)
                group.add_argument(
                    flag_of(name),
                    metavar="N" if meta["kind"] == "int" else "X" if not meta["choices"] else "D",
                    help=f"{meta['help']} ({allowed}{shown})".replace("%", "%%"),
                )
    for old, new in RENAMED_SETTINGS.items():
        parser.add_argument(
            flag_of(old), dest=new, action=RenamedFlag, default=None, help=argparse.SUPPRESS
        )


def _defaults_of(part: str, setting: str) -> str:
    """The default of a setting for the help: the first preset's, and those that differ from it."""
    by_preset = {
        preset.name: getattr(getattr(preset, part), setting)
        for preset in PRESETS.values()
        if setting in settings_of(preset)[part]
    }
    first, *others = by_preset.items()
    differing = [f"{name} {value}" for name, value in others if value != first[1]]
    if first[1] is None and not differing:
        return ""
    return f", default {'; '.join([str(first[1]), *differing])}"


def _add_queries(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", metavar="NAME", help="the model to ask; the newest by default")
    group.add_argument("--top", metavar="N", help="how many words to suggest (default 5)")
    group.add_argument("--words", metavar="N", help="how many words to generate (default 10)")
    group.add_argument(
        "--temperature", metavar="X", help="draw words, more freely above 1; 0 takes the likeliest"
    )
    group.add_argument("--top-k", metavar="N", help="draw from the N likeliest words only")
    group.add_argument(
        "--against", nargs="+", metavar="NAME", help="models to measure on the same lines"
    )
    group.add_argument("--limit", metavar="N", help="measure on the first N lines alone")
    group.add_argument(
        "--colour",
        "--color",
        action="store_true",
        help="shade the words of --score by their probability",
    )


def chosen_mode(options: argparse.Namespace) -> str | None:
    """The mode asked for, or None. Raises UsageError for options of another mode."""
    given = {name: value for name, value in vars(options).items() if value not in (None, False)}
    # The query modes may stand without a text; they are absent where not asked for.
    mode = next((m for m in MODES if m in given or (m in QUERY_MODES and m in options)), None)
    for name in given:
        allowed = OPTION_MODES.get(name)
        if allowed is not None and mode not in allowed:
            raise UsageError(
                f"--{name.replace('_', '-')} goes with {' or '.join('--' + m for m in allowed)}",
                f"see {APP_NAME} --help",
            )
    if mode is not None and options.model_to_open is not None:
        raise UsageError(
            f"{options.model_to_open!r} does not go with --{mode}",
            f"a model to open the app with goes with no mode; see {APP_NAME} --help",
        )
    return mode


def screen_problem() -> str | None:
    """Why the terminal app cannot be shown here, or None where it can. It would write its screen
    into a file, or wait for keys that never come."""
    streams = {
        "standard input": sys.stdin,
        "standard output": sys.stdout,
        "standard error": sys.stderr,
    }
    for name, stream in streams.items():
        if not stream.isatty():
            return f"the terminal app needs a terminal, and {name} is not one"
    kind = os.environ.get("TERM", "")
    if kind == "dumb" or (not kind and sys.platform != "win32"):
        return f"the terminal app needs a terminal that can move its cursor, and TERM is {kind!r}"
    return None


def open_app(options: argparse.Namespace) -> int:
    """Opens the terminal app; returns the exit code. Raises UsageError where it cannot be shown."""
    if problem := screen_problem():
        raise UsageError(problem, f"{APP_NAME} --help lists what works without one")
    from rnnlm_tui.tui.start import start  # imports textual: 0.2 s that no mode needs

    return start(options.model_to_open, data_dir(options.data_dir))


def run(options: argparse.Namespace) -> int:
    """Does what the options say; returns the exit code. Raises RnnlmError."""
    mode = chosen_mode(options)
    if mode is None:
        return open_app(options)
    if mode == "train":
        from rnnlm_tui.cli import train  # imports numpy, and torch once it trains

        return train.train(options)
    if mode in ("evaluate", "score"):
        from rnnlm_tui.cli import evaluate

        return evaluate.MODES[mode](options)
    from rnnlm_tui.cli import (
        headless,  # numpy: 0.1 s that --help does not need
        models,  # numpy: 0.1 s that --help does not need
    )

    return (headless.MODES | models.MODES)[mode](options)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `rnnlm-tui`. Returns the exit code; shows errors without a traceback."""
    _mend_streams()
    try:
        options = make_parser().parse_args(arguments)
        return _run_to_exit_code(options)
    finally:
        _flush_stdout()


def _run_to_exit_code(options: argparse.Namespace) -> int:
    """`run`, its errors shown and turned into exit codes."""
    try:
        if options.json:
            _write_utf8()
        code = run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return 0  # whoever read the results has gone, such as head(1)
    except (RnnlmError, OSError, MemoryError, KeyboardInterrupt) as error:
        if options.debug:
            raise
        return _explain(error)


def _explain(error: BaseException) -> int:
    """Says on stderr what went wrong; returns the exit code."""
    match error:
        case RnnlmError():
            complain(error.message, error.hint)
            return error.exit_code
        case KeyboardInterrupt():
            complain("interrupted")
            return EXIT_INTERRUPTED
        case MemoryError():
            complain("there is not enough memory for this")
        case OSError(filename=None):
            complain(f"cannot write the result: {os_reason(error)}")
        case OSError(filename=path):
            complain(f"cannot use {path}: {os_reason(error)}")
    return 1


def complain(message: str, hint: str = "") -> None:
    """A sentence on stderr, and below it what to do. Names of files and models may hold anything,
    so nothing in it can steer a terminal."""
    print(f"{APP_NAME}: {sanitize(message)}", file=sys.stderr)
    if hint:
        print(f"  {sanitize(hint)}", file=sys.stderr)


def _mend_streams() -> None:
    """Gives Python the standard streams that whoever started it has closed, and lets stdout print a
    question mark for what its encoding does not have."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _write_utf8() -> None:
    """JSON is UTF-8 whatever the locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _flush_stdout() -> None:
    """Where nobody reads stdout any more, drops what is left: Python would complain at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
