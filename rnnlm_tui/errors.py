"""The errors that a user can cause. Raised where they are found, shown at the edge."""

from __future__ import annotations

EXIT_INTERRUPTED = 130


class RnnlmError(Exception):
    """Something went wrong in a way that a person can mend.

    `message` says what, in one sentence; `hint` says what to do about it. `kind` names the error
    in a `failed` event, `exit_code` is what the command line ends with.
    """

    kind = "failure"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RnnlmError):
    """An option or a setting that makes no sense."""

    kind = "usage"
    exit_code = 2


class CorpusError(RnnlmError):
    """A text that cannot be read or is not enough to train on."""

    kind = "corpus"
    exit_code = 3


class DivergedError(RnnlmError):
    """Training whose loss stopped being a finite number, again and again."""

    kind = "diverged"
    exit_code = 4


class ModelError(RnnlmError):
    """A model that is missing, damaged, foreign, of a newer format, or in use."""

    kind = "model"


class StorageError(RnnlmError):
    """A file that could not be written."""

    kind = "storage"


def os_reason(error: OSError) -> str:
    """The operating system's reason for `error`, in lower case, without path or number."""
    return (error.strerror or str(error)).lower()
