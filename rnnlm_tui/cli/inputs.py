"""The inputs of the modes: a model, and lines of text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from rnnlm_tui.config import print_warning
from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.formatting import as_unicode
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import missing_base


def open_model(library: Library, name: str | None) -> OpenedModel:
    """The model of this name, or the `default_model`. Warns if it lacks its base model. Raises
    ModelError."""
    opened = library.opened_model(name)
    if sentence := missing_base(opened.card, opened.model):
        print_warning(f"{opened.name}: {sentence}")
    return opened


def texts_of(text: str | None) -> Iterable[str]:
    """The given text, or the lines of standard input as they arrive."""
    return lines_of_stdin() if text is None else [as_unicode(text)]


def lines_of_stdin() -> Iterator[str]:
    """Yields the lines of standard input as they arrive, without line ends. Raises CorpusError if
    it cannot be read, as a folder cannot."""
    try:
        for raw in sys.stdin.buffer:
            yield raw.decode("utf-8", errors="replace").rstrip("\r\n")
    except OSError as error:
        raise CorpusError(f"cannot read standard input: {os_reason(error)}") from error
