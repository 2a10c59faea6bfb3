"""The facts on the card of a model, and its row in the list."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from rnnlm_tui.event_types import BaseSavings, Evaluation
from rnnlm_tui.store.library import Entry, Library
from rnnlm_tui.store.model_file import change_card as change_saved
from rnnlm_tui.tui.models.card import card_rows, heading
from rnnlm_tui.tui.models.screen import cells
from tests.helpers.commands import VERSES
from tests.helpers.models import change_card, held_elsewhere, make_model, put
from tests.helpers.training import run, small_job

EVALUATION = Evaluation(9, 99, 99, 5.0, 148.4, 0.1, 0.07, 0.19, 999, 799, 0.2, None)
ENGLISH = BaseSavings("english", 0.188)


def hold_out(data: dict[str, Any]) -> None:
    """Gives a card held-out figures and an ancestor."""
    data["config"]["train"]["held_out"] = 0.1
    held_out = {"loss": 6.0, "perplexity": 403.4, "top1": 0.152, "top5": 0.26}
    data["metrics"]["held_out"] = held_out
    data["ancestors"] = [{"name": "first", "created": "", "corpus": data["corpus"]}]


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A model without held-out lines, one with them, a damaged model, and a run without a model."""
    library = Library(data_dir)
    make_model(library.path("one"), seed=1)
    make_model(library.path("two"), epoch=3, seed=2)
    change_card(library, "two", hold_out)
    put(library.run_folder("two"), {"resume.safetensors": b"x"})
    put(library.folder, {"three.safetensors": b"{}"})
    put(library.run_folder("run"), {"resume.safetensors": b"x" * 100})
    return library


def listed(library: Library, name: str) -> Entry:
    """The model as it is listed."""
    return next(one for one in library.entries() if one.name == name)


def card_of(library: Library, name: str) -> str:
    """The card of the model as one text."""
    one = listed(library, name)
    rows = [f"{label}: {text}" if label else f"  {text}" for label, text in card_rows(one)]
    return "\n".join([heading(one, is_active=False).plain, *rows])


CARDS: list[tuple[str, tuple[str, ...]]] = [
    ("one", ("trained on all its lines: no figure for lines it never saw",
             "training lines: network: perplexity 12.2, top word right 25%")),
    ("two", ("not yet measured on the lines it never saw",
             "training: was stopped and can be resumed", "preset: lesson: ",
             "corpus: verses: 6 lines, 40 words", "ancestor: first, of verses",
             "vocabulary: 6 words", "window: the last 4 words", "parameters: 96",
             "epochs: 3 of 130 done, epoch 3 is kept",
             "held-out lines: network: perplexity 403, top word right 15%",
             "two.safetensors", "resume.safetensors", "versions: rnnlm_tui 0")),
    ("three", ("three   damaged", "no whole file of this program", "to do: delete it")),
    ("run", ("run   unfinished", "epochs: none saved yet", "to do: resume it, or delete it")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parts"), CARDS)
def test_a_card_says_all_there_is_to_say(
    library: Library, name: str, parts: tuple[str, ...]
) -> None:
    said = card_of(library, name)
    assert [part for part in parts if part not in said] == []


def test_a_card_says_of_which_part_and_of_which_lines_each_figure_is(data_dir: Path) -> None:
    library = Library(data_dir)
    small = small_job("gru", library.folder / "mixed", text=VERSES * 9, epochs=1, mixture="on",
                      held_out=0.2)  # fmt: skip
    list(run(small))
    measured = structs.replace(EVALUATION, base=ENGLISH)
    change_saved(library.path("mixed"), partial(structs.replace, evaluation=measured))
    said = card_of(library, "mixed")
    assert "keys saved 20% (the English alone: 19%); measured on 99 words, too few to tell" in said
    assert "\nheld-out lines: mixture: perplexity 148, top word right 7.0%\n" in said
    assert "\n  network alone: perplexity " in said
    assert "\ntraining lines: network alone: perplexity " in said
    change_saved(library.path("mixed"), partial(structs.replace, evaluation=None))
    assert "\nheld-out lines: network alone: perplexity " in card_of(library, "mixed")


@pytest.mark.parametrize(("words", "saves"), [(499, " few words"), (500, "       20%")])
def test_a_row_does_not_tell_a_share_that_was_measured_on_few_words(
    library: Library, words: int, saves: str
) -> None:
    evaluation = structs.replace(EVALUATION, words=words)
    change_saved(library.path("two"), partial(structs.replace, evaluation=evaluation))
    assert next(cells(listed(library, "two"), is_active=True)).plain == "● two"
    shown = [cell.plain for cell in cells(listed(library, "two"), is_active=False)]
    assert (shown[0], shown[2], shown[4]) == ("  two", saves, "2026-01-02")


def test_a_model_in_training_names_the_process(library: Library) -> None:
    with held_elsewhere(library, "two"):
        said = card_of(library, "two")
        assert said.startswith("two   training\n")
        assert "\ntrained by: process " in said
        assert "can be resumed" not in said
    assert not any(one.trained_by for one in library.entries())
