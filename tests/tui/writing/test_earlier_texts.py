"""What the app knows from texts that were written before."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.text.prose import ProseTokenizer
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from rnnlm_tui.tui.widgets import terminal
from tests.helpers.networks import small_network
from tests.helpers.writing_screen import AppDesk, desk


@pytest.fixture(autouse=True)
def never_waits_for_idleness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "IDLE_S", 0.05)


def mixture() -> MixedModel:
    vocabulary = Vocabulary(["we", "met", "the", "sea", ".", "to", "tea"], SPECIAL_TOKENS)
    tokenizer = ProseTokenizer(Conventions(), vocabulary.ranks)
    network = small_network(vocabulary)
    network.tokenizer = tokenizer
    return MixedModel(tokenizer, {"network": network}, {"network": 0.8, "cache": 0.2})


def listed(it: AppDesk) -> list[str]:
    answer = it.screen.answer
    return [c.word for c in answer.suggestions.candidates] if answer else []


async def test_names_of_earlier_texts_are_known_in_a_new_one_and_after_a_new_start(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, {"m": mixture()}) as it:
        await it.send("We met Zillah.", 1)
        await it.press("ctrl+n")
        await it.until(lambda: not it.page)
        await it.write(*"we met z")
        await it.until(lambda: "Zillah" in listed(it))
        await it.press("enter")
    async with desk(tmp_path, {"m": mixture()}) as it:
        await it.press("ctrl+n")
        await it.write(*"we met z")
        await it.until(lambda: "Zillah" in listed(it))
