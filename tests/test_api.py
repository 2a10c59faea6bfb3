"""The Python interface: its examples, what it loads, and what it refuses."""

from __future__ import annotations

import doctest
import pydoc
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlm_tui
from rnnlm_tui import api
from rnnlm_tui.event_types import EpochEnded, Event

PACKAGE = Path(rnnlm_tui.__file__).parent


@pytest.fixture(autouse=True)
def with_the_built_in_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR", raising=False)


@pytest.mark.parametrize("module", [rnnlm_tui, api])
def test_the_examples_of_the_docstrings_are_true(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted > 0
    assert results.failed == 0


def test_a_model_is_opened_by_its_name_or_file_and_the_newest_by_default() -> None:
    assert rnnlm_tui.load().name == "english"
    assert rnnlm_tui.load("shakespeare").name == "shakespeare"
    path = PACKAGE / "data" / "models" / "shakespeare.safetensors"
    for file in (path, str(path)):
        assert rnnlm_tui.load(file).name == "shakespeare"
    with pytest.raises(rnnlm_tui.RnnlmError, match="nosuch"):
        rnnlm_tui.load("nosuch")
    with pytest.raises(rnnlm_tui.RnnlmError):
        rnnlm_tui.load(PACKAGE)


def test_answers_follow_from_the_lines_above_and_from_the_seed() -> None:
    model = rnnlm_tui.load("shakespeare")
    above = ["when i do count the clock that tells the time"]
    assert model.suggest("and see ", above=above) != model.suggest("and see ")
    assert model.score("and see", above=above).loss != model.score("and see").loss
    drawn = [model.generate("thy", temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert 1 <= len(drawn[0]) <= 10


WRONG_VALUES: list[tuple[str, dict[str, Any]]] = [
    ("suggest", {"top": 0}),
    ("suggest", {"cursor": -1}),
    ("suggest", {"cursor": 4}),
    ("generate", {"words": -1}),
    ("generate", {"temperature": -0.5}),
    ("generate", {"temperature": float("nan")}),
    ("generate", {"top_k": 0}),
    ("generate", {"seed": -1}),
    ("join", {"words": [""]}),
]
WRONG_TYPES: list[tuple[str, dict[str, Any]]] = [
    *(
        (method, {"text": text})
        for method in ("suggest", "generate", "score", "explain")
        for text in (None, b"")
    ),
    *((method, {"above": "a line"}) for method in ("suggest", "generate", "score", "explain")),
    ("suggest", {"above": [None]}),
    ("suggest", {"above": 3}),
    ("suggest", {"top": 5.0}),
    ("suggest", {"top": True}),
    ("suggest", {"cursor": "1"}),
    ("generate", {"words": "3"}),
    ("generate", {"temperature": "hot"}),
    ("generate", {"seed": 1.5}),
    ("join", {"words": "love"}),
    ("join", {"words": [1]}),
]


@pytest.mark.parametrize(("method", "arguments"), WRONG_VALUES)
def test_a_wrong_value_is_an_error_that_names_the_argument(
    method: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(rnnlm_tui.RnnlmError, match=rf"^{next(iter(arguments))} "):
        getattr(rnnlm_tui.load("shakespeare"), method)(**{"text": "thy", **arguments})


@pytest.mark.parametrize(("method", "arguments"), WRONG_TYPES)
def test_a_wrong_type_is_an_error_that_names_the_argument(
    method: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match=rf"^(each of )?{next(iter(arguments))} must be "):
        getattr(rnnlm_tui.load("shakespeare"), method)(**{"text": "thy", **arguments})


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "a/b", Path("a\0b"), Path("a" * 5000)])
def test_a_model_that_cannot_be_is_an_error_of_the_program(name: str | Path) -> None:
    with pytest.raises(rnnlm_tui.RnnlmError):
        rnnlm_tui.load(name)


@pytest.mark.parametrize("name", [5, b"shakespeare", True])
def test_the_name_of_a_model_is_text_or_a_path(name: Any) -> None:
    with pytest.raises(TypeError, match=r"^name_or_file must be str or Path or NoneType, not "):
        rnnlm_tui.load(name)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(rnnlm_tui.RnnlmError, match=f"^there is no file {re.escape(str(tmp_path))}"):
        rnnlm_tui.load(tmp_path)
    (other := tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(rnnlm_tui.RnnlmError, match=f"^{re.escape(str(other))}: "):
        rnnlm_tui.load(other)


def test_numbers_may_be_those_of_numpy() -> None:
    model = rnnlm_tui.load("shakespeare")
    assert len(model.suggest("thy", top=np.int64(2), cursor=np.int32(2))) == 2  # type: ignore[arg-type]
    assert model.generate("thy", 2, temperature=np.float32(0), seed=np.uint8(1))  # type: ignore[arg-type]


def test_a_word_that_is_complete_is_not_suggested() -> None:
    model = rnnlm_tui.load("shakespeare")
    assert [s.word for s in model.suggest("of thy", top=1)] == ["thyself"]
    first = model.suggest("of thyme", cursor=6)[0]
    assert (first.word, first.text, first.replaces_after) == ("thy", "", 2)


def test_the_package_lists_its_interface() -> None:
    assert dir(rnnlm_tui) == sorted(rnnlm_tui.__all__)
    shown = pydoc.plain(pydoc.render_doc(rnnlm_tui))
    for name in ("class Model", "class RnnlmError", " load(", " suggest("):
        assert name in shown, name


def test_the_package_has_types_and_no_other_names() -> None:
    assert (PACKAGE / "py.typed").is_file()
    with pytest.raises(AttributeError, match="nothing"):
        rnnlm_tui.__getattr__("nothing")


def test_a_model_is_trained_and_opened(tmp_path: Path) -> None:
    text = tmp_path / "verses.txt"
    text.write_text("the cat sees the dog\nthe dog sees the cat\na bird sees the cat\n" * 3)
    kinds: list[str] = []
    model = rnnlm_tui.train(
        text,
        name="mine",
        preset="ngram",
        data_dir=tmp_path / "data",
        on_event=lambda event: kinds.append(event.event),
        order=3,
        held_out=0,
        on="none",
    )
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert (model.name, model.preset) == ("mine", "ngram")
    assert {"cat", "dog"} <= {each.word for each in model.suggest("the ", top=4)}
    assert rnnlm_tui.load("mine", data_dir=tmp_path / "data").words == model.words
    with pytest.raises(rnnlm_tui.RnnlmError, match="the name mine is taken"):
        rnnlm_tui.train(text, name="mine", preset="ngram", data_dir=tmp_path / "data")


def test_to_leave_the_loop_of_events_stops_and_saves(tmp_path: Path) -> None:
    text = tmp_path / "verses.txt"
    text.write_text("the cat sees the dog\nthe dog sees the cat\na bird sees the cat\n" * 3)
    sizes: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "threads": 1}
    where: dict[str, Any] = {"name": "mine", "data_dir": tmp_path}
    running = rnnlm_tui.events(text, on="none", epochs=2, **sizes, **where)
    next(event for event in running if isinstance(event, EpochEnded))
    running.close()
    resumed = rnnlm_tui.events(resume=True, **where)
    assert [event.epoch for event in resumed if isinstance(event, EpochEnded)] == [2]


def test_ctrl_c_saves_what_is_trained(tmp_path: Path) -> None:
    text = tmp_path / "verses.txt"
    text.write_text("the cat sees the dog\nthe dog sees the cat\na bird sees the cat\n" * 3)

    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded):
            signal.raise_signal(signal.SIGINT)

    sizes: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "threads": 1}
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        rnnlm_tui.train(text, name="m", on="none", data_dir=tmp_path, on_event=interrupt, **sizes)
    assert signal.getsignal(signal.SIGINT) == before
    assert "cat" in rnnlm_tui.load("m", data_dir=tmp_path).words


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"epochs": 0}, rnnlm_tui.RnnlmError, "epochs is 0"),
        ({"epoch": 1}, rnnlm_tui.RnnlmError, "has no setting epoch"),
        ({"name": "a/b"}, rnnlm_tui.RnnlmError, "cannot be a model's name"),
        ({"update": "mine", "force": True}, rnnlm_tui.RnnlmError, "update trains and replaces"),
        ({"preset": 3}, TypeError, "preset must be str"),
        ({"written": "all"}, TypeError, "written must be a sequence of strings, not one string"),
        ({"written": ["all"]}, rnnlm_tui.RnnlmError, "no text was written in the app yet"),
        ({"resume": "no"}, TypeError, "resume must be bool"),
        ({"model": "mine"}, rnnlm_tui.RnnlmError, "has no setting model"),
        ({"update": ""}, rnnlm_tui.RnnlmError, "cannot be a model's name"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_it_starts(
    options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        rnnlm_tui.events(**options, data_dir=tmp_path)
