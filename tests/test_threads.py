"""How a process shares the processor: threads, how long they spin, its priority."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlm_tui import threads
from rnnlm_tui.threads import VARIABLES, lower_priority, shorten_spinning
from tests.helpers.commands import POSIX, TINY

WITH_THREADS = f"""
import os, sys
from rnnlm_tui.cli.main import main
code = main(sys.argv[1:])
print(*(os.environ.get(name, "-") for name in {VARIABLES!r}), file=sys.stderr)
if hasattr(os, "nice"):
    print(os.nice(0), os.environ.get("GOMP_SPINCOUNT"), file=sys.stderr)
sys.exit(code)
"""
ON_X86 = platform.machine().lower() in ("x86_64", "amd64")


def after(*arguments: str, **environment: str) -> list[list[str]]:
    """The values of the variables once the command is through, then its niceness and spinning."""
    ours = (*VARIABLES, "GOMP_SPINCOUNT")
    left = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-c", WITH_THREADS, *arguments],
        env={**left, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line.split() for line in done.stderr.splitlines()[-2:]]


@POSIX
def test_asking_a_model_uses_one_thread_unless_the_user_says_otherwise(
    corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    assert after("--evaluate", str(corpus_file))[0] == ["1", "1", "1", "1"]
    assert after("--suggest", "the ", OMP_NUM_THREADS="2")[0] == ["1", "2", "1", "1"]


@POSIX
def test_a_training_gives_way_and_keeps_all_threads_but_for_numpys(corpus_file: Path) -> None:
    arguments = ("--train", str(corpus_file), "--quiet", "--epochs=1", *TINY)
    variables, (niceness, spins) = after(*arguments)
    assert variables == ["1" if ON_X86 else "-", "-", "-", "-"]
    assert int(niceness) == max(threads.NICENESS, os.nice(0))
    assert spins == "10000"


def test_a_training_started_by_the_app_does_not_inherit_its_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "SET_HERE", set())
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    for name in VARIABLES:
        monkeypatch.setenv(name, "3")
    monkeypatch.delenv("MKL_NUM_THREADS")
    before = {**os.environ}
    threads.use_one_thread()
    assert os.environ["MKL_NUM_THREADS"] == "1"
    assert threads.users_environment() == before


@pytest.mark.parametrize(
    ("variable", "spins"), [("", "10000"), ("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", None)]
)
def test_threads_that_wait_sleep_soon_unless_the_user_says_otherwise(
    variable: str, spins: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "7")  # put back after the test
        if name != variable:
            monkeypatch.delenv(name)
    shorten_spinning()
    assert os.environ.get("GOMP_SPINCOUNT") == spins


@POSIX
@pytest.mark.parametrize(
    ("is_own", "nice", "then"), [(True, 0, "10"), (False, 0, None), (True, -15, None)]
)
def test_the_session_gives_way_too_if_it_is_the_trainings_own_and_has_no_priority(
    is_own: bool, nice: int, then: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux may share the processor among sessions before it looks at priorities."""
    group = tmp_path / "autogroup"
    group.write_text(before := f"/autogroup-8 nice {nice}\n")
    monkeypatch.setattr(os, "nice", lambda by: 0)
    monkeypatch.setattr(os, "getsid", lambda pid: os.getpid() if is_own else 1)
    monkeypatch.setattr(threads, "AUTOGROUP", group)
    lower_priority()
    assert group.read_text() == (then or before)
