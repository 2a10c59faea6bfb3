"""A writer in the real editor presses the keys that an evaluation counts, and the editor's live
count is that of the evaluation, key by key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from rnnlm_tui import evaluate
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.writing.spacing import Keystrokes
from tests.helpers.app import post_keys
from tests.helpers.ngrams import counted, prepared
from tests.helpers.writing_screen import AppDesk, desk

TEXT = """\
It was a quarter past nine when the doctor came down the stairs and into the little room.
"I can't see what is wrong with him," he said, "and I don't think that you can, either."
"Do you think he'll be able to go to London on Monday?" asked Mrs. Bell; she had not slept.
"No - not on Monday. Perhaps in 10 or 12 days, if the weather's fine," the old man answered.
He took his hat, put on his gloves, and went out into the street without another word.
“Well,” said Anna, “that is that.” She looked at her cousin’s letter of May 3, 1914 – again.
“You’re going to tell him the truth, aren’t you?” I asked her. “It’s all he wants to know…”
She didn’t answer for a long time. The rain had stopped, and there was nothing to hear at all.
“I suppose so,” she said at last — but I could see that she didn’t want to. “At 10:30, then!”
I had been told (by whom, I forget) that the house had 27 rooms, and in room s2 no windows.
'So this is where you have been all the time,' he cried. 'And what about the other 45 people?'
They went upstairs - she first, he after her - and he opened the door: the room was empty.
We wrote to Mr. Gray of Harrow Road on the 21st; he sent us 2 boxes of old books.
“Where are the others?” – “Gone,” said my brother’s wife, “gone to see the King, I’m afraid.”
Then I asked, 'Isn't it the well-known story of the ship?' 'Of the ship, and of the captain!'
The well-known story of the sea-captain's daughter was told once more, and nobody laughed.
There was a Q3 on the door, and H2O in the glass. Nobody knew why; it didn't matter, he said.
"Let's go home," I said to Anna. "I've had enough of this, and it's getting late, isn't it?"
And so we went back the way we had come, along the river, in the light of the moon.
"It's late," she said. "I'm tired... Good-night, Anna; good-night, all of you. Don't wait!"
The man who had sent the letter -- if he was a man -- didn't give his name, nor the day.
2 of us were cold, 1 was tired, and the dog ran on before us as if it knew the way by heart.
""".splitlines()


ACCEPTING = {"tab", "shift+tab", "right", "alt and a digit"}
"""The kinds of steps that accept by default."""


class Step(NamedTuple):
    """The keys that the evaluation pressed, and the line then."""

    keys: tuple[str, ...]
    line: str


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """All steps of the evaluations of a test."""
    recorded = list[Step]()

    class Recorded(evaluate.Typist):
        def steps(self) -> Iterator[tuple[tuple[str, ...], str]]:
            for step in super().steps():
                recorded.append(Step(*step))
                yield step

    monkeypatch.setattr(evaluate, "Typist", Recorded)
    return recorded


async def write(it: AppDesk, steps: Sequence[Step], text: str) -> None:
    """Writes a text as the evaluation does, and compares the line and the count after each step."""
    presses = 0
    for step in steps:
        presses += len(step.keys)
        # The evaluation leaves out the space after a word that ends the text.
        ends = {step.line, step.line + " "} if step.line == text else {step.line}
        post_keys(it.app, *step.keys)
        await shown(it, ends, presses, step.keys)
    assert it.editor.typing.keystrokes == Keystrokes(len(text), len(text) - presses), text


async def shown(it: AppDesk, lines: set[str], presses: int, keys: Sequence[str]) -> None:
    """Waits until the editor has one of these lines, written with so many presses, and the model
    has answered for it."""

    def is_shown() -> bool:
        answer = it.screen.answer
        is_answered = answer is not None and answer.question.line == it.line
        is_written = it.line in lines and it.editor.typing.presses == presses
        return is_written and is_answered and it.editor.answer_gate.is_set()

    try:
        async with asyncio.timeout(10):
            while not is_shown():
                await it.editor.answer_gate.wait()
                await asyncio.sleep(0.001)
    except TimeoutError:
        count = it.editor.typing.presses
        pytest.fail(f"after {keys}: {it.line!r} by {count} presses, not {lines} by {presses}")


def ngrams() -> LanguageModel:
    """N-grams of every second line, which suggest well in these lines and badly in the others."""
    return counted(prepared(TEXT[::2], tokenizer="prose"))


def english(folder: Path, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    """The English that ships."""
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    return Library(folder).open("english")[1]


async def compare(
    model: LanguageModel,
    steps: list[Step],
    folder: Path,
    lines: Sequence[str] = TEXT,
) -> set[str]:
    """Writes lines with this model, and compares each with its evaluation. Returns the kinds of
    steps."""
    above, used = list[str](), set[str]()
    scores = evaluate.score(model, lines)
    async with desk(folder, {"m": model}, (60, 16)) as it:
        for line in lines:
            steps.clear()
            scored = next(scores)
            await write(it, steps, line)
            assert scored.keys == sum(len(step.keys) for step in steps) + 1, "with Enter"
            used |= {name_of(step) for step in steps}
            post_keys(it.app, "enter")
            above.append(line)
            await it.until(lambda: it.screen.text.previous_lines() == tuple(above))
            await it.until(
                lambda: it.screen.answer and it.screen.answer.question == it.screen._question
            )
    return used


def name_of(step: Step) -> str:
    """The kind of a step."""
    first = step.keys[0]
    if first.startswith("alt+"):
        return "alt and a digit"
    return first if len(first) > 1 else "character"


async def test_the_editor_counts_the_keys_of_the_evaluation(
    steps: list[Step], tmp_path: Path
) -> None:
    used = await compare(ngrams(), steps, tmp_path)
    assert used == {*ACCEPTING, "character"}


@pytest.mark.slow
async def test_the_editor_counts_the_keys_of_the_evaluation_with_the_english(
    steps: list[Step], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = await compare(english(tmp_path, monkeypatch), steps, tmp_path, TEXT[:9])
    assert used >= ACCEPTING
