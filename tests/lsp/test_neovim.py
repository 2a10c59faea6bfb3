"""Neovim types, completes and saves with the language server, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.commands import PATIENCE_S, command_line

NEOVIM = shutil.which("nvim") or ""
START = """
vim.o.completeopt = 'menuone,noselect'
vim.lsp.start({ name = 'rnnlm-tui', cmd = COMMAND })
"""


@pytest.mark.skipif(not NEOVIM, reason="Neovim is not installed")
def test_neovim_types_completes_and_saves(letter_data: Path, tmp_path: Path) -> None:
    file, script, address = (tmp_path / name for name in ("letter.txt", "start.lua", "socket"))
    file.write_text("Ärger 🙂 at \n", encoding="utf-8")
    command = command_line("--lsp", f"--data-dir={letter_data}", "--model=letter")
    script.write_text(START.replace("COMMAND", "{" + ",".join(map(json.dumps, command)) + "}"))
    remote = [NEOVIM, "--clean", "--headless", "--server", str(address)]

    def wait_for(expression: str, value: str) -> None:
        """Waits until an expression of Neovim has a value."""
        found, end = "", time.monotonic() + PATIENCE_S
        while found != value:
            assert time.monotonic() < end, (expression, found)
            asked = [*remote, "--remote-expr", expression]
            found = subprocess.run(asked, capture_output=True, encoding="utf-8", check=False).stdout

    shown = [
        NEOVIM,
        "--headless",
        "--clean",
        "--listen",
        str(address),
        str(file),
        "-S",
        str(script),
    ]
    with subprocess.Popen(shown, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for("luaeval('#vim.lsp.get_clients({bufnr = 0})')", "1")
            for typed, line in (
                ("Athe old caf", "Ärger 🙂 at the old café"),
                (" in Zür", "Ärger 🙂 at the old café in Zürich"),
                (" ", "Ärger 🙂 at the old café in Zürich was"),
            ):
                subprocess.run([*remote, "--remote-send", f"{typed}<C-x><C-o>"], check=True)
                wait_for("pumvisible()", "1")
                subprocess.run([*remote, "--remote-send", "<C-n><C-y>"], check=True)
                wait_for("getline('.')", line)
            subprocess.run([*remote, "--remote-send", "<Esc>:w<CR>"], check=True)
            wait_for("&modified", "0")
        finally:
            process.kill()
    assert file.read_text("utf-8") == f"{line}\n"
