"""The modes that list and change the models of the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX, Command, on_terminal, refused
from tests.helpers.models import put_state


def test_damaged_models_and_unfinished_trainings_are_listed_and_spoil_no_other(
    run: Command, copied: Path, library: Library
) -> None:
    raw = (copied / "verses.safetensors").read_bytes()
    (copied / "broken.safetensors").write_bytes(raw[:100])
    (copied / "folder.safetensors").mkdir()
    put_state(library.runs.folder("begun"), 3, 5)
    shown = run("--models").stdout
    listed = json.loads(run("--models", "--json").stdout)
    first, second, third = listed["models"]
    assert (first["name"], first["preset"]) == ("broken", None)
    assert "it cannot be read" in second["damaged"]
    for model in (first, second):
        assert f"{model['name']} is damaged: {model['damaged']}" in shown
    assert (third["name"], third["preset"], third["damaged"]) == ("verses", "lesson", None)
    assert third["metrics"]["epoch"] == third["epochs_done"] == 2
    assert third["corpus"]["name"] == "verses.txt"
    assert "begun is unfinished, 2 of 5 epochs done; resume it" in shown
    assert listed["unfinished_runs"] == [
        {"name": "begun", "preset": "lesson", "epochs_done": 2, "epochs": 5, "trained_by": None}
    ]
    assert "it cannot be read" in refused(run("--suggest", "the ", "--model=folder", code=1))
    assert run("--delete", "begun", "--yes").stdout == "deleted begun\n"
    assert not library.has("begun")


def test_a_model_being_trained_is_listed_as_such_and_not_deleted(
    run: Command, copied: Path, library: Library
) -> None:
    with library.lock("verses"):
        assert "verses is being trained by process " in run("--models").stdout
        assert "held by process" in refused(run("--delete", "verses", "--yes", code=1))


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 2)])
def test_delete_takes_the_answer_from_a_pipe(
    run: Command, copied: Path, answer: str, code: int
) -> None:
    told = run("--delete", "verses", stdin=answer, code=code)
    lost = "It learned verses.txt (7 lines, 53 words) in "
    assert told.stderr.startswith(f"Delete verses? {lost}") and "[y/N] " in told.stderr
    assert ("pass --yes" in told.stderr) == (not answer)
    assert (copied / "verses.safetensors").exists() == bool(code)


@POSIX
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("nonsense", 1), ("YES", 0)])
def test_delete_asks_on_a_terminal(copied: Path, answer: str, code: int) -> None:
    ended, output = on_terminal("--delete", "verses", typed=f"{answer}\n")
    assert ended == code
    assert "Delete verses? It learned " in output
    assert ("nothing was deleted" in output) == (code == 1)
    assert (copied / "verses.safetensors").exists() == bool(code)


def test_the_model_in_use_answers_where_none_is_named(
    run: Command, copied: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the newest. What is gone or damaged is told, and the English answers, if it is there:
    these tests have none."""
    run("--rename", "verses", "poems")
    shutil.copyfile(copied / "poems.safetensors", copied / "newest.safetensors")

    def answers() -> str:
        name: str = json.loads(run("--suggest", "--json", "the ").stdout)["model"]
        return name

    assert answers() == "poems", "it is in use under its new name, too"
    run("--use", "newest")
    assert answers() == "newest"
    listed = json.loads(run("--models", "--json").stdout)["models"]
    assert {model["name"]: model["in_use"] for model in listed} == {"newest": True, "poems": False}
    monkeypatch.setenv("RNNLM_MODEL", "poems")
    assert answers() == "poems"
    told = refused(run("--use", "nosuch", code=1))
    assert "there is no model nosuch" in told and library.is_in_use("newest")
    monkeypatch.setenv("RNNLM_MODEL", "nosuch")
    assert "no model nosuch (RNNLM_MODEL names it)" in refused(run("--suggest", "x", code=1))
    monkeypatch.setenv("RNNLM_MODEL", "")
    assert answers() == "newest"
    (copied / "newest.safetensors").unlink()
    gone = run("--suggest", "the ", code=1).stderr
    assert "warning: the model in use, newest, is gone; english suggests instead" in gone
    run("--use", "poems")
    assert run("--delete", "poems", "--yes").stdout == "deleted poems; english is in use now\n"
    assert "warning" not in run("--suggest", "the ", code=1).stderr


def test_an_exported_model_can_be_imported_and_answers_the_same(
    run: Command, copied: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "my model.safetensors"
    run("--export", "verses", str(archive))
    assert archive.read_bytes() == (copied / "verses.safetensors").read_bytes()
    assert "is now the model my-model" in run("--import", str(archive)).stdout
    names = ("verses", "my-model")
    assert len({run("--generate", "the", "--model", name).stdout for name in names}) == 1
    downloaded = archive.rename(tmp_path / "poems (1).safetensors")
    assert "is now the model poems-1" in run("--import", str(downloaded)).stdout
