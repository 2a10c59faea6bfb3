"""`--completion`: what the shells offer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.commands import POSIX, Command
from tests.helpers.models import put

ASK_IN = {
    "bash": """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rnnlm_tui; echo "${COMPREPLY[@]}"
""",
    "zsh": """
_describe() { print -r -- ${(M)${(P)2}:#${(b)now}*}; }; _files() {}; compset() {}
words=("$@"); CURRENT=$#; _rnnlm_tui
""",
    "fish": "echo (complete -C (string join -- ' ' $argv))",
}
HOSTILE = ("$(touch pwned)", "`touch pwned`", "a;touch pwned", "*", "a b", '"', "'", "&", "\\", "~")


@pytest.fixture(autouse=True)
def two_built_in_models(built_in_dir: Path) -> None:
    put(built_in_dir, {"english.safetensors": b"", "german.safetensors": b""})


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
        ("--train --on ", "auto english german none"),
        ("--suggest --pre", ""),
        ("--delete ", "english german verses"),
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
    script.write_text(ask("--completion", "bash").stdout + ASK_IN["bash"])
    words = ["rnnlm-tui", *typed.split(" ")]
    done = subprocess.run(["bash", script, *words], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (offered, "")


@POSIX
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_name_of_a_file_or_folder_is_run_or_expanded(
    shell: str, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a name that was typed."""
    monkeypatch.delenv("RNNLM_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    data = tmp_path / r"""d $(touch pwned) `touch pwned` "q" }x' \\ \' *"""
    (data / "models").mkdir(parents=True)
    here = tmp_path / "here"
    here.mkdir()
    (here / "a file").touch()
    for name in (*HOSTILE, "Zoë-1.2_b", "größer", "हिन्दी"):
        (data / "models" / f"{name}.safetensors").touch()
    script = tmp_path / "script"
    made = run("--completion", shell, "--data-dir", str(data)).stdout
    script.write_text(made + ASK_IN[shell])
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    for typed, offered in (
        ("", "Zoë-1.2_b english german größer हिन्दी"),
        ("Zo", "Zoë-1.2_b"),
        *((name, "") for name in HOSTILE if shell != "fish"),  # which completes by substring
    ):
        words = ["rnnlm-tui", "--suggest", "--model", typed]
        command = [shell, str(script), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here)
        assert (sorted(done.stdout.split()), done.stderr) == (offered.split(), "")
    assert [path.name for path in here.iterdir()] == ["a file"]


@POSIX
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_describe_what_fits(
    shell: str, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "script"
    script.write_text(run("--completion", shell).stdout + ASK_IN[shell])
    for typed, offered in (
        ("--train --pre", ["--precision:number format of matrix products", "--preset:the kind of"]),
        ("--train --preset gr", ["gru:GRU layers, learns fastest"]),
        ("--expo", ["--export:copy a model to a file"]),
        ("--train --preset=gr", ["gru:GRU layers"] * (shell == "zsh")),
    ):
        command = [shell, str(script), "rnnlm-tui", *typed.split(" ")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        for each in offered:
            assert each in done.stdout.replace("\t", ":")
        assert done.stdout.count(":" if shell == "zsh" else "\t") == len(offered)
