"""The card of a model, and its row in the list, as the app and the command line show them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from rnnlm_tui.events import BaseSavings, ByWriter, Evaluation
from rnnlm_tui.store.library import Entry, Library
from rnnlm_tui.store.model_file import change_card
from rnnlm_tui.wording.model_rows import card_rows, keys_saved, list_row
from tests.helpers.commands import verses
from tests.helpers.events import writers
from tests.helpers.languages import base, ship
from tests.helpers.models import change_card_json, held_elsewhere, make_model, put, put_state
from tests.helpers.training import run, small_job

KEYS = ByWriter(799, 849, 949)
EVALUATION = Evaluation(9, 99, 99, 5.0, 148.4, 0.1, 0.07, 0.19, 999, KEYS, writers(0.2), None)
MEASURED = structs.replace(EVALUATION, words=500)
RANKED = structs.replace(MEASURED, keys=None, keystroke_savings=None)


def hold_out(data: dict[str, Any]) -> None:
    """Gives a card held-out figures and an ancestor."""
    data["config"]["train"]["held_out"] = 0.1
    held_out = {"loss": 6.0, "perplexity": 403.4, "top1": 0.152, "top5": 0.26}
    data["metrics"]["held_out"] = held_out
    data["ancestors"] = [{"name": "first", "created": "", "corpus": data["corpus"]}]


@pytest.fixture
def library(data_dir: Path) -> Library:
    """Models with and without held-out lines, with an unfinished run, a damaged one, and a run."""
    library = Library(data_dir)
    for name in ("one", "two", "few", "most", "ranked"):
        make_model(library.path(name), epoch=3)
    for name in ("two", "few", "most", "ranked"):
        change_card_json(library, name, hold_out)
    put_state(library.runs.folder("two"), 3, 5)
    change_card(library.path("few"), partial(structs.replace, evaluation=EVALUATION))
    change_card(library.path("most"), partial(structs.replace, evaluation=MEASURED))
    change_card(library.path("ranked"), partial(structs.replace, evaluation=RANKED))
    put(library.folder, {"three.safetensors": b"{}"})
    put_state(library.runs.folder("run"), 1, 5)
    put(library.runs.folder("odd"), {"resume.safetensors": b"x" * 100})
    return library


def listed(library: Library, name: str) -> Entry:
    """The model as it is listed."""
    return next(one for one in library.entries() if one.name == name)


def card_of(library: Library, name: str) -> str:
    """The card of the model as one text."""
    rows = card_rows(listed(library, name))
    return "\n".join(f"{label}: {text}" if label else f"  {text}" for label, text in rows)


MODELS: list[tuple[str, str, tuple[str, ...]]] = [
    ("one", "lesson||verses|2026-01-02",
     ("how good: \nmeasured on: no lines: it has learned all of them\n"
      "training lines: perplexity 12.2, next word right 25%\nwhat it is: \npreset: lesson: ",)),
    ("two", "lesson||verses|resume 2/5",
     ("training: was stopped after 2 of 5 epochs and can be resumed",
      "measured on: nothing yet of the lines that it has not learned",
      "network: perplexity 403, next word right 15% on held-out lines",
      "vocabulary: 6 words", "window: the last 4 words",
      "parameters: 96 = 21 Embedding + ", "where from: \ncorpus: verses: 6 lines, 40 words",
      "ancestor: first, of verses", "epochs: 3 of 130 done, epoch 3 is kept",
      "saved: 2026-01-02 ", "on disk: 4 kB, in ")),
    ("few", "lesson|few words|verses|2026-01-02",
     ("99 words that it has not learned: too few to tell how many keys it saves, that takes 500",)),
    ("most", "lesson|20 and 5|verses|2026-01-02",
     ("keys saved: ━━────────  20%  reading the list\n  ╸─────────   5%  looking at the cursor\n"
      "next word: ╸─────────   7%  is the first suggested\n",
      "perplexity: 148: as unsure as among that many words")),
    ("ranked", "lesson||verses|2026-01-02",
     ("on: 500 words that it has not learned\nnext word: ",)),
    ("three", "|||damaged", ("reason: it is not a complete file", "to do: delete it")),
    ("run", "lesson|||resume 0/5", ("training: was stopped after 0 of 5 epochs",)),
    ("odd", "|||resume", ("training: was stopped after 0 epochs and can be resumed",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "parts"), MODELS)
def test_a_row_and_a_card_say_what_a_model_is(
    library: Library, name: str, row: str, parts: tuple[str, ...]
) -> None:
    assert "|".join(list_row(listed(library, name))[2:]) == row
    said = card_of(library, name)
    assert [part for part in parts if part not in said] == []


def test_a_model_has_the_name_of_its_language_if_that_is_built_in(
    library: Library, built_in_dir: Path
) -> None:
    put(library.folder, {"letters.safetensors": base("german")})
    assert list_row(listed(library, "letters"))[1] == "de"
    assert list_row(listed(library, "one"))[1] == ""
    ship(built_in_dir, "german")
    for name in ("german", "letters"):
        assert list_row(listed(library, name))[1] == "German"
        assert "\nlanguage: German\n" in card_of(library, name)
    assert "language: " not in card_of(library, "one")


def test_a_card_says_of_which_part_and_of_which_lines_each_figure_is(data_dir: Path) -> None:
    library = Library(data_dir)
    list(run(small_job("gru", data_dir, verses(9), epochs=1, mixture="on", held_out=0.2)))
    measured = structs.replace(EVALUATION, base=BaseSavings("english", writers(0.188)))
    change_card(library.path("small"), partial(structs.replace, evaluation=measured))
    said = card_of(library, "small")
    assert "99 words that it has not learned: too few to tell" in said
    assert "\nperplexity: 148: as unsure as among that many words\nnetwork alone: perplex" in said
    assert "\n  training lines: perplexity " in said
    assert "(it knows fewer words: not comparable)" not in said

    def mix(data: dict[str, Any]) -> None:
        data["mixture"] = {"weights": data["mixture"]["weights"] | {"base": 0.5}, "base": "english"}

    change_card_json(library, "small", mix)
    assert "(it knows fewer words: not comparable), next word right" in card_of(library, "small")
    enough = structs.replace(measured, words=500, keystroke_savings=writers(-0.02))
    change_card(library.path("small"), partial(structs.replace, evaluation=enough))
    assert "keys saved: ──────────  -2%  reading the list\n" in card_of(library, "small")
    assert "English alone: ━━────────  19%  reading the list\n" in card_of(library, "small")
    change_card(library.path("small"), partial(structs.replace, evaluation=None))
    assert re.search(
        r"\nnetwork alone: perplexity .* on held-out lines\n", card_of(library, "small")
    )


def test_figures_of_another_text_than_that_of_the_selected_model_are_marked(
    library: Library,
) -> None:
    change_card_json(library, "one", lambda data: data["corpus"].update(sha256="11"))
    most = listed(library, "most")
    for name, marked in (("one", "≠ 20 and 5"), ("two", "20 and 5"), ("run", "20 and 5")):
        assert keys_saved(most, listed(library, name)) == marked
    assert keys_saved(listed(library, "few"), listed(library, "one")) == "few words"


def test_a_model_in_training_names_the_process(library: Library) -> None:
    with held_elsewhere(library, "two"):
        assert list_row(listed(library, "two"))[-1] == "training"
        assert card_of(library, "two").startswith("trained by: process ")
    assert not any(one.trained_by for one in library.entries())
