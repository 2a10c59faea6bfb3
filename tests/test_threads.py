"""How a process shares the processor: threads, how long they spin, its priority."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlm_tui import threads
from rnnlm_tui.threads import (
    VARIABLES,
    lower_priority,
    shorten_spinning,
    use_all_threads,
)
from tests.helpers.commands import POSIX, TINY

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


@pytest.mark.parametrize(
    ("given", "spins"),
    [
        ({}, ("10000", "1")),
        ({"GOMP_SPINCOUNT": "7"}, ("7", "1")),
        ({"KMP_BLOCKTIME": "infinite"}, ("10000", "infinite")),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, (None, None)),
    ],
)
def test_threads_that_wait_sleep_soon_unless_the_user_says_otherwise(
    given: dict[str, str], spins: tuple[str | None, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")
    for name in names:
        monkeypatch.setenv(name, "")  # put back after the test
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    shorten_spinning()
    assert (os.environ.get(names[0]), os.environ.get(names[1])) == spins


@POSIX
@pytest.mark.parametrize("control", [(), ("--control=stdin",)])
def test_every_training_gives_way_once_and_keeps_all_threads(
    control: tuple[str, ...], corpus_file: Path
) -> None:
    code = (
        "import os, sys; from rnnlm_tui.cli.main import main; before = os.nice(0);"
        " [main([*sys.argv[1:], '--force']) for _ in range(2)];"
        " print(before, os.nice(0), os.environ.get('OMP_NUM_THREADS'),"
        " os.environ['GOMP_SPINCOUNT'])"
    )
    arguments = ["--train", str(corpus_file), "--preset=ngram", "--name=m", *control]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k not in (*VARIABLES, "GOMP_SPINCOUNT")},
    )
    before, after, count, spins = done.stdout.split()[-4:]
    assert int(after) == max(10, int(before))
    assert (count, spins) == ("None", "10000")


@POSIX
@pytest.mark.parametrize(
    ("is_own", "nice", "after"), [(True, 0, "10"), (False, 0, None), (True, -15, None)]
)
def test_the_session_gives_way_too_if_it_is_the_trainings_own_and_has_no_priority(
    is_own: bool, nice: int, after: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux may share the processor among sessions before it looks at priorities."""
    group = tmp_path / "autogroup"
    group.write_text(before := f"/autogroup-8 nice {nice}\n")
    monkeypatch.setattr(os, "nice", lambda by: 0)
    monkeypatch.setattr(os, "getsid", lambda pid: os.getpid() if is_own else 1)
    monkeypatch.setattr(threads, "AUTOGROUP", str(group))
    lower_priority()
    assert group.read_text() == (after or before)
