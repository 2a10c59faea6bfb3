"""What the tests of the command line share: the command in this process, and small models."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from rnnlm_tui.cli.main import main
from tests.helpers.commands import Command


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command in this process, as `command` does in one of its own."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        given = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "surrogateescape")))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", given)
            code = main(arguments)
        output = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, output.out, output.err)

    return run
