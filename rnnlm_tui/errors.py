"""Errors, hints and warnings for the user, and the names of settings in them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable

EXIT_INTERRUPTED = 130


def flag_of(name: str) -> str:
    """Returns the flag of a setting or option, such as --batch-size. The flag --from is called
    `start_from` in Python, where `from` is a keyword."""
    return "--" + ("from" if name == "start_from" else name.replace("_", "-"))


def label_of(name: str) -> str:
    """Returns the name of a setting or option in the app and in JSON, such as "batch size"."""
    return f'"{name.replace("_", " ")}"'


class RnnlmError(Exception):
    """An error that the user can do something about.

    A message and a hint are given with the names of settings and options in braces, such as
    {data_dir}. `worded` replaces these by flags or labels. The attributes have the bare names.

    Attributes:
        message: A sentence on what went wrong.
        hint: A sentence on what to do, or "".
        field: The setting or option that is wrong, or None.
        kind: The kind of the error in a `failed` event.
        exit_code: The exit code of a command that fails with the error.
    """

    kind = "failure"
    exit_code = 1

    def __init__(self, message: str, hint: str = "", *, field: str | None = None) -> None:
        self._with_braces = message, hint
        self.message, self.hint = self.worded(str)
        self.field = field
        super().__init__(self.message)
        if self.hint:  # a traceback shows it
            self.add_note(self.hint)

    def worded(self, name_of: Callable[[str], str]) -> tuple[str, str]:
        """Returns the message and the hint with the names that `name_of` returns.

        >>> StorageError("the disk is full", "give another {data_dir}").worded(flag_of)
        ('the disk is full', 'give another --data-dir')
        """
        message, hint = (
            re.sub(r"\{(\w+)\}", lambda match: name_of(match[1]), text)
            for text in self._with_braces
        )
        return message, hint

    def sentence(self) -> str:
        """Returns the message and the hint as two sentences, with the names of the app."""
        message, hint = self.worded(label_of)
        return f"{message}. {hint[:1].upper()}{hint[1:]}" if hint else message


class UsageError(RnnlmError):
    """An invalid option or setting."""

    kind = "usage"
    exit_code = 2


class CorpusError(RnnlmError):
    """A text that cannot be read, or not enough text to train on."""

    kind = "corpus"
    exit_code = 3


class DivergedError(RnnlmError):
    """A training whose loss became infinite or NaN."""

    kind = "diverged"
    exit_code = 4


class ModelError(RnnlmError):
    """A model that is missing, damaged, of an unknown format, or held by a process."""

    kind = "model"


class StorageError(RnnlmError):
    """A file that could not be written."""

    kind = "storage"


def os_reason(error: OSError) -> str:
    """Returns the operating system's message in lower case, without path and number."""
    return (error.strerror or str(error)).lower()


def print_warning(message: str) -> None:
    """Prints a warning on standard error."""
    print(f"warning: {message}", file=sys.stderr)


def did_you_mean(name: str, known: Iterable[str], dashes: str = "") -> str:
    """Returns a question that proposes the known name most like a mistyped one, or "" if none is
    like it. `dashes` begin a flag."""
    import difflib  # 3 ms

    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {dashes}{near[0]}?" if near else ""
