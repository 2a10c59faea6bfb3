"""A large text as ids in the folder of its run, so that a resumed run need not encode it again.

text-train.bin      the ids of the training lines, with ends of lines if the vocabulary has them
text-held-out.bin   the same for the held-out lines
text-lines.npz      the length and the hash of each line
text.json           what the ids were made from, and the facts of the text
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zipfile import BadZipFile

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.text.arrays import map_array, slices
from rnnlm_tui.text.corpus import Corpus
from rnnlm_tui.text.excerpts import Excerpt
from rnnlm_tui.text.passes import HELD_OUT_IDS, NUMBERS, TRAIN_IDS, Encoded, KeptLines
from rnnlm_tui.text.streams import Mask, StreamedLines
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import Vocabulary

FORMAT = 1
"""To be raised when a tokenizer changes, since the ids in the files are made again then."""
FACTS, LINES = "text.json", "text-lines.npz"
FILES = (NUMBERS, TRAIN_IDS, HELD_OUT_IDS, LINES, FACTS)
Count = Annotated[int, Meta(ge=0, le=1 << 53)]


class EncodedFacts(Struct):
    """What is known of a text besides its ids.

    `words` and `held_out_words` count all words, unknown ones included; `distinct_words` those of
    the training lines. `only_word` is set if the text has a single distinct word. `missing` are
    notes on what the tokenizer missed.
    """

    conventions: Conventions
    words: Count
    distinct_words: Count
    held_out_words: Count
    only_word: str | None
    missing: tuple[str, ...]


class EncodedText(NamedTuple):
    """A text as ids."""

    facts: EncodedFacts
    vocabulary: Vocabulary
    train: Encoded
    held_out: Encoded
    kept: KeptLines | None


class _TextFile(Struct):
    """The contents of text.json."""

    key: str
    facts: EncodedFacts
    vocabulary: list[str]
    kind: str
    lengths: tuple[Count, Count]
    train_lines: tuple[str, ...]
    excerpts: tuple[Excerpt, ...]


def key_of(
    corpus: Corpus,
    tokenizer: str,
    limits: tuple[int | None, int],
    special_tokens: Sequence[str],
    inherited: tuple[Sequence[str], Conventions] | None,
    held_out: Mask,
) -> str:
    """A hash of all that determines the ids of a text. `limits` are those of the vocabulary,
    `inherited` are the words and conventions of the model that the run starts from."""
    lines = corpus.lines
    is_joined = isinstance(lines, StreamedLines) and lines.is_joined
    held = hashlib.sha256(held_out.tobytes()).hexdigest()
    of_text = (FORMAT, corpus.sha256, is_joined, held)
    parts = (*of_text, tokenizer, limits, tuple(special_tokens), inherited)
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


def write_encoded(folder: Path, key: str, text: EncodedText) -> None:
    """Saves everything but the ids, which have their own files. Raises StorageError."""
    assert text.kept is not None
    (train, train_lengths), (held_out, held_lengths) = text.train, text.held_out
    contents = _TextFile(
        key=key,
        facts=text.facts,
        vocabulary=list(text.vocabulary.words),
        kind=train.dtype.name,
        lengths=(len(train), len(held_out)),
        train_lines=text.kept.train,
        excerpts=text.kept.held_out,
    )
    of_lines = (train_lengths, held_lengths, *text.kept.hashes)
    try:
        with (folder / LINES).open("wb") as file:
            np.savez(file, *of_lines)
        raw = json.dumps(msgspec.to_builtins(contents)).encode()
        (folder / FACTS).write_bytes(raw)  # last: it makes the other files valid
    except OSError as error:
        raise StorageError(f"could not write to {folder}: {os_reason(error)}") from error


def read_encoded(folder: Path, key: str, special_tokens: Sequence[str]) -> EncodedText | None:
    """The text saved with this key; None if there is none or it is damaged."""
    try:
        contents = msgspec.convert(json.loads((folder / FACTS).read_bytes()), _TextFile)
        if contents.key != key or contents.kind not in ("uint16", "int32"):
            return None
        vocabulary = Vocabulary(contents.vocabulary, special_tokens)
        parts = [
            _ids(folder / name, contents.kind, length, vocabulary.total_words)
            for name, length in zip((TRAIN_IDS, HELD_OUT_IDS), contents.lengths, strict=True)
        ]
        with (folder / LINES).open("rb") as raw, np.load(raw, allow_pickle=False) as arrays:
            train, held, train_hashes, held_hashes = (arrays[name] for name in arrays.files)
        has_ends = vocabulary.end_id is not None
        for ids, lengths in zip(parts, (train, held), strict=True):
            if len(ids) != lengths.sum() + has_ends * np.count_nonzero(lengths):
                return None
    except (OSError, ValueError, RecursionError, LookupError, BadZipFile):
        return None
    kept = KeptLines((train_hashes, held_hashes), contents.train_lines, contents.excerpts)
    return EncodedText(contents.facts, vocabulary, (parts[0], train), (parts[1], held), kept)


def _ids(path: Path, kind: str, length: int, total: int) -> NDArray[Any]:
    """The ids in a file. Raises ValueError if one is out of range."""
    ids = map_array(path, kind, length)
    if any(not 1 <= ids[part].min() <= ids[part].max() < total for part in slices(len(ids))):
        raise ValueError(f"{path} holds an id that no word has")
    return ids


def remove_encoded(folder: Path) -> None:
    """Removes the files of a large text from a folder, as far as possible."""
    for name in FILES:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
