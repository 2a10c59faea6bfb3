"""`--train --update`: a model is trained on its grown text, and replaced if that is better."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.reading import read_corpus
from tests.helpers.commands import Command, events_of
from tests.helpers.events import end_of
from tests.helpers.models import held_out_lines

SONNETS = [line for line in bundled_corpus().read_text().splitlines() if line.strip()]
OLD, NEW, FIRST = SONNETS[40:140], SONNETS[140:180], SONNETS[20:40]
WORD = "clock"
"""In the new lines alone."""
GRU = ("--preset=gru", "--embedding-size=8", "--hidden-size=8", "--epochs=2", "--threads=1")


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--preset=ngram",), GRU])
def test_a_model_is_updated_with_its_grown_text(
    options: tuple[str, ...], run: Command, library: Library, tmp_path: Path
) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("\n".join(OLD))
    run("--train", str(diary), "--name=diary", "--quiet", "--held-out=0.2", *options)
    words = {*library.open("diary").model.vocabulary.words}
    was_held_out = {*held_out_lines(library, "diary", read_corpus([diary]))}
    assert WORD not in words and len(was_held_out) == 20
    diary.write_text("\n".join([*FIRST, *OLD, *NEW]))  # it has grown at both ends
    fewer = ["--epochs=1"] if options == GRU else []
    end = end_of(events_of(run("--train", "--update", "diary", "--json", *fewer)))
    update: Any = end.update
    assert update.replaced and update.new_loss < update.old_loss
    assert end.evaluation is not None and update.old_savings != end.evaluation.keystroke_savings
    opened = library.open("diary")
    card, model = opened.card, opened.model
    assert WORD in model.vocabulary and words <= {*model.vocabulary.words}
    assert card.corpus.lines == 160 and card.evaluation == end.evaluation
    # Held-out lines stay held out, and so is a fifth of the new ones; no training line is.
    held_out = {*held_out_lines(library, "diary", read_corpus([diary]))}
    assert was_held_out <= held_out <= was_held_out | {*FIRST, *NEW}
    assert 0 < len(held_out - was_held_out) < 20
    shown = json.loads(run("--evaluate", "--json", "--model=diary").stdout)["models"][0]
    assert shown["trained_on_lines"] == 0
    assert shown["keystroke_savings"] == to_builtins(end.evaluation.keystroke_savings)
    # The next one finds the text and another, and counts the model once among its ancestors.
    more = tmp_path / "more.txt"
    more.write_text("\n".join(SONNETS[180:200]))
    again = run("--train", "--update=diary", *("--add", str(more)) * 2, *fewer)
    assert re.search(r"the model (is replaced|stays as it was)", again.stdout), again.stdout
    assert [ancestor.name for ancestor in library.open("diary").card.ancestors] == ["diary"]


@pytest.mark.slow
def test_a_model_of_a_folder_is_updated_with_what_was_added_and_changed_there(
    run: Command, library: Library, tmp_path: Path
) -> None:
    notes = tmp_path / "My notes"
    (notes / "old").mkdir(parents=True)
    (notes / "old" / "b.txt").write_text("\n".join(OLD))
    (notes / "a.md").write_text("\n".join(FIRST))
    ngram = ("--preset=ngram", "--held-out=0.2")
    card = json.loads(run("--summary", str(notes), *ngram, "--json").stdout)
    assert card["name"] == "My-notes-ngram"
    assert card["prospect"][0] == "It reads My notes/ (2 files)."
    assert "read in this order: a.md, old/b.txt" in card["notes"]
    run("--train", f"{notes}/", *ngram)
    assert library.open("My-notes-ngram").card.corpus.name == "My notes/ (2 files)"
    measured = run("--evaluate", str(notes), "--model=My-notes-ngram", "--limit=3").stdout
    assert "lines of My notes/ (2 files) that My-notes-ngram held out" in measured
    again = run("--train", "--update=My-notes-ngram", code=3)
    assert "has learned this text already: nothing in it is new" in again.stderr
    (notes / "old" / "c.md").write_text("\n".join(NEW))
    (notes / "a.md").write_text("\n".join([*FIRST, "one more line"]))
    run("--train", "--update=My-notes-ngram")
    opened = library.open("My-notes-ngram")
    card, model = opened.card, opened.model
    assert WORD in model.vocabulary and "one" in model.vocabulary
    assert (card.corpus.name, card.corpus.lines) == ("My notes/ (3 files)", 161)
