"""Flips single bits of stored files, one at a time: a file is used or refused in a sentence."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import CorpusError, ModelError, RnnlmError, StorageError
from rnnlm_tui.events import Event, from_json_line, to_json_line
from rnnlm_tui.paths import NEVER_SUGGEST
from rnnlm_tui.store.appended import AppendedLines
from rnnlm_tui.store.corpora import find_text, not_learned
from rnnlm_tui.store.files import HISTORY, IN_USE, RESUME, RUN_JSON
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.store.run_files import read_epochs, read_sources, write_sources
from rnnlm_tui.store.unwanted import UnwantedWords
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.training.network_learner import NetworkLearner
from rnnlm_tui.tui.preferences import SETTINGS_FILE, Preferences, SettingsFile
from rnnlm_tui.tui.runs.progress import RunProgress
from tests.helpers.commands import Command, refused
from tests.helpers.events import ended, finished, progress, started
from tests.helpers.models import SAVED_MODELS, put, saved_model
from tests.helpers.training import made, run_stopped_at, small_job

pytestmark = pytest.mark.hunt
BODY_FLIPS = 5_000
EVERY = 199
"""Every n-th flip is tried with all commands, too."""
COMMANDS = (
    ["--suggest", "shall i "],
    ["--generate", "shall i ", "--words=3"],
    ["--explain", "shall i "],
    ["--evaluate", str(SAVED_MODELS / "verses.txt")],
    ["--models"],
    ["--models", "--json"],
    ["--models", "m"],
)


def flipped(path: Path, bits: Iterable[int]) -> Iterator[int]:
    """Yields each of these bits while it is flipped in a file."""
    whole = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for bit in bits:
            place = bit // 8
            for byte in (whole[place] ^ 1 << bit % 8, whole[place]):
                file.seek(place)
                file.write(bytes([byte]))
                if byte != whole[place]:
                    yield bit


def header_bits(raw: bytes) -> range:
    """The bits of the header of a safetensors file, and of its length."""
    return range(8 * (8 + int.from_bytes(raw[:8], "little")))


def bits_of(raw: bytes, part: str) -> Iterable[int]:
    """The bits to flip in a half of the header of a safetensors file, or in its body."""
    header, random_bits = header_bits(raw), random.Random(0)
    if part == "body":
        return random_bits.sample(range(header.stop, 8 * len(raw)), BODY_FLIPS)
    return header[part == "odd" :: 2]


def works(library: Library) -> bool:
    """Returns whether the model `m` works. Fails if it neither works nor is refused."""
    try:
        opened = library.open("m")
        card, model = opened.card, opened.model
    except ModelError as error:
        assert error.message.startswith("the model m cannot be used: ")
        return False
    with open_stored(library.path("m")) as stored:
        stored.lines()
    for context in ([], [1, 2, 3]):
        row = model.next_word_probabilities(context)
        assert row.shape == (card.total_words,) and sum(row) == pytest.approx(1, abs=1e-4)
    suggest(model, "shall i ")
    return True


@pytest.mark.parametrize("part", ["even", "odd", "body"])
@pytest.mark.parametrize("preset", ["lesson", "rnn", "gru", "lstm", "ngram"])
def test_a_model_with_a_flipped_bit_works_or_is_refused(
    library: Library, capsys: pytest.CaptureFixture[str], preset: str, part: str
) -> None:
    """All 110,976 bits of the headers of the five models, of which 18,365 do no harm and the others
    are refused, and 25,000 bits of their bodies, of which some 18,700 change a number or a word."""
    raw, counts = saved_model(preset), {True: 0, False: 0}
    put(library.folder, {"m.safetensors": raw})
    library.use("m")
    for number, _ in enumerate(flipped(library.path("m"), bits_of(raw, part))):
        does_work = works(library)
        counts[does_work] += 1
        if number % EVERY == 0:
            told = list[str]()
            if library.in_use(told.append) == "m" and does_work:
                library.open("m")
            assert not (told and does_work)
            for command in COMMANDS:
                assert main(command) == (not does_work and "--models" not in command)
            capsys.readouterr()
    assert counts[True] and counts[False]


@pytest.mark.parametrize("preset", ["lesson", "ngram"])
def test_the_real_command_says_it_in_a_sentence(
    library: Library, command: Command, preset: str
) -> None:
    raw = saved_model(preset)
    put(library.folder, {"m.safetensors": raw})
    bits = random.Random(1).sample(header_bits(raw), 6)
    for _ in flipped(library.path("m"), bits):
        done = command("--suggest", "shall i ", "--model=m")
        assert not done.returncode or "the model m cannot be used" in refused(done)


@pytest.mark.parametrize("preset", ["lesson", "lstm"])
def test_a_run_with_a_flipped_bit_goes_on_or_is_refused(tmp_path: Path, preset: str) -> None:
    """All bits of the header of resume.safetensors, and 5,000 of its body. The run is listed, and
    one that goes on has a network of the right shape."""
    library = Library(tmp_path / "data")
    run_stopped_at(small_job(preset, library.data_dir, held_out=0.3), 2, 2)
    path, counts = library.runs.folder("small") / RESUME, {True: 0, False: 0}
    raw = path.read_bytes()
    bits = [*bits_of(raw, "even"), *bits_of(raw, "odd"), *bits_of(raw, "body")]
    for number, _ in enumerate(flipped(path, bits)):
        assert [run.name for run in library.runs.all()] == ["small"]
        try:
            job = made(library, resume=True, name="small")
            if number % EVERY == 0:
                learner, position = NetworkLearner(job), job.position
                learner.begin()
                if position.step < learner.steps:
                    learner.step()
            counts[True] += 1
        except RnnlmError:
            counts[False] += 1
    assert counts[True] and counts[False]


def each_bit(path: Path, raw: bytes, works: Callable[[], bool]) -> None:
    """Flips each bit of a file that has these bytes. Fails unless it `works` with some flips and
    not with others."""
    put(path.parent, {path.name: raw})
    found = [works() for _ in flipped(path, range(8 * len(raw)))]
    assert len(found) == 8 * len(raw) and {*found} == {True, False}


def test_a_history_with_a_flipped_bit_keeps_its_other_lines(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 12,928 bits of a history.jsonl of five events."""
    events: list[Event] = [
        started(),
        progress(1),
        ended(1, 3.0, 3.5),
        ended(2, 2.0, 3.0),
        finished("completed"),
    ]
    raw = "".join(f"{to_json_line(event)}\n" for event in events).encode()
    put(library.folder, {"m.safetensors": saved_model("gru")})
    path = library.runs.folder("m") / HISTORY

    def works() -> bool:
        shown = RunProgress()
        for line in AppendedLines(path).read():
            with suppress(ValueError):
                shown.take(from_json_line(line))
        assert 0 <= shown.run_share <= 1
        return len(read_epochs(path.parent)) == 2

    each_bit(path, raw, works)


def test_sources_with_a_flipped_bit_are_others_or_none(library: Library, tmp_path: Path) -> None:
    """All bits of a run.json."""
    put(library.folder, {"m.safetensors": saved_model("ngram")})
    card, folder = library.open("m").card, library.runs.folder("m")
    put(folder, {})
    write_sources(folder, ["a text.txt"], "utf-8")

    def works() -> bool:
        with pytest.raises(CorpusError):  # no such file
            find_text("m", folder, card)
        with suppress(StorageError):
            assert not_learned(library, "m", ["a line"]) == ["a line"]
        return read_sources(folder).sources == ["a text.txt"]

    each_bit(folder / RUN_JSON, (folder / RUN_JSON).read_bytes(), works)


def test_settings_with_a_flipped_bit_are_used_or_put_aside(tmp_path: Path) -> None:
    """All bits of a settings.json. The next change of a setting is stored."""
    settings = SettingsFile(tmp_path)
    settings.preferences = Preferences("textual-dark", alt_told=True, files="a.txt b.txt")
    settings.store()
    path = tmp_path / SETTINGS_FILE
    raw, put_aside = path.read_bytes(), list[bool]()
    for bit in range(8 * len(raw)):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        settings = SettingsFile(tmp_path)
        kept = tmp_path / f"{SETTINGS_FILE}.damaged"
        assert kept.exists() == bool(settings.problem)
        put_aside.append(kept.exists())
        if kept.exists():
            assert kept.read_bytes() == damaged
            kept.unlink()
        settings.preferences.alt_told = not settings.preferences.alt_told
        assert not settings.store()
        assert SettingsFile(tmp_path).preferences == settings.preferences
    assert {*put_aside} == {True, False}


def test_another_model_is_used_if_the_name_of_the_one_in_use_has_a_flipped_bit(
    library: Library,
) -> None:
    """All bits of the file in-use, of which that of the line's end matters to nobody."""
    put(library.folder, {"m.safetensors": saved_model("ngram")})

    def works() -> bool:
        told = list[str]()
        name = library.in_use(told.append)
        assert name == ("english" if told else "m") and library.is_in_use("m") != bool(told)
        return not told

    each_bit(library.data_dir / IN_USE, b"m\n", works)


def test_words_with_a_flipped_bit_are_others_or_the_file_is_refused(tmp_path: Path) -> None:
    """All bits of a never-suggest.txt with words in several scripts."""

    def works() -> bool:
        with suppress(StorageError):
            return "the" in UnwantedWords().words()
        return False

    raw = "the\nThou\nl\u2019eau\nsch\u00f6n\n\U0001f98a\n".encode()
    each_bit(tmp_path / "config" / NEVER_SUGGEST, raw, works)
