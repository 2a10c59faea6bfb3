"""The transcript: what is restored, and its lines on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from rnnlm_tui.tui.writing.transcript import MAX_TURNS, Transcript, as_text
from rnnlm_tui.tui.writing.transcript_view import MAX_LINES, TranscriptView

from rnnlm_tui.accepting import LINES_ABOVE
from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui.session.database import SessionDatabase
from rnnlm_tui.tui.session.tables import Continuation, Copied, Turn
from rnnlm_tui.tui.writing.predictor import Predictor
from tests.helpers.app import check_layout, picture, rows_of, texts
from tests.helpers.host import HostApp


@asynccontextmanager
async def app(folder: Path) -> AsyncIterator[Transcript]:
    """The transcript of an app that runs during the `with` block."""
    failures: list[StorageError] = []
    database = SessionDatabase(folder, failures.append)
    transcript = Transcript(database)
    await transcript.load()
    yield transcript
    await database.close()
    assert not failures


async def kept(folder: Path) -> list[tuple[str, list[str]]]:
    """The turns that a new app finds."""
    async with app(folder) as transcript:
        return [(turn.line, [c.text for c in turn.continuations]) for turn in transcript.turns]


def made_by(model: str, text: str) -> Continuation:
    return Continuation(text, model, sampled=False)


@pytest.mark.parametrize(
    "text", ["שלום 漢字 [/b]", "a\u2028b", "a\x85b", "a\x0bb\x1cc", "a\rb", "a\nb", "nul\x00nul"]
)
async def test_turns_come_back_as_they_were(text: str, tmp_path: Path) -> None:
    continuations = [
        Continuation(text, "sonnets", sampled=False, copied=(Copied(0, 5, 12), Copied(6, 7, 3))),
        Continuation("do love", text, sampled=True),
    ]
    async with app(tmp_path) as transcript:
        first = transcript.add_line(text)
        transcript.add_line("when i")
        for continuation in continuations:  # late: another line was sent meanwhile
            transcript.add_continuation(first, continuation)
    async with app(tmp_path) as transcript:
        assert [turn.line for turn in transcript.turns] == [text, "when i"]
        assert transcript.turns[0].continuations == continuations


async def test_starts_cut_nothing(tmp_path: Path) -> None:
    """The newest turns are shown; all of them are kept, and saved to a file."""
    lines = [str(number) for number in range(MAX_TURNS + 5)]
    async with app(tmp_path) as transcript:
        for line in lines:
            transcript.add_line(line)
    for start in range(3):
        async with app(tmp_path) as transcript:
            assert [turn.line for turn in transcript.turns] == lines[5:]
            assert transcript.count == MAX_TURNS + 5
            assert transcript.previous_lines() == tuple(lines[-LINES_ABOVE:])
            assert transcript.previous_lines(transcript.turns[1]) == ("5",)
            target = tmp_path / f"{start}.txt"
            await transcript.export(target)
            assert target.read_text().splitlines() == lines


async def test_what_is_cleared_is_gone_from_the_disk(tmp_path: Path) -> None:
    async with app(tmp_path) as transcript:
        for number in range(MAX_TURNS + 5):
            transcript.add_line(f"secret {number}")
    async with app(tmp_path) as transcript:
        turn = transcript.add_line("secret too")
        transcript.clear()
        assert (transcript.turns, transcript.count) == ([], 0)
        transcript.add_continuation(turn, made_by("m", "secret as well"))  # it was being made
        transcript.add_line("one")
    assert await kept(tmp_path) == [("one", [])]
    for path in tmp_path.iterdir():
        assert b"secret" not in path.read_bytes()


async def test_two_apps_add_to_one_transcript_and_clear_what_they_have_seen(
    tmp_path: Path,
) -> None:
    async with app(tmp_path) as before:
        before.add_line("before")
    async with AsyncExitStack() as apps:
        one, two = [await apps.enter_async_context(app(tmp_path)) for _ in range(2)]
        turn = one.add_line("one")
        await one.load()  # it is on the disk
        other = two.add_line("two")
        two.add_continuation(other, made_by("m", "again"))
        one.add_continuation(turn, made_by("m", "more"))
    assert await kept(tmp_path) == [("before", []), ("one", ["more"]), ("two", ["again"])]
    async with AsyncExitStack() as apps:
        one, two = [await apps.enter_async_context(app(tmp_path)) for _ in range(2)]
        two.add_line("unseen by one")
        await two.load()
        one.clear()
    assert await kept(tmp_path) == [("unseen by one", [])]
    async with app(tmp_path) as transcript:
        transcript.clear()
    assert await kept(tmp_path) == []


async def test_a_file_is_written_whole_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "transcript.txt"
    async with app(tmp_path / "session") as transcript:
        transcript.add_line("one")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full_disk)
            with pytest.raises(StorageError, match=r"could not save .*txt: no space left"):
                await transcript.export(target)
        assert [path.name for path in tmp_path.iterdir()] == ["session"]
        await transcript.export(target)
        transcript.add_line("two")
        with pytest.raises(StorageError, match="already exists"):
            await transcript.export(target)
    assert target.read_text() == "one\n"


def test_the_text_for_a_person_can_steer_no_terminal() -> None:
    turn = Turn("one\x1b[31m", [made_by("m", "two\n\ud800")])
    assert as_text([turn]) == "one\ufffd[31m\n    two\ufffd\ufffd\n"


# The lines on the screen


def host_of_view() -> HostApp:
    """An app that shows a transcript."""
    database = SessionDatabase(Path("never used"), lambda error: None)
    return HostApp(lambda: TranscriptView(database, Predictor()))


async def test_the_view_keeps_the_newest_lines_and_stays_at_the_bottom() -> None:
    host = host_of_view()
    async with host.run_test(size=(80, 10)) as pilot:
        view = host.query_one(TranscriptView)
        await view.fill([Turn(f"line {i}") for i in range(MAX_LINES + 50)])
        assert len(view.lines) == MAX_LINES
        turn = Turn("the last")
        await view.add(turn)
        await view.add(turn, made_by("a name too long", "and more"))
        await view.add(Turn("cleared meanwhile"), made_by("m", "late"))
        await pilot.pause()
        assert texts(view.lines)[-2:] == ["the last", "and more"]
        assert len(view.lines) == MAX_LINES
        assert view.scroll_offset.y == view.max_scroll_y
        assert "a name too…" in rows_of(host)[-1]
        await view.fill([Turn("x" * 300)])
        await pilot.pause()
        assert picture(host).count("x") == 300, "wrapped, and nothing lost"
        check_layout(host)


@pytest.mark.parametrize(
    ("copied", "underlined", "note"),
    [
        ((Copied(1, 5, 19),), "c d e f g", "= line 19 of its text"),
        ((Copied(0, 5, 19), Copied(5, 5, 19)), "b c d e fg h i j k", "= line 19 of its text"),
        ((Copied(0, 5, 3), Copied(5, 5, 19)), "b c d e fg h i j k", "= lines 3, 19 of its text"),
        ((Copied(9, 5, 19),), "", ""),
    ],
)
async def test_copied_words_are_underlined_and_their_line_is_noted_once(
    copied: tuple[Copied, ...], underlined: str, note: str
) -> None:
    host = host_of_view()
    async with host.run_test() as pilot:
        view = host.query_one(TranscriptView)
        turn = Turn("a", [Continuation("b c d e f g h i j k", "m", sampled=False, copied=copied)])
        await view.fill([turn])
        await pilot.pause()
        strips = host.screen._compositor.render_strips()
        strip = next(strip for strip in strips if "b c d" in strip.text)
        assert "".join(s.text for s in strip if s.style and s.style.underline) == underlined
        assert strip.text.rstrip().endswith(f"g h i j k  {note}".rstrip())
        assert texts(view.lines)[1] == "b c d e f g h i j k", "a copy does not take the note"
