"""One thread where a model is asked, all of them where one is trained."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlm_tui.threads import VARIABLES, use_all_threads
from tests.helpers.commands import TINY

WITH_THREADS = f"""
import os, sys
from rnnlm_tui.cli.main import main
code = main(sys.argv[1:])
print(*(os.environ.get(name, "-") for name in {VARIABLES!r}), file=sys.stderr)
sys.exit(code)
"""


def variables_after(*arguments: str, **environment: str) -> list[str]:
    """The values of the variables once the command is through."""
    left = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", WITH_THREADS, *arguments],
        env={**left, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stderr.splitlines()[-1].split()


def test_asking_a_model_uses_one_thread_unless_the_user_says_otherwise(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    for asked in (
        ["--suggest", "the "],
        ["--generate", "the "],
        ["--score", "the "],
        ["--evaluate", str(corpus_file)],
    ):
        assert variables_after(*asked) == ["1", "1", "1", "1"]
    assert variables_after("--suggest", "the ", OMP_NUM_THREADS="2") == ["1", "2", "1", "1"]


def test_a_training_started_by_the_app_does_not_inherit_its_one_thread(corpus_file: Path) -> None:
    inherited = {**dict.fromkeys(VARIABLES, "1"), "RNNLM_ONE_THREAD": " ".join(VARIABLES)}
    assert variables_after("--summary", str(corpus_file), *TINY, **inherited) == ["-"] * 4


def test_what_the_user_has_set_stays_when_a_training_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RNNLM_ONE_THREAD", "MKL_NUM_THREADS HOME")
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("HOME", "/home")
    use_all_threads()
    assert (os.environ.get("MKL_NUM_THREADS"), os.environ["OMP_NUM_THREADS"]) == (None, "3")
    assert os.environ["HOME"] == "/home"


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="not on x86")
def test_a_training_computes_with_one_thread_in_numpy_alone(corpus_file: Path) -> None:
    arguments = ("--train", str(corpus_file), "--quiet", "--epochs=1", *TINY)
    assert variables_after(*arguments) == ["1", "-", "-", "-"]
