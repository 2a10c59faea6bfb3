"""The README does what it says: its blocks are run in their order, from an empty data folder. Lua
needs Neovim (0.10 or later), which a test machine may lack."""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import command_line

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^( *)(<!-- (?:start|test) -->\n)?```(\w+)\n(.*?)^ *```$", re.M | re.S)
"""A block: its mark, if it is a command that .ci/run runs, its language and its text."""
LINES = (ROOT / "tests" / "prose" / "blog.txt").read_text("utf-8").splitlines(keepends=True)
TEXTS = {"diary.txt": LINES[:500], "letters.txt": LINES[500:700]}
"""What a reader is supposed to have."""


def run(*arguments: str, stdin: str = "") -> str:
    """What the command prints."""
    done = subprocess.run(
        command_line(*arguments), input=stdin, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def run_doctest(block: str) -> None:
    test = doctest.DocTestParser().get_doctest(block, {}, "README", "README.md", 0)
    told = list[str]()
    assert doctest.DocTestRunner().run(test, out=told.append).failed == 0, "".join(told)


def run_in_neovim(block: str) -> None:
    """Checks that Neovim starts the language server for a file."""
    Path("start.lua").write_text(block)
    Path("count.lua").write_text(
        "vim.wait(60000, function() return #vim.lsp.get_clients() > 0 end)\n"
        "io.stdout:write('servers: ' .. #vim.lsp.get_clients())"
    )
    files = "-u", "start.lua", "notes.md", "-S", "count.lua", "+qa!"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = subprocess.run(
        ["nvim", "--headless", *files],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "servers: 1", shown


def has_neovim() -> bool:
    """Whether there is a Neovim with `vim.lsp.start` as the block calls it."""
    if shutil.which("nvim") is None:
        return False
    asked = ["nvim", "--headless", "--clean", "+lua io.stdout:write(vim.fn.has('nvim-0.10'))", "+q"]
    return subprocess.run(asked, capture_output=True, check=True).stdout == b"1"


@pytest.mark.slow
def test_the_blocks_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    monkeypatch.chdir(tmp_path)
    for name, lines in TEXTS.items():
        (tmp_path / name).write_text("".join(lines), "utf-8")
    for _, mark, language, block in BLOCK.findall((ROOT / "README.md").read_text("utf-8")):
        match language:
            case "sh":
                assert mark, "a shell command that nothing runs"
            case "console":
                for line in block.splitlines():
                    program, *arguments = shlex.split(line.removeprefix("$ "), comments=True)
                    assert program == "rnnlm-tui"
                    assert run(*arguments)
            case "json":
                for line in run("--suggest", "--json", stdin=block).splitlines():
                    assert json.loads(line)["suggestions"]
            case "python":
                run_doctest(block)
            case "lua":
                if has_neovim():
                    run_in_neovim(block)
            case _:
                raise AssertionError(f"nothing runs a block of {language}")
