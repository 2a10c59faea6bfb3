"""Makes the model that ships with the program, from the sonnets that ship with it:

    python assets/make_built_in.py

Trains it with the seed and the held-out lines of every preset's defaults, writes its weights small,
measures it on those lines, and puts its files into rnnlm_tui/data/model.
tests/test_shipped_model.py recomputes the figures from the files.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rnnlm_tui.store.files import EVALUATION, MODEL
from rnnlm_tui.store.library import BUILT_IN, Library
from rnnlm_tui.store.weights import write_small

TARGET = Path(__file__).parents[1] / "rnnlm_tui" / "data" / "model"
SETTINGS = ("--preset", "gru")
MOST_BYTES = 3 << 20
NEW_NAME = "new"
"""Trained under another name, since nobody can train the one that ships."""


def main() -> None:
    """Trains, measures, and puts the files in place."""
    with tempfile.TemporaryDirectory() as folder:
        data = ("--data-dir", folder)
        run("--train", "--name", NEW_NAME, *SETTINGS, *data)
        library = Library(Path(folder))
        card = library.open(NEW_NAME)[0]
        made = library.path(NEW_NAME)
        write_small(made)
        run("--evaluate", "--model", NEW_NAME, *data)
        files = [made / name for name in (card.vocabulary, card.weights, EVALUATION, MODEL)]
        size = sum(path.stat().st_size for path in files)
        if size > MOST_BYTES:
            raise SystemExit(f"{size:,} bytes are too many to ship: at most {MOST_BYTES:,}")
        shutil.rmtree(TARGET, ignore_errors=True)
        TARGET.mkdir()
        for path in files:
            shutil.copyfile(path, TARGET / path.name)
    print(f"{BUILT_IN}: {size:,} bytes in {TARGET}")


def run(*arguments: str) -> None:
    """Runs the command."""
    subprocess.run([sys.executable, "-m", "rnnlm_tui", *arguments], check=True)


if __name__ == "__main__":
    main()
