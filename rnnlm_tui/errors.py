"""Errors that are shown to the user, and how they name settings."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take 3 ms of --help
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self, TypeAlias

    NameOf: TypeAlias = Callable[[str], str]

EXIT_INTERRUPTED = 130
NAMES = {
    *("add", "config", "data_dir", "encoding", "force", "mixture", "name", "on", "preset"),
    *("resume", "seed_line", "start_from", "update", "written"),
}
"""The options that messages name in braces. The settings are added by `config`."""


class Name(str):
    """The name of a setting or option, such as batch_size, as a value of a `Sentence`."""


class Sentence:
    """A sentence with names of settings and options, which each front end writes in its own way:
    `--batch-size` on the command line, "batch size" in the app, and batch_size in Python.

    >>> str(Sentence("give a smaller {batch_size}, such as {size}", size=8))
    'give a smaller batch_size, such as 8'

    What stands in braces is a value if there is one of this name, else the name of a setting.
    """

    def __init__(self, template: str, **values: object) -> None:
        self._template, self._values = template, values

    def __str__(self) -> str:
        return self.written(str)

    def written(self, name_of: NameOf) -> str:
        """The sentence with the names that `name_of` gives to settings."""
        values = {key: _written(value, name_of) for key, value in self._values.items()}
        return self._template.format_map(_Names(values, name_of))


class _Names(dict[str, object]):
    def __init__(self, values: dict[str, object], name_of: NameOf) -> None:
        super().__init__(values)
        self._name_of = name_of

    def __missing__(self, name: str) -> str:
        return self._name_of(name)


def _written(value: object, name_of: NameOf) -> object:
    """A value of a sentence, which may be a sentence itself."""
    if isinstance(value, Sentence):
        return value.written(name_of)
    return name_of(value) if isinstance(value, Name) else value


def _named(text: str | Sentence, name_of: NameOf) -> str:
    """A message with the names that `name_of` gives to the settings and options in braces."""
    if isinstance(text, Sentence):
        return text.written(name_of)
    if "{" not in text:
        return text
    import re  # 3 ms of --help

    names = "|".join(NAMES)
    return re.sub(rf"\{{({names})\}}", lambda match: name_of(match[1]), text)


START_FROM = "start_from"
"""What Python calls the option --from, since `from` is a keyword."""


def flag_of(name: str) -> str:
    """What the command line calls a setting or option, such as --batch-size."""
    return "--" + ("from" if name == START_FROM else name.replace("_", "-"))


def label_of(name: str) -> str:
    """What the app and messages in JSON call it, such as "batch size"."""
    return f'"{name.replace("_", " ")}"'


class RnnlmError(Exception):
    """An error that the user can do something about.

    `message` says in one sentence what went wrong, `hint` what to do, both with the names of
    Python; `worded` gives them with other names. `kind` names the error in a `failed` event, and
    `field` the setting or option that is wrong, if it is one. `exit_code` is that of the command.
    """

    kind = "failure"
    exit_code = 1

    def __init__(
        self, message: str | Sentence, hint: str | Sentence = "", *, field: str | None = None
    ) -> None:
        super().__init__(_named(message, str))
        self._message, self._hint, self.field = message, hint, field

    @property
    def message(self) -> str:
        return _named(self._message, str)

    @property
    def hint(self) -> str:
        return _named(self._hint, str)

    def worded(self, name_of: NameOf) -> tuple[str, str]:
        """The message and the hint, with the names that `name_of` gives to settings."""
        return _named(self._message, name_of), _named(self._hint, name_of)

    def sentence(self) -> str:
        """The message, and the hint as a sentence of its own, in the words of the app."""
        message, hint = self.worded(label_of)
        return f"{message}. {hint[:1].upper()}{hint[1:]}" if hint else message

    def within(self, template: str, **values: object) -> Self:
        """The same error with a longer message, in which {message} stands for the old one."""
        if isinstance(self._message, Sentence):
            longer: str | Sentence = Sentence(template, message=self._message, **values)
        else:
            longer = template.format(message=self._message, **values)
        return type(self)(longer, self._hint, field=self.field)


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


def error_of_kind(kind: str, message: str, hint: str, field: str | None = None) -> RnnlmError:
    """The error that another process has reported in a `failed` event."""
    kinds = (UsageError, CorpusError, DivergedError, ModelError, StorageError)
    return next((each for each in kinds if each.kind == kind), RnnlmError)(
        message, hint, field=field
    )
