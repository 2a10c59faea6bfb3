"""Makes the models that ship with the program:

    python assets/make_models.py shakespeare
    python assets/make_models.py english TEXTS [--data-dir FOLDER]

The first learns the sonnets that ship, 20 seconds. The second learns the files in the folder TEXTS,
which rnnlm_tui/data/english.md names, about an hour on two quiet cores; it may be
stopped, and goes on from where it stopped if it is started again with the same data folder. Both
are measured on the lines that they held out, and put into rnnlm_tui/data/models.
tests/store/test_shipped_models.py checks what they are.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from msgspec.structs import replace

from rnnlm_tui.lm.mixture import normalize
from rnnlm_tui.store.card import ENGLISH, Mixture
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import CARD, KNOWN, NGRAMS, UNSEEN, open_stored
from rnnlm_tui.store.tensors import write_tensors
from rnnlm_tui.store.trained_lines import thinned

DATA = Path(__file__).parents[1] / "rnnlm_tui" / "data"
NEW_NAME = "new"
"""Trained under another name, since nobody can train one that ships."""
SETTINGS = {
    "shakespeare": ["--on=none"],
    "english": [
        *("--on=none", "--held-out=0.01", "--max-vocabulary=36000"),
        *("--embedding-size=320", "--hidden-size=768", "--dropout=0.1", "--learning-rate=0.003"),
        *("--batch-size=64", "--bptt=35", "--epochs=3", "--precision=bf16"),
    ],
}
ABOUT = {
    "shakespeare": "Shakespeare's sonnets (1609), in the public domain",
    "english": "49 books first published from 1889 to 1930, in the public domain in the United"
    " States as edited by Standard Ebooks (CC0 1.0); articles of 18F and Digital.gov, in the public"
    " domain; sentences of Mozilla Common Voice (CC0 1.0); and the written part of MASC, the"
    " Manually Annotated Sub-Corpus of the American National Corpus, which may be used for"
    " linguistic education, research and development, including commercial development;"
    " rnnlm_tui/data/english.md names them all",
}
CORPUS_NAME = {
    "shakespeare": "sonnets.txt",
    "english": "49 books, modern articles and everyday sentences",
}
"""How the app names the text. The name of a training is that of the first file, "and 52 more"."""
BLOCKED_WORDS = {
    "shakespeare": "",
    "english": "Chinaman Chinaman's Chinamen Coons Cooly Dago Dagoes Jap Japs Negro Negroes Nigger"
    " Pussy Squaw bitch chink coolies coon darkies darky fuck fucking half-breed kike mulatto"
    " negress negro negroes nigger niggers shit slut squaw squaws wop wops",
}
"""Slurs and obscene words of the books, which are known when they are typed and never suggested."""


def main() -> None:
    """Trains, measures, and puts the files in place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SETTINGS)
    parser.add_argument("texts", nargs="?", type=Path)
    parser.add_argument("--data-dir", type=Path)
    asked = parser.parse_args()
    texts = [str(path) for path in sorted(asked.texts.glob("*.txt") if asked.texts else ())]
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.data_dir or Path(temporary)
        made = train(folder, SETTINGS[asked.name], texts)
        target = put_in_place(made, asked.name)
    print(f"{asked.name}: {target.stat().st_size:,} bytes in {target}")


def train(folder: Path, settings: list[str], texts: list[str]) -> Path:
    """The file of the trained model. Goes on with a training that was stopped."""
    library = Library(folder)
    name = ("--name", NEW_NAME, "--data-dir", str(folder))
    if library.run(NEW_NAME).resumable:
        run("--train", "--resume", *name)
    elif not library.has(NEW_NAME):
        run("--train", *texts, *name, "--preset=gru", *settings)
    return library.path(NEW_NAME)


def put_in_place(made: Path, name: str) -> Path:
    """Writes the model among those that ship; returns the path of its file. The English ships
    without n-grams, which save 0.0 points of keys in 3 MB, and with few hashes of its lines."""
    target = DATA / "models" / f"{name}{SUFFIX}"
    with open_stored(made) as stored:
        card, tensors = stored.card, stored.tensors()
    facts = {"about": ABOUT[name], "blocked_words": BLOCKED_WORDS[name].split()}
    card = replace(card, corpus=replace(card.corpus, name=CORPUS_NAME[name]), **facts)
    if name == ENGLISH:
        assert card.mixture is not None
        weights = dict(card.mixture.weights)
        del weights["ngrams"]
        card = replace(card, mixture=Mixture(normalize(weights)), ngrams=[])
        tensors = {n: t for n, t in tensors.items() if not n.startswith(NGRAMS)}
        tensors |= {n: thinned(tensors[n]) for n in (KNOWN, UNSEEN)}
    write_tensors(target, tensors, {CARD: msgspec.json.encode(card).decode()})
    return target


def run(*arguments: str) -> None:
    """Runs the command."""
    subprocess.run([sys.executable, "-m", "rnnlm_tui", *arguments], check=True)


if __name__ == "__main__":
    main()
