"""What the app finds out about the model that suggests: its figures, and what it has copied."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from rnnlm_tui.store.evaluations import read_evaluation
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.writing.insights import Insights
from rnnlm_tui.tui.writing.predictor import LoadedModel
from rnnlm_tui.tui.writing.transcript import Continuation, Copied, Transcript
from tests.helpers.app import ScriptedModel, chain, in_order, rows_of
from tests.helpers.commands import Command
from tests.helpers.writing_screen import desk

WHO, WHERE = ("cat", "owl"), "abcdef"
LINES = [f"the {a} sat on the {b} and sang to the {a}" for a in WHO for b in WHERE]


@pytest.fixture
def library(command: Command, tmp_path: Path, data_dir: Path) -> Library:
    """Holds `counts`, of whose lines a quarter was held out, and `all`, with none held out."""
    corpus = tmp_path / "lines.txt"
    corpus.write_text("\n".join(LINES))
    for name, share in (("counts", "0.25"), ("all", "0")):
        options = ("--preset", "ngram", "--name", name, "--held-out", share)
        assert command("--train", str(corpus), *options).returncode == 0
    return Library(data_dir)


def loaded_model(library: Library, name: str) -> LoadedModel:
    return LoadedModel(name, *library.open(name))


async def test_figures_are_taken_once_and_kept(library: Library) -> None:
    who = loaded_model(library, "counts")
    insights = Insights(lambda: library)
    assert await insights.evaluation(who.name, who.card, measure=False) is None
    found = await insights.evaluation(who.name, who.card, measure=True)
    assert found is not None
    assert found == read_evaluation(library.path("counts"), who.card)
    assert found.lines > 0
    broken = Insights(lambda: library, ("/no/such/program",))
    assert await broken.evaluation(who.name, who.card, measure=True) == found


async def test_a_model_without_held_out_lines_is_not_measured(library: Library) -> None:
    nobody = Insights(lambda: library, (sys.executable, "-c", "raise SystemExit('not asked')"))
    assert await nobody.evaluation("all", loaded_model(library, "all").card, measure=True) is None


async def test_a_model_that_trains_is_not_measured(library: Library) -> None:
    insights = Insights(lambda: library)
    who = loaded_model(library, "counts")
    with library.lock("counts"):
        assert await insights.evaluation(who.name, who.card, measure=True) is None


async def test_a_program_that_fails_gives_no_figures(library: Library) -> None:
    for command in (("/no/such/program",), (sys.executable, "-c", "raise SystemExit(1)")):
        insights = Insights(lambda: library, command)
        assert (
            await insights.evaluation("counts", loaded_model(library, "counts").card, measure=True)
            is None
        )


async def test_measuring_that_is_given_up_leaves_no_process(
    library: Library, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    script = f"import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    insights = Insights(lambda: library, (sys.executable, "-c", script))
    task = asyncio.create_task(
        insights.evaluation("counts", loaded_model(library, "counts").card, measure=True)
    )
    async with asyncio.timeout(20):
        while not begun.exists() or not begun.read_text():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while Path(f"/proc/{begun.read_text()}").exists() and is_running(int(begun.read_text())):
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether the process is there, and not one that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def test_copied_words_are_found_in_the_text(library: Library, tmp_path: Path) -> None:
    insights = Insights(lambda: library)
    words = ["oh", *LINES[4].split()[:6], "oh"]
    assert insights.copied(loaded_model(library, "counts"), words) == (Copied(1, 6, 5),)
    assert insights.copied(loaded_model(library, "counts"), ["the", "cat", "sang"]) == ()
    (tmp_path / "lines.txt").unlink()
    assert Insights(lambda: library).copied(loaded_model(library, "counts"), words) == ()


async def test_copied_words_are_marked_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(insights: Insights, who: LoadedModel, words: list[str]) -> tuple[Copied, ...]:
        return (Copied(1, 5, 19),)

    monkeypatch.setattr(Insights, "copied", copied)
    models = {"m": ScriptedModel(chain("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"))}
    async with desk(tmp_path, models) as it:
        await it.send("a", 2)
        await it.until(lambda: any(in_order(row, "b c d e f g", "= line 19") for row in it.rows))
        row = next(row for row in it.rows if "= line 19" in row)
        lines = it.app.screen._compositor.render_strips()
        strip = next(strip for strip in lines if strip.text == row)
        underlined = [s.text for s in strip if s.style and s.style.underline and s.text.strip()]
        assert "".join(underlined) == "c d e f g"
        assert it.transcript[1].startswith("b c d"), "a copy does not take the note"
        assert "=" not in it.transcript[1]
    async with desk(tmp_path, models) as it:
        await it.until(lambda: any("= line 19" in row for row in rows_of(it.app)))


@pytest.mark.parametrize(
    "copied", [7, [7], [[1, 2]], [[1, 2, -3]], [["1", 2, 3]], [[1, 2, 1e9]], [[1, 2, 1 << 40]]]
)
def test_copied_words_that_make_no_sense_are_left_out(tmp_path: Path, copied: object) -> None:
    lines = [
        {"line": "a", "turn": "1"},
        {"text": "b", "model": "m", "sampled": False, "turn": "1", "copied": copied},
    ]
    (tmp_path / "transcript.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    transcript = Transcript(tmp_path)
    transcript.load()
    assert [turn.line for turn in transcript.turns] == ["a"]
    assert transcript.turns[0].continuations == []


async def test_copies_beyond_the_words_are_not_marked(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "data" / "session")
    turn = transcript.add_line("a")
    transcript.add_continuation(turn, Continuation("b c", "m", False, (Copied(1, 5, 3),)))
    async with desk(tmp_path) as it:
        assert not any("= line" in row for row in it.rows)
