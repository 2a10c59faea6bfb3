"""Training on a text larger than memory gives the same model as on a text in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.event_types import Event, Preparing, from_json_line
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.locks import TRAINING
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.text import streams
from rnnlm_tui.text.encoded_files import FILES
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.history import History
from tests.helpers.commands import Command, dead_process, events_of
from tests.helpers.events import end_of
from tests.helpers.training import stopped_after

LINES = bundled_corpus().read_text().splitlines()
SIZES = ("--embedding-size=4", "--hidden-size=4", "--threads=1", "--device=cpu", "--held-out=0.2")
GRU = ("--preset=gru", *SIZES)
Choose = Callable[[bool], None]
"""Makes the next command treat its text as large, or hold it in memory."""


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary.txt"
    path.write_text("\n".join(LINES[:160]) + "\n")
    return path


@pytest.fixture
def is_large(monkeypatch: pytest.MonkeyPatch) -> Choose:
    def choose(large: bool) -> None:
        monkeypatch.setattr(streams, "IN_MEMORY", 2_000 if large else 16 << 20)
        monkeypatch.setattr(streams, "BLOCK", 1_500)

    return choose


def model_of(library: Library, name: str) -> dict[str, Any]:
    """The contents of a model without times."""
    with open_stored(library.path(name)) as stored:
        card, tensors = json.loads(stored.card.to_json()), stored.tensors()
    for changing in ("created", "updated", "history", "ancestors"):
        card.pop(changing, None)
    raw = {name: tensor.tobytes() for name, tensor in tensors.items()}
    origin = (library.run_folder(name) / "origin.json").read_text()
    return {**raw, "card": card, "origin": origin}


def both(
    run: Command,
    is_large: Choose,
    library: Library,
    *commands: Sequence[str],
) -> list[dict[str, Any]]:
    """The models `diary` that these commands make from a text in memory and from a large one."""
    found = []
    for large in (False, True):
        is_large(large)
        for command in commands:
            done = run(*command, "--name=diary", "--json")
            assert large == any(isinstance(event, Preparing) for event in events_of(done))
        found.append(model_of(library, "diary"))
        assert not any((library.run_folder("diary") / name).exists() for name in FILES)
        library.delete("diary")
    return found


@pytest.mark.parametrize("preset", ["gru", "ngram"])
def test_the_model_is_the_same(
    run: Command, is_large: Choose, library: Library, diary: Path, preset: str
) -> None:
    sizes = (*SIZES, "--epochs=2") if preset == "gru" else ()
    command = ("--train", str(diary), f"--preset={preset}", *sizes)
    whole, large = both(run, is_large, library, command)
    assert large == whole


def test_it_is_read_from_a_pipe(
    run: Command, is_large: Choose, library: Library, diary: Path
) -> None:
    is_large(True)
    flags = (*GRU, "--epochs=1", "--mixture=off")
    for name, source in (("file", str(diary)), ("pipe", "-")):
        text = diary.read_text() if source == "-" else ""
        run("--train", source, *flags, f"--name={name}", "--quiet", stdin=text)
        assert not [*library.run_folder(name).glob(".text-*")]
    file, pipe = (model_of(library, name) for name in ("file", "pipe"))
    assert file["card"]["corpus"].pop("name") == "diary.txt"
    assert pipe["card"]["corpus"].pop("name") == "stdin"
    assert file.pop("origin") != pipe.pop("origin")
    assert file == pipe


def test_a_run_that_was_stopped_finds_its_ids_again(
    run: Command,
    is_large: Choose,
    library: Library,
    diary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_large(True)
    flags = (*GRU, "--epochs=2", "--mixture=off", "--json")
    with stopped_after(1):
        run("--train", str(diary), *flags, "--name=stopped")
    assert all((library.run_folder("stopped") / name).exists() for name in FILES[1:])
    done = run("--train", "--resume", "--name=stopped", "--json")
    assert {e.phase for e in events_of(done) if isinstance(e, Preparing)} == {"reading text"}
    assert not any((library.run_folder("stopped") / name).exists() for name in FILES)
    run("--train", str(diary), *flags, "--name=through")
    assert model_of(library, "stopped") == model_of(library, "through")


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["gru", "ngram"])
def test_an_update_and_a_model_from_another_are_the_same(
    run: Command, is_large: Choose, library: Library, diary: Path, preset: str
) -> None:
    sizes = (*SIZES, "--epochs=2") if preset == "gru" else ()
    finished, models = [], []
    for large in (False, True):
        is_large(large)
        diary.write_text("\n".join(LINES[:160]))
        run("--train", str(diary), f"--preset={preset}", *sizes, "--name=old", "--quiet")
        diary.write_text("\n".join(LINES[:240]))
        if preset == "gru":
            given = ("--from=old", "--name=diary", "--epochs=1", "--threads=1")
            run("--train", str(diary), *given, "--quiet")
            models.append(model_of(library, "diary"))
            library.delete("diary")
        flags = ("--threads=1",) if preset == "gru" else ()
        done = run("--train", "--update=old", "--json", *flags)
        finished.append(end_of(events_of(done)).update)
        models.append(model_of(library, "old"))
        library.delete("old")
    assert finished[0] == finished[1]
    half = len(models) // 2
    assert models[:half] == models[half:]


@pytest.mark.parametrize("preset", ["gru", "ngram", "lesson"])
def test_a_summary_says_the_same_and_leaves_nothing(
    run: Command, is_large: Choose, data_dir: Path, diary: Path, preset: str
) -> None:
    said, other = [], data_dir.with_name("other")
    (other / f".summary-{dead_process()}").mkdir(parents=True)  # it was killed
    for large in (False, True):
        is_large(large)
        arguments = ("--summary", str(diary), f"--preset={preset}", "--json")
        done = run(*arguments, "--data-dir", str(other))
        said.append(json.loads(done.stdout))
        said[-1].pop("estimated_s")
    assert said[0] == said[1]
    assert [*other.iterdir()] == [] and not data_dir.exists()


def test_a_stop_while_it_is_read_leaves_nothing(
    run: Command,
    is_large: Choose,
    library: Library,
    diary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_large(True)
    controls = list[Control]()

    class Remembered(Control):
        def __init__(self, seed_line: str = "") -> None:
            super().__init__(seed_line)
            controls.append(self)

    text_blocks = streams.text_blocks

    def stop_after_two(*arguments: Any) -> Any:
        for number, block in enumerate(text_blocks(*arguments)):
            if number == 2:
                controls[0].stop()
            yield block

    monkeypatch.setattr("rnnlm_tui.cli.train.Control", Remembered)
    monkeypatch.setattr(streams, "text_blocks", stop_after_two)
    done = run("--train", str(diary), *GRU, "--name=stopped", "--json")
    end = end_of(events_of(done))
    assert (end.reason, end.metrics) == ("stopped", {})
    assert not library.run_folder("stopped").exists()
    with library.lock("stopped", TRAINING):
        assert not library.has("stopped")


def test_its_phases_are_in_the_history_that_the_app_follows(
    run: Command, is_large: Choose, library: Library, diary: Path
) -> None:
    is_large(True)
    seen = set[str]()
    path = library.run_folder("followed") / "history.jsonl"

    def look(self: Any, event: Event) -> None:
        add(self, event)
        if isinstance(event, Preparing):
            seen.update(path.read_text().splitlines())

    add = History.add
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(History, "add", look)
        run("--train", str(diary), *GRU, "--epochs=1", "--name=followed", "--quiet")
    events = [from_json_line(line) for line in seen]
    assert "reading text" in {event.phase for event in events if isinstance(event, Preparing)}
