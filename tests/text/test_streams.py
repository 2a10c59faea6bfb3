"""Large texts, read in blocks by several processes, give the same as a text in memory."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import CorpusError, RnnlmError, StorageError
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.store.trained_lines import trained_lines_of
from rnnlm_tui.text.corpus import Corpus, read_corpus
from rnnlm_tui.text.encoded_files import FILES, remove_encoded
from rnnlm_tui.text.examples import EncodedLines
from rnnlm_tui.text.excerpts import excerpts_of
from rnnlm_tui.text.overlap import no_hashes
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.streams import StreamedLines, Workspace
from rnnlm_tui.text.workers import Workers
from rnnlm_tui.training.run import TrainingRun

BLOCK = 3_000
WORDS = ["the", "and", "boat", "sea", "hill", "Anna", "basket", "came", "Mr.", "Hale", "said"]


def story(paragraphs: int, width: int | None = None) -> str:
    """Made-up prose with quotes, abbreviations and a rare word here and there."""
    rng, texts = random.Random(3), list[str]()
    for number in range(paragraphs):
        sentences = []
        for _ in range(rng.randrange(2, 9)):
            words = rng.choices(WORDS, k=rng.randrange(3, 14))
            if rng.random() < 0.1:
                words.append(f"rare{number}")
            sentence = " ".join(words) + rng.choice(".!?")
            sentence = sentence[0].upper() + sentence[1:]
            sentences.append(f"“{sentence}”" if rng.random() < 0.2 else sentence)
        text = " ".join(sentences)
        texts.append(textwrap.fill(text, width) if width else text)
    return "\n\n".join(texts) + "\n"


class Read(NamedTuple):
    """The same text, in memory and not."""

    whole: Corpus
    streamed: Corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace(folder / "run", processes=2) as made:
        made.in_memory, made.block = 1_000, BLOCK
        made.make_folder()
        yield made


@pytest.fixture(scope="module")
def read(folder: Path, workspace: Workspace) -> Callable[..., Read]:
    """Reads the texts as files, in memory and in blocks."""

    def read(*texts: str, encoding: str = "utf-8") -> Read:
        paths: list[str | Path] = []
        for number, text in enumerate(texts):
            paths.append(folder / f"{number}.txt")
            (folder / f"{number}.txt").write_bytes(text.encode(encoding))
        whole, streamed = (
            read_corpus(paths, encoding, workspace=space) for space in (None, workspace)
        )
        assert isinstance(streamed.lines, StreamedLines)
        assert len(streamed.lines.facts.lines) > 3
        return Read(whole, streamed)

    return read


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("gru", {}),
    ("gru", {"tokenizer": "lesson", "lines": "each", "seed": 5}),
    ("ngram", {"tokenizer": "whitespace", "min_count": 2, "lines": "paragraphs"}),
    ("gru", {"max_vocabulary": 9, "held_out": 0.3}),
    ("lesson", {}),
]


def facts_of(prepared: PreparedText) -> dict[str, Any]:
    """Everything that a training uses, except the lines themselves."""
    facts: dict[str, Any] = {
        name: getattr(prepared, name)
        for name in PreparedText.__dataclass_fields__
        if name not in ("corpus", "tokenizer", "vocabulary", "examples", "held_out", "kept")
    }
    facts["words_known"] = prepared.vocabulary.words
    facts["conventions"] = prepared.tokenizer.conventions
    facts["card"] = prepared.card
    facts["held_out_mask"] = prepared.held_out_mask.tolist()
    for name in ("examples", "held_out"):
        part = getattr(prepared, name)
        ids = part.targets if isinstance(part, EncodedLines) else part.tokens
        facts[name] = ids.tolist(), part.first(40), part.predictions
    return facts


@pytest.mark.parametrize(("preset", "given"), SETTINGS)
@pytest.mark.parametrize("width", [None, 60])
def test_a_large_text_is_prepared_as_one_in_memory(
    read: Callable[..., Read], preset: str, given: dict[str, Any], width: int | None
) -> None:
    texts = read(story(120, width), story(20, width).rstrip("\n"), story(3))
    config = make_config(preset, [given])
    whole, streamed = (prepare_corpus(corpus, config) for corpus in texts)
    assert facts_of(streamed) == facts_of(whole)
    assert texts.streamed.words == texts.whole.words
    assert [*texts.streamed.lines] == [*texts.whole.lines]


def test_its_lines_are_recognized(read: Callable[..., Read], tmp_path: Path) -> None:
    texts, config = read(story(150)), make_config("gru", [])
    whole, streamed = (prepare_corpus(corpus, config) for corpus in texts)
    run = TrainingRun("run", tmp_path / "model", tmp_path, config, streamed, {})
    lines = trained_lines_of(whole.corpus.lines, whole.held_out_mask, whole.tokenizer, no_hashes())
    for name in ("trained_hashes", "unseen_hashes", "held_out"):
        assert np.array_equal(getattr(run.trained_lines(), name), getattr(lines, name))
    again = [
        lines.hold_out_again(corpus.lines, whole.tokenizer, 0.2, 1, no_hashes()) for corpus in texts
    ]
    assert np.array_equal(again[0], again[1]) and again[0].any()


def test_some_of_its_lines_are_kept_to_measure_on(
    read: Callable[..., Read], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts, config = read(story(900)), make_config("gru", [])
    whole = prepare_corpus(texts.whole, config)
    train, held_out = TrainingRun(
        "run", tmp_path / "model", tmp_path, config, whole, {}
    ).split_lines()
    monkeypatch.setattr("rnnlm_tui.text.passes.KEPT_WORDS", (3_000, 2_000))
    remove_encoded(texts.streamed.lines.workspace.folder)  # type: ignore[attr-defined]
    kept = prepare_corpus(texts.streamed, config).kept
    assert kept is not None
    measured = [line for excerpt in kept.held_out for line in excerpt.lines]
    samples = ((kept.train, train, 3_000), (measured, held_out, 2_000))
    for some, every, wanted in samples:
        assert len(some) < len(every) and set(some) <= set(every)
        assert 0.5 * wanted < sum(len(line.split()) for line in some) < 2 * wanted
    assert {*kept.held_out} <= {*excerpts_of(whole.corpus.lines, whole.held_out_mask)}


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_characters_and_line_ends_may_be_cut_anywhere(
    read: Callable[..., Read], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnlm_tui.text.sources.PIECE", 7)
    text = "naïve ça\r\nvà\rbien\n\n" * 500
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    texts = read(text, encoding=encoding)
    assert [*texts.streamed.lines] == [*texts.whole.lines] == lines
    joined = "\n".join(lines)
    assert texts.streamed.sha256 == hashlib.sha256(joined.encode()).hexdigest()


def test_an_invalid_byte_is_counted_from_the_start_of_its_file(folder: Path) -> None:
    path = folder / "odd.txt"
    path.write_bytes(b"word " * 500_000 + b"\xe4 and more")
    with pytest.raises(CorpusError, match="at byte 2500000"):
        read_corpus([path])
    path.write_bytes(b"word " * 500_000 + b"\0")
    with pytest.raises(CorpusError, match="zero byte at byte 2500000"):
        read_corpus([path])


def test_a_line_that_is_longer_than_a_block_is_cut_at_a_space(read: Callable[..., Read]) -> None:
    words = [f"w{number % 99}" for number in range(9_000)]
    texts = read(" ".join(words))
    lines = [*texts.streamed.lines]
    assert all(0 < len(line) <= BLOCK for line in lines)
    assert [word for line in lines for word in line.split()] == words


def test_a_pipe_is_read_once_and_then_from_a_file(workspace: Workspace, folder: Path) -> None:
    text = story(60)
    with Workspace(folder / "piped", processes=1) as space:
        space.in_memory, space.block = 1_000, BLOCK
        corpus = read_corpus(["-"], None, io.BytesIO(text.encode()), space)
        assert corpus.sources == ("-",) and [*corpus.lines] == text.split("\n")
        assert "".join(f"{line}\n" for line in corpus.lines)[:-1] == text


def test_a_text_that_changes_between_two_passes_is_refused(
    read: Callable[..., Read], folder: Path
) -> None:
    texts = read(story(80))
    path = folder / "0.txt"
    path.write_bytes(path.read_bytes().replace(b"boat", b"ship"))
    with pytest.raises(CorpusError, match=r"0\.txt has changed while it was read") as caught:
        prepare_corpus(texts.streamed, make_config("gru", []))
    assert "copy" in caught.value.hint
    path.write_bytes(story(200).encode())
    with pytest.raises(CorpusError, match="has changed while it was read"):
        prepare_corpus(texts.streamed, make_config("gru", []))


def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "growing.txt"
    path.write_text(story(50))
    monkeypatch.setattr("rnnlm_tui.text.sources.PIECE", 5_000)
    original = io.IncrementalNewlineDecoder.decode

    class Growing(io.IncrementalNewlineDecoder):
        def decode(self, text: Any, final: bool = False) -> str:
            if final:
                with path.open("a") as file:
                    file.write("one more line\n")
            return original(self, text, final)

    monkeypatch.setattr("rnnlm_tui.text.sources.IncrementalNewlineDecoder", Growing)
    with pytest.raises(CorpusError, match=r"growing\.txt has changed while it was read"):
        read_corpus([path])


def test_too_little_disk_space_is_an_error_before_anything_is_written(
    read: Callable[..., Read], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = read(story(90))
    remove_encoded(workspace.folder)
    usage = shutil.disk_usage(workspace.folder)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match=r"takes .* on the disk of .*, 1 kB are free"):
        prepare_corpus(texts.streamed, make_config("gru", [{"tokenizer": "whitespace"}]))
    assert not any((workspace.folder / name).exists() for name in FILES)


def test_a_full_disk_is_an_error_in_words(
    read: Callable[..., Read], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    texts = read(story(90))
    remove_encoded(workspace.folder)
    (workspace.folder / "text-numbers.bin").symlink_to("/dev/full")
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(StorageError, match="no space left"):
        prepare_corpus(texts.streamed, make_config("gru", [{"tokenizer": "whitespace"}]))
    monkeypatch.undo()
    remove_encoded(workspace.folder)


def test_ids_are_found_again_if_nothing_has_changed(
    read: Callable[..., Read], workspace: Workspace
) -> None:
    texts, config = read(story(110)), make_config("gru", [])
    phases = list[str]()
    workspace.report = lambda phase, done, of: phases.append(phase)
    first = prepare_corpus(texts.streamed, config)
    assert {*phases} == {"counting words", "learning spelling and spacing", "encoding words"}
    phases.clear()
    assert facts_of(prepare_corpus(texts.streamed, config)) == facts_of(first)
    assert not phases
    prepare_corpus(texts.streamed, make_config("gru", [{"seed": 4}]))
    assert phases
    phases.clear()
    facts = json.loads((workspace.folder / "text.json").read_text())
    for name, content in {
        "text.json": json.dumps({**facts, "kind": "float64"}).encode(),
        "text-train.bin": b"\xff" * (workspace.folder / "text-train.bin").stat().st_size,
        "text-held-out.bin": b"",
        "text-lines.npz": b"PK\x05\x06",
    }.items():
        (workspace.folder / name).unlink()
        (workspace.folder / name).write_bytes(content)
        again = prepare_corpus(texts.streamed, make_config("gru", [{"seed": 4}]))
        assert "encoding words" in phases and again.tokens == first.tokens
        phases.clear()
    workspace.report = lambda phase, done, of: None


def fail(number: int) -> int:
    if number == 7:
        raise CorpusError("seven is too much")
    return number


def leave(number: int) -> int:
    import os

    os._exit(3)


def test_workers_give_results_in_order_and_pass_errors_on() -> None:
    workers = Workers(2)
    try:
        assert [*workers.map(abs, range(-20, 0))] == [*range(20, 0, -1)]
        with pytest.raises(CorpusError, match="seven is too much"):
            list(workers.map(fail, range(20)))
    finally:
        workers.close()


def test_a_worker_that_is_gone_is_an_error_in_words() -> None:
    workers = Workers(1)
    try:
        with pytest.raises(RnnlmError, match="is gone"):
            list(workers.map(leave, range(3)))
    finally:
        workers.close()
