"""Fixtures of all tests: separate folders, a small corpus, and the real command."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlm_tui import threads

threads.use_one_thread(trains=True)  # before numpy loads: several processes test at once
pytest.register_assert_rewrite("tests.helpers")

from rnnlm_tui.cli.main import main  # noqa: E402
from rnnlm_tui.lm.model import LanguageModel  # noqa: E402
from rnnlm_tui.store.library import Library  # noqa: E402
from rnnlm_tui.store.model_file import read_base  # noqa: E402
from tests.helpers.commands import VERSES, Command, command_line  # noqa: E402


def pytest_collection_finish() -> None:
    """Keeps the collector of garbage from the modules and tests that are loaded, and lets it run
    less often. It would take a fifth of the processor time of the tests."""
    gc.freeze()
    gc.set_threshold(10_000)


def pytest_configure() -> None:
    """Gives SIGINT and SIGHUP their usual effect, since a script in the background or nohup(1) lets
    the tests ignore them. Hides the built-in models from the fixtures of a session, which begin
    before `own_folders`. Sets a locale without a language."""
    os.environ["RNNLM_BUILT_IN_DIR"] = os.devnull
    os.environ["LC_ALL"] = "C.UTF-8"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def usual_priority() -> Iterator[None]:
    """Keeps trainings in this process from lowering the priority of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "lower_priority", lambda: None)
        yield


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives every test its own empty folders for data, settings, logs and built-in models, and
    removes other variables of the program."""
    for name in [name for name in os.environ if name.startswith("RNNLM_")]:
        monkeypatch.delenv(name)
    for kind in ("data", "config", "log", "built_in"):
        monkeypatch.setenv(f"RNNLM_{kind.upper()}_DIR", str(tmp_path / kind))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data folder of this test."""
    return tmp_path / "data"


@pytest.fixture
def built_in_dir(tmp_path: Path) -> Path:
    """The folder of the built-in models of this test."""
    return tmp_path / "built_in"


@pytest.fixture
def with_shipped_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in models are those that ship."""
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")


@pytest.fixture(scope="session")
def shipped_english() -> LanguageModel:
    """The English that ships."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RNNLM_BUILT_IN_DIR")
        return read_base("english")


@pytest.fixture
def library(data_dir: Path) -> Library:
    """The library in that folder, with no model yet."""
    return Library(data_dir)


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    """A small corpus: 6 lines, 21 different words."""
    path = tmp_path / "verses.txt"
    path.write_text(VERSES)
    return path


@pytest.fixture
def command() -> Command:
    """Runs the real command in a new process and returns its exit code and output."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_line(*arguments),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command in this process, and checks its exit code. The `code` None is any code."""

    def run(
        *arguments: str, stdin: str = "", code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        given = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "surrogateescape")))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", given)
            ended = main(arguments)
        output = capsys.readouterr()
        assert code in (None, ended), output.err
        return subprocess.CompletedProcess(arguments, ended, output.out, output.err)

    return run
