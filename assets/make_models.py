"""Makes the models that ship with the program:

    python assets/make_models.py shakespeare
    python assets/make_models.py LANGUAGE TEXTS [--data-dir FOLDER]

The first learns the sonnets that ship, 20 seconds. The second learns a language, such as `english`,
from the files in the folder TEXTS: those that rnnlm_tui/data/english.md names take about four hours
on two quiet cores. A file that lies there n times under different names counts n times. The
training may be stopped, and goes on from where it stopped if it is started again with the same data
folder. The models are measured on the lines that they held out, and put into rnnlm_tui/data/models.
tests/store/test_saved_models.py checks what they are.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

import rnnlm_tui
from rnnlm_tui.lm.causal import START
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.store.card import Mixture
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import (
    KNOWN,
    NGRAMS,
    STATES,
    UNSEEN,
    change_card,
    open_stored,
    text_tensors,
    write_stored,
)
from rnnlm_tui.store.trained_lines import TrainedLines, thinned
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID

DATA = Path(__file__).parents[1] / "rnnlm_tui" / "data"
NEW_NAME = "new"
"""Trained under another name, since nobody can train one that ships."""
SONNETS = "shakespeare"
SETTINGS = [
    *("--on=none", "--held-out=0.01", "--embedding-size=320", "--hidden-size=768"),
    *("--weight-decay=0.03", "--learning-rate=0.003", "--batch-size=64", "--bptt=35"),
    "--precision=bf16",
]
"""Of a language. Without bfloat16 in the processor, float32 is faster: leave the last one out."""
MOST_WORDS = {"german": 64_000}
"""Words of a language, if not 48,000: German writes compounds as one word."""
EPOCHS = {"english": 3}
"""Of a language, if not 2."""
DROPOUT = {"italian": 0.15, "spanish": 0.15}
"""Of a language, if not 0.05. With that, the Spanish cost 4.692 nats a word of its held-out lines
after its first epoch, and 4.735 after the second; with this 4.686 and 4.680."""
LANGUAGES = {"english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it"}
"""Their ISO 639 codes."""
ABOUT = {
    "shakespeare": "Shakespeare's sonnets (1609), in the public domain",
    "english": "public domain, CC0 1.0, Unlicense, MASC: see rnnlm_tui/data/english.md",
    "german": "public domain, § 5 UrhG, CC0 1.0, CC BY, MIT: see rnnlm_tui/data/german.md",
    "french": "public domain, CC0 1.0, CC BY, Licence Ouverte, MIT, © European Union: see"
    " rnnlm_tui/data/french.md",
    "spanish": "public domain, CC0 1.0, CC BY, MIT: see rnnlm_tui/data/spanish.md",
    "italian": "public domain, © European Union, CC0 1.0, CC BY 4.0: see rnnlm_tui/data/italian.md",
}
CORPUS_NAME = {
    "shakespeare": "sonnets.txt",
    "english": "260 books, modern articles and everyday sentences",
    "german": "novels, plays, letters, speeches, modern articles and everyday sentences",
    "french": "novels, letters, speeches, modern articles and everyday sentences",
    "spanish": "novels, stories, plays, modern articles and everyday sentences",
    "italian": "novels, plays, speeches, modern articles and everyday sentences",
}
"""How the app names the text. The name of a training is that of the first file, "and 272 more"."""
BLOCKED_WORDS = Path(__file__).parent / "blocked_words"
"""A file for each language: slurs and obscene words of its texts, misspellings and old spellings,
words of dialects, and nouns in small letters. They are known when they are typed and never
suggested. Candidates are the rare words one slip of the fingers away from a word that is 100 times
as frequent, and those that no dictionary has. A person chose among them."""
CONVENTIONS = {
    "german": Conventions(
        forms={"“": "„", "”": "“", "‘": "‚", "’": "‘"},
        spaces={"€": (True, True), "§": (True, True)},
        starts={"!": True},
    ),
    "french": Conventions(
        spaces={"€": (True, True), "%": (True, True)},
        starts={"!": True, "?": True, "!“": True, ":“": True},
    ),
    "spanish": Conventions(
        forms=dict(zip("“”‘’'", "“”‘’’", strict=True)),
        spaces={"€": (True, True), "—": (True, False)},
    ),
    "italian": Conventions(
        spaces={"%": (False, True), "€": (True, True), "-": (True, True), "–": (True, True)},
        starts={"?": True, "!": True, "!“": True, ":“": True, "^(": True},
    ),
}
"""The conventions of today, where the texts of a language are older or differ among themselves:
quotes such as » «, dashes without spaces, and small letters after an exclamation mark."""
MIXTURE = Mixture({"network": 0.8, "cache": 0.2})
"""For lines after 10,000 words of text; a training fits its weights to lines after at most 500."""


def main() -> None:
    """Trains, measures, and puts the files in place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ABOUT)
    parser.add_argument("texts", nargs="?", type=Path)
    parser.add_argument("--data-dir", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.data_dir or Path(temporary)
        if asked.name == SONNETS:
            made = train(folder, ["--on=none"])
        else:
            words = f"--max-vocabulary={MOST_WORDS.get(asked.name, 48_000)}"
            epochs = f"--epochs={EPOCHS.get(asked.name, 2)}"
            dropout = f"--dropout={DROPOUT.get(asked.name, 0.05)}"
            texts = sorted(asked.texts.glob("*.txt"))
            made = train(folder, [*map(str, texts), *SETTINGS, words, epochs, dropout])
            add_start(made, texts)
            drop_ngrams(made, folder)
        target = put_in_place(made, asked.name)
    print(f"{asked.name}: {target.stat().st_size:,} bytes in {target}")


def train(folder: Path, arguments: list[str]) -> Path:
    """The file of the trained model. Goes on with a training that was stopped."""
    library = Library(folder)
    name = ("--name", NEW_NAME, "--data-dir", str(folder))
    if library.runs.can_resume(NEW_NAME):
        run("--train", "--resume", *name)
    elif not library.has(NEW_NAME):
        run("--train", *arguments, *name, "--preset=gru")
    return library.path(NEW_NAME)


def add_start(made: Path, texts: Sequence[Path]) -> None:
    """Stores the state that the network starts from: the mean of its states after six lines, at 120
    places of the texts."""
    with open_stored(made) as stored:
        card, tensors, model = stored.card, stored.tensors(), stored.model()
    network = model.models["network"] if isinstance(model, MixedModel) else model
    vocabulary, rng = model.vocabulary, random.Random(0)
    ends = []
    for path in rng.choices(texts, k=120):
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        first, state = rng.randrange(max(1, len(lines) - 5)), network.start
        for line in lines[first : first + 6]:
            ids = vocabulary.encode(model.tokenizer.words(line))
            state = network.state_after(state, [BEGIN_ID, *ids, END_ID])
        ends.append(state)
    write_stored(made, card, tensors | {STATES + START: np.mean(ends, 0).astype(np.float32)})


def drop_ngrams(made: Path, folder: Path) -> None:
    """Takes its n-grams out of the trained model, which saved 0.03 points of keys in 2.9 MB in an
    earlier English, and measures it as it is then."""
    with open_stored(made) as stored:
        card, tensors = stored.card, stored.tensors()
    card = replace(card, mixture=MIXTURE, ngrams=[])
    write_stored(made, card, {n: t for n, t in tensors.items() if not n.startswith(NGRAMS)})
    evaluation = rnnlm_tui.load(NEW_NAME, data_dir=folder).evaluate()
    change_card(made, lambda card: replace(card, evaluation=evaluation))


def put_in_place(made: Path, name: str) -> Path:
    """Writes the model among those that ship, a language with few hashes of its lines; returns the
    path of its file."""
    target = DATA / "models" / f"{name}{SUFFIX}"
    with open_stored(made) as stored:
        card, tensors, known = stored.card, stored.tensors(), stored.vocabulary()
        conventions = stored.conventions()
    blocked = [word for word in blocked_words(name) if word in known]
    facts = {"about": ABOUT[name], "blocked_words": blocked, "language": LANGUAGES.get(name, "")}
    card = replace(card, corpus=replace(card.corpus, name=CORPUS_NAME[name]), **facts)
    if name != SONNETS:
        tensors |= {n: thinned(tensors[n]) for n in (KNOWN, UNSEEN)}
    today = CONVENTIONS.get(name, Conventions())
    conventions = dataclasses.replace(
        conventions,
        forms=conventions.forms | today.forms,
        spaces=conventions.spaces | today.spaces,
        starts=conventions.starts | today.starts,
    )
    tensors |= text_tensors(known, conventions, TrainedLines(tensors[KNOWN], tensors[UNSEEN]))
    write_stored(target, card, tensors)
    return target


def blocked_words(name: str) -> list[str]:
    """The words that the model never suggests."""
    path = BLOCKED_WORDS / f"{name}.txt"
    return path.read_text("utf-8").split() if path.exists() else []


def run(*arguments: str) -> None:
    """Runs the command."""
    subprocess.run([sys.executable, "-m", "rnnlm_tui", *arguments], check=True)


if __name__ == "__main__":
    main()
