"""Mixed models on the command line: --on, --mixture, and --evaluate with their components."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest

from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.store.card import base_of
from rnnlm_tui.store.evaluations import read_held_out_evaluation
from rnnlm_tui.store.files import EVALUATION
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import find_corpus, held_out_of
from rnnlm_tui.text.excerpts import excerpts_of
from tests.helpers.commands import VERSES, Command, events_of, refused
from tests.helpers.events import end_of
from tests.helpers.models import change_card

OWN, BASE = VERSES * 5, "an owl and a bird sang to the moon\n" * 20
NGRAM = ("--preset=ngram", "--quiet")


@pytest.fixture
def train(run: Command, data_dir: Path, tmp_path: Path) -> Command:
    """Trains on the text of this name: `own`, or `base`, whose model exists already."""
    for name, text in (("own", OWN), ("base", BASE)):
        (tmp_path / f"{name}.txt").write_text(text)

    def train(name: str, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        text = str(tmp_path / f"{name}.txt")
        return run("--train", text, *NGRAM, f"--name={name}", *options, code=code)

    train("base")
    return train


def test_a_model_is_built_on_another(train: Command, run: Command, data_dir: Path) -> None:
    train("own", "--on", "base")
    library = Library(data_dir)
    card, model = library.open("own")
    assert isinstance(model, MixedModel)
    assert "owl" in model.vocabulary and "owl" not in model.own_vocabulary
    answer = json.loads(run("--evaluate", "--model=own", "--json").stdout)
    (figures,) = answer["models"]
    parts = {part["name"]: part for part in figures["components"]}
    assert [*parts] == ["ngrams", "base", "cache"]
    assert sum(part["weight"] for part in parts.values()) == pytest.approx(1)
    assert "perplexity" not in parts["cache"]
    losses = {name: parts[name]["loss"] for name in ("ngrams", "base")}
    assert losses["ngrams"] < losses["base"]
    # Over the words that the mixture and its components all know.
    assert 0 < answer["common_words"] < figures["words"]
    common = {name: parts[name]["common_loss"] for name in losses}
    assert common["ngrams"] < figures["common_loss"] < common["base"]
    # Keys are counted for what one could write with.
    assert parts["ngrams"]["keystroke_savings"] is None
    assert 0 < parts["base"]["keystroke_savings"] < figures["keystroke_savings"]
    table = run("--evaluate", "--model=own").stdout
    assert "shared words" in table
    assert "n-grams alone" in table and "own is a mixture: n-grams" in table
    assert re.search(r"^ +own \(mixture\) +n-grams alone +", table, re.MULTILINE)
    assert card.mixture is not None and card.mixture["base"] is not None
    assert card.mixture["base"]["name"] == "base"
    shown = run("--models", "own").stdout
    assert "own is a mixture: n-grams" in shown and "its base base" in shown
    (listed,) = json.loads(run("--models", "own", "--json").stdout)["models"]
    assert listed["mixture"]["base"]["name"] == "base"
    # A copy and an export name the base and hold none of its words.
    library.duplicate("own", "copy")
    library.import_(library.export("own", data_dir / "own.zip"), "imported")
    for name in ("copy", "imported"):
        assert "owl" in library.open(name)[1].vocabulary
        assert "owl" not in (library.path(name) / card.vocabulary).read_text()


def test_what_the_base_saves_alone_is_stored_by_a_training_and_by_evaluate(
    train: Command, run: Command, data_dir: Path
) -> None:
    done = train("own", "--on", "base", "--json")
    library = Library(data_dir)
    card, folder = library.open("own")[0], library.path("own")
    corpus, base = find_corpus("own", folder, card), library.open("base")[1]
    excerpts = excerpts_of(corpus.lines, held_out_of(folder, card, corpus))
    scores = (score(base, each.lines, each.above) for each in excerpts)
    savings = summarize(chain.from_iterable(scores)).keystroke_savings
    expected = {"name": "base", "keystroke_savings": savings}
    by_training = end_of(events_of(done)).evaluation
    assert by_training is not None and by_training["base"] == expected
    stored = read_held_out_evaluation(folder, card)
    assert stored is not None and stored.base == expected
    (listed,) = json.loads(run("--models", "own", "--json").stdout)["models"]
    assert listed["base_alone"] == expected
    (folder / EVALUATION).unlink()
    last = run("--evaluate", "--model=own").stdout.splitlines()[-1]
    assert re.match(r"own: saves \d+% of keys on lines .* \(base alone: \d+%\)", last)
    assert read_held_out_evaluation(folder, card) == stored


def test_a_base_may_be_renamed(train: Command, data_dir: Path) -> None:
    train("own", "--on", "base")
    library = Library(data_dir)
    library.rename("base", "other")
    assert "owl" in library.open("own")[1].vocabulary


def test_a_model_that_says_it_is_built_on_itself_is_opened(train: Command, data_dir: Path) -> None:
    train("own", "--on", "base")
    library = Library(data_dir)
    own = base_of("own", library.open("own")[0])
    change_card(library, "own", lambda card: card["mixture"].update(base=own))
    _, model = library.open("own")
    assert isinstance(model, MixedModel) and "owl" not in model.vocabulary


@pytest.mark.parametrize("change", ["delete", "train again"])
def test_without_its_base_a_model_predicts_alone(
    change: str, train: Command, run: Command, data_dir: Path, tmp_path: Path
) -> None:
    train("own", "--on", "base")
    if change == "delete":
        Library(data_dir).delete("base")
    else:
        (tmp_path / "base.txt").write_text(BASE + "the sun\n")
        train("base", "--force")
    done = run("--suggest", "--model=own", "the ")
    assert "its base base is gone or was trained again" in done.stderr
    _, model = Library(data_dir).open("own")
    assert isinstance(model, MixedModel) and "owl" not in model.vocabulary
    assert {*model.mixture_weights} == {"ngrams", "cache"}


def test_what_cannot_be_built_on_a_model(train: Command, data_dir: Path) -> None:
    for options, code, why in (
        (("--on", "base", "--mixture=off"), 2, "has no base model"),
        (("--on", "nobody"), 1, "there is no model nobody"),
        (("--on", "base", "--tokenizer=whitespace"), 2, "uses the tokenizer"),
        (("--on", "base", "--name=base", "--force"), 2, "built on itself"),
        (("--on", "base", "--resume"), 2, "--from and --on out"),
    ):
        assert why in refused(train("own", *options, code=code))
    train("own", "--on", "none")
    _, model = Library(data_dir).open("own")
    assert isinstance(model, MixedModel) and [*model.models] == ["ngrams"]
    train("own", "--force", "--mixture=off")
    assert not isinstance(Library(data_dir).open("own")[1], MixedModel)
