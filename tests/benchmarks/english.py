"""The English that ships, on text that it never saw:

    python -m tests.benchmarks.english FOLDER [--lines 400]

FOLDER holds the two novels and the life of Helen Keller that the project keeps for this (named in
`NOVELS` and `LIFE`). Prints the keys saved as written: on the novels by English alone; and on the
letters of Helen Keller, of which a diary of 5,000 words is learned first, by n-grams as the lesson
reads text, by the diary alone, by English alone, and by the diary on English, all on the same lines
after those 5,000 words.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

from rnnlm_tui.evaluate import Evaluation, score, summarize  # noqa: E402
from rnnlm_tui.store.library import ENGLISH, Library  # noqa: E402

NOVELS = ("dorothy-l-sayers_clouds-of-witness.txt", "e-m-forster_a-room-with-a-view.txt")
LIFE, LETTERS = "helen-keller_the-story-of-my-life.txt", ("Letters (1887–1901)", "A Supplementary")
DIARY_WORDS = 5000
MODELS = {
    "lesson's words, n-grams": ["--preset=ngram", "--tokenizer=lesson", "--mixture=off"],
    "the diary alone": ["--preset=gru", "--on=none"],
    "the diary on English": ["--preset=gru"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=400, help="lines measured of each text")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        library = Library(Path(temporary))
        for novel in NOVELS:
            lines = words_of((asked.folder / novel).read_text("utf-8").split("\n"))
            show(f"{novel}: English alone", measure(library, ENGLISH, lines[: asked.lines]))
        learned, rest = diary((asked.folder / LIFE).read_text("utf-8").split("\n"))
        text = Path(temporary) / "diary.txt"
        text.write_text("\n".join(learned), "utf-8")
        for number, (what, options) in enumerate(MODELS.items()):
            train(text, f"diary-{number}", options, Path(temporary))
            show(what, measure(library, f"diary-{number}", rest[: asked.lines]))
        show("English alone", measure(library, ENGLISH, rest[: asked.lines]))


def words_of(lines: list[str]) -> list[str]:
    """The lines with words."""
    return [line for line in lines if line.strip()]


def diary(life: list[str]) -> tuple[list[str], list[str]]:
    """The letters' lines of the first 5,000 words, and those after."""
    begin = life.index(LETTERS[0])
    ends = (i for i, line in enumerate(life) if i > begin and line.startswith(LETTERS[1]))
    letters = words_of(life[begin + 1 : next(ends, len(life))])
    count = 0
    for number, line in enumerate(letters):
        count += len(line.split())
        if count >= DIARY_WORDS:
            return letters[: number + 1], letters[number + 1 :]
    raise SystemExit("the letters are too short")


def train(text: Path, name: str, options: list[str], folder: Path) -> None:
    """Trains a model in a child process."""
    run = [sys.executable, "-m", "rnnlm_tui", "--train", str(text), "--name", name, "--quiet"]
    subprocess.run([*run, *options, "--data-dir", str(folder)], check=True)


def measure(library: Library, name: str, lines: list[str]) -> Evaluation:
    """The figures of the model on the lines, each with those before it as context."""
    _, model = library.open(name)
    return summarize([*score(model, lines)])


def show(what: str, found: Evaluation) -> None:
    saved, loss = found.keystroke_savings or 0, found.perplexity or 0
    print(f"{what:52} {saved:6.1%} of keys as written, perplexity {loss:6.1f},", end=" ")
    print(f"{found.words:,} words", flush=True)


if __name__ == "__main__":
    main()
