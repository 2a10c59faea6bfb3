"""Models that are built on another: the lines that the base was trained on are no unseen lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import compress
from pathlib import Path

import numpy as np
import pytest

from rnnlm_tui.config import make_config
from rnnlm_tui.evaluate import Evaluation
from rnnlm_tui.event_types import Started, Warned
from rnnlm_tui.lm.mixture import PRIOR, MixtureWeights, normalize
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.store.card import ENGLISH
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import change_card, open_stored, read_card
from rnnlm_tui.text import streams
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.overlap import hash_lines
from rnnlm_tui.training.base_model import choose_base
from tests.helpers.commands import Command, events_of
from tests.helpers.models import held_out_lines
from tests.helpers.texts import made_up_corpus
from tests.helpers.training import stopped_after

SONNETS = [line for line in bundled_corpus().read_text().splitlines() if line.strip()]
TWO_THIRDS, ALL = SONNETS[:400], SONNETS[:600]
NGRAM = ("--preset=ngram", "--quiet")
GRU = ("--preset=gru", "--embedding-size=4", "--hidden-size=4", "--epochs=1", "--threads=1")
Train = Callable[..., None]


@pytest.fixture
def train(run: Command, tmp_path: Path) -> Train:
    """Trains the model `name` on these lines, in a file of that name."""

    def train(name: str, lines: list[str], *options: str) -> None:
        text = tmp_path / f"{name}.txt"
        text.write_text("\n".join(lines))
        run("--train", str(text), f"--name={name}", *(options or NGRAM), "--quiet")

    return train


@pytest.fixture
def english(train: Train, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines of a small model that stands in for the built-in English, and that has seen most of
    them."""
    train(ENGLISH, SONNETS[200:300], *GRU, "--on=none")
    shipped = data_dir.with_name("shipped")
    (data_dir / "models").rename(shipped)
    shutil.rmtree(data_dir / "runs")
    monkeypatch.setenv("RNNLM_BUILT_IN_DIR", str(shipped))
    return SONNETS[200:300]


def held_out_of(library: Library, name: str) -> tuple[str, ...]:
    text = library.data_dir.with_name(f"{name}.txt")
    return held_out_lines(library, name, read_corpus([text]).lines)


def known_of(library: Library, name: str, lines: tuple[str, ...]) -> list[str]:
    """Those of the lines that the model or a model below it was trained on."""
    with open_stored(library.path(name)) as stored:
        seen = stored.lines_seen()
    is_known = np.isin(hash_lines(lines, library.open(name)[1].tokenizer), seen)
    return [*compress(lines, is_known)]


def read_words(library: Library, name: str) -> tuple[str, ...]:
    with open_stored(library.path(name)) as stored:
        return stored.vocabulary().words


def weights_of(library: Library, name: str) -> MixtureWeights:
    mixture = library.open(name)[0].mixture
    assert mixture is not None
    return mixture["weights"]


def figures_of(library: Library, name: str) -> Evaluation:
    found = read_card(library.path(name)).evaluation
    assert found is not None
    return found


@pytest.mark.slow
def test_a_base_of_the_same_text_makes_no_figure_better_than_it_is(
    train: Train, library: Library
) -> None:
    train("base", TWO_THIRDS)
    train("mine", ALL, *NGRAM, "--on=base", "--held-out=0.4")
    train("alone", ALL, *NGRAM, "--on=none", "--held-out=0.4")
    mine, alone = (figures_of(library, name) for name in ("mine", "alone"))
    assert mine.perplexity == pytest.approx(alone.perplexity, rel=0.25)
    assert weights_of(library, "mine")["base"] < 0.6
    held_out = held_out_of(library, "mine")
    assert len(held_out) > 30 and known_of(library, "base", held_out) == []


@pytest.mark.slow
def test_lines_of_the_base_of_a_base_are_known_too(
    train: Train, library: Library, run: Command, tmp_path: Path
) -> None:
    train("lowest", SONNETS[:100])
    train("middle", SONNETS[100:200], *NGRAM, "--on=lowest")
    train("top", SONNETS[:400], *NGRAM, "--on=middle")
    held_out = held_out_of(library, "top")
    assert len(held_out) > 15
    assert known_of(library, "lowest", held_out) == known_of(library, "middle", held_out) == []
    # Its own lines, those of its base, and those of the base of that.
    text = tmp_path / "text.txt"
    text.write_text("\n".join([*SONNETS[:5], *SONNETS[1300:1305]]))
    train("other", SONNETS[1000:1100], *NGRAM, "--on=middle")
    done = run("--evaluate", str(text), "--model=other", "--json")
    trained_on = json.loads(done.stdout)["models"][0]["trained_on_lines"]
    assert 3 <= trained_on <= 5
    assert f"other or its base middle was trained on {trained_on} of these 10 lines" in done.stderr
    library.delete("middle")  # other still has it
    done = run("--evaluate", str(text), "--model=other", "--json")
    assert json.loads(done.stdout)["models"][0]["trained_on_lines"] == trained_on


def test_lines_of_the_built_in_english_are_not_held_out(
    english: list[str], train: Train, library: Library
) -> None:
    train("mine", [*english, *SONNETS[500:700]], *NGRAM)
    mixture = library.open("mine")[0].mixture
    assert mixture is not None and mixture["base"] is not None
    assert mixture["base"]["name"] == ENGLISH
    held_out = held_out_of(library, "mine")
    assert len(held_out) > 15 and known_of(library, ENGLISH, held_out) == []


@pytest.mark.slow
def test_with_too_few_unseen_lines_the_weights_stay_as_they_are_by_default(
    train: Train, library: Library, run: Command, tmp_path: Path
) -> None:
    train("base", ALL)
    (tmp_path / "mine.txt").write_text("\n".join([*ALL, *SONNETS[600:700]]))
    options = ("--preset=ngram", "--name=mine", "--on=base", "--json")
    done = run("--train", str(tmp_path / "mine.txt"), *options)
    warned = [event.message for event in events_of(done) if isinstance(event, Warned)]
    assert any("too few to fit the weights of the mixture" in each for each in warned), warned
    weights = weights_of(library, "mine")
    assert weights == pytest.approx(normalize({name: PRIOR[name] for name in weights}))
    shown = run("--evaluate", "--model=mine").stdout
    assert "words, too few to tell" in shown


def test_a_text_of_which_the_base_knows_every_line_has_no_figures(
    train: Train, library: Library, run: Command, tmp_path: Path
) -> None:
    train("base", SONNETS[:100], *NGRAM, "--held-out=0")
    (tmp_path / "mine.txt").write_text("\n".join(SONNETS[:60]))
    done = run("--train", str(tmp_path / "mine.txt"), *NGRAM, "--name=mine", "--on=base")
    assert "built on have seen nearly all lines" in done.stderr
    assert "no unseen words are held out, too few to fit the weights" in done.stderr
    weights = weights_of(library, "mine")
    assert weights == pytest.approx(normalize({name: PRIOR[name] for name in weights}))
    assert read_card(library.path("mine")).evaluation is None
    assert known_of(library, "mine", tuple(SONNETS[:60])) == SONNETS[:60]


@pytest.mark.slow
@pytest.mark.parametrize("from_source", [False, True])
def test_lines_of_the_base_are_known_to_an_update_and_to_a_model_from_another(
    from_source: bool, train: Train, run: Command, library: Library, tmp_path: Path
) -> None:
    train("base", SONNETS[100:200])
    if from_source:
        train("start", SONNETS[200:250], *GRU, "--on=none")
        train("mine", SONNETS[100:350], "--from=start", "--epochs=1", "--threads=1", "--on=base")
    else:
        train("mine", SONNETS[:100], *NGRAM, "--on=base")
        (tmp_path / "mine.txt").write_text("\n".join(SONNETS[:350]))
        run("--train", "--update=mine", "--quiet")
    held_out = held_out_of(library, "mine")
    assert len(held_out) > 9 and known_of(library, "base", held_out) == []


def test_a_resumed_run_holds_out_the_same_lines(
    train: Train, run: Command, library: Library
) -> None:
    train("base", TWO_THIRDS)
    with stopped_after(1):
        train("mine", ALL, *GRU, "--epochs=2", "--on=base")
    before = held_out_of(library, "mine")
    run("--train", "--resume", "--name=mine", "--quiet")
    assert library.open("mine")[0].epochs_done == 2
    assert held_out_of(library, "mine") == before != ()


@pytest.mark.slow
def test_a_large_text_is_split_as_one_in_memory(
    train: Train, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("base", TWO_THIRDS)
    found = []
    for in_memory in (16 << 20, 2_000):
        monkeypatch.setattr(streams, "IN_MEMORY", in_memory)
        monkeypatch.setattr(streams, "BLOCK", 5_000)
        train("mine", ALL, *NGRAM, "--on=base", "--force")
        found.append((held_out_of(library, "mine"), weights_of(library, "mine")))
    assert found[0] == found[1]
    assert known_of(library, "base", found[0][0]) == []


@pytest.mark.parametrize(
    ("option", "starts"),
    [(None, True), ("--max-vocabulary=500", True), ("--dropout=0.3", True),
     ("--hidden-size=4", True), ("--lines=each", True), ("--from=none", False),
     ("--on=none", False),
     ("--hidden-size=5", False), ("--preset=rnn", False)],
)  # fmt: skip
def test_a_network_on_the_english_starts_from_it_and_learns_the_words_of_the_text(
    option: str | None, starts: bool, english: list[str], run: Command, library: Library,
    tmp_path: Path,
) -> None:  # fmt: skip
    text = tmp_path / "mine.txt"
    text.write_text("\n".join(f"{line} zum zum" for line in english))
    options = ["--name=mine", "--threads=1", *filter(None, [option])]
    if not starts:
        options.append("--epochs=1")
    done = run("--train", str(text), *options, "--json")
    started = next(event for event in events_of(done) if isinstance(event, Started))
    card, model = library.open("mine")
    assert ([each["name"] for each in card.ancestors] == [ENGLISH]) == starts
    assert "zum" in model.vocabulary
    assert (started.config["model"]["hidden_size"] == 4) == starts
    if starts:
        assert {"thou", "thy"} & {*read_words(library, ENGLISH)} <= {*model.vocabulary.words}
        assert (card.epochs_done, started.config["train"]["learning_rate"]) == (3, 1e-3)
        summary = json.loads(run("--summary", str(text), "--json").stdout)
        assert summary["parameters"] == started.parameters
        assert any("starts from english, with" in note for note in summary["notes"])
    if option and option.startswith("--dropout"):
        assert started.config["model"]["dropout"] == 0.3


@pytest.mark.parametrize(
    ("option", "note"),
    [
        ("--hidden-size=5", "hidden size 5 does not fit the network of english, which has 4"),
        ("--softmax=full", None),
        ("--preset=rnn", "that of english is of the preset gru"),
        ("--preset=ngram", None),
    ],
)
def test_what_does_not_fit_the_network_of_the_english_is_told(
    option: str, note: str | None, english: list[str], run: Command, tmp_path: Path
) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("\n".join(english))
    notes = json.loads(run("--summary", str(text), option, "--json").stdout)["notes"]
    said = [note for note in notes if "starts from nothing" in note]
    assert said == ([f"its network starts from nothing: {note}"] if note else [])


def test_a_text_of_few_lines_is_said_to_be_short(
    english: list[str], run: Command, tmp_path: Path
) -> None:
    """And not to be known to the English, from which its network starts."""
    text = tmp_path / "mine.txt"
    text.write_text("\n".join(f"{line} zum zum" for line in english[:4]))
    warnings = json.loads(run("--summary", str(text), "--json").stdout)["warnings"]
    assert warnings[0].startswith("nothing is held out: 4 lines are too few to hold 10% of them")


def test_all_words_of_a_text_are_looked_up_to_tell_its_language(
    english: list[str], library: Library
) -> None:
    """Not only those that are kept in the vocabulary, such as that of the model to start from."""
    config = make_config("gru", [{"max_vocabulary": 20}])
    half = [f"{line} zum das wort {line}" for line in english[:50]]
    others = ["viele neue worte stehen hier herum"] * 50
    found = []
    for lines in (english[:50], half, [*english[:10], *others]):
        chosen = choose_base(library, made_up_corpus("\n".join(lines)), config, None)
        base = chosen.open() if chosen.open else None
        found.append((base and base.named["name"], "".join(chosen.notes)))
    assert [name for name, _ in found] == [ENGLISH, ENGLISH, None]
    shares = ("100% of its words are English", "84% of its words are English", "too few for")
    for share, (_, note) in zip(shares, found, strict=True):
        assert share in note


def test_a_text_in_another_language_from_english_is_said_to_be_that(
    english: list[str], run: Command, tmp_path: Path
) -> None:
    text = tmp_path / "other.txt"
    text.write_text("\n".join(f"das ist der satz nummer {n} von allen" for n in range(60)))
    done = run("--train", str(text), f"--from={ENGLISH}", "--name=mine", "--epochs=1")
    assert "it has no base model (0% of its words are English" in done.stderr + done.stdout


@pytest.mark.slow
def test_the_figures_of_a_mixture_that_a_training_has_written_are_those_of_evaluate(
    train: Train, library: Library, run: Command
) -> None:
    train("base", SONNETS[600:700])
    train("mine", SONNETS[:300], *NGRAM, "--on=base", "--held-out=0.4")
    by_training = figures_of(library, "mine")
    weights = weights_of(library, "mine")
    assert weights != pytest.approx(normalize({name: PRIOR[name] for name in weights}))
    change_card(library.path("mine"), lambda card: replace(card, evaluation=None))
    run("--evaluate", "--model=mine", "--json")
    assert figures_of(library, "mine") == by_training
