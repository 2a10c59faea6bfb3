"""Mixed models on the command line: --on, --mixture, and --evaluate with their components."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import change_card, open_stored, read_card
from rnnlm_tui.store.training_text import find_corpus
from rnnlm_tui.text.excerpts import excerpts_of
from rnnlm_tui.training import base_model
from tests.helpers.commands import VERSES, Command, events_of, refused
from tests.helpers.events import end_of
from tests.helpers.models import held_out_mask_of
from tests.helpers.training import stopped_after

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
    assert re.search(r"^own: keys saved \d+% \(base alone: \d+%\)", shown, re.M)
    assert "own is a mixture: n-grams" in shown and "its base base" in shown
    (listed,) = json.loads(run("--models", "own", "--json").stdout)["models"]
    assert listed["mixture"]["base"]["name"] == "base"
    # A copy and an export hold the base.
    library.duplicate("own", "copy")
    exported = library.export("own", data_dir / "own.safetensors")
    library.import_(exported, "imported")
    library.delete("base")
    for name in ("copy", "imported"):
        assert "owl" in library.open(name)[1].vocabulary


def test_what_the_base_saves_alone_is_stored_by_a_training_and_by_evaluate(
    train: Command, run: Command, data_dir: Path
) -> None:
    done = train("own", "--on", "base", "--json")
    library = Library(data_dir)
    card, base = library.open("own")[0], library.open("base")[1]
    lines = find_corpus("own", library.run_folder("own"), card).lines
    excerpts = excerpts_of(lines, held_out_mask_of(library, "own", lines))
    scores = (score(base, each.lines, each.above) for each in excerpts)
    savings = summarize(chain.from_iterable(scores)).keystroke_savings
    expected = {"name": "base", "keystroke_savings": savings}
    by_training = end_of(events_of(done)).evaluation
    assert by_training is not None and by_training["base"] == expected
    assert card.base_alone == expected
    (listed,) = json.loads(run("--models", "own", "--json").stdout)["models"]
    assert listed["base_alone"] == expected
    forget = partial(replace, evaluation=None, base_alone=None)
    change_card(library.path("own"), forget)
    last = run("--evaluate", "--model=own").stdout.splitlines()[-1]
    assert re.match(r"own: keys saved \d+% \(base alone: \d+%\), on lines .*", last)
    assert read_card(library.path("own")) == card


@pytest.mark.parametrize("change", ["delete", "rename", "train again"])
def test_a_model_carries_its_base(
    change: str, train: Command, run: Command, data_dir: Path, tmp_path: Path
) -> None:
    train("own", "--on", "base")
    library = Library(data_dir)
    before, card = library.path("own").read_bytes(), library.open("own")[0]
    if change == "delete":
        library.delete("base")
    elif change == "rename":
        library.rename("base", "other")
    else:
        (tmp_path / "base.txt").write_text(BASE + "the sun\n")
        train("base", "--force")
    assert library.path("own").read_bytes() == before
    assert card.base is not None and card.base.corpus["name"] == "base.txt"
    done = run("--suggest", "--model=own", "an o", "--json")
    assert json.loads(done.stdout)["suggestions"][0]["word"] == "owl" and not done.stderr
    # An update keeps the base that the model has.
    (tmp_path / "own.txt").write_text(OWN + "the cow ate\n" * 20)
    run("--train", "--update=own", "--quiet")
    updated, model = library.open("own")
    assert updated.base == card.base and "owl" in model.vocabulary


def test_english_is_named_and_the_one_installed_is_used(
    train: Command,
    run: Command,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped, library = tmp_path / "shipped", Library(data_dir)
    shipped.mkdir()
    library.path("base").rename(shipped / "english.safetensors")
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(shipped))
    train("own", "--on", "english")
    card, model = library.open("own")
    assert card.base_named is not None and card.base is None
    assert "owl" in model.vocabulary
    with open_stored(library.path("own")) as stored:
        assert not [name for name in stored.tensors() if name.startswith("base.")]
    # A later one takes its place; without it, the model says so and predicts alone.
    (tmp_path / "base.txt").write_text(BASE.replace("owl", "auk"))
    train("base", "--on=none")
    library.path("base").rename(shipped / "english.safetensors")
    assert "auk" in library.open("own")[1].vocabulary
    (shipped / "english.safetensors").unlink()
    done = run("--suggest", "--model=own", "the ")
    assert "its base english is not installed: it predicts without it" in done.stderr
    assert [*library.open("own")[1].models] == ["ngrams"]  # type: ignore[attr-defined]


def test_a_resumed_run_has_its_base_again(
    train: Command, run: Command, data_dir: Path, tmp_path: Path
) -> None:
    small = ("--preset=gru", "--embedding-size=4", "--hidden-size=4", "--epochs=2", "--threads=1")
    with stopped_after(1):
        run("--train", str(tmp_path / "own.txt"), "--name=own", "--on=base", "--quiet", *small)
    library = Library(data_dir)
    library.delete("base")
    done = run("--train", "--resume", "--name=own", "--quiet")
    card, model = library.open("own")
    assert card.epochs_done == 2 and "owl" in model.vocabulary and "base" not in done.stderr


def test_a_model_cannot_be_built_on_endlessly_many(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_model, "MAX_BASES", 1)
    train("own", "--on", "base")
    said = refused(train("own", "--on", "own", "--name=top", code=2))
    assert "own is built on 1 other models" in said


def test_what_cannot_be_built_on_a_model(train: Command, data_dir: Path) -> None:
    for options, code, why in (
        (("--on", "base", "--mixture=off"), 2, "has no base model"),
        (("--on", "nobody"), 1, "there is no model nobody"),
        (("--on", "base", "--tokenizer=whitespace"), 2, "uses the tokenizer"),
        (("--on", "base", "--name=base", "--force"), 2, "built on itself"),
        (("--on", "base", "--resume"), 2, "--from, --on and --written out"),
    ):
        assert why in refused(train("own", *options, code=code))
    train("own", "--on", "none")
    _, model = Library(data_dir).open("own")
    assert isinstance(model, MixedModel) and [*model.models] == ["ngrams"]
    train("own", "--force", "--mixture=off")
    assert not isinstance(Library(data_dir).open("own")[1], MixedModel)
