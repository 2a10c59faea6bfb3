"""An n-gram model of a text suggests while its network learns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rnnlm_tui import paths
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.train.ngram_bootstrap import bootstrap_ngram
from rnnlm_tui.tui.train.plan import Plan
from rnnlm_tui.tui.train.summary import CorpusSummary, summarise

FAILING = (sys.executable, "-c", "raise SystemExit(1)")


@pytest.fixture
def library(data_dir: Path) -> Library:
    return Library(data_dir)


def plan_for(path: Path, **settings: str) -> Plan:
    return Plan(
        source="files", files=str(path), name="poems", settings={"held_out": "0"} | settings
    )


async def summary_of(plan: Plan) -> CorpusSummary:
    """What the form knows of the network."""
    return await summarise(plan, (plan.files,))


async def bootstrapped(plan: Plan, library: Library) -> str | None:
    return await bootstrap_ngram(plan, (plan.files,), await summary_of(plan), library)


async def test_it_is_made_once_for_a_text_and_its_settings(
    library: Library, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, other = plan_for(corpus_file), plan_for(corpus_file, min_count="2")
    summary, other_summary = await summary_of(plan), await summary_of(other)
    files = (plan.files,)
    assert await bootstrap_ngram(plan, files, summary, library) == "verses-ngram"
    card, _ = library.open("verses-ngram")
    assert (card.config.preset, card.config.train.held_out) == ("ngram", 0)
    assert await bootstrap_ngram(other, files, other_summary, library) == "verses-ngram-2"
    monkeypatch.setattr(paths, "headless_command", lambda: FAILING)
    assert await bootstrap_ngram(plan, files, summary, library) == "verses-ngram"
    assert await bootstrap_ngram(other, files, other_summary, library) == "verses-ngram-2"


async def test_it_holds_out_the_lines_that_the_network_holds_out(
    library: Library, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network's settings come from the form, else from the environment."""
    monkeypatch.setenv("RNNLM_SEED", "7")
    monkeypatch.setenv("RNNLM_MAX_VOCABULARY", "9")
    monkeypatch.setenv("RNNLM_HIDDEN_SIZE", "4")
    name = await bootstrapped(plan_for(corpus_file, held_out="40"), library)
    assert name is not None
    card, model = library.open(name)
    train = card.config.train
    assert (train.held_out, train.seed, train.max_vocabulary) == (0.4, 7, 9)
    assert len(model.vocabulary.words) <= 9 + 3


async def test_it_knows_the_words_that_the_network_knows_of_a_large_text(
    library: Library, corpus_file: Path
) -> None:
    """The network's own default for such a text, and not that of the n-gram preset."""
    plan = plan_for(corpus_file)
    summary = await summary_of(plan)
    summary.settings["max_vocabulary"] = 5
    name = await bootstrap_ngram(plan, (plan.files,), summary, library)
    assert name is not None
    assert library.open(name)[0].config.train.max_vocabulary == 5


async def test_one_of_an_older_text_is_left_alone(library: Library, corpus_file: Path) -> None:
    plan = plan_for(corpus_file)
    assert await bootstrapped(plan, library) == "verses-ngram"
    corpus_file.write_text(corpus_file.read_text() + "and a zebra came\n")
    assert await bootstrapped(plan, library) == "verses-ngram-2"
    assert "zebra" not in library.open("verses-ngram")[1].vocabulary
    assert "zebra" in library.open("verses-ngram-2")[1].vocabulary


async def test_what_goes_wrong_is_left_to_the_network_to_say(
    library: Library, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(corpus_file)
    summary = await summary_of(plan)
    for command in (FAILING, ("/no/such/program",)):
        monkeypatch.setattr(paths, "headless_command", lambda command=command: command)
        assert await bootstrap_ngram(plan, (plan.files,), summary, library) is None
    ngram = Plan(preset="ngram")
    assert await bootstrap_ngram(ngram, (), summary, library) is None
