"""The facts on the cards, and the list of models behind them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from rnnlm_tui.event_types import BaseSavings, Evaluation
from rnnlm_tui.store.library import Entry, Library
from rnnlm_tui.store.model_file import change_card as change_saved
from rnnlm_tui.tui.models.card import (
    Line,
    heading,
    layers,
    on_disk,
    overview,
    quality,
    state,
)
from rnnlm_tui.tui.models.table import COLUMNS
from tests.helpers.commands import VERSES
from tests.helpers.models import change_card, held_elsewhere, make_model, put
from tests.helpers.training import run, small_job

EVALUATION = Evaluation(9, 99, 99, 5.0, 148.4, 0.1, 0.07, 0.19, 999, 799, 0.2, None)
ENGLISH = BaseSavings("english", 0.188)


def hold_out(data: dict[str, Any]) -> None:
    """Gives a card held-out figures."""
    data["config"]["train"]["held_out"] = 0.1
    held_out = {"loss": 6.0, "perplexity": 403.4, "top1": 0.152, "top5": 0.26}
    data["metrics"]["held_out"] = held_out


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A model without held-out lines, one with them, a damaged model, and a run without a model."""
    library = Library(data_dir)
    make_model(library.path("one"), seed=1)
    make_model(library.path("two"), epoch=3, seed=2)
    change_card(library, "two", hold_out)
    put(library.folder, {"three.safetensors": b"{}"})
    put(library.run_folder("run"), {"resume.safetensors": b"x" * 100})
    return library


def listed(library: Library, name: str) -> Entry:
    """The model as it is listed."""
    return next(one for one in library.entries() if one.name == name)


def text_of(lines: Iterator[Line]) -> str:
    """The lines as one text."""
    return "\n".join(f"{label} {text}".strip() for label, text in lines)


def test_a_card_says_all_there_is_to_say(library: Library) -> None:
    put(library.run_folder("two"), {"resume.safetensors": b"x"})
    one = listed(library, "two")
    assert one.card is not None
    said = text_of(overview(one))
    for part in (
        "preset lesson: ",
        "corpus verses\n6 lines, 40 words",
        "vocabulary 6 words",
        "window the last 4 words",
        "parameters 96",
        "epochs 3 of 130 done, epoch 3 is kept",
        "training was stopped and can be resumed",
    ):
        assert part in said
    assert sum(int(number) for _, number, _ in layers(one.card)) == 96
    disk = dict(on_disk(one))
    assert disk["folder"] == str(library.folder)
    assert {"created", "saved", "versions"} <= disk.keys()
    assert {text for _, text in on_disk(one)} >= set(one.files)


def quality_of(library: Library, name: str) -> str:
    """How good the model is, as its card says."""
    one = listed(library, name)
    assert one.card is not None
    told = heading(one, is_active=False).plain.partition("\n")[2]
    return f"{told}\n{text_of(quality(one.card))}"


def test_a_model_without_an_evaluation_says_how_to_get_one(library: Library) -> None:
    assert quality_of(library, "two") == (
        "keys saved: measured when its training ends\n"
        "held-out lines network: perplexity 403 per word\n"
        "top word right: 15%; top five: 26%\n"
        "training lines network: perplexity 12.2 per word\n"
        "top word right: 25%"
    )


def test_a_card_says_of_which_part_and_of_which_lines_each_figure_is(data_dir: Path) -> None:
    library = Library(data_dir)
    small = small_job("gru", library.folder / "mixed", text=VERSES * 9, epochs=1, mixture="on",
                      held_out=0.2)  # fmt: skip
    list(run(small))
    measured = partial(structs.replace, evaluation=structs.replace(EVALUATION, base=ENGLISH))
    change_saved(library.path("mixed"), measured)
    assert "window all words before" in text_of(overview(listed(library, "mixed")))
    said = quality_of(library, "mixed")
    saves = "keys saved 20% (the English alone: 19%); measured on"
    assert said.startswith(f"{saves} 99 words, too few to tell\n")
    mixture = "held-out lines mixture: perplexity 148 per word\ntop word right: 7.0%; top five: 19%"
    assert mixture in said
    assert "\nnetwork alone: perplexity " in said
    assert "\ntraining lines network alone: perplexity " in said
    change_saved(library.path("mixed"), partial(structs.replace, evaluation=None))
    assert "\nheld-out lines network alone: perplexity " in quality_of(library, "mixed")
    assert COLUMNS["figures"].text(listed(library, "mixed")) == "   - · -"


def test_the_figures_of_an_evaluation_go_first(library: Library) -> None:
    change_saved(library.path("two"), partial(structs.replace, evaluation=EVALUATION))
    said = quality_of(library, "two")
    assert "held-out lines network: perplexity 148 per word\ntop word right: 7.0%" in said
    assert said.startswith("keys saved 20%; measured on 99 words")


def test_a_share_measured_on_few_words_is_not_in_the_list(library: Library) -> None:
    for words, shown in ((499, "?"), (500, "20%")):
        change_saved(
            library.path("two"),
            partial(structs.replace, evaluation=structs.replace(EVALUATION, words=words)),
        )
        assert COLUMNS["saves"].text(listed(library, "two")) == shown


def test_a_model_without_held_out_lines_does_not_claim_to_know_new_ones(library: Library) -> None:
    said = quality_of(library, "one")
    assert "keys saved: not known, no lines were held out of its training" in said
    assert "--evaluate" not in said


@pytest.mark.parametrize(
    ("name", "head", "part"),
    [
        ("three", "three   ! damaged", "no whole file of this program"),
        ("run", "run   ○ unfinished", "epochs none saved yet"),
    ],
)
def test_what_cannot_be_used_says_why_and_what_to_do(
    library: Library, name: str, head: str, part: str
) -> None:
    one = listed(library, name)
    assert heading(one, is_active=False).plain == head
    assert part in text_of(overview(one))
    assert "delete it" in text_of(overview(one))


def test_a_model_in_training_names_the_process(library: Library) -> None:
    with held_elsewhere(library, "two"):
        one = listed(library, "two")
        assert heading(one, is_active=True).plain.startswith("two   ● active   ◆ training\n")
        assert dict(overview(one))["trained by"].startswith("process ")
    assert not any(one.trained_by for one in library.entries())


def test_a_corpus_name_of_400_kilobytes_is_damage_and_no_text_to_wrap(library: Library) -> None:
    change_card(library, "two", lambda data: data["corpus"].update(name="w" * 400_000))
    one = listed(library, "two")
    assert state(one) == "damaged"
    assert len(text_of(overview(one))) < 1000


def test_the_card_names_the_models_that_a_training_started_from(library: Library) -> None:
    def start_from(data: dict[str, Any]) -> None:
        data["ancestors"] = [{"name": "first", "created": "", "corpus": data["corpus"]}]

    change_card(library, "one", start_from)
    assert ("ancestor", "first, of verses") in list(overview(listed(library, "one")))
