"""The Python interface: its examples, what it loads and trains, and what it refuses."""

from __future__ import annotations

import doctest
import pydoc
import signal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import rnnlm_tui
from rnnlm_tui import api
from rnnlm_tui.event_types import EpochEnded, Event

PACKAGE = Path(rnnlm_tui.__file__).parent
SHIPPED = PACKAGE / "data" / "models" / "shakespeare.safetensors"
SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "threads": 1, "on": "none"}


@pytest.fixture(autouse=True)
def with_the_built_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR", raising=False)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "verses.txt"
    path.write_text("the cat sees the dog\nthe dog sees the cat\na bird sees the cat\n" * 3)
    return path


@pytest.mark.parametrize("module", [rnnlm_tui, api])
def test_the_examples_of_the_docstrings_are_true(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("asked", ["shakespeare", SHIPPED, str(SHIPPED)])
def test_a_model_is_opened_by_its_name_or_file(asked: str | Path) -> None:
    assert rnnlm_tui.load(asked).name == "shakespeare"
    assert rnnlm_tui.load().name == "english"


@pytest.mark.parametrize("asked", ["nosuch", "a/b", PACKAGE, PACKAGE / "nosuch", __file__])
def test_what_is_no_model_is_an_error_of_the_program(asked: str | Path) -> None:
    with pytest.raises(rnnlm_tui.RnnlmError, match=Path(asked).name):
        rnnlm_tui.load(asked)


def test_of_several_lines_the_last_is_meant_and_the_others_stand_above() -> None:
    model, text, above = rnnlm_tui.load("shakespeare"), "I am\nI was ", ["I am"]
    assert model.suggest(text) == model.suggest("I was ", above=above) != model.suggest("I was ")
    within = model.suggest("I am\nI w as\nso", cursor=8)
    assert within == model.suggest("I w as", 5, above, cursor=3)
    assert model.generate(text, seed=1) == model.generate("I was ", seed=1, above=above)
    assert model.score(text) == model.score("I was ", above) != model.score("I was ")
    assert model.explain(text).words == model.explain("I was ", above).words


@pytest.mark.parametrize(
    ("method", "argument", "value"),
    [
        ("suggest", "top", 0),
        ("suggest", "cursor", -1),
        ("suggest", "cursor", 4),
        ("generate", "words", -1),
        ("generate", "temperature", float("nan")),
        ("generate", "top_k", 0),
        ("generate", "seed", -1),
        *((method, "above", "a line") for method in ("suggest", "generate", "score", "explain")),
        ("join", "words", "a line"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_argument(
    method: str, argument: str, value: object
) -> None:
    """So is one string in place of several, whose letters would be taken for them."""
    error = TypeError if isinstance(value, str) else rnnlm_tui.RnnlmError
    with pytest.raises(error, match=rf"^{argument} "):
        getattr(rnnlm_tui.load("shakespeare"), method)("thy", **{argument: value})


def test_the_package_has_its_interface_with_types_and_no_other_names() -> None:
    assert dir(rnnlm_tui) == sorted(rnnlm_tui.__all__)
    shown = pydoc.plain(pydoc.render_doc(rnnlm_tui))
    for name in ("class Model", "class RnnlmError", " load(", " suggest("):
        assert name in shown, name
    assert (PACKAGE / "py.typed").is_file()
    with pytest.raises(AttributeError, match="nothing"):
        rnnlm_tui.__getattr__("nothing")


def test_a_model_is_trained_and_opened(text: Path, tmp_path: Path) -> None:
    kinds: list[str] = []
    where: dict[str, Any] = {"name": "mine", "preset": "ngram", "data_dir": tmp_path / "data"}
    model = rnnlm_tui.train(
        text, on_event=lambda event: kinds.append(event.event), order=3, on="none", **where
    )
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert (model.name, model.preset) == ("mine", "ngram")
    assert {"cat", "dog"} <= {each.word for each in model.suggest("the ", top=4)}
    assert rnnlm_tui.load("mine", data_dir=tmp_path / "data").words == model.words
    with pytest.raises(rnnlm_tui.RnnlmError, match="the name mine is taken"):
        rnnlm_tui.train(text, **where)


def test_to_leave_the_loop_of_events_stops_and_saves(text: Path, tmp_path: Path) -> None:
    where: dict[str, Any] = {"name": "mine", "data_dir": tmp_path}
    running = rnnlm_tui.events(text, epochs=2, **SMALL, **where)
    next(event for event in running if isinstance(event, EpochEnded))
    running.close()
    resumed = rnnlm_tui.events(resume=True, **where)
    assert [event.epoch for event in resumed if isinstance(event, EpochEnded)] == [2]


def test_ctrl_c_saves_what_is_trained(text: Path, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded):
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        rnnlm_tui.train(text, name="m", data_dir=tmp_path, on_event=interrupt, **SMALL)
    assert signal.getsignal(signal.SIGINT) == before
    assert "cat" in rnnlm_tui.load("m", data_dir=tmp_path).words


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("CUDA out of memory", rnnlm_tui.RnnlmError, "not enough memory"),
        ("CUDA error: an illegal memory access", RuntimeError, "illegal memory access"),
    ],
)
def test_only_a_lack_of_memory_is_told_as_one(
    said: str, error: type[Exception], told: str, text: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fail = Mock(side_effect=RuntimeError(said))
    monkeypatch.setattr("rnnlm_tui.training.network_learner.NetworkLearner.step", fail)
    with pytest.raises(error, match=told):
        rnnlm_tui.train(text, name="m", data_dir=tmp_path, **SMALL)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"epoch": 1}, rnnlm_tui.RnnlmError, "has no setting epoch"),
        ({"update": "mine", "force": True}, rnnlm_tui.RnnlmError, "force does not go with update"),
        ({"written": "all"}, TypeError, "written must be a sequence of strings, not one string"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_it_starts(
    options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        rnnlm_tui.events(**options, data_dir=tmp_path)
