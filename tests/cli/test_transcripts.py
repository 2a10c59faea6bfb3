"""What the command line says to people, in a row of commands: transcripts.txt.

Below each command is what it prints, then after ! what it prints on standard error, and after = its
exit code unless that is 0. If this fails because words have changed on purpose, copy the text that
the test has written, whose place it tells, over transcripts.txt.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import TEXT
from tests.helpers.commands import POSIX, Command

TRANSCRIPTS = Path(__file__).with_name("transcripts.txt")
COMMAND = re.compile(r"\$ (?:printf '(?P<given>.*)' \| )?rnnlm-tui (?P<arguments>.*)")
VARYING = (
    (r"\d+\.\d s\b", "0.1 s"),
    (r"(2\d{3}-\d\d-\d\d)( \d\d:\d\d)?", "2026-11-29"),
    (r"\d+ kB", "5 kB"),
)
"""What differs from run to run, and what stands for it."""


@POSIX
def test_the_transcripts(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "verses.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    expected, said = TRANSCRIPTS.read_text("utf-8"), list[str]()
    for line in expected.splitlines():
        if command := COMMAND.fullmatch(line):
            stdin = (command["given"] or "").replace("\\n", "\n")
            done = run(*shlex.split(command["arguments"]), stdin=stdin, code=None)
            said += [line, *done.stdout.splitlines()]
            said += [f"! {each}" for each in done.stderr.splitlines()]
            said += [f"= {done.returncode}"] if done.returncode else []
    text = "\n".join(said).replace(str(tmp_path), "/home/me") + "\n"
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text)
    written = tmp_path / TRANSCRIPTS.name
    written.write_text(text, "utf-8")
    assert text == expected, written
