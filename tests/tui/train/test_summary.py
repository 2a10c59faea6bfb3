"""The question about a corpus, asked of the command line in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.errors import CorpusError, RnnlmError
from rnnlm_tui.tui.runs.child import own_command
from rnnlm_tui.tui.train.summary import Question, complaint_of, parse_summary, summarise

WAITS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def python(code: str, *arguments: str) -> tuple[str, ...]:
    """A command that runs this code in the place of the program."""
    return (sys.executable, "-c", code, *arguments)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_question_names_its_files_and_settings() -> None:
    question = Question(("/a.txt", "/b.txt"), None, "lesson", ("--held-out=0.1",))
    assert question.arguments() == [
        *("--summary", "/a.txt", "/b.txt", "--json"),
        *("--preset=lesson", "--held-out=0.1"),
    ]
    assert Question((), "some text", "lesson").arguments()[:2] == ["--summary", "-"]


async def test_the_real_command_answers_about_a_file(corpus_file: Path) -> None:
    question = Question((str(corpus_file),), None, "lesson", ("--held-out=0.2", "--epochs=2"))
    summary = await summarise(question, own_command())
    assert (summary.corpus, summary.lines) == ("verses.txt", 6)
    assert summary.held_out_lines == 1
    assert summary.parameters == sum(layer.parameters for layer in summary.layers)
    assert summary.layers[0].shape == f"(None, {summary.window}, 100)"
    assert summary.pairs
    assert summary.estimated_s is not None
    assert summary.estimated_s > 0


async def test_the_real_command_answers_about_a_text_and_about_the_bundled_corpus() -> None:
    pasted = Question((), "the cat sat on the mat\nthe dog sät too", "lesson")
    summary = await summarise(pasted, own_command())
    assert summary.pairs[0] == ("the", "cat")
    assert (await summarise(Question((), None, "lesson"), own_command())).parameters == 5_755_471


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), (b"", "word"), (b"a\0b", "is not text"), (b"\xff\xfe\xff", "utf-16")],
)
async def test_a_corpus_that_will_not_do_is_explained(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpusError) as raised:
        await summarise(Question((str(path),), None, "lesson"), own_command())
    assert says in raised.value.message
    assert not raised.value.message.startswith("rnnlm-tui")


def test_the_sentence_and_the_hint_are_taken_from_what_the_command_writes() -> None:
    error = complaint_of("some warning\nrnnlm-tui: it is empty\n  give another\n")
    assert (error.message, error.hint) == ("it is empty", "give another")
    assert complaint_of("Fatal: something\n").hint == "Fatal: something"
    assert complaint_of("").message


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"corpus": {}}', "nonsense", "null"])
async def test_an_answer_that_makes_no_sense_is_an_error(answer: str) -> None:
    with pytest.raises(RnnlmError, match="makes no sense"):
        await summarise(Question((), None, "lesson"), python(f"print({answer!r})"))


async def test_a_command_that_cannot_be_started_is_an_error() -> None:
    with pytest.raises(RnnlmError, match="cannot be looked at"):
        await summarise(Question((), None, "lesson"), ("/no/such/program",))
    with pytest.raises(RnnlmError, match="cannot be looked at"):
        await summarise(Question(("a\0b",), None, "lesson"), python(""))


async def test_a_cancelled_question_kills_its_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    command = python(WAITS, str(pid_file))
    asking = asyncio.create_task(summarise(Question((), None, "lesson"), command))
    async with asyncio.timeout(10):
        while not (pid_file.exists() and pid_file.read_text()):
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(10):
        while is_alive(int(pid_file.read_text())):
            await asyncio.sleep(0.01)


async def test_a_question_cancelled_before_a_thread_was_free_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr("rnnlm_tui.tui.train.summary.subprocess.Popen", Recorded)
    loop, free = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as one_thread:
        loop.set_default_executor(one_thread)
        busy = loop.run_in_executor(None, free.wait, 10)
        command = python("import time; time.sleep(60)")
        asking = asyncio.create_task(summarise(Question((), None, "lesson"), command))
        async with asyncio.timeout(10):
            while not started:
                await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        free.set()
        assert await busy
    (process,) = started
    assert process.returncode is not None
    assert process.stdout is not None
    assert process.stdout.closed


def test_a_missing_estimate_is_none() -> None:
    raw = (
        b'{"total_words": 3, "examples": 2, "window": 1, "parameters": 7, "memory_bytes": 9,'
        b' "layers": [], "settings": {}, "first_pairs": [],'
        b' "corpus": {"name": "a", "lines": 1, "words": 2, "held_out_lines": 0}}'
    )
    assert parse_summary(raw).estimated_s is None
