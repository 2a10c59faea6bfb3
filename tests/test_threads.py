"""How a process shares the processor: threads, how long they spin, its priority."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlm_tui import threads
from rnnlm_tui.threads import VARIABLES, lower_priority
from tests.helpers.commands import POSIX, TINY

WITH_THREADS = f"""
import os, sys
from rnnlm_tui.cli.main import main
code = main(sys.argv[1:])
print(*(os.environ.get(name, "-") for name in {VARIABLES!r}), file=sys.stderr)
print(os.nice(0), os.environ.get("GOMP_SPINCOUNT"), file=sys.stderr)
sys.exit(code)
"""
IN_PYTHON = """
import os
from rnnlm_tui import api, threads
get_threads, set_threads = threads._functions_of_openblas()
set_threads(2)
print(get_threads())
suggest = api.suggest
api.suggest = lambda *words, **named: print(get_threads()) or suggest(*words, **named)
api.load("shakespeare").suggest("shall I ")
print(get_threads())
api.train_events("verses.txt")
print(os.environ["GOMP_SPINCOUNT"])
"""
IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
pytestmark = POSIX


def run_python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in an environment without variables of threads, but with these."""
    ours = (*VARIABLES, "GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    left = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**left, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def after(*arguments: str, **environment: str) -> list[list[str]]:
    """The values of the variables once the command is through, then its niceness and spinning."""
    done = run_python(WITH_THREADS, *arguments, **environment)
    return [line.split() for line in done.stderr.splitlines()[-2:]]


@pytest.mark.slow
@pytest.mark.usefixtures("with_shipped_models")
def test_asking_uses_one_thread_and_a_training_gives_way_unless_the_user_says_otherwise(
    corpus_file: Path,
) -> None:
    """A training keeps all threads but numpy's."""
    assert after("--suggest", "the ", OMP_NUM_THREADS="2")[0] == ["1", "2", "1", "1"]
    variables, after_it = after("--train", str(corpus_file), "--quiet", "--epochs=1", *TINY)
    assert variables == ["1" if IS_X86 else "-", "-", "-", "-"]
    assert after_it == [str(max(threads.NICENESS, os.nice(0))), "10000"]
    counts = ("--train", str(corpus_file), "--quiet", "--preset=ngram")
    assert after(*counts, OMP_WAIT_POLICY="passive")[1][1] == "None"


@pytest.mark.skipif(not IS_X86 or sys.platform != "linux", reason="numpy may lack OpenBLAS")
@pytest.mark.usefixtures("with_shipped_models")
def test_a_query_from_python_uses_one_thread_of_numpy_and_a_training_spins_briefly() -> None:
    assert run_python(IN_PYTHON).stdout.split() == ["2", "1", "2", "10000"]
    as_told = run_python(IN_PYTHON, OMP_NUM_THREADS="2", GOMP_SPINCOUNT="7")
    assert as_told.stdout.split() == ["1", "1", "1", "7"]


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


@pytest.mark.parametrize(("nice", "then"), [(0, "10"), (-15, "/autogroup-8 nice -15\n")])
def test_the_session_of_a_training_gives_way_too_unless_it_has_a_priority(
    nice: int, then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux may share the processor among sessions before it looks at priorities."""
    group = tmp_path / "autogroup"
    group.write_text(f"/autogroup-8 nice {nice}\n")
    monkeypatch.setattr(os, "nice", lambda by: 0)
    monkeypatch.setattr(os, "getsid", lambda pid: os.getpid())
    monkeypatch.setattr(threads, "AUTOGROUP", group)
    lower_priority()
    assert group.read_text() == then
