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
from tests.helpers.runs import until

REQUEST = TrainArguments(("verses.txt", "--name", "poems"), "poems", "my own line")


async def test_a_child_is_started_apart_from_the_terminal_and_its_seed_line_is_no_argument(
    library: Library, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child writes to its log how it was started."""
    code = (
        "import json, os, sys\n"
        "own = os.name == 'nt' or os.getsid(0) == os.getpid()\n"
        "print(json.dumps([os.environ['PYTHONFAULTHANDLER'], own, sys.argv[1:]]), file=sys.stderr)"
    )
    monkeypatch.setattr(paths, "headless_command", lambda: (sys.executable, "-c", code))
    child = ChildProcess(REQUEST, library)
    await until(lambda: child.exit_code is not None)
    child.close_input()
    arguments = ["--train", "verses.txt", "--name", "poems", f"--data-dir={data_dir}"]
    arguments += ["--json", "--quiet", "--control", "stdin"]
    log = (paths.log_dir() / "train-poems.log").read_text()
    assert json.loads(log) == ["1", True, arguments]


@pytest.mark.parametrize("argument", ["verses.txt", "\0"])
def test_a_program_that_cannot_be_started_is_said(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    missing = str(tmp_path / "python")
    monkeypatch.setattr(paths, "headless_command", lambda: (missing,))
    with pytest.raises(RnnlmError, match=f"could not start the training, {missing}: "):
        ChildProcess(TrainArguments((argument,), "poems"), library)


def test_the_program_itself_is_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "types.py").write_text("raise SystemExit('the wrong one')")
    version = subprocess.run(
        [*paths.headless_command(), "--version"], capture_output=True, encoding="utf-8", check=False
    )
    assert version.stdout.startswith("rnnlm-tui"), version.stderr
    monkeypatch.chdir(Path(paths.__file__).parents[1])
    assert paths.headless_command() == (sys.executable, "-m", "rnnlm_tui")
