"""The text of a training, and the memory that there is for it."""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rnnlm_tui.config import Config
from rnnlm_tui.errors import CorpusError, Sentence
from rnnlm_tui.formatting import as_unicode, format_bytes
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text.corpus import Corpus, check_files, read_corpus
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.estimate import training_bytes

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


def corpus_of(
    sources: Sequence[str], encoding: str | None, workspace: Workspace | None = None
) -> Corpus:
    """Reads the corpus from files, or the bundled one. With a `workspace` a large one is not kept
    in memory. Raises CorpusError."""
    check_files(sources, free_memory if workspace is None else None)
    stdin = getattr(sys.stdin, "buffer", io.BytesIO())  # there may be none, as in a notebook
    corpus = read_corpus(sources or [bundled_corpus()], encoding, stdin, workspace)
    return dataclasses.replace(corpus, name=as_unicode(corpus.name))


def free_memory() -> int:
    """The available memory in bytes, of the machine or of the container."""
    import psutil  # 30 ms that small texts do not need

    left: list[int] = [psutil.virtual_memory().available]
    for limit, used, statistics, reclaimable in CGROUP_FILES:
        with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
            most, in_use = (int((CGROUPS / file).read_text()) for file in (limit, used))
            lines = (CGROUPS / statistics).read_text().splitlines()
            fields = dict(line.split(maxsplit=1) for line in lines)
            left.append(max(0, most - in_use + int(fields.get(reclaimable, 0))))
    return min(left)


def check_memory(config: Config, prepared: PreparedText) -> None:
    """Raises CorpusError if the training does not fit into the free memory."""
    kind, total = ARCHITECTURES[config.preset], prepared.vocabulary.total_words

    def needed(total_words: int) -> int:
        examples = prepared.examples.predictions
        return training_bytes(kind(config, total_words, prepared.window), examples)

    free = free_memory()
    if needed(total) <= free:
        return
    first = prepared.vocabulary.first_word_id
    low, high = first + 1, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free else (low, middle)
    fewer = Sentence(
        "keep the most frequent words, at most {max_vocabulary} {most},", most=low - first
    )
    raise CorpusError(
        f"{prepared.corpus.name} has {total - first:,} different words: the preset {config.preset}"
        f" needs {format_bytes(needed(total))} of memory to train on them,"
        f" {format_bytes(free)} are free",
        Sentence(
            "{fewer} or take a preset whose size grows less with the vocabulary",
            fewer=fewer if low > first + 1 else Sentence(f"take {kind.smaller},"),
        ),
    )
