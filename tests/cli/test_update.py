"""`--train --update`: a model is trained on its grown text, and replaced if that is better."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.lm import mixture
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.text.held_out import excerpts_of
from rnnlm_tui.text.reading import read_text
from tests.helpers.commands import Command, events_of, refused
from tests.helpers.events import end_of
from tests.helpers.models import (
    held_out_lines,
    held_out_mask_of,
)

SONNETS = [line for line in bundled_corpus().read_text().splitlines() if line.strip()]
OLD, NEW, FIRST = SONNETS[40:140], SONNETS[140:180], SONNETS[20:40]
WORD = "clock"
"""In the new lines alone."""
NGRAM = ("--preset=ngram",)
Train = Callable[..., None]
GRU = ("--preset=gru", "--embedding-size=8", "--hidden-size=8", "--epochs=2", "--threads=1")


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """A text of 100 lines."""
    path = tmp_path / "diary.txt"
    path.write_text("\n".join(OLD))
    return path


@pytest.fixture
def train(run: Command, diary: Path) -> Train:
    """Trains the model `diary` with these options, and lets its text grow at both ends."""

    def train(*options: str) -> None:
        run("--train", str(diary), "--name=diary", "--quiet", "--held-out=0.2", *options)
        diary.write_text("\n".join([*FIRST, *OLD, *NEW]))

    return train


def held_out_of(library: Library, text: Path) -> set[str]:
    return {*held_out_lines(library, "diary", read_text([text]))}


def known_of(library: Library) -> set[int]:
    """The hashes of the lines that the model was trained on."""
    with open_stored(library.path("diary")) as stored:
        return {*stored.lines().known.tolist()}


def saved_now(library: Library, text: Path, model: LanguageModel) -> float | None:
    """The share of keys that a model saves on the lines that are held out now."""
    lines = read_text([text])
    mask = held_out_mask_of(library, "diary", lines)
    scores = (score(model, each.lines, each.above) for each in excerpts_of(lines, mask))
    return summarize(chain.from_iterable(scores)).keystroke_savings


def held_out_before(library: Library, diary: Path) -> set[str]:
    """The held-out lines of the model before its text grew."""
    grown = diary.read_text()
    diary.write_text("\n".join(OLD))
    found = held_out_of(library, diary)
    diary.write_text(grown)
    assert len(found) == 20
    return found


@pytest.mark.parametrize("options", [NGRAM, GRU])
def test_a_model_is_updated_with_its_grown_text(
    options: tuple[str, ...],
    train: Train,
    run: Command,
    library: Library,
    diary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mixture, "FEWEST_WORDS", 1 << 30)  # models are measured as they are
    train(*options)
    old_model = library.open("diary")[1]
    known, was_held_out = known_of(library), held_out_before(library, diary)
    assert WORD not in old_model.vocabulary
    fewer = ["--epochs=1"] if options == GRU else []
    done = run("--train", "--update", "diary", "--json", *fewer)
    end = end_of(events_of(done))
    update: Any = end.update
    assert update.replaced and update.new_loss < update.old_loss
    card, model = library.open("diary")
    # Both are measured on the lines that are held out now.
    old, new = (saved_now(library, diary, each) for each in (old_model, model))
    assert end.evaluation is not None and old != new
    assert (update.old_savings, end.evaluation.keystroke_savings) == (old, new)
    assert WORD in model.vocabulary and {*old_model.vocabulary.words} <= {*model.vocabulary.words}
    assert card.corpus.lines == 160 and card.evaluation is not None
    # Held-out lines stay held out, and so is a fifth of the new ones; no training line is.
    held_out = held_out_of(library, diary)
    assert was_held_out <= held_out <= was_held_out | {*FIRST, *NEW}
    assert 0 < len(held_out - was_held_out) < 20
    assert known < known_of(library)
    shown = run("--evaluate", "--json")
    assert json.loads(shown.stdout)["models"][0]["trained_on_lines"] == 0
    # The next one finds the text again, and counts the model once among its ancestors.
    diary.write_text("\n".join([*FIRST, *OLD, *NEW, *SONNETS[180:200]]))
    again = run("--train", "--update=diary", *fewer)
    replaced = r"diary: keys saved \d+%, \d+% before; measured on "
    stayed = "diary: done; the model stays as it was: held-out lines cost "
    assert re.match(rf"{replaced}|{stayed}", again.stdout), again.stdout
    assert [ancestor.name for ancestor in library.open("diary")[0].ancestors] == ["diary"]


def test_a_further_text_is_read_again_with_the_next_update(
    train: Train, run: Command, library: Library, diary: Path
) -> None:
    train(*NGRAM)
    written = diary.with_name("written.txt")
    written.write_text("\n".join(SONNETS[200:230]))
    flags = ("--update=diary", *("--add", str(written)) * 2, "--quiet")
    run("--train", *flags)
    assert library.open("diary")[0].corpus.lines == 190
    written.write_text("\n".join(SONNETS[200:240]))
    run("--train", *flags)
    assert library.open("diary")[0].corpus.lines == 200
    assert "has learned this text already" in refused(run("--train", "--update=diary", code=3))
