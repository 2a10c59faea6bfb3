"""The command `rnnlm-tui`: runs the mode that the arguments name, and reports errors.

Imports as little as possible, so that `--help` is fast.
"""

from __future__ import annotations

import codecs
import gc
import importlib
import io
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from rnnlm_tui._version import APP_NAME, __version__
from rnnlm_tui.cli.modes import APP, format_help, split_command_line
from rnnlm_tui.errors import EXIT_INTERRUPTED, RnnlmError, UsageError, flag_of, os_reason

TYPE_CHECKING = False  # importing typing would take 3 ms of --help
if TYPE_CHECKING:
    from rnnlm_tui.cli.options import CommandLine

SHOWN_ERRORS = (RnnlmError, OSError, MemoryError, KeyboardInterrupt)
"""Errors that are shown as a sentence, without a traceback."""
PLAIN = str.maketrans("█▓▒░≡·━╸─▌≈≠…–—‘’“”", "@%+:*.=-.|~!~--''\"\"")
"""The ASCII characters for the signs of bars and pictures, and for marks of writing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. Shows errors without a traceback."""
    began = time.monotonic()
    given = sys.argv[1:] if arguments is None else arguments
    options = given[: given.index("--")] if "--" in given else given
    is_json = "--json" in options
    _repair_streams(is_json)
    try:
        code = _run_to_exit_code(given)
        sys.stdout.flush()
        if arguments is None and "torch" not in sys.modules:
            # Skips the collection of garbage at the exit, which takes 19 of the 239 ms of a
            # suggestion. PyTorch needs it: without it nanobind reports leaks.
            gc.freeze()
        return code
    except BrokenPipeError:
        return 0  # the reader of the results has exited, such as head(1)
    except SHOWN_ERRORS as error:
        if "--debug" in options:
            raise
        shown = _as_rnnlm_error(error)
        if is_json and not isinstance(error, KeyboardInterrupt):
            _print_failed(shown, time.monotonic() - began)
        _print_error(*shown.worded(flag_of))
        return shown.exit_code
    finally:
        _end_stdout()


def _run_to_exit_code(given: Sequence[str]) -> int:
    """Runs the mode and returns its exit code. Raises RnnlmError."""
    mode, arguments, after_dashes = split_command_line(given)
    if "--version" in arguments:
        print(f"{APP_NAME} {__version__}")
        return 0
    if "--help" in arguments and mode is APP:
        print(format_help(), end="")
        return 0
    from rnnlm_tui import threads
    from rnnlm_tui.cli.parser import format_mode_help, parse

    if "--help" in arguments:
        print(format_mode_help(mode), end="")
        return 0
    command = parse(mode, arguments, after_dashes)
    threads.use_one_thread(trains=mode.flag == "--train")
    # Each mode imports what it needs: numpy takes 0.1 s, and torch 1.2 s. The collector of garbage
    # finds none in imports, and takes 10 ms of a suggestion.
    module, _, function = mode.run.partition(":")
    gc.disable()
    run = getattr(importlib.import_module(f"rnnlm_tui.cli.{module}"), function)
    gc.enable()
    code: int = run(command)
    return code


def open_app(command: CommandLine) -> int:
    """Opens the app and returns the exit code. Raises UsageError without a suitable terminal."""
    hint = f"{APP_NAME} --help lists what works without one"
    kind = os.environ.get("TERM", "")
    for name in ("stdin", "stdout", "stderr"):
        if not getattr(sys, name).isatty():
            raise UsageError(f"the terminal app needs a terminal, and {name} is not one", hint)
    if kind == "dumb" or (not kind and sys.platform != "win32"):
        needed = "a terminal that can move its cursor"
        raise UsageError(f"the terminal app needs {needed}, and TERM is {kind!r}", hint)
    from rnnlm_tui.tui.start import start

    return start(command.operand, command.data_dir, command.open, command.encoding)


def serve_editor(command: CommandLine) -> int:
    """`--lsp`. Raises UsageError if pygls is not installed, and ModelError."""
    try:
        from rnnlm_tui.lsp.server import serve
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        missing = f"the language server needs {package}, which is not installed"
        raise UsageError(missing, "in the folder of the source: pip install '.[lsp]'") from error
    return serve(command.data_dir, command.model)


def _as_rnnlm_error(error: BaseException) -> RnnlmError:
    """Turns one of SHOWN_ERRORS into an RnnlmError, which has a sentence and an exit code."""
    match error:
        case RnnlmError():
            return error
        case KeyboardInterrupt():
            shown = RnnlmError("interrupted")
            shown.exit_code = EXIT_INTERRUPTED
            return shown
        case FileNotFoundError(filename=None):  # raised by os.getcwd
            return RnnlmError("the current folder was deleted", "change to another one")
        case OSError(filename=None):
            return RnnlmError(f"cannot write the result: {os_reason(error)}")
        case OSError(filename=path):
            return RnnlmError(f"cannot use {path}: {os_reason(error)}")
    return RnnlmError("there is not enough memory for this")


def _print_failed(error: RnnlmError, seconds: float) -> None:
    """Prints the error as an event."""
    from rnnlm_tui.events import failed, to_json_line

    with suppress(OSError):  # the reader may have gone
        print(to_json_line(failed(error, seconds)), flush=True)


def _print_error(message: str, hint: str) -> None:
    """Prints a message on stderr, and the hint below it. Sanitizes both, since names of files and
    models may contain control characters."""
    from rnnlm_tui.cli.output import draw
    from rnnlm_tui.formatting import sanitize

    with suppress(OSError):  # the reader may have gone
        draw("")  # clears a progress bar
        print(f"{APP_NAME}: {sanitize(message)}", file=sys.stderr)
        if hint:
            print(f"  {sanitize(hint)}", file=sys.stderr)


def _repair_streams(is_json: bool) -> None:
    """Reopens standard streams that the parent process has closed, and makes stdout print PLAIN
    characters or question marks for those that it cannot encode. JSON is always UTF-8.

    Turns PYTHONUNBUFFERED off, with which print() writes a line and its end separately. The lines
    of the processes of a training, which share both streams, would mix. Without it, lines of up to
    8 KB stay whole.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("plain", _in_plain_characters)
        sys.stdout.reconfigure(errors="plain", encoding="utf-8" if is_json else None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.write_through:
            stream.reconfigure(write_through=False, line_buffering=True)


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    """Returns what is printed for characters that cannot be encoded, and the place after them."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(PLAIN)
    return text.encode("ascii", "replace").decode(), error.end


def _end_stdout() -> None:
    """Writes the rest of the output. Without a reader it is discarded, so that Python prints no
    error at the exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
