"""What each way in loads: a slow or absent library must not stand in the way of a fast answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rnnlm_tui
from tests.helpers.commands import TINY, Command

RUN_MODE = """
import sys
from rnnlm_tui.cli.main import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
assert code == EXPECTED, code
print("\\nLOADED", *{name.partition(".")[0] for name in sys.modules})
"""
RUN_BAD_MODE = RUN_MODE.replace("EXPECTED", "3")
RUN_REFUSED = RUN_MODE.replace("EXPECTED", "2")
RUN_MODE = RUN_MODE.replace("EXPECTED", "0")
IMPORT_MODULE = """
import importlib, sys
importlib.import_module(sys.argv[1])
print("LOADED", *{name.partition(".")[0] for name in sys.modules})
"""
IMPORT_ALL = """
import importlib, pkgutil, rnnlm_tui
for module in pkgutil.walk_packages(rnnlm_tui.__path__, "rnnlm_tui."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
"""
ONE_EPOCH = [*TINY, "--epochs=1"]
BASE = ["errors", "paths", "config", "events", "formatting"]
IMPORT_PACKAGE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
print("LOADED", *{name.partition(".")[0] for name in sys.modules})
"""


def python(code: str, *arguments: str, cwd: Path | None = None) -> str:
    """Standard output of this code in a process of its own, which must end well."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(rnnlm_tui.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=cwd,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(code: str, *arguments: str) -> set[str]:
    """The top-level modules that are loaded once this code is through."""
    last = python(code, *arguments).splitlines()[-1]
    assert last.startswith("LOADED ")
    return set(last.split()[1:])


@pytest.fixture
def model(command: Command, corpus_file: Path) -> str:
    """A model in this test's data folder."""
    assert command("--train", str(corpus_file), *ONE_EPOCH, "--name", "m").returncode == 0
    return "m"


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_loads_no_library(flag: str) -> None:
    assert loaded(RUN_MODE, flag).isdisjoint(
        {"numpy", "torch", "textual", "rich", "safetensors", "filelock", "psutil", "platformdirs"}
        | {"msgspec"}
    )


@pytest.mark.usefixtures("model")
def test_asking_a_model_loads_neither_torch_nor_a_screen(corpus_file: Path) -> None:
    for arguments in (
        ["--suggest", "the cat "],
        ["--suggest", "the cat ", "--json"],
        ["--generate", "the cat"],
        ["--evaluate", str(corpus_file)],
        ["--score", "the cat"],
        ["--models"],
        ["--summary", str(corpus_file)],
        ["--rename", "m", "n"],
        ["--delete", "n", "--yes"],
    ):
        modules = loaded(RUN_MODE, *arguments)
        assert "numpy" in modules
        assert modules.isdisjoint({"torch", "textual", "rich"}), arguments


def test_training_loads_no_screen(corpus_file: Path) -> None:
    modules = loaded(RUN_MODE, "--train", str(corpus_file), *ONE_EPOCH)
    assert "torch" in modules
    assert modules.isdisjoint({"textual", "rich"})


def test_counting_loads_no_torch_at_all(corpus_file: Path) -> None:
    modules = loaded(RUN_MODE, "--train", str(corpus_file), "--preset", "ngram", "--name", "counts")
    assert "numpy" in modules
    assert modules.isdisjoint({"torch", "textual", "rich"})
    modules = loaded(RUN_MODE, "--suggest", "the cat ", "--model", "counts")
    assert modules.isdisjoint({"torch", "textual", "rich"})


def test_the_app_without_a_screen_is_refused_before_anything_is_loaded() -> None:
    assert loaded(RUN_REFUSED).isdisjoint({"numpy", "torch", "textual", "rich"})
    assert loaded(RUN_REFUSED, "verses").isdisjoint({"numpy", "torch", "textual", "rich"})


def test_a_corpus_that_will_not_do_is_told_of_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    assert "torch" not in loaded(RUN_BAD_MODE, "--train", str(tmp_path / "empty.txt"))


@pytest.mark.parametrize("name", BASE)
def test_the_base_modules_load_no_heavy_library(name: str) -> None:
    modules = loaded(IMPORT_MODULE, f"rnnlm_tui.{name}")
    assert modules.isdisjoint({"numpy", "torch", "textual", "safetensors", "filelock", "psutil"})


def test_the_text_package_loads_numpy_at_most() -> None:
    modules = loaded(IMPORT_PACKAGE, "rnnlm_tui.text")
    assert modules.isdisjoint({"torch", "textual", "safetensors", "filelock", "psutil"})


@pytest.mark.parametrize("name", ["lm", "store"])
def test_packages_that_predict_and_store_load_no_torch(name: str) -> None:
    modules = loaded(IMPORT_PACKAGE, f"rnnlm_tui.{name}")
    assert modules.isdisjoint({"torch", "textual", "rich"})


def test_the_app_loads_no_torch() -> None:
    modules = loaded(IMPORT_PACKAGE, "rnnlm_tui.tui")
    assert "textual" in modules
    assert "torch" not in modules


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
    imported = python(IMPORT_ALL, cwd=home).split()
    assert "rnnlm_tui.training.trainer" in imported
    assert list(home.rglob("*")) == []
