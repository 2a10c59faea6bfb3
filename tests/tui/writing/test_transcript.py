"""What is kept of what was written, by one app or by several: the files, and the lines on the
screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui.writing import transcript as transcript_module
from rnnlm_tui.tui.writing.transcript import LONGEST, Continuation, Transcript, Turn
from rnnlm_tui.tui.writing.transcript_view import MOST_LINES, TranscriptView
from tests.helpers.app import check_layout, texts


def kept(folder: Path) -> list[tuple[str, list[str]]]:
    """What a new start finds."""
    transcript = Transcript(folder)
    transcript.load()
    return [(turn.line, [c.text for c in turn.continuations]) for turn in transcript.turns]


def test_nothing_is_created_before_something_is_written(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "session")
    assert transcript.load() == ""
    assert not list(tmp_path.iterdir())


def test_turns_and_draft_come_back(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    turn = transcript.add_line("shall i")
    transcript.add_continuation(turn, Continuation("compare thee", "sonnets", sampled=False))
    transcript.add_continuation(turn, Continuation("do love", "sonnets", sampled=True))
    transcript.add_line("שלום 漢字 [/b]")
    transcript.keep_draft("when i")
    again = Transcript(tmp_path)
    assert again.load() == "when i"
    assert [turn.line for turn in again.turns] == ["shall i", "שלום 漢字 [/b]"]
    assert again.turns[0].continuations == turn.continuations


def test_a_late_continuation_stands_with_its_own_line(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    first = transcript.add_line("one")
    transcript.add_line("two")
    transcript.add_continuation(first, Continuation("more", "m", sampled=False))
    assert kept(tmp_path) == [("one", ["more"]), ("two", [])]


def test_a_continuation_of_a_line_that_is_gone_is_not_kept(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    turn = transcript.add_line("one")
    transcript.clear()
    transcript.add_continuation(turn, Continuation("more", "m", sampled=False))
    assert kept(tmp_path) == []


@pytest.mark.parametrize("text", ["a\u2028b", "a\x85b", "a\x0bb\x1cc", "a\rb", "a\nb", "\x00"])
def test_what_separates_lines_elsewhere_separates_none_here(text: str, tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    turn = transcript.add_line(text)
    transcript.add_continuation(turn, Continuation(text, "m", sampled=False))
    assert kept(tmp_path) == [(text, [text])]


def test_a_lone_surrogate_harms_nothing(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    transcript.add_line("lone \ud800")
    transcript.keep_draft("lone \ud800")
    assert kept(tmp_path) == [("lone ?", [])]


def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    rubbish = ["", "{", "[]", "7", "null", '"line"', '{"line": 5}', '{"text": 1}', "[" * 100_000]
    lines = [*rubbish, '{"line": "good"}', *rubbish, '{"text": "more", "model": "m", "sampled": 0}']
    (tmp_path / "transcript.jsonl").write_text("\n".join(lines))
    assert kept(tmp_path) == [("good", ["more"])]


def test_a_continuation_without_a_line_is_left_out(tmp_path: Path) -> None:
    entry = json.dumps({"text": "more", "model": "m", "sampled": False})
    (tmp_path / "transcript.jsonl").write_text(entry + "\n")
    assert kept(tmp_path) == []


def test_the_last_turns_alone_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_text("".join(json.dumps({"line": str(i)}) + "\n" for i in range(LONGEST + 5)))
    assert [line for line, _ in kept(tmp_path)] == [str(i) for i in range(5, LONGEST + 5)]
    assert len(path.read_text().splitlines()) == LONGEST


def test_a_file_too_large_is_cut_to_the_last_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_module, "LARGEST_FILE", 100)
    path = tmp_path / "transcript.jsonl"
    path.write_text("rubbish\n" * 1000 + '{"line": "good"}\n')
    assert kept(tmp_path) == [("good", [])]
    assert path.read_text() == '{"line": "good", "turn": "0"}\n'


def test_what_is_kept_is_shown_though_the_file_cannot_be_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_text("".join(json.dumps({"line": str(i)}) + "\n" for i in range(LONGEST + 5)))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert len(kept(tmp_path)) == LONGEST


def test_a_folder_that_cannot_be_written_is_named_alike_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.write_text("a file")
    transcript = Transcript(folder)
    said = set()
    turn = Turn("")
    with pytest.raises(StorageError) as caught:
        turn = transcript.add_line("one")
    said.add(caught.value.message)
    with pytest.raises(StorageError) as caught:
        transcript.keep_draft("two")
    said.add(caught.value.message)
    with pytest.raises(StorageError) as caught:
        transcript.add_continuation(transcript.turns[0], Continuation("more", "m", sampled=False))
    said.add(caught.value.message)
    assert len(said) == 1
    assert str(folder) in said.pop()
    assert transcript.turns[0].line == "one", "what cannot be saved is not lost"
    assert len(transcript.turns[0].continuations) == 1
    assert turn.line == ""


def test_a_transcript_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "transcript.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"transcript\.jsonl"):
        Transcript(tmp_path).load()


# Several apps


def two_apps(folder: Path) -> tuple[Transcript, Transcript]:
    """Two apps on one folder, which have both read what was kept."""
    apps = Transcript(folder), Transcript(folder)
    for app in apps:
        app.load()
    return apps


def test_what_two_apps_write_stands_in_one_file(tmp_path: Path) -> None:
    Transcript(tmp_path).add_line("before")
    one, two = two_apps(tmp_path)
    turn = one.add_line("one")
    other = two.add_line("two")
    one.add_line("three")
    one.add_continuation(turn, Continuation("more", "m", sampled=False))
    two.add_continuation(other, Continuation("again", "m", sampled=True))
    assert kept(tmp_path) == [("before", []), ("one", ["more"]), ("two", ["again"]), ("three", [])]


def test_what_another_app_has_written_meanwhile_is_not_cleared(tmp_path: Path) -> None:
    Transcript(tmp_path).add_line("before")
    one, two = two_apps(tmp_path)
    one.add_line("one")
    turn = two.add_line("two")
    two.add_continuation(turn, Continuation("more", "m", sampled=False))
    one.clear()
    assert kept(tmp_path) == [("two", ["more"])]
    assert "before" not in (tmp_path / "transcript.jsonl").read_text()


def test_a_start_that_cuts_the_file_takes_no_line_of_another_app(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    path.write_text("".join(json.dumps({"line": str(i)}) + "\n" for i in range(LONGEST)))
    one = Transcript(tmp_path)
    one.load()
    turn = one.add_line("one")
    kept(tmp_path)
    one.add_continuation(turn, Continuation("more", "m", sampled=False))
    one.add_continuation(one.turns[0], Continuation("to a line cut off", "m", sampled=False))
    one.add_continuation(one.turns[1], Continuation("late", "m", sampled=False))
    assert kept(tmp_path)[0] == ("1", ["late"])
    assert kept(tmp_path)[-2:] == [(str(LONGEST - 1), []), ("one", ["more"])]


def test_apps_that_write_at_one_time_lose_nothing(tmp_path: Path) -> None:
    def write() -> None:
        transcript = Transcript(tmp_path)
        for number in range(100):
            transcript.add_line(str(number))

    def rewrite() -> None:
        while writer.is_alive():
            Transcript(tmp_path).clear()  # which has seen no line, and takes none out

    writer, other = threading.Thread(target=write), threading.Thread(target=rewrite)
    writer.start()
    other.start()
    writer.join()
    other.join()
    assert kept(tmp_path) == [(str(number), []) for number in range(100)]


def test_a_file_whose_lock_is_never_free_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_module, "PATIENCE_S", 0.01)
    with Transcript(tmp_path)._locked(), pytest.raises(StorageError, match="could not save what"):
        Transcript(tmp_path).add_line("one")


@pytest.mark.parametrize("cut", ['{"line": "cut o', '{"line": "whole"}'])
def test_an_entry_that_was_cut_off_takes_none_with_it(tmp_path: Path, cut: str) -> None:
    """A full disk ends an entry anywhere."""
    (tmp_path / "transcript.jsonl").write_text(cut)
    Transcript(tmp_path).add_line("next")
    assert kept(tmp_path) == [("whole", [])] * ("whole" in cut) + [("next", [])]


@pytest.mark.parametrize("entry", ['"line"', '{"line": "b", "turn": 1}', '{"text": "c"}'])
def test_an_id_that_makes_no_sense_and_one_that_stands_twice_lose_no_line(
    tmp_path: Path, entry: str
) -> None:
    lines = ['{"line": "a", "turn": "1"}', entry, '{"line": "b", "turn": "1"}', '{"line": "c"}']
    (tmp_path / "transcript.jsonl").write_text("\n".join(lines))
    assert kept(tmp_path) == [("a", []), ("b", []), ("c", [])]


KEEPER = """
import sys
from pathlib import Path
from rnnlm_tui.tui.writing.transcript import Transcript

transcript = Transcript(Path(sys.argv[1]))
print(transcript.load(), flush=True)
for line in sys.stdin:
    transcript.keep_draft(line[:-1])
    print("kept", flush=True)
"""


class OtherApp:
    """Another process that has the folder open."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.found = self._answer()

    def write(self, line: str) -> None:
        """Has it write a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        assert self._answer() == "kept"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")


@contextmanager
def other_app(folder: Path) -> Iterator[OtherApp]:
    """It is killed at the end."""
    command = [sys.executable, "-c", KEEPER, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield OtherApp(process)
        finally:
            process.kill()


def test_two_apps_lose_no_line_that_is_being_written(tmp_path: Path) -> None:
    """While both are open each has a line of its own. When both are gone, the newest is the line
    in hand at the next start, and the other a turn."""
    with other_app(tmp_path) as one:
        one.write("from one")
        with other_app(tmp_path) as two:
            assert two.found == ""
            two.write("from two")
            one.write("from one again")
            os.utime(tmp_path / "draft.txt", (1, 1))
            assert Transcript(tmp_path).load() == ""
    transcript = Transcript(tmp_path)
    assert transcript.load() == "from two"
    assert [turn.line for turn in transcript.turns] == ["from one again"]
    transcript.keep_draft("from two, on")
    del transcript
    assert [path.name for path in tmp_path.glob("draft*.txt")] == ["draft-2.txt"]
    assert kept(tmp_path) == [("from one again", [])]
    assert Transcript(tmp_path).load() == "from two, on"


def test_a_line_that_is_left_while_an_app_is_open_is_there_at_the_next_start(
    tmp_path: Path,
) -> None:
    mine = Transcript(tmp_path)
    with other_app(tmp_path) as other:
        assert mine.load() == ""
        other.write("left")
    mine.keep_draft("mine")
    os.utime(tmp_path / "draft.txt", (1, 1))
    assert (tmp_path / "draft.txt").read_text() == "left"
    assert Transcript(tmp_path).load() == "mine"
    assert kept(tmp_path) == [("left", [])]


def test_one_app_after_the_other_has_one_file(tmp_path: Path) -> None:
    for line in ("", "one", "two", ""):
        with other_app(tmp_path) as app:
            app.write(line)
    assert [path.name for path in tmp_path.glob("draft*.txt")] == ["draft.txt"]


def test_lines_that_cannot_become_turns_stay_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, line, time in (("draft.txt", "one", 1), ("draft-2.txt", "two", 2)):
        (tmp_path / name).write_text(line)
        os.utime(tmp_path / name, (time, time))
    (tmp_path / "transcript.jsonl").touch()
    with monkeypatch.context() as patch:
        patch.setattr(transcript_module, "PATIENCE_S", 0.01)
        with Transcript(tmp_path)._locked():
            assert Transcript(tmp_path).load() == "two"
    assert Transcript(tmp_path).load() == "two"
    assert kept(tmp_path) == [("one", [])]


# The text


def test_the_transcript_is_written_to_a_new_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = Transcript(tmp_path / "session")
    transcript.add_line("one")
    target = tmp_path / "transcript.txt"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full_disk)
        with pytest.raises(StorageError, match=r"could not write .*transcript\.txt: no space left"):
            transcript.export(target)
    assert [path.name for path in tmp_path.iterdir()] == ["session"]
    transcript.export(target)
    assert target.read_text() == "one\n"
    transcript.add_line("two")
    with pytest.raises(StorageError, match="is there already"):
        transcript.export(target)
    assert target.read_text() == "one\n"


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_text_for_a_person_can_steer_no_terminal(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    turn = transcript.add_line("one\x1b[31m")
    transcript.add_continuation(turn, Continuation("two\n\ud800", "m", sampled=False))
    assert transcript.as_text() == "one\ufffd[31m\n    two\ufffd\ufffd\n"


class Host(App[None]):
    """A view of a transcript."""

    def compose(self) -> ComposeResult:
        yield TranscriptView(id="transcript")


async def test_the_view_keeps_the_newest_lines_and_stays_at_the_bottom() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        view = app.query_one(TranscriptView)
        await view.fill([Turn(f"line {i}") for i in range(MOST_LINES + 50)])
        assert len(view.lines) == MOST_LINES
        turn = Turn("the last")
        await view.add_turn(turn)
        continuation = Continuation("and more", "a name too long", sampled=False)
        await view.add_continuation(turn, continuation)
        await pilot.pause()
        assert texts(view.lines)[-2:] == ["the last", "and more"]
        assert len(view.lines) == MOST_LINES
        assert view.scroll_offset.y == view.max_scroll_y
        assert "a name too…" in app.screen._compositor.render_strips()[-1].text
        check_layout(app)


async def test_a_long_line_is_wrapped_and_none_of_it_lost() -> None:
    app = Host()
    async with app.run_test(size=(60, 30)) as pilot:
        view = app.query_one(TranscriptView)
        await view.add_turn(Turn("x" * 300))
        await pilot.pause()
        text = "".join(strip.text for strip in app.screen._compositor.render_strips())
        assert text.count("x") == 300
        check_layout(app)
