"""Bad input and damaged files: one clear sentence, what to do about it, nothing lost."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from tests.cli.conftest import TEXT
from tests.helpers.commands import POSIX, TINY, Command, refused
from tests.helpers.models import put, renamed
from tests.helpers.training import stopped_after

LESSON = ["--preset=lesson"]
SMALL = ["--embedding-size=4", "--hidden-size=4", "--threads=1", "--batch-size=4"]
RUN_FILES = ("run.json", "history.jsonl", "resume.safetensors")
LATIN = "ein schöner tag\nund noch einer\n".encode("latin-1")


def write(tmp_path: Path, content: bytes, name: str = "text.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


# A corpus that cannot be read, is no text, or is not enough of it


def test_an_unusable_corpus_is_refused_with_what_was_found(run: Command, tmp_path: Path) -> None:
    for raw, options, code, said in (
        (None, [], 3, "text.txt: no such file or directory"),
        (b"two words\n", [], 3, "gives 1 pair of words and a next word; at least 2 are needed\n  "),
        (LATIN, [], 3, "at byte 7\n  name its encoding, such as --encoding"),
        (LATIN, ["--encoding=hex"], 2, "no text encoding is called hex"),
        (b"the \0", [], 3, "is not text: it holds a zero byte"),
    ):
        path = str(tmp_path / "text.txt") if raw is None else write(tmp_path, raw)
        for mode in ("--train", "--summary"):
            assert said in refused(run(mode, path, *LESSON, *options, code=code))
        assert list(tmp_path.glob("data/models/[!.]*")) == []


def test_a_list_of_single_words_is_learned(run: Command, tmp_path: Path) -> None:
    """Its lines are too short for the longest n-grams, and for those one word shorter."""
    run("--train", write(tmp_path, b"Anna\nBela\nCora\n"), "--preset=ngram", "--name=names")
    assert "Bela" in run("--suggest", "", "--model=names").stdout


@POSIX
def test_a_corpus_may_be_a_pipe_in_another_encoding(run: Command, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(LATIN,), daemon=True).start()
    card = json.loads(run("--summary", str(pipe), *LESSON, "--encoding=latin-1", "--json").stdout)
    assert ["ein", "schöner"] in card["first_pairs"]
    assert (card["corpus"]["name"], card["total_words"]) == ("pipe", 7)


# Training that goes wrong, and places where nothing can be saved or somebody else saves


@pytest.mark.slow
def test_a_training_that_diverges_has_an_exit_code_of_its_own(
    run: Command, corpus_file: Path
) -> None:
    done = run("--train", str(corpus_file), *TINY, "--learning-rate", "1e30", code=4)
    assert "before the first epoch ended\n  train with a smaller --learning-rate" in done.stderr


def test_a_data_folder_that_cannot_be_made_is_a_sentence(run: Command, corpus_file: Path) -> None:
    folder = str(corpus_file / "data")
    done = run("--train", str(corpus_file), *TINY, "--data-dir", folder, code=1)
    assert folder in refused(done)
    assert run("--models", "--data-dir", folder, code=None).stderr.count("\n") <= 2


def test_a_second_run_of_a_name_is_refused_with_the_holder(
    run: Command, corpus_file: Path, data_dir: Path
) -> None:
    with Library(data_dir).lock("mine"):
        for how in ([str(corpus_file), *TINY, "--force"], ["--resume"]):
            message = refused(run("--train", *how, "--name", "mine", code=1))
            assert f"held by process {os.getpid()}" in message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["models/m.safetensors", *map("runs/m/{}".format, RUN_FILES)])
@pytest.mark.parametrize("damage", ["cut", "other bytes", "a folder"])
def test_a_damaged_file_is_never_more_than_a_sentence(
    run: Command, data_dir: Path, tmp_path: Path, name: str, damage: str
) -> None:
    text = write(tmp_path, TEXT.encode())
    with stopped_after(1):
        run("--train", text, "--preset=gru", *SMALL, "--epochs=2", "--name=m", code=130)
    path = data_dir / name
    raw = path.read_bytes()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        middle = len(raw) // 2
        path.write_bytes(raw[:middle] + b"\x9b\0}" * (damage == "other bytes") + raw[middle + 3 :])
    for mode in (
        ["--models", "--json"],
        ["--generate", "the", "--words=3", "--model=m"],
        ["--evaluate", "--model=m"],
        ["--train", "--resume", "--name=m", "--epochs=2", "--quiet"],
        ["--train", "--update=m", "--epochs=1", "--quiet"],
    ):
        done = run(*mode, code=None)
        assert done.returncode in (0, 1, 2, 3, 4), done.stderr  # 4: damaged weights may diverge
        if done.returncode == 4:  # an epoch is kept, which standard output tells
            assert "diverged: the loss became infinite or NaN" in done.stderr
            assert "Traceback" not in done.stderr
        elif done.returncode:
            assert "cannot write" not in refused(done)


def test_every_command_refuses_a_model_that_lacks_a_tensor(
    run: Command, library: Library, tmp_path: Path
) -> None:
    put(library.folder, {"m.safetensors": renamed("ngram", "ngrams.word.3")})
    (listed,) = json.loads(run("--models", "--json").stdout)["models"]
    assert listed["damaged"] == "its tensors are not those of its card"
    for mode in (
        ["--suggest", "the", "--model=m"],
        ["--generate", "the", "--model=m"],
        ["--evaluate", "--model=m"],
        ["--explain", "the", "--model=m"],
        ["--train", "--update=m"],
        ["--export=m", str(tmp_path)],
        ["--use=m"],
    ):
        assert "the model m cannot be used: its tensors" in refused(run(*mode, code=1))
    assert "cannot import" in refused(run("--import", str(library.path("m")), "--name=x", code=1))


# Nonsense


def test_settings_that_cannot_be_read_name_their_file(run: Command, tmp_path: Path) -> None:
    for content, said in (
        (b"epochs = ", "is not valid TOML"),
        (b"\xff", "is not UTF-8 text: byte 0 is wrong"),
        (b"epoch = 3", "no setting is called epoch\n  did you mean epochs?"),
        (b"[train]\nepochs = 3", "no setting is called train\n  rnnlm-tui --train --help lists"),
        (b"epochs = true", "--epochs is true (in "),
        (b"epochs = [1]", "--epochs is [1] (in "),
        (None, "no such file or directory"),
    ):
        path = str(tmp_path / "none.toml") if content is None else write(tmp_path, content)
        message = refused(run("--summary", "--config", path, code=2))
        assert said in message and path in message


@pytest.mark.usefixtures("with_shipped_models")
def test_what_makes_no_sense_is_refused(run: Command) -> None:
    for arguments, code, said in (
        (["--train", "nosuch.txt", "--name", "../up"], 2, "cannot be a model's name"),
        (["--export", "../up"], 2, "cannot be a model's name"),
        (["--import", "a.safetensors", "--name=\x1b[2J"], 2, "cannot be a model's name"),
        (
            ["--summary", "--on=nosuch", "--preset=ngram"],
            2,
            "no built-in model is called nosuch\n  --on takes auto, none, english",
        ),
        (["--train", "--resume", "--written=x"], 2, "--written does not go with --resume"),
        (["--generate", "the", "--top-k", "3", "--temperature=0"], 2, "such as 0.8"),
        (["--delete", "english"], 1, "english is built in and read-only"),
    ):
        message = refused(run(*arguments, code=code))
        assert said in message and "\x1b" not in message
