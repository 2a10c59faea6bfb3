"""What is kept of what was written: the files, and the lines on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui import transcript as transcript_module
from rnnlm_tui.tui.transcript import LONGEST, Continuation, Transcript, Turn
from rnnlm_tui.tui.widgets.transcript_view import MOST_LINES, TranscriptView
from tests.tui.helpers import check_layout, texts


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
    assert path.read_text() == '{"line": "good"}\n'


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
        assert "a name to…" in app.screen._compositor.render_strips()[-1].text
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
