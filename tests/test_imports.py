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
from tests.helpers.commands import TINY

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
        while app.autocomplete.editor.answer is None:
            await pilot.pause(0.01)
        await pilot.press("ctrl+q")
asyncio.run(write(Path(sys.argv[1])))
"""
SCREEN = {"textual", "rich"}
HEAVY = {"torch", "textual", "safetensors", "filelock", "psutil"}
EXPLAINING = {"rnnlm_tui.suggesting.explain", "rnnlm_tui.tui.inside"}


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


@pytest.mark.slow
def test_a_command_loads_only_what_it_needs(corpus_file: Path, tmp_path: Path) -> None:
    text, empty = str(corpus_file), tmp_path / "empty.txt"
    empty.write_text("")
    slow = {"dataclasses", "typing", "json", "shutil", "pathlib"}  # 2 to 13 ms each
    no_help = {*HEAVY, *slow, "argparse", "numpy", "rich", "platformdirs", "msgspec"}
    no_training = {"torch", "sqlite3", *SCREEN}
    for line, code, needed, others in (
        ("-h", 0, "rnnlm_tui.cli.modes", no_help),
        ("--help", 0, "rnnlm_tui.cli.modes", no_help),
        ("--version", 0, "rnnlm_tui.cli.modes", no_help),
        ("verses", 2, "argparse", {"numpy", "torch", *SCREEN}),  # there is no terminal
        (f"--train {empty}", 3, "numpy", {"torch"}),
        (f"--train {text} --preset=ngram --name=n", 0, "numpy", {"torch", *SCREEN}),
        (f"--train {text} --name=m {' '.join(TINY)} --epochs=1", 0, "torch", {"sqlite3", *SCREEN}),
        ("--use m", 0, "numpy", no_training),
        ("--suggest cat", 0, "numpy", no_training),
        ("--suggest cat --json", 0, "numpy", no_training),
        ("--generate cat", 0, "numpy", no_training),
        (f"--evaluate {text}", 0, "numpy", no_training),
        ("--explain cat", 0, "numpy", no_training),
        ("--models", 0, "numpy", no_training),
        (f"--summary {text}", 0, "numpy", no_training),
        ("--rename m o", 0, "numpy", no_training),
        ("--delete o --yes", 0, "numpy", no_training),
    ):
        modules = loaded_by(RUN_COMMAND, str(code), *line.split())
        assert needed in modules and modules.isdisjoint(others), line


@pytest.mark.parametrize(
    ("packages", "others"),
    [
        ("errors paths config events formatting suggesting.accepting", {"numpy", *HEAVY}),
        ("text", HEAVY),
        ("lm session store lsp", {"torch", *SCREEN}),
        ("tui", {"torch"}),
    ],
)
def test_a_package_loads_only_what_it_needs(packages: str, others: set[str]) -> None:
    names = [f"rnnlm_tui.{name}" for name in packages.split()]
    assert loaded_by(IMPORT_PACKAGES, *names).isdisjoint(others)


@pytest.mark.slow
@pytest.mark.usefixtures("with_shipped_models")
def test_what_explains_a_model_is_loaded_only_when_it_is_asked_for(tmp_path: Path) -> None:
    assert loaded_by(ASK_A_MODEL).isdisjoint({"torch", *SCREEN, *EXPLAINING})
    modules = loaded_by(WRITE_IN_THE_APP, str(tmp_path))
    assert "rnnlm_tui.suggesting.suggest" in modules
    assert modules.isdisjoint(EXPLAINING)


@pytest.mark.slow
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
    """Not even within functions or for type checkers, but for the screens and widgets of the app,
    which name its type."""
    graph = grimp.build_graph("rnnlm_tui")
    imported = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    for name, modules in imported.items():
        if name.count(".") > 2:
            modules -= {"rnnlm_tui.tui.app"}
    TopologicalSorter(imported).prepare()  # CycleError names the circle
