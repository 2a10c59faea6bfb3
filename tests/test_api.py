"""The Python interface: its examples, what it loads and trains, and what it refuses."""

from __future__ import annotations

import doctest
import os
import pickle
import pydoc
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from inspect import Parameter, isfunction, signature
from pathlib import Path
from traceback import format_exception
from typing import Any, get_type_hints
from unittest.mock import Mock

import numpy as np
import pytest

import rnnlm_tui
from rnnlm_tui import api
from rnnlm_tui.config import PRESETS
from rnnlm_tui.events import EpochEnded, Event
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_state
from rnnlm_tui.training.network_learner import NetworkLearner
from rnnlm_tui.training.request import TrainingRequest
from tests.helpers.events import ended
from tests.helpers.models import SAVED_MODELS

PACKAGE = Path(rnnlm_tui.__file__).parent
SHIPPED = PACKAGE / "data" / "models" / "shakespeare.safetensors"
BUILT_IN = sorted(path.stem for path in SHIPPED.parent.iterdir())
CALLS = """
import rnnlm_tui

usual: rnnlm_tui.TrainingOptions = {"preset": "gru", "epochs": 3, "data_dir": "models"}
model = rnnlm_tui.train("a.txt", on_event=print, **usual)
losses: list[float] = [epoch["train_loss"] for epoch in model.history]
explained: rnnlm_tui.Explanation = model.explain("a")
rnnlm_tui.train_events("x", nonsense=3)
rnnlm_tui.train_events("x", epochs="3")
model.suggest("x", above="y", top="z")
figures: rnnlm_tui.Evaluation = model.evaluate(limit=3)
own, other = model.evaluate("x", against=[model])
words: int = own.words
"""
pytestmark = pytest.mark.usefixtures("with_shipped_models")
SMALL: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "threads": 1, "on": "none"}


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


def test_the_options_of_a_training_are_the_settings_and_those_of_a_request() -> None:
    parts = [part for own in PRESETS.values() for part in (type(own.model), type(own.train))]
    settings = {name: kind for part in parts for name, kind in get_type_hints(part).items()}
    request, options = get_type_hints(TrainingRequest), get_type_hints(rnnlm_tui.TrainingOptions)
    for inner in ("sources", "settings", "written_folder"):
        del request[inner]
    assert {*options} == {*settings, *request, "data_dir"}
    several = {"add", "written", "data_dir", "on"}  # wider or narrower than a request's
    same = {name: kind for name, kind in options.items() if name not in several}
    assert same.items() <= {**settings, **request}.items()


@pytest.mark.slow
def test_mypy_knows_every_option(tmp_path: Path) -> None:
    (tmp_path / "calls.py").write_text(CALLS)
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-torch.*]\nfollow_imports = skip\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "c", "calls.py"]
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    found = re.findall(r"^calls.py:(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert [int(line) for line, _ in found] == [8, 9, 10], done.stdout + done.stderr
    assert 'keyword argument "nonsense"' in found[0][1]


@pytest.mark.parametrize("asked", ["shakespeare", SHIPPED, str(SHIPPED)])
def test_a_model_is_opened_by_its_name_or_file(asked: str | Path) -> None:
    assert rnnlm_tui.load(asked).name == "shakespeare"
    assert rnnlm_tui.load().name == "english"


def test_by_default_the_model_in_use_is_opened_or_that_of_a_variable(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.use("shakespeare")
    assert rnnlm_tui.load().name == "shakespeare"
    assert rnnlm_tui.load(data_dir=library.data_dir / "other").name == "english"
    monkeypatch.setenv("RNNLM_MODEL", "english")
    assert rnnlm_tui.load().name == "english"
    monkeypatch.delenv("RNNLM_MODEL")
    library.use("gone")
    with pytest.warns(UserWarning, match="the model in use, gone, is gone; english") as told:
        assert rnnlm_tui.load().name == "english"
    assert told[0].filename == __file__, "it names the line of the caller"


@pytest.mark.parametrize(
    "asked", ["nosuch", "a/b", "b.safetensors", PACKAGE, PACKAGE / "nosuch", __file__]
)
def test_what_is_no_model_is_an_error_of_the_program(asked: str | Path) -> None:
    with pytest.raises(rnnlm_tui.RnnlmError, match=Path(asked).name) as refused:
        rnnlm_tui.load(asked)
    # What a traceback shows below the error
    hints = getattr(refused.value, "__notes__", [])
    names, trained = f"models: {', '.join(BUILT_IN)}", f'rnnlm_tui.train("{__file__}")'
    told = {"nosuch": names, __file__: trained}
    assert told.get(str(asked), "") in " ".join(hints)


def test_of_several_lines_the_last_is_meant_and_the_others_stand_above() -> None:
    model, text, above = rnnlm_tui.load("shakespeare"), "I am\nI was ", ["I am"]
    assert model.suggest(text) == model.suggest("I was ", above=above) != model.suggest("I was ")
    within = model.suggest("I am\nI w as\nso", cursor=8)
    numbers: dict[str, Any] = {"top": np.int64(5), "cursor": np.int64(3)}
    assert within == model.suggest("I w as", above=above, **numbers)
    assert model.generate(text, seed=1) == model.generate("I was ", seed=1, above=above)
    assert model.score(text) == model.score("I was ", above) != model.score("I was ")
    bits = [word.bits for word in model.explain("I was ", above).words]
    assert [word.bits for word in model.explain(text).words] == bits


@pytest.mark.parametrize(
    ("method", "argument", "value"),
    [
        ("suggest", "top", 0),
        ("suggest", "cursor", -1),
        ("suggest", "cursor", 4),
        ("generate", "words", 0),
        ("generate", "temperature", float("nan")),
        ("generate", "top_k", 0),
        ("generate", "seed", -1),
        ("evaluate", "limit", 0),
    ],
)
def test_a_number_out_of_its_range_is_an_error_that_names_the_argument(
    method: str, argument: str, value: float
) -> None:
    with pytest.raises(rnnlm_tui.RnnlmError, match=rf"^{argument} is ") as refused:
        getattr(rnnlm_tui.load("shakespeare"), method)("thy", **{argument: value})
    assert refused.value.__cause__ is None and refused.value.__suppress_context__
    with pytest.raises(rnnlm_tui.RnnlmError, match="top_k applies only to sampling"):
        rnnlm_tui.load("shakespeare").generate("thy", temperature=0, top_k=3)


WRONG: dict[str, list[object]] = {
    "name_or_file": [3, b"m"],
    "data_dir": [3, b"d"],
    "texts": [3, None, b"t", ["a.txt"]],
    "on_event": ["print"],
    "file": [3, None],
    "encoding": [3],
    "limit": ["3", 2.5, True],
    "against": ["english", ["english"], 3],
    "text": [3, None, b"t", ["a"]],
    "top": ["3", 2.5, True, None],
    "above": ["a line", None, [3], 3],
    "cursor": ["3", 2.5, True],
    "words": ["3", 2.5, True, [3], "a line"],
    "temperature": ["3", True],
    "top_k": ["3", 2.5, True],
    "seed": ["3", 2.5, True],
    "word": [3, None],
}
"""Of each argument of the functions and of the methods, values of other types."""


def test_every_argument_of_another_type_is_a_type_error_that_names_it() -> None:
    """Also one string in place of several, whose letters would be taken for them."""
    methods = [n for n, each in vars(api.Model).items() if isfunction(each) and n[0] != "_"]
    model, seen = rnnlm_tui.load("shakespeare"), set[str]()
    functions: list[Callable[..., object]] = [getattr(model, name) for name in methods]
    for function in (*functions, api.load, api.models, api.train, api.train_events):
        parameters = signature(function).parameters
        needed = [n for n, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
        for name in parameters.keys() - {"options"}:
            seen.add(name)
            for value in WRONG[name]:
                given = {
                    each: "thy" for each in needed if parameters[each].default is Parameter.empty
                }
                positional = [value] if name == "texts" else []
                named = given if name == "texts" else {**given, name: value}
                with pytest.raises(TypeError, match=rf"^{name} must be "):
                    function(*positional, **named)
    assert seen == {*WRONG}
    with pytest.raises(TypeError, match=r"^file must be str \| Path, not 3$"):
        model.save(3)  # type: ignore[arg-type]


def test_an_unknown_option_of_a_training_or_one_of_another_type_is_refused_at_once(
    text: Path, tmp_path: Path
) -> None:
    for name in get_type_hints(rnnlm_tui.TrainingOptions):
        options: dict[str, Any] = {"data_dir": tmp_path, name: b"3"}
        with pytest.raises(TypeError, match=f"^{name} must be .*, not b'3'$"):
            rnnlm_tui.train_events(text, **options)
    several: list[dict[str, Any]] = [
        *({"epochs": value} for value in ("3", 3.0, True, None)),
        *({name: "a.txt"} for name in ("add", "written")),
        *({"dropout": "0.2"}, {"preset": 3}, {"resume": 1}, {"name": Path("mine")}),
    ]
    for options in several:
        with pytest.raises(TypeError, match=f"^{next(iter(options))} must be "):
            rnnlm_tui.train_events(text, data_dir=tmp_path, **options)
    for wrong, said in (
        ({"epoch": 1}, "has no setting epoch"),
        ({"preset": "ngram", "device": "cuda"}, "no setting device"),
        ({"epochs": 0}, r"^epochs is 0\n"),
    ):
        with pytest.raises(rnnlm_tui.RnnlmError, match=said) as refused:
            rnnlm_tui.train_events(text, data_dir=tmp_path, **wrong)
    assert "msgspec" not in "".join(format_exception(refused.value))


def test_the_package_has_its_interface_with_types_and_no_other_names() -> None:
    assert dir(rnnlm_tui) == sorted(rnnlm_tui.__all__)
    for name in dir(rnnlm_tui):
        assert getattr(rnnlm_tui, name) is not None
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
    names = [*rnnlm_tui.models(data_dir=tmp_path / "data")]
    assert names == ["mine", *BUILT_IN]
    with pytest.raises(rnnlm_tui.RnnlmError, match="the name mine is taken"):
        rnnlm_tui.train(text, **where)


@pytest.mark.slow
def test_a_model_has_its_history_and_is_saved_and_pickled_by_its_file(
    text: Path, tmp_path: Path
) -> None:
    where: dict[str, Any] = {"name": "mine", "preset": "ngram", "data_dir": tmp_path / "data"}
    text.write_text("".join(f"the cat {number} sees the dog\n" for number in range(40)))
    numbers: dict[str, Any] = {"order": np.int64(3), "held_out": np.float32(0.25)}
    model = rnnlm_tui.train(text, on="none", **numbers, **where)
    (epoch,) = model.history
    assert epoch["held_out_loss"] > 0 and epoch["best"] is True
    assert model.metrics == model.evaluate() == model.evaluate(text) == model.card.evaluation
    with pytest.warns(UserWarning, match=r"mine was trained on \d+ of these 41 lines"):
        (tmp_path / "other.txt").write_text(text.read_text() + "more\n")
        model.evaluate(tmp_path / "other.txt")

    saved = model.save(tmp_path / "copy")
    assert saved == tmp_path / "copy.safetensors" == model.save(saved)
    assert model.save(tmp_path).name == "mine.safetensors"
    with pytest.raises(rnnlm_tui.RnnlmError, match=r"none.mine\.safetensors: no such file"):
        model.save(f"{tmp_path}/none/")
    copy = rnnlm_tui.load(saved)
    assert (copy.name, copy.card, copy.history) == ("copy", model.card, [])

    pickled = pickle.dumps(model)
    again = pickle.loads(pickled)  # noqa: S301
    assert (again.name, again.history, again.suggest("the ")) == (
        *("mine", model.history, model.suggest("the ")),
    )
    rnnlm_tui.train(text, order=2, on="none", force=True, **where)
    uses = (lambda: pickle.loads(pickled), lambda: model.save(saved))  # noqa: S301
    for told in (r"mine\.safetensors has changed", r"mine\.safetensors: .* no such file"):
        for use in uses:
            with pytest.raises(rnnlm_tui.RnnlmError, match=told):
                use()
        model.path.unlink(missing_ok=True)
    assert rnnlm_tui.load(saved).card == model.card


def test_models_are_measured_on_the_same_lines_and_on_as_many_as_asked_for(text: Path) -> None:
    model, verses = (rnnlm_tui.load(each) for each in (SHIPPED, SAVED_MODELS / "ngram.safetensors"))
    own, other = model.evaluate(text, limit=2, against=[verses])
    assert (own, other) == (model.evaluate(text, limit=2), verses.evaluate(text, limit=2))
    assert own.lines == other.lines == 2 and own.loss != other.loss
    assert model.evaluate(text, against=[]) == (model.evaluate(text),)


def test_a_scored_line_shows_its_words_and_loss() -> None:
    line = rnnlm_tui.load("shakespeare").score("Shall I compare zzz")
    assert f"loss {line.loss:.3f}; shall " in repr(line)
    assert re.findall(r"(\S+) [\d.e-]+(?:,|>)", repr(line)) == ["shall", "I", "compare", "zzz"]
    assert "no words" in repr(rnnlm_tui.load("shakespeare").score(""))
    assert len(repr(rnnlm_tui.load("shakespeare").score("to be " * 99))) < 250


def test_what_a_notebook_shows_is_short_and_escaped() -> None:
    model = rnnlm_tui.load("shakespeare")
    found = model.explain("<script>alert(1)</script> shall I & ")
    history = rnnlm_tui.History(ended(number, 5, 6, perplexity=9 - number) for number in (1, 2))
    shown: list[tuple[Any, str]] = [
        (model, "41%  reading the list"),
        (found, "n-grams</b>"),
        (model.explain(""), "guesses for the first word"),
        (history, "held out perplexity</b>"),
        (rnnlm_tui.History(), "0 epochs"),
    ]
    for value, part in shown:
        html = value._repr_html_()
        assert part in html
        assert {*re.findall(r"<(\w+)", html)} <= {"b", "div", "table", "tr", "td", "span"}
    assert "&amp;" in found._repr_html_()
    for short in (found, history, model.score("shall I"), model.card, *history, history[0]):
        assert len(repr(short)) < 250, short


def test_leaving_the_loop_of_events_stops_and_saves(text: Path, tmp_path: Path) -> None:
    where: dict[str, Any] = {"name": "mine", "data_dir": tmp_path}
    running = rnnlm_tui.train_events(text, epochs=2, **SMALL, **where)
    next(event for event in running if isinstance(event, EpochEnded))
    with pytest.raises(rnnlm_tui.RnnlmError, match="held by process") as held:
        rnnlm_tui.train(resume=True, **where)
    assert "this one: call close()" in held.value.hint
    running.close()
    resumed = rnnlm_tui.train_events(resume=True, **where)
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


@pytest.fixture
def ctrl_c_after_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: NetworkLearner) -> None:
        step(self)
        signal.raise_signal(signal.SIGINT)

    step = NetworkLearner.step
    monkeypatch.setattr(NetworkLearner, "step", interrupted)


@pytest.mark.usefixtures("ctrl_c_after_each_step")
def test_ctrl_c_within_an_epoch_saves_its_steps(text: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        for _ in rnnlm_tui.train_events(text, name="m", data_dir=tmp_path, batch_size=2, **SMALL):
            pass
    facts, _ = read_state(tmp_path / "runs" / "m")
    assert facts.position.step == 1


@pytest.mark.usefixtures("ctrl_c_after_each_step")
def test_a_handler_of_ctrl_c_that_the_user_has_set_is_called(text: Path, tmp_path: Path) -> None:
    handler = Mock()
    before = signal.signal(signal.SIGINT, handler)
    try:
        rnnlm_tui.train(text, name="m", data_dir=tmp_path, epochs=1, **SMALL)
    finally:
        signal.signal(signal.SIGINT, before)
    handler.assert_called()


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
