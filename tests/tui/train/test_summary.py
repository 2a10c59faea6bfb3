"""The summary of a corpus, which the command line makes in a child process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui import paths
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.paths import data_dir
from rnnlm_tui.tui.train.data_card import card_lines
from rnnlm_tui.tui.train.form_content import FormContent
from rnnlm_tui.tui.train.summary import summarise
from tests.helpers.app import in_order
from tests.helpers.runs import SUMMARY

WAITS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
BUNDLED = FormContent(preset="lesson")

Answering = Callable[..., None]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Runs this code instead of the program."""

    def answer(code: str, *arguments: str) -> None:
        command = (sys.executable, "-c", code, *arguments)
        monkeypatch.setattr(paths, "headless_command", lambda: command)

    return answer


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_real_command_answers_about_a_file(corpus_file: Path) -> None:
    content = FormContent("files", preset="lesson", settings={"held_out": "20", "epochs": "2"})
    summary = await summarise(content, (str(corpus_file),), data_dir())
    corpus = summary.corpus
    assert (corpus.name, corpus.lines, corpus.held_out_lines) == ("verses.txt", 6, 1)
    assert summary.parameters == sum(layer.parameters for layer in summary.layers)
    assert summary.layers[0].output_shape[2] == 100
    assert summary.first_pairs


async def test_the_card_of_the_lesson_names_its_steps_and_shows_its_padded_sequences() -> None:
    lines = ("from fairest creatures\nwe desire increase from us",)
    content = FormContent("written", written=lines, preset="lesson")
    summary = await summarise(content, (), data_dir())
    card = [line.plain for line in card_lines(summary, 70)]
    steps = ("Tokenizer: 7 words", "n-gram sequences: ", "pad_sequences: ", "predictors, label: ")
    layers = ("  Embedding", "  Bidirectional", "  Dropout", "  SimpleRNN", "  Dense (softmax)")
    assert in_order("\n".join(card), *steps, *layers)
    begin = card.index("  0 0 0 1 ---> 2")
    assert card[begin + 1 : begin + 4] == [
        "  from ---> fairest",
        "  0 0 1 2 ---> 3",
        "  from fairest ---> creatures",
    ]


async def test_the_real_command_answers_about_a_text() -> None:
    lines = ("the cat sat on the mat\nthe dog sät too",)
    content = FormContent("written", written=lines, preset="ngram")
    summary = await summarise(content, (), data_dir())
    assert summary.first_pairs
    card = [line.plain for line in card_lines(summary, 60)]
    assert any("fewer than 1,000 words" in row for row in card)
    parts = [row.split()[:2] for row in card if row.startswith("  ") and row.split()[0].isdigit()]
    assert parts[:2] == [["1", "word"], ["2", "words"]], "not five rows of one name"
    assert not any("None" in row for row in card)


@pytest.mark.parametrize(("content", "says"), [(None, "no such file"), (b"a\0b", "is not text")])
async def test_a_corpus_that_cannot_be_used_is_explained(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RnnlmError) as raised:
        await summarise(FormContent("files", preset="lesson"), (str(path),), data_dir())
    assert says in raised.value.message
    assert not raised.value.message.startswith("rnnlm-tui")


async def test_an_encoding_that_is_not_for_text_is_explained(corpus_file: Path) -> None:
    with pytest.raises(RnnlmError, match="no text encoding is called hex"):
        await summarise(FormContent("files", encoding="hex"), (str(corpus_file),), data_dir())


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "{}", "nonsense", "null", json.dumps(SUMMARY | {"parameters": 10**400})],
    ids=range(6),
)
async def test_an_invalid_answer_is_an_error(answering: Answering, answer: str) -> None:
    answering(f"print({answer!r})")
    with pytest.raises(RnnlmError, match="summary of this text is not valid"):
        await summarise(BUNDLED, (), data_dir())


@pytest.mark.parametrize("says", ["", "Fatal: something"])
async def test_a_command_that_fails_without_a_sentence_is_an_error(
    answering: Answering, says: str
) -> None:
    answering(f"raise SystemExit({says!r} or 1)")
    with pytest.raises(RnnlmError, match="rnnlm-tui failed") as raised:
        await summarise(BUNDLED, (), data_dir())
    assert raised.value.hint == says


async def test_a_command_that_cannot_be_started_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RnnlmError, match="could not be started"):
        await summarise(FormContent("files"), ("a\0b",), data_dir())
    monkeypatch.setattr(paths, "headless_command", lambda: ("/no/such/program",))
    with pytest.raises(RnnlmError, match="could not be started"):
        await summarise(BUNDLED, (), data_dir())


async def test_a_cancelled_question_kills_its_process(answering: Answering, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    answering(WAITS, str(pid_file))
    asking = asyncio.create_task(summarise(BUNDLED, (), data_dir()))
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
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr("rnnlm_tui.tui.runs.child.subprocess.Popen", Recorded)
    answering("import time; time.sleep(60)")
    loop, free = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as one_thread:
        loop.set_default_executor(one_thread)
        busy = loop.run_in_executor(None, free.wait, 10)
        asking = asyncio.create_task(summarise(BUNDLED, (), data_dir()))
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
