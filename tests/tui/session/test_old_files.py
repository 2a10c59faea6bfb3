"""The separate files of older versions are imported once."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from rnnlm_tui.tui.session.database import connect
from rnnlm_tui.tui.session.old_files import parse_transcript
from rnnlm_tui.tui.session.tables import Continuation, Copied, left_texts, read_turns

TRANSCRIPT = """\
{"line": "when i", "turn": "804b5a3bb908477a"}
{"text": "do count the clock", "model": "sonnets", "sampled": false, \
"turn": "804b5a3bb908477a", "copied": [[0, 5, 12]]}
{"line": "shall ünd \u2028 x", "turn": "97421721b9f0f476"}
{"text": "was born", "model": "m", "sampled": true, "turn": "804b5a3bb908477a"}
"""
"""As version 1 wrote it; the last entry came late."""


def write_old_files(folder: Path) -> None:
    (folder / "transcript.jsonl").write_text(TRANSCRIPT, "utf-8")
    for number, (name, text) in enumerate(
        (("draft", "left long ago"), ("draft-2", "not sent yet "), ("pasted", "the cat\nsat\n"))
    ):
        path = folder / f"{name}.txt"
        path.write_text(text)
        os.utime(path, (number, number))
    for name in ("transcript", "draft", "draft-2", "pasted"):
        (folder / f"{name}.lock").touch()


def test_everything_is_taken_over_once(tmp_path: Path) -> None:
    write_old_files(tmp_path)
    for _ in range(2):
        with closing(connect(tmp_path / "session.db")) as connection:
            turns = read_turns(connection)
            assert [turn.line for turn in turns] == ["when i", "shall ünd \u2028 x"]
            assert turns[0].continuations == [
                Continuation("do count the clock", "sonnets", False, (Copied(0, 5, 12),)),
                Continuation("was born", "m", True),
            ]
            drafts = left_texts(connection, "draft")
            assert [text for _, text in drafts] == ["left long ago", "not sent yet "]
            assert [text for _, text in left_texts(connection, "pasted")] == ["the cat\nsat\n"]
        assert [path.name for path in tmp_path.iterdir()] == ["session.db"]


def test_files_stay_until_all_of_them_can_be_read(tmp_path: Path) -> None:
    write_old_files(tmp_path)
    (tmp_path / "pasted.txt").unlink()
    (tmp_path / "pasted.txt").mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(OSError, match="pasted"):
        connect(tmp_path / "session.db")
    assert {path.name for path in tmp_path.iterdir()} >= before
    (tmp_path / "pasted.txt").rmdir()
    with closing(connect(tmp_path / "session.db")) as connection:
        assert len(read_turns(connection)) == 2


@pytest.mark.parametrize(
    "entry",
    ["", "{", "[]", "7", "null", '"line"', '{"line": 5}', '{"text": 1}', "[" * 100_000, "\x00",
     '{"text": "of an unknown line", "turn": "2"}',
     '{"text": "b", "turn": "1", "copied": [[1, 2]]}',
     '{"text": "b", "turn": "1", "copied": [[1, 2, -3]]}',
     '{"text": "b", "turn": "1", "copied": [[1, 2, 1e99]]}'],
)  # fmt: skip
def test_invalid_entries_are_left_out(entry: str) -> None:
    lines = [entry, '{"line": "a", "turn": "1"}', entry, '{"line": "b", "turn": "1"}', entry]
    turns = parse_transcript("\n".join(lines).encode() + b"\n\xff\xfe")
    assert [(turn.line, turn.continuations) for turn in turns] == [("a", []), ("b", [])]


def test_lines_of_the_first_version_have_no_ids() -> None:
    raw = b'{"line": "a"}\n{"text": "b", "model": "m", "sampled": false}\n{"line": "c"}\n'
    turns = parse_transcript(raw + b'{"text": "d", "model": "m", "sampled": true, "turn": "0"}')
    assert [[turn.line, *(c.text for c in turn.continuations)] for turn in turns] == [
        ["a", "b", "d"],
        ["c"],
    ]
