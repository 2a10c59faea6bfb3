"""The summary of a corpus, which the command line makes in a child process."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from rnnlm_tui import paths
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.paths import data_dir
from rnnlm_tui.session.database import connect
from rnnlm_tui.session.tables import Text, Turn, add_turn
from rnnlm_tui.tui.train.data_card import card_lines
from rnnlm_tui.tui.train.summary import summarise
from tests.helpers.app import in_order
from tests.helpers.models import make_model

WAITS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


async def test_the_real_command_answers_about_a_file(corpus_file: Path) -> None:
    options = ("--preset=lesson", "--held-out=0.2", "--epochs=2", "--name=my verses")
    summary = await summarise((str(corpus_file), *options), data_dir())
    assert (summary.name, summary.base) == ("my-verses", None)
    assert (summary.corpus.lines, summary.corpus.held_out_lines) == (6, 1)
    assert summary.parameters == sum(layer.parameters for layer in summary.layers)
    assert summary.layers[0].output_shape[2] == 100


async def test_the_card_of_the_lesson_names_its_steps_and_shows_its_padded_sequences(
    tmp_path: Path,
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("from fairest creatures\nwe desire increase from us\n")
    summary = await summarise((str(path), "--preset=lesson"), data_dir())
    card = [line.plain for line in card_lines(summary)]
    steps = ("Tokenizer: 7 words", "n-gram sequences: ", "pad_sequences: ", "predictors, label: ")
    layers = ("  Embedding", "  Bidirectional", "  Dropout", "  SimpleRNN", "  Dense (softmax)")
    assert in_order("\n".join(card), *steps, *layers)
    begin = card.index("  0 0 0 1 ---> 2")
    assert card[begin + 1 : begin + 4] == [
        "  from ---> fairest",
        "  0 0 1 2 ---> 3",
        "  from fairest ---> creatures",
    ]


async def test_the_real_command_answers_about_what_was_written() -> None:
    with closing(connect(data_dir() / "session" / "session.db")) as connection:
        for line in ("It rained.", "the cat sat on the mat\nthe dog sät too"):
            add_turn(connection, Text(title="diary"), Turn(line))
    arguments = ("--written=#2", "--preset=ngram")
    summary = await summarise(arguments, data_dir())
    assert (summary.name, summary.corpus.words) == ("mine-ngram", 10)
    card = [line.plain for line in card_lines(summary)]
    assert any("fewer than 1,000 words" in row for row in card)
    parts = [row.split()[:2] for row in card if row.startswith("  ") and row.split()[0].isdigit()]
    assert parts[:2] == [["1", "word"], ["2", "words"]], "not five rows of one name"
    assert not any("None" in row for row in card)


@pytest.mark.parametrize(
    ("argument", "field", "says"),
    [
        ("/no/such/file", None, "no such file"),
        ("--encoding=hex", None, "no text encoding is called hex"),
        ("--written=all", None, "no text was written in the app yet"),
        ("--epochs=0", "epochs", '"epochs" is'),
        ("--held-out=ten", "held_out", '"held out" is'),
        ("--name=a/b", "name", "cannot be a model's name"),
        ("--name=taken", "name", "the name taken is taken"),
        ("--preset=no", "preset", "no preset is called"),
    ],
)
async def test_the_real_command_says_what_is_wrong_and_names_the_field(
    corpus_file: Path, argument: str, field: str | None, says: str
) -> None:
    make_model(data_dir() / "models" / "taken.safetensors")
    with pytest.raises(RnnlmError, match=says) as raised:
        await summarise((str(corpus_file), argument), data_dir())
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("command", "says", "hint"),
    [
        ((sys.executable, "-c", "print('{}')"), "summary of this text is not valid", "name"),
        ((sys.executable, "-c", "raise SystemExit('Fatal: x')"), "rnnlm-tui failed", "Fatal: x"),
        (("/no/such/program",), "could not be started", "No such file"),
    ],
)
async def test_a_command_that_does_not_answer_is_an_error(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], says: str, hint: str
) -> None:
    monkeypatch.setattr(paths, "headless_command", lambda: command)
    with pytest.raises(RnnlmError, match=says) as raised:
        await summarise((), data_dir())
    assert hint in raised.value.hint


async def test_a_cancelled_question_kills_its_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    command = (sys.executable, "-c", WAITS, str(pid_file))
    monkeypatch.setattr(paths, "headless_command", lambda: command)
    asking = asyncio.create_task(summarise((), data_dir()))
    async with asyncio.timeout(10):
        while not (pid_file.exists() and pid_file.read_text()):
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(10):
        while psutil.pid_exists(int(pid_file.read_text())):
            await asyncio.sleep(0.01)
