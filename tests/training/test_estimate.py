"""The estimated memory of a training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.training.estimate import check_memory, memory_bytes
from tests.helpers.training import small_job


def memory(preset: str, total_words: int, predictions: int, **settings: Any) -> int:
    text: Any = SimpleNamespace(
        vocabulary=SimpleNamespace(total_words=total_words), predictions=predictions
    )
    return memory_bytes(make_config(preset, [settings]), text)


@pytest.mark.parametrize(
    ("preset", "settings"),
    [("ngram", {"order": 6}), ("gru", {"layers": 2}), ("lstm", {"bptt": 99})],
)
def test_more_to_learn_takes_more_memory(preset: str, settings: dict[str, Any]) -> None:
    usual = memory(preset, 10_000, 900_000)
    assert usual < memory(preset, 10_000, 2_000_000) < 1 << 30
    assert usual < memory(preset, 10_000, 900_000, **settings)


def test_a_word_of_a_large_text_takes_few_bytes() -> None:
    """The lesson on the sonnets takes 519 MB in all, measured."""
    assert memory("lesson", 3227, 15_484) == pytest.approx(519e6, rel=0.2)
    per_word = (memory("gru", 20, 100_000_000, mixture="off") - memory("gru", 20, 0)) / 100e6
    assert per_word <= 25


def test_a_training_that_does_not_fit_into_the_free_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = small_job("gru", tmp_path / "a")
    check_memory(job.config, job.prepared)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1_000))
    with pytest.raises(CorpusError, match=r"different words: the preset gru needs .* are free"):
        check_memory(job.config, job.prepared)
