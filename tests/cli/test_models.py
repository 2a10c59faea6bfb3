"""The modes that list and change the models of the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX, Command, on_terminal, refused
from tests.helpers.models import put_state


def test_an_empty_list_of_models_says_what_to_do(run: Command, data_dir: Path) -> None:
    done = run("--models")
    assert done.stdout == ""
    assert "train one: rnnlm-tui --train" in done.stderr
    assert json.loads(run("--models", "--json").stdout) == {"models": [], "unfinished_runs": []}
    assert not data_dir.exists()


def test_a_damaged_model_is_listed_with_its_reason(run: Command, copied: Path) -> None:
    raw = (copied / "verses.safetensors").read_bytes()
    (copied / "broken.safetensors").write_bytes(raw[:100])
    header, broken, verses, note = run("--models").stdout.splitlines()
    assert header.split()[:4] == ["name", "preset", "keys", "saved"]
    assert broken.split()[:2] == ["broken", "damaged"]
    assert verses.split()[:3] == ["verses", "lesson", "24"] and verses.endswith("verses.txt")
    assert note.startswith("broken is damaged: ")
    first, second = json.loads(run("--models", "--json").stdout)["models"]
    assert (first["name"], first["preset"]) == ("broken", None)
    assert first["damaged"] in note
    assert (second["name"], second["preset"], second["damaged"]) == ("verses", "lesson", None)
    assert second["metrics"]["epoch"] == second["epochs_done"] == 2
    assert second["corpus"]["name"] == "verses.txt"


def test_a_model_that_cannot_be_read_spoils_no_other(run: Command, copied: Path) -> None:
    (copied / "broken.safetensors").mkdir()
    listed = json.loads(run("--models", "--json").stdout)["models"]
    damaged = {model["name"]: model["damaged"] for model in listed}
    assert "it cannot be read" in damaged["broken"] and damaged["verses"] is None
    assert "it cannot be read" in refused(run("--suggest", "the ", "--model", "broken", code=1))
    assert "the" in run("--suggest", "the ", "--model", "verses").stdout


def test_an_unfinished_training_is_listed_and_can_be_deleted(
    run: Command, library: Library
) -> None:
    put_state(library.run_folder("begun"), 3, 5)
    (note,) = run("--models").stdout.splitlines()
    assert note.startswith("begun is an unfinished training, 2 of 5 epochs done; resume it")
    assert "--train --resume --name begun" in note
    listed = json.loads(run("--models", "--json").stdout)
    assert listed["models"] == []
    assert listed["unfinished_runs"] == [
        {"name": "begun", "preset": "lesson", "epochs_done": 2, "epochs": 5, "trained_by": None}
    ]
    taken = refused(run("--train", "--name", "begun", "--preset=ngram", code=1))
    assert "the name begun is taken" in taken
    assert run("--delete", "begun", "--yes").stdout == "deleted begun\n"
    assert json.loads(run("--models", "--json").stdout)["unfinished_runs"] == []


def test_a_model_in_training_is_listed_with_who_trains_it(
    run: Command, copied: Path, data_dir: Path
) -> None:
    with Library(data_dir).lock("verses"):
        assert "verses is being trained by process " in run("--models").stdout
        assert "in use by process" in refused(run("--delete", "verses", "--yes", code=1))


def test_a_renamed_model_answers_under_its_new_name_alone(run: Command, copied: Path) -> None:
    assert run("--rename", "verses", "poems").stdout == "verses is now poems\n"
    run("--suggest", "the ", "--model", "poems")
    assert "there is no model verses" in refused(run("--suggest", "x", "--model", "verses", code=1))
    shutil.copyfile(copied / "poems.safetensors", copied / "other.safetensors")
    assert "taken" in refused(run("--rename", "poems", "other", code=1))
    assert "cannot be a model's name" in refused(run("--rename", "poems", "../up", code=2))


def test_delete_needs_confirmation(run: Command, copied: Path) -> None:
    message = refused(run("--delete", "verses", stdin="y\n", code=2))
    assert "refusing to delete verses without confirmation\n  pass --yes" in message
    assert (copied / "verses.safetensors").exists()
    assert run("--yes", "--delete", "verses").stdout == "deleted verses\n"
    assert not (copied / "verses.safetensors").exists()
    assert "there is no model verses" in refused(run("--delete", "verses", "--yes", code=1))


@POSIX
@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("nonsense", 1), ("YES", 0)])
def test_delete_asks_on_a_terminal(copied: Path, answer: str, code: int) -> None:
    ended, output = on_terminal("--delete", "verses", typed=f"{answer}\n")
    assert ended == code
    assert "Delete the model verses? [y/N] " in output
    assert ("nothing was deleted" in output) == (code == 1)
    assert (copied / "verses.safetensors").exists() == bool(code)


def test_an_exported_model_can_be_imported_and_answers_the_same(
    run: Command, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "sent.safetensors"
    assert run("--export", "verses", str(archive)).stdout == f"wrote verses to {archive}\n"
    assert archive.read_bytes() == (copied / "verses.safetensors").read_bytes()
    assert "already" in refused(run("--export", "verses", str(archive), code=1))
    run("--export", "verses", str(archive), "--force")
    assert "there is no folder" in refused(run("--export", "verses", f"{archive}-to/", code=1))
    assert run("--import", str(archive)).stdout == f"{archive} is now the model sent\n"
    assert "taken" in refused(run("--import", str(archive), code=1))
    run("--import", "--name", "again", str(archive))
    answers = {run("--generate", "the", "--model", n).stdout for n in ("verses", "sent", "again")}
    assert len(answers) == 1
    monkeypatch.chdir(tmp_path)
    assert run("--export", "verses").stdout == "wrote verses to verses.safetensors\n"
    archive.rename(tmp_path / "my model.safetensors")
    assert "is now the model my-model" in run("--import", "my model.safetensors").stdout
