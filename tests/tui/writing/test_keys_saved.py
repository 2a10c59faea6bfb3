"""A writer in the real editor presses the keys that an evaluation counts, and the editor's live
count is that of the evaluation, key by key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggesting import evaluate
from rnnlm_tui.suggesting.accepting import Writer
from rnnlm_tui.suggesting.typist import Typist
from rnnlm_tui.text.held_out import Excerpt
from tests.helpers.app import post_keys, until
from tests.helpers.commands import PATIENCE_S
from tests.helpers.texts import counted, prepared
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
Step = tuple[tuple[str, ...], str]
"""The keys that the evaluation pressed, and the line then."""


Steps = dict[Writer, list[Step]]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """All steps of the evaluations of a test, by writer."""
    recorded = Steps()

    class Recorded(Typist):
        def steps(self, writer: Writer) -> Iterator[Step]:
            for step in super().steps(writer):
                recorded.setdefault(writer, []).append(step)
                yield step

    monkeypatch.setattr(evaluate, "Typist", Recorded)
    return recorded


async def write(it: AppDesk, steps: Sequence[Step], text: str, writer: Writer) -> None:
    """Writes a text as the evaluation does, and compares the line and the count after each step,
    once the model has answered. One who looks at the cursor alone takes no second word that does
    not stand there."""
    editor, presses = it.editor, 0
    for keys, line in steps:
        if writer == "at_cursor" and keys == ("shift+tab",):
            assert editor.suggested.second(editor.before), it.line
        presses += len(keys)
        # The evaluation leaves out the space after a word that ends the text.
        ends = {line, f"{line} "} if line == text else {line}
        post_keys(it.app, *keys)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (
                    it.line not in ends
                    or editor.typing.presses != presses
                    or editor.answer is None
                    or editor.answer.question.line != it.line
                    or not editor.answer_gate.is_set()
                ):
                    await editor.answer_gate.wait()
                    await asyncio.sleep(0.001)
        except TimeoutError:
            count = editor.typing.presses
            pytest.fail(f"after {keys}: {it.line!r} by {count} presses, not {ends} by {presses}")
    typing = editor.typing
    assert typing.saved - typing.saved_before == len(text) - presses, text


async def compare(
    model: LanguageModel,
    steps: Steps,
    writer: Writer,
    folder: Path,
    lines: Sequence[str] = TEXT,
) -> set[str]:
    """Writes lines with this model as a writer does, and compares each with its evaluation. Returns
    the kinds of steps."""
    above, used = list[str](), set[str]()
    scores = evaluate.score(model, [Excerpt((), lines)])
    async with desk(folder, {"m": model}, (60, 16)) as it:
        for line in lines:
            steps.clear()
            scored = next(scores)
            own = steps[writer]
            await write(it, own, line, writer)
            presses = sum(len(keys) for keys, _ in own) + 1  # with Enter
            assert getattr(scored.keys, writer) == presses
            used |= {"alt and a digit" if keys[0][:4] == "alt+" else keys[0] for keys, _ in own}
            post_keys(it.app, "enter")
            above.append(line)
            await until(lambda: it.screen.open_text.lines_above() == tuple(above))
            await until(
                lambda: it.editor.answer and it.editor.answer.question.above == tuple(above)
            )
    return {kind for kind in used if len(kind) > 1}


@pytest.mark.parametrize(
    "writer",
    ["glancing", *(pytest.param(w, marks=pytest.mark.slow) for w in ("attentive", "at_cursor"))],
)
async def test_the_editor_counts_the_keys_of_the_evaluation(
    steps: Steps, tmp_path: Path, writer: Writer
) -> None:
    """With n-grams of every second line, which suggest well in these lines and badly in others."""
    model = counted(prepared(TEXT[::2], tokenizer="prose"))
    lines = TEXT if writer == "attentive" else TEXT[12:20]
    accepting = ACCEPTING - ({"alt and a digit"} if writer == "at_cursor" else set())
    assert await compare(model, steps, writer, tmp_path, lines) == accepting


@pytest.mark.slow
async def test_the_editor_counts_the_keys_of_the_evaluation_with_the_english(
    steps: Steps, tmp_path: Path, shipped_english: LanguageModel
) -> None:
    assert await compare(shipped_english, steps, "attentive", tmp_path, TEXT[:9]) >= ACCEPTING
