"""The child process of a training: its start, its log and its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlm_tui import paths
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import ChildProcess, TrainArguments
from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.state import Phase
from tests.helpers.runs import until

REQUEST = TrainArguments(("verses.txt", "--name", "poems"), "poems")


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> str:
    """A child that writes to its log how it was started."""
    code = (
        "import json, os, sys\n"
        "own = os.name == 'nt' or os.getsid(0) == os.getpid()\n"
        "print(json.dumps([os.environ['PYTHONFAULTHANDLER'], own, sys.argv[1:]]), file=sys.stderr)"
    )
    monkeypatch.setattr(paths, "headless_command", lambda: (sys.executable, "-c", code))
    return code


async def finish(child: ChildProcess) -> None:
    """Starts it, and waits for its end."""
    assert child.start() == ""
    await until(lambda: child.exit_code is not None)
    child.close_input()


async def test_a_child_is_started_apart_from_the_terminal_and_its_seed_line_is_no_argument(
    library: Library, says: str, data_dir: Path
) -> None:
    for _ in range(2):
        child = ChildProcess(TrainArguments(REQUEST.arguments, "poems", "my own line"), library)
        await finish(child)
    arguments = ["--train", "verses.txt", "--name", "poems", f"--data-dir={data_dir}"]
    arguments += ["--json", "--quiet", "--control", "stdin"]
    (line,) = child.log_tail()  # the log is of the last run alone
    assert json.loads(line) == ["1", True, arguments]
    assert (child.exit_code, child.reported_error()) == (0, None)


async def test_a_log_that_cannot_be_written_does_not_keep_a_run_from_training(
    library: Library, says: str, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("no folder")
    child = ChildProcess(REQUEST, library)
    assert child.start().startswith("no log of this run can be written: ")
    await until(lambda: child.exit_code == 0)
    child.close_input()
    assert child.log_tail() == []


@pytest.mark.parametrize("argument", ["verses.txt", "\0"])
async def test_a_program_that_cannot_be_started_is_a_failed_run(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    missing = str(tmp_path / "python")
    monkeypatch.setattr(paths, "headless_command", lambda: (missing,))
    request = TrainArguments((argument,), "poems")
    with pytest.raises(RnnlmError, match=f"could not start the training, {missing}: "):
        ChildProcess(request, library).start()
    run = FollowedRun(library, "poems", ChildProcess(request, library))
    ends: list[FollowedRun] = []
    run.on_end = ends.append
    await run.start()
    assert (run.is_running, run.progress.phase, ends) == (False, Phase.FAILED, [run])


def test_a_model_is_trained_longer_on_its_text() -> None:
    assert TrainArguments.updating("poems", ()).arguments == ("--update", "poems")
    request = TrainArguments.extending("poems", 12)
    assert request.arguments == ("--update", "poems", "--epochs", "12")
    assert not request.resumes and TrainArguments.resuming("poems").resumes


def test_the_program_itself_is_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "types.py").write_text("raise SystemExit('the wrong one')")
    version = subprocess.run(
        [*paths.headless_command(), "--version"], capture_output=True, encoding="utf-8", check=False
    )
    assert version.stdout.startswith("rnnlm-tui"), version.stderr
    monkeypatch.chdir(Path(paths.__file__).parents[1])
    assert paths.headless_command() == (sys.executable, "-m", "rnnlm_tui")
