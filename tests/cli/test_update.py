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
from rnnlm_tui.event_types import Warned
from rnnlm_tui.lm import mixture
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import open_stored
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.excerpts import excerpts_of
from rnnlm_tui.text.streams import Workspace
from rnnlm_tui.training.plan import TrainingRequest, plan
from rnnlm_tui.training.run import TrainingRun
from tests.helpers.commands import Command, events_of, refused
from tests.helpers.events import end_of, epochs_of
from tests.helpers.models import (
    held_out_lines,
    held_out_mask_of,
    models_of,
    put_saved_model,
)
from tests.helpers.training import run as run_all
from tests.helpers.training import run_stopped_at

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
    return {*held_out_lines(library, "diary", read_corpus([text]).lines)}


def known_of(library: Library) -> set[int]:
    """The hashes of the lines that the model was trained on."""
    with open_stored(library.path("diary")) as stored:
        return {*stored.lines().trained_hashes.tolist()}


def saved_now(library: Library, text: Path, model: LanguageModel) -> float | None:
    """The share of keys that a model saves on the lines that are held out now."""
    lines = read_corpus([text]).lines
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
    assert update["replaced"] and update["new_loss"] < update["old_loss"]
    card, model = library.open("diary")
    # Both are measured on the lines that are held out now.
    old, new = (saved_now(library, diary, each) for each in (old_model, model))
    assert end.evaluation is not None and old != new
    assert (end.evaluation["before"], end.evaluation["keystroke_savings"]) == (old, new)
    assert WORD in model.vocabulary and {*old_model.vocabulary.words} <= {*model.vocabulary.words}
    assert card.corpus["lines"] == 160 and card.evaluation is not None
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
    assert [ancestor["name"] for ancestor in library.open("diary")[0].ancestors] == ["diary"]


@pytest.mark.parametrize("options", [NGRAM, GRU])
def test_an_update_keeps_to_the_most_frequent_words(
    options: tuple[str, ...], train: Train, library: Library
) -> None:
    """A network also keeps the words that it has."""
    train(*options, "--max-vocabulary=50")
    words = {*made(library, update="diary").prepared.vocabulary.words}
    if options == NGRAM:
        assert len(words) == 50
    else:
        assert 50 <= len(words) <= 100 and words >= {*library.open("diary")[1].vocabulary.words}


@pytest.mark.parametrize("options", [NGRAM, (*GRU, "--mixture=off")])
def test_a_model_is_kept_if_the_update_is_not_better(
    options: tuple[str, ...], train: Train, run: Command, library: Library, diary: Path
) -> None:
    train(*options)
    worse = diary.with_name("worse.txt")
    nonsense = [f"{number} {number % 7} {number % 3}" for number in range(100)]
    worse.write_text("\n".join([*held_out_before(library, diary), *nonsense]))
    (library.run_folder("diary") / RESUME).unlink(missing_ok=True)
    before = models_of(library)
    flags = [] if options == NGRAM else ["--epochs=2", "--learning-rate=2"]
    done = run("--train", str(worse), "--update=diary", "--json", *flags)
    end = end_of(events_of(done))
    update: Any = end.update
    assert not update["replaced"] and update["new_loss"] > update["old_loss"]
    assert end.metrics == {}
    after, history = models_of(library), "runs/diary/history.jsonl"
    assert after.pop(history) != before.pop(history)
    assert after == before


def made(library: Library, **request: Any) -> TrainingRun:
    """The run of an update, or a resumed one."""
    planned = plan(library, TrainingRequest(**request))
    return planned.prepare(Workspace(library.run_folder("unused")))


def test_a_stopped_update_leaves_the_model_and_resumes_exactly(
    train: Train, library: Library, data_dir: Path
) -> None:
    train(*GRU, "--mixture=off")
    before = models_of(library)
    library.duplicate("diary", "twin")
    stopped = made(library, update="diary", settings={"epochs": "3"})
    assert stopped.config.epochs == 3 and stopped.replaces is not None
    usual = made(library, update="diary").config.network_train
    assert (usual.epochs, usual.learning_rate) == (3, 1e-3)  # as any training from a model
    run_stopped_at(stopped, 1, 2)
    after = models_of(library)
    assert {name: after[name] for name in before} == before
    resumed = made(library, resume=True, name="diary")
    ended = run_all(resumed)
    whole = run_all(made(library, update="twin", settings={"epochs": "3"}))
    assert end_of(ended).update == end_of(whole).update is not None
    figures = end_of(ended).evaluation
    assert figures == end_of(whole).evaluation is not None
    assert figures is not None and figures["before"] is not None
    library.open("diary")  # replaced, so the old model cannot be measured again
    networks = []
    for name in ("diary", "twin"):
        with open_stored(library.path(name)) as stored:
            weights = stored.weights("network")
        networks.append({name: array.tobytes() for name, array in weights.items()})
    assert networks[0] == networks[1]


def test_a_further_text_is_read_again_with_the_next_update(
    train: Train, run: Command, library: Library, diary: Path
) -> None:
    train(*NGRAM)
    written = diary.with_name("written.txt")
    written.write_text("\n".join(SONNETS[200:230]))
    flags = ("--update=diary", *("--add", str(written)) * 2, "--quiet")
    run("--train", *flags)
    assert library.open("diary")[0].corpus["lines"] == 190
    written.write_text("\n".join(SONNETS[200:240]))
    run("--train", *flags)
    assert library.open("diary")[0].corpus["lines"] == 200
    assert "has not changed" in refused(run("--train", "--update=diary", code=3))


def test_a_model_stays_built_on_another(
    train: Train, run: Command, library: Library, tmp_path: Path
) -> None:
    base = tmp_path / "base.txt"
    base.write_text("an owl and a bird sang to the moon\n" * 20)
    run("--train", str(base), *NGRAM, "--name=base", "--quiet")
    train(*NGRAM, "--on=base")
    run("--train", "--update=diary", "--quiet")
    card, model = library.open("diary")
    assert isinstance(model, MixedModel) and "owl" in model.vocabulary and WORD in model.vocabulary
    assert card.mixture is not None and card.mixture["base"] is not None
    run("--train", str(base), "--update=diary", "--mixture=off", "--quiet")
    card, model = library.open("diary")
    assert card.base_named is None and not isinstance(model, MixedModel)


def test_without_held_out_lines_the_last_epoch_replaces_the_model(
    train: Train, run: Command, library: Library
) -> None:
    train(*GRU, "--held-out=0")
    words = library.open("diary")[0].total_words
    done = run("--train", "--update=diary", "--epochs=2", "--json")
    events = events_of(done)
    assert [epoch.best for epoch in epochs_of(events)] == [False, True]
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert any("nothing is held out, so" in message for message in warned)
    assert end_of(events).update == {"replaced": True, "old_loss": None, "new_loss": None}
    assert library.open("diary")[0].total_words > words


def test_what_cannot_be_updated(
    train: Train, run: Command, library: Library, diary: Path, copied: Path
) -> None:
    train(*NGRAM)
    put_saved_model(library, "gru")
    run("--train", "-", *NGRAM, "--name=piped", "--quiet", stdin="a b c\n")
    for options, code, why in (
        (("--update=verses",), 3, "has not changed since it was trained"),
        (("--update=nobody",), 1, "there is no model nobody"),
        (("--update=",), 2, "cannot be a model's name"),
        (("--update=diary", "--on=nobody"), 1, "there is no model nobody"),
        (("--update=piped",), 3, "from standard input"),
        (("--update=gru",), 3, "the file that gru was trained on is not known here"),
        (("--update=diary", "--name=other"), 2, "leave --resume, --force, --from and --name out"),
        (("--update=diary", "--preset=gru"), 2, "diary is of the preset ngram"),
        (("--update=diary", "--tokenizer=lesson"), 2, "--tokenizer cannot be changed"),
        (("--update=diary", "--held-out=0.5"), 2, "--held-out cannot be changed"),
        ((str(diary), "--add", str(diary)), 2, "--add is for --update"),
    ):
        assert why in refused(run("--train", *options, code=code)), options
    diary.write_text("\n".join(OLD))
    assert "has not changed since it was trained" in refused(
        run("--train", "--update=diary", code=3)
    )
