"""The keys that the English that ships saves on texts that it never saw, and what a text of one's
own adds to it:

    python -m tests.benchmarks.english keys TEXT ... [--words 20000] [--model english]
    python -m tests.benchmarks.english names TEXT ... [--words 20000] [--model english]
    python -m tests.benchmarks.english own TEXT --sizes 5000 30000 [--later LATER] [--train OPTIONS]

`keys` plays a writer with five sets of keys on a sample of each text. The last is that of the app.
`names` looks whether a name that the model does not know, and that stands above, is in the list
once none, one or two of its letters are typed. `own` trains on the first words of TEXT, as
`--train` does by default or with the OPTIONS, such as "--from none", and measures that model and
the English on the lines of LATER, or on those of TEXT after the largest size.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # before numpy loads

from rnnlm_tui.accepting import LINES_ABOVE, LISTED, DigitSetting
from rnnlm_tui.evaluate import ScoredLine, score, summarize, written_loss
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.excerpts import Excerpt, spread_excerpts
from tests.helpers.key_rules import writer_with

KEYS: dict[str, tuple[DigitSetting, bool, bool]] = {
    "Tab, the whole ghost, Down and a digit": ("with alt", False, False),
    "and shift+Tab": ("with alt", True, False),
    "and plain digits inside words": ("inside words", True, False),
    "and plain digits at the start of words": ("always", True, False),
    "alt and a digit in place of plain ones (the app)": ("with alt", True, True),
}
"""The setting of the digits, and whether there are shift+Tab, and alt and a digit."""
LETTERS = range(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("keys", "names", "own"))
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--words", type=int, default=20_000, help="words measured of each text")
    parser.add_argument("--model", default=ENGLISH)
    parser.add_argument("--later", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 30_000])
    parser.add_argument("--train", default="", help="more options of the training")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if asked.what in ("keys", "names"):
            model = Library(Path(temporary)).open(asked.model)[1]
            for text in asked.texts:
                (compare_keys if asked.what == "keys" else find_names)(model, text, asked.words)
        else:
            compare_own(Path(temporary), asked)


def compare_keys(model: LanguageModel, text: Path, words: int) -> None:
    """Prints a row for each set of keys."""
    excerpts = spread_excerpts(lines_of(text), words)
    for name, (digits, has_second, has_alt) in KEYS.items():
        with writer_with(digits, has_second=has_second, has_alt=has_alt):
            show(f"{text.stem[:30]}: {name}", scored(model, excerpts))


def find_names(model: LanguageModel, text: Path, words: int) -> None:
    """Prints how many names stand above, and how many of these are listed by 0, 1 and 2 letters."""
    found, repeated, names = [0] * len(LETTERS), 0, 0
    for excerpt in spread_excerpts(lines_of(text), words):
        above, seen, contexts = list(excerpt.above), set[str](), Contexts(model)
        for line in above:
            seen |= {name for _, name in names_in(model, line)}
        for line in excerpt.lines:
            for place, name in names_in(model, line):
                names, repeated = names + 1, repeated + (name in seen)
                for letters in LETTERS if name in seen else ():
                    typed = line[: place + letters]
                    listed = suggest(
                        model,
                        typed,
                        None,
                        LISTED,
                        above[-LINES_ABOVE:],
                        contexts,
                        while_typing=True,
                    )
                    if name in [c.word for c in listed.candidates]:
                        found[letters] += 1
                        break
                seen.add(name)
            above.append(line)
    shares = ", ".join(f"{count / max(1, repeated):.0%}" for count in accumulate(found))
    print(f"{text.stem[:30]}: {names} names, {repeated} of them stood above;", end=" ")
    print(f"of these {shares} are listed by 0, 1 and 2 letters", flush=True)


def names_in(model: LanguageModel, line: str) -> list[tuple[int, str]]:
    """The places and the spellings of the words with a capital that the model does not know."""
    names, place = list[tuple[int, str]](), 0
    for word, written, *_ in model.tokenizer.words_as_written(line):
        begin = line.find(written, place)
        if begin >= 0:
            place = begin + len(written)
            if word not in model.vocabulary and len(word) > 2 and written[0].isupper():
                names.append((begin, written))
    return names


def compare_own(folder: Path, asked: argparse.Namespace) -> None:
    """Prints a row for the English, and one for each size of one's own text."""
    library, lines = Library(folder), lines_of(asked.texts[0])
    later = lines_of(asked.later) if asked.later else first_words(lines, max(asked.sizes))[1]
    excerpts = spread_excerpts(later, asked.words)
    show("the English alone", scored(library.open(ENGLISH)[1], excerpts))
    for size in asked.sizes:
        own, name = folder / f"own-{size}.txt", f"own-{size}"
        own.write_text("\n".join(first_words(lines, size)[0]), "utf-8")
        options = ["--name", name, "--data-dir", str(folder), "--quiet", *shlex.split(asked.train)]
        command, began = [sys.executable, "-m", "rnnlm_tui", "--train", str(own)], time.monotonic()
        subprocess.run([*command, *options], check=True)
        minutes = (time.monotonic() - began) / 60
        what = f"{size:,} words in {minutes:.1f} min {asked.train}"
        show(what, scored(library.open(name)[1], excerpts))


def lines_of(text: Path) -> list[str]:
    """The lines that have more than white space."""
    return [line for line in text.read_text("utf-8").split("\n") if line.strip()]


def first_words(lines: list[str], words: int) -> tuple[list[str], list[str]]:
    """The first lines with so many words, and the lines after them."""
    count = 0
    for number, line in enumerate(lines, start=1):
        count += len(line.split())
        if count >= words:
            return lines[:number], lines[number:]
    raise SystemExit(f"the text has fewer than {words:,} words")


def scored(model: LanguageModel, excerpts: Sequence[Excerpt]) -> list[ScoredLine]:
    """The lines of the excerpts, each below those before it."""
    return [line for each in excerpts for line in score(model, each.lines, each.above)]


def show(what: str, lines: list[ScoredLine]) -> None:
    found = summarize(lines)
    low, high = found.savings_interval or (0, 0)
    print(f"{what:72} {found.keystroke_savings or 0:6.1%} of keys ({low:.1%}-{high:.1%}),", end=" ")
    print(f"{written_loss(lines) or 0:.4f} nats a character, {found.words:,} words", flush=True)


if __name__ == "__main__":
    main()
