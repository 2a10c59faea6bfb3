"""Which libraries each entry point loads, since slow or missing ones must not delay an answer; and
that no modules import each other in a circle."""

from __future__ import annotations

import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

import rnnlm_tui
from tests.helpers.commands import TINY, Command

RUN_COMMAND = """
import sys
from rnnlm_tui.cli.main import main
try:
    code = main(sys.argv[2:])
except SystemExit as end:
    code = end.code
assert code == int(sys.argv[1]), code
"""
IMPORT_PACKAGES = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
ASK_A_MODEL = """
import sys, rnnlm_tui
rnnlm_tui.__version__
assert not {"numpy", "msgspec"} & sys.modules.keys()
rnnlm_tui.load("shakespeare").suggest("shall i ")
"""
WRITE_IN_THE_APP = """
import asyncio, sys
from pathlib import Path
from rnnlm_tui.tui.app import RnnlmApp
async def write(folder):
    app = RnnlmApp(folder, folder, folder / "log")
    async with app.run_test(size=(120, 36)) as pilot:
        while app.autocomplete.answer is None:
            await pilot.pause(0.01)
        await pilot.press("ctrl+q")
asyncio.run(write(Path(sys.argv[1])))
"""
SCREEN = {"textual", "rich"}
HEAVY = {"torch", "textual", "safetensors", "filelock", "psutil"}
EXPLAINING = {"rnnlm_tui.explain", "rnnlm_tui.lm.stages", "rnnlm_tui.tui.inside"}
ONE_EPOCH = [*TINY, "--epochs=1"]


def loaded_by(code: str, *arguments: str, cwd: Path | None = None) -> set[str]:
    """The modules that are loaded once this code has run in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(rnnlm_tui.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", f"{code}\nprint()\nprint(*sys.modules)", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=cwd,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def command_loads(*arguments: str, code: int = 0) -> set[str]:
    """The modules that the command has loaded once it has ended with this exit code."""
    return loaded_by(RUN_COMMAND, str(code), *arguments)


@pytest.mark.parametrize("flag", ["-h", "--help", "--version"])
def test_help_loads_little_more_than_argparse(flag: str) -> None:
    slow = {"dataclasses", "typing", "json", "shutil", "pathlib"}  # 2 to 13 ms each
    libraries = HEAVY | {"numpy", "rich", "platformdirs", "msgspec"}
    assert command_loads(flag).isdisjoint(libraries | slow)


def test_asking_a_model_loads_neither_torch_nor_a_screen(
    command: Command, corpus_file: Path
) -> None:
    assert command("--train", str(corpus_file), *ONE_EPOCH, "--name", "m").returncode == 0
    for arguments in (
        ["--suggest", "the cat "],
        ["--suggest", "the cat ", "--json"],
        ["--generate", "the cat"],
        ["--evaluate", str(corpus_file)],
        ["--score", "the cat"],
        ["--explain", "the cat"],
        ["--models"],
        ["--summary", str(corpus_file)],
        ["--rename", "m", "n"],
        ["--delete", "n", "--yes"],
    ):
        modules = command_loads(*arguments)
        assert "numpy" in modules
        assert modules.isdisjoint({"torch", "sqlite3", *SCREEN}), arguments


def test_training_loads_no_screen_and_an_ngram_model_no_torch(corpus_file: Path) -> None:
    modules = command_loads("--train", str(corpus_file), *ONE_EPOCH)
    assert "torch" in modules
    assert modules.isdisjoint({"sqlite3", *SCREEN})
    modules = command_loads("--train", str(corpus_file), "--preset=ngram", "--name=counts")
    assert "numpy" in modules
    assert modules.isdisjoint({"torch", *SCREEN})


def test_what_is_refused_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    assert command_loads("verses", code=2).isdisjoint({"numpy", "torch", *SCREEN})  # no terminal
    (tmp_path / "empty.txt").write_text("")
    assert "torch" not in command_loads("--train", str(tmp_path / "empty.txt"), code=3)


@pytest.mark.parametrize(
    ("packages", "others"),
    [
        ("errors paths config event_types formatting accepting", {"numpy", *HEAVY}),
        ("text", HEAVY),
        ("lm session store", {"torch", *SCREEN}),
        ("tui", {"torch"}),
    ],
)
def test_a_package_loads_only_what_it_needs(packages: str, others: set[str]) -> None:
    names = [f"rnnlm_tui.{name}" for name in packages.split()]
    assert loaded_by(IMPORT_PACKAGES, *names).isdisjoint(others)


def test_what_explains_a_model_is_loaded_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    assert loaded_by(ASK_A_MODEL).isdisjoint({"torch", *SCREEN, *EXPLAINING})
    modules = loaded_by(WRITE_IN_THE_APP, str(tmp_path))
    assert "rnnlm_tui.suggest" in modules
    assert modules.isdisjoint(EXPLAINING)


def test_importing_everything_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.delenv("RNNLM_DATA_DIR")
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    assert {"torch", "textual"} < loaded_by(IMPORT_PACKAGES, "rnnlm_tui", cwd=home)
    assert list(home.rglob("*")) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not even within functions or for type checkers."""
    graph = grimp.build_graph("rnnlm_tui")
    imported = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(imported).prepare()  # CycleError names the circle
