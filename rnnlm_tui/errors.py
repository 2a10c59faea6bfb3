"""Errors that are shown to the user."""

from __future__ import annotations

EXIT_INTERRUPTED = 130


class RnnlmError(Exception):
    """An error that the user can do something about.

    `message` says in one sentence what went wrong, `hint` what to do. `kind` names the error in a
    `failed` event. `exit_code` is that of the command.
    """

    kind = "failure"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RnnlmError):
    """An invalid option or setting."""

    kind = "usage"
    exit_code = 2


class CorpusError(RnnlmError):
    """A text that cannot be read, or not enough text to train on."""

    kind = "corpus"
    exit_code = 3


class DivergedError(RnnlmError):
    """A training whose loss kept becoming infinite or NaN."""

    kind = "diverged"
    exit_code = 4


class ModelError(RnnlmError):
    """A model that is missing, damaged, of an unknown format, or in use."""

    kind = "model"


class StorageError(RnnlmError):
    """A file that could not be written."""

    kind = "storage"


def os_reason(error: OSError) -> str:
    """The operating system's message for `error`, in lower case, without path or number."""
    return (error.strerror or str(error)).lower()
