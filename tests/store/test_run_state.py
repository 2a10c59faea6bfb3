"""The progress of a run, read from its saved state."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.config import CausalTrainConfig, make_config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_state import (
    Position,
    TextOrigin,
    decode_facts,
    encode_facts,
    read_run_status,
)
from tests.helpers.models import make_model, put_state


def test_a_state_that_cannot_be_read_is_an_error(data_dir: Path) -> None:
    data_dir.mkdir()
    for raw in (b"", b"x" * 100, b"\x02\0\0\0\0\0\0\0{}"):
        (data_dir / RESUME).write_bytes(raw)
        with pytest.raises(ModelError):
            read_run_status(data_dir)
    put_state(data_dir, 1, 2)
    raw = (data_dir / RESUME).read_bytes()
    assert raw.count(b'"epoch": 1') == 1
    (data_dir / RESUME).write_bytes(raw.replace(b'"epoch": 1', b'"epoch": 0'))
    with pytest.raises(ModelError, match=r"position\.epoch"):
        read_run_status(data_dir)


@pytest.mark.parametrize(
    "origin", [{"sources": ["a\0b"]}, {"sources": ["\ud800"]}, {"sources": [], "encoding": "hex"}]
)
def test_a_state_whose_text_no_file_can_hold_is_damaged(origin: TextOrigin) -> None:
    facts = encode_facts(make_config("rnn", []), origin, Position())
    with pytest.raises(ModelError, match=r"resume\.safetensors is damaged"):
        decode_facts(facts)


def test_the_state_and_not_the_card_tells_the_epochs_of_a_run(data_dir: Path) -> None:
    library = Library(data_dir)
    make_model(library.path("a"), epoch=3)
    # A run that was started again and has not saved a model yet.
    put_state(library.run_folder("a"), 1, 7, patience=2)
    (run,) = library.runs()
    assert (run.epochs_done, run.epochs) == (0, 7)
    assert run.status is not None
    assert isinstance(run.status.config.train, CausalTrainConfig)
    with library.lock("a"):
        assert library.run("a").status is None
