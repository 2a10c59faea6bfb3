"""The inputs of the modes: a corpus, lines of text, a model, and the free memory."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlm_tui.config import print_warning
from rnnlm_tui.errors import CorpusError, os_reason
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import missing_base

if TYPE_CHECKING:
    from rnnlm_tui.text.corpus import Corpus
    from rnnlm_tui.text.streams import Workspace

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux limits the memory of a container."""
CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Files of cgroups v2 and v1 with the limit, the usage and statistics, and the field of the
statistics with the size of the page cache that can be reclaimed."""


def as_unicode(argument: str) -> str:
    """An argument or file name with question marks for the bytes that are not UTF-8. Python decodes
    them as lone surrogates, which cannot be written to a file."""
    return argument.encode("utf-8", "replace").decode("utf-8")


def corpus_of(
    sources: Sequence[str], encoding: str | None, workspace: Workspace | None = None
) -> Corpus:
    """Reads the corpus from files, or the bundled one. With a `workspace` a large one is not kept
    in memory. Raises CorpusError."""
    from rnnlm_tui.text.corpus import check_files, read_corpus

    check_files(sources, free_memory if workspace is None else None)
    corpus = read_corpus(sources or [bundled_corpus()], encoding, sys.stdin.buffer, workspace)
    return dataclasses.replace(corpus, name=as_unicode(corpus.name))


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model of the library that is ready to predict, its file, and the folder of its run."""

    name: str
    path: Path
    folder: Path
    card: ModelCard
    model: LanguageModel


def open_model(library: Library, name: str | None) -> OpenedModel:
    """The model of this name, or the newest one. Raises ModelError."""
    chosen = library.newest() if name is None else name
    card, model = library.open(chosen)
    if sentence := missing_base(card, model):
        print_warning(f"{chosen}: {sentence}")
    return OpenedModel(chosen, library.path(chosen), library.run_folder(chosen), card, model)


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


def split_last_line(model: LanguageModel, text: str) -> tuple[list[str], str]:
    """Splits a text into previous lines and the last line. For a model without a start of line the
    whole text is one line."""
    if model.vocabulary.begin_id is None:
        return [], text
    *above, line = text.split("\n")
    return above, line


def free_memory() -> int:
    """The available memory in bytes, of the machine or of the container."""
    import psutil  # 30 ms that most commands do not need

    left: list[int] = [psutil.virtual_memory().available]
    for limit, used, statistics, reclaimable in CGROUP_FILES:
        with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
            most, in_use = (int((CGROUPS / file).read_text()) for file in (limit, used))
            lines = (CGROUPS / statistics).read_text().splitlines()
            fields = dict(line.split(maxsplit=1) for line in lines)
            left.append(max(0, most - in_use + int(fields.get(reclaimable, 0))))
    return min(left)
