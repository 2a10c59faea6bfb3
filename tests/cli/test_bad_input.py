"""Bad input through the real command: one clear sentence, what to do about it, nothing lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.commands import POSIX, TINY, VERSES, Command, refused

LESSON = ["--preset=lesson"]
WITH_MEMORY = """
import sys
from rnnlm_tui.cli.main import main
code = main(sys.argv[1:])
if sys.platform != "win32":
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
NUMBERS = [
    ("--suggest", "--top", "1 or more and at most 10,000"),
    ("--generate", "--words", "1 or more and at most 100,000"),
    ("--generate", "--temperature", "0 or more and at most 100"),
    ("--generate", "--top-k", "1 or more and at most 10,000,000"),
    ("--generate", "--seed", "0 or more and at most 4,294,967,295"),
    ("--evaluate", "--limit", "1 or more and at most 1,000,000,000"),
    ("--summary", "--dropout", "0 or more and below 1"),
]
NONSENSE = ["-1", "nan", "-inf", "1e400", "abc", "", "1,5"]
LATIN = "ein schöner tag\nund noch einer\n".encode("latin-1")


def write(tmp_path: Path, content: bytes, name: str = "text.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


# A corpus that cannot be read, is no text, or is not enough of it


@pytest.mark.parametrize(
    ("raw", "options", "code", "said"),
    [
        (None, [], 3, "text.txt: no such file or directory"),
        (b"two words\n", [], 3, "gives 1 pair of words and a next word; at least 2 are needed\n  "),
        (LATIN, [], 3, "at byte 7\n  name its encoding, such as --encoding"),
        (LATIN, ["--encoding=hex"], 2, "no text encoding is called hex"),
        (b"the \0", [], 3, "is not text: it holds a zero byte"),
    ],
)
def test_an_unusable_corpus_is_refused_with_what_was_found(
    run: Command,
    tmp_path: Path,
    raw: bytes | None,
    options: list[str],
    code: int,
    said: str,
    data_dir: Path,
) -> None:
    path = str(tmp_path / "text.txt") if raw is None else write(tmp_path, raw)
    for mode in ("--train", "--summary"):
        assert said in refused(run(mode, path, *LESSON, *options, code=code))
    assert list(data_dir.glob("models/[!.]*")) == []


def test_an_encoding_can_be_named(run: Command, tmp_path: Path) -> None:
    done = run("--summary", write(tmp_path, LATIN), *LESSON, "--encoding", "latin-1", "--json")
    assert ["ein", "schöner"] in json.loads(done.stdout)["first_pairs"]


@POSIX
def test_a_corpus_may_be_a_pipe(run: Command, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(VERSES,), daemon=True)
    writer.start()
    card = json.loads(run("--summary", str(pipe), *LESSON, "--json").stdout)
    assert (card["corpus"]["name"], card["total_words"]) == ("pipe", 22)


# A corpus that is too much


@pytest.mark.slow
def test_a_line_of_100000_words_has_its_window_capped(run: Command, tmp_path: Path) -> None:
    line = " ".join("abcdefghij"[i % 10] * (1 + i % 3) for i in range(100_000))
    path = write(tmp_path, line.encode())
    shown = run("--summary", path, *LESSON).stdout
    assert re.search(r"longest line +100,000 words\nwindow +the last 64 words, capped\n", shown)
    arguments = ["--train", path, *TINY, "--epochs=1", "--batch-size=4096", "--max-window=8"]
    done = subprocess.run(
        [sys.executable, "-c", WITH_MEMORY, *arguments, "--quiet"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    if done.stderr:
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
        # The padded matrix of the whole line would take 40 GB.
        assert int(done.stderr) * unit < 900e6


def test_a_vocabulary_that_cannot_fit_states_the_memory_and_what_to_do(
    run: Command, tmp_path: Path, data_dir: Path
) -> None:
    words = iter(range(60_000))
    text = "\n".join(" ".join(f"w{next(words)}" for _ in range(10)) for _ in range(6_000))
    path = write(tmp_path, text.encode())
    message = refused(run("--train", path, *LESSON, code=3))
    assert "60,000 different words" in message
    assert re.search(r"needs [\d,]+\.\d GB of memory .* are free", message)
    assert "by a smaller --max-vocabulary, or take a preset whose size grows less" in message
    assert list(data_dir.glob("models/[!.]*")) == []
    fewer = run("--train", path, *TINY, "--max-vocabulary=50", "--epochs=1", "--batch-size=65536")
    assert "50 words are kept" in fewer.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_batches_that_cannot_fit_are_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, b" ".join([b"a b c d"] * 10_000))
    huge = [*LESSON, "--batch-size=65536", "--max-window=1024", "--embedding-size=4096", "--json"]
    limited = (
        "import resource, sys, torch; from rnnlm_tui.cli.main import main;"
        "free = 1 << 30;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + free, used + free));"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "--train", path, *huge],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("rnnlm-tui: there is not enough memory for this network")
    assert "--batch-size" in done.stderr.splitlines()[1]
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "failed"


# Training that goes wrong, and places where nothing can be saved or somebody else saves


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
        for how in ([str(corpus_file), *TINY], [str(corpus_file), *TINY, "--force"], ["--resume"]):
            message = refused(run("--train", *how, "--name", "mine", code=1))
            assert f"in use by process {os.getpid()}" in message


# Nonsense


@pytest.mark.parametrize(("mode", "flag", "bounds"), NUMBERS)
def test_an_invalid_number_is_refused_with_its_range(
    run: Command, mode: str, flag: str, bounds: str
) -> None:
    for value in NONSENSE:
        first, second = refused(run(mode, f"{flag}={value}", code=2)).splitlines()
        assert first.startswith(f"rnnlm-tui: {flag} is ") and value in first
        assert "number" in second and second.endswith(bounds)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"epochs = ", "is not valid TOML"),
        (b"\xff", "is not UTF-8 text: byte 0 is wrong"),
        (b"epoch = 3", "no setting is called epoch\n  did you mean epochs?"),
        (b"[train]\nepochs = 3", "no setting is called train\n  rnnlm-tui --train --help lists"),
        (b"epochs = true", "--epochs is true (in "),
        (b"epochs = [1]", "--epochs is [1] (in "),
        (None, "no such file or directory"),
    ],
)
def test_settings_that_cannot_be_read_name_their_file(
    run: Command, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = str(tmp_path / "text.txt") if content is None else write(tmp_path, content)
    message = refused(run("--summary", "--config", path, code=2))
    assert said in message and path in message


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--train", "nosuch.txt", "--name", "../up"], 2, "cannot be a model's name"),
        (["--export", ""], 2, "cannot be a model's name"),
        (["--import", "a.safetensors", "--name=\x1b[2J"], 2, "cannot be a model's name"),
        (["--train", "--resume"], 1, "no training is unfinished"),
        (["--train", "-", "--control", "stdin"], 2, "standard input cannot be both"),
        (["--train", "--control", "file"], 2, "--control is 'file'\n  it must be stdin"),
        (["--summary", "--on=nosuch", "--preset=ngram"], 2, "it must be english or none"),
        (["--generate", "the", "--top-k", "3", "--temperature=0"], 2, "such as 0.8"),
        (["--delete", "english"], 1, "english is built in and read-only"),
        (["--suggest", "x", "--model", "nosuch"], 1, "there is no model nosuch\n  models: english"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Command, arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    message = refused(run(*arguments, code=code))
    assert said in message and "\x1b" not in message
