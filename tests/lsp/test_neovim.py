"""Neovim types, completes and saves with the language server, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.commands import PATIENCE_S, command_line

NEOVIM = shutil.which("nvim") or ""
START = """
vim.o.completeopt = 'menuone,noselect'
vim.lsp.start({ name = 'rnnlm-tui', cmd = COMMAND })
"""


@contextmanager
def started(folder: Path, file: Path, data_dir: Path) -> Iterator[list[str]]:
    """A Neovim without a screen that edits a file with the server; yields the command that sends
    things to it."""
    command = command_line("--lsp", f"--data-dir={data_dir}", "--model=letter")
    script = folder / "start.lua"
    script.write_text(START.replace("COMMAND", "{" + ",".join(map(json.dumps, command)) + "}"))
    address = str(folder / "nvim.sock")
    shown = (NEOVIM, "--headless", "--clean", "--listen", address, str(file), "-S", str(script))
    with subprocess.Popen(shown, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield [NEOVIM, "--clean", "--headless", "--server", address]
        finally:
            process.kill()


@pytest.mark.skipif(not NEOVIM, reason="Neovim is not installed")
def test_neovim_types_completes_and_saves(letter_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Ärger 🙂 at \n", encoding="utf-8")
    with started(tmp_path, file, letter_data) as remote:

        def wait_for(expression: str, value: str) -> None:
            """Waits until an expression of Neovim has a value."""
            found, end = "", time.monotonic() + PATIENCE_S
            while found != value:
                assert time.monotonic() < end, (expression, found)
                asked = [*remote, "--remote-expr", expression]
                done = subprocess.run(asked, capture_output=True, encoding="utf-8", check=False)
                found = done.stdout

        def send(keys: str) -> None:
            subprocess.run([*remote, "--remote-send", keys], check=True)

        wait_for("luaeval('#vim.lsp.get_clients({bufnr = 0})')", "1")
        for typed, line in (
            ("Athe old caf", "Ärger 🙂 at the old café"),
            (" in Zür", "Ärger 🙂 at the old café in Zürich"),
            (" ", "Ärger 🙂 at the old café in Zürich was"),
        ):
            send(f"{typed}<C-x><C-o>")
            wait_for("pumvisible()", "1")
            send("<C-n><C-y>")
            wait_for("getline('.')", line)
        send("<Esc>:w<CR>")
        wait_for("&modified", "0")
    assert file.read_text("utf-8") == f"{line}\n"
