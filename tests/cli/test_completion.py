"""`--completion`: what the shells offer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.commands import POSIX, Command

ASK = """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rnnlm_tui; echo "${COMPREPLY[@]}"
"""


@POSIX
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--tra", "--train"),
        ("--train --pre", "--preset --precision"),
        ("--train --preset l", "lesson lstm"),
        ("--train --preset = l", "lesson lstm"),  # Bash splits words at =
        ("--train --preset =", "lesson ngram rnn gru lstm"),
        ("--suggest --model ve", "verses"),
        ("--suggest --pre", ""),
        ("--delete ", "english shakespeare verses"),
        ("ver", "verses"),
        ("--completion ", "bash zsh fish"),
        # Files are the shell's own.
        *((typed, "") for typed in ("--train ", "--train --csv ", "--suggest ")),
    ],
)
def test_bash_offers_what_fits(
    typed: str,
    offered: str,
    ask: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RNNLM_DATA_DIR", raising=False)
    script = tmp_path / "completion.bash"
    script.write_text(ask("--completion", "bash").stdout + ASK)
    words = ["rnnlm-tui", *typed.split(" ")]
    done = subprocess.run(["bash", script, *words], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (offered, "")


@POSIX
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_valid(shell: str, run: Command, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(run("--completion", shell).stdout)
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)
