"""Files are written whole or not at all; and the numbers in them are those that were saved."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from safetensors import safe_open

from rnnlm_tui.errors import ModelError, StorageError
from rnnlm_tui.store import files
from rnnlm_tui.store.card import Mixture
from rnnlm_tui.store.model_file import change_card, open_stored, read_card
from rnnlm_tui.store.tensors import dequantized, quantized, write_tensors
from tests.helpers.commands import POSIX
from tests.helpers.models import WORDS, contents, make_model


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_write_that_fails_half_way_leaves_the_old_file(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise error

    expected = StorageError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected, match=r"full|^$"):
        files.write_file(path, fail)
    assert contents(tmp_path) == {"file": b"old"}
    with pytest.raises(StorageError) as caught:
        files.write_bytes(tmp_path / "gone" / "file", b"new")
    assert caught.value.hint == f"make the folder {tmp_path / 'gone'} first"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[]", "its value is wrong"),
        (b'{"weights": {"cache": 1}, "base": 1}', "base is wrong"),
        (b'{"weights": {"cache": 2}}', "weights is wrong"),
        (b"{}", "weights is missing"),
    ],
)
def test_what_is_wrong_with_json_is_told_in_plain_words(raw: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=f"^its mixture is damaged: {said}$") as refused:
        files.parse_json(raw, Mixture, "its mixture")
    assert refused.value.__suppress_context__, "a notebook shows no traceback of the parser"


@pytest.mark.skipif(sys.platform != "linux", reason="no other system has files without a name")
def test_a_kill_leaves_nothing_of_a_new_file(tmp_path: Path) -> None:
    code = "import os, pathlib, sys\n"
    code += "from rnnlm_tui.store.files import write_bytes\n"
    code += "os.fsync = lambda number: os._exit(9)\n"
    code += "write_bytes(pathlib.Path(sys.argv[1]), b'new')\n"
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    assert subprocess.run(command, check=False).returncode == 9
    assert contents(tmp_path) == {}


@POSIX
def test_the_systems_own_limit_leaves_the_old_file(tmp_path: Path) -> None:
    """The kernel refuses to write more in the middle of a file."""
    import resource

    path = tmp_path / "file"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StorageError, match=r"(?i)could not save .*file too large"):
            write_tensors(path, {"a": np.zeros(100_000, np.float32)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == {"file": b"old"}


def test_any_program_can_read_a_model_and_another_card_leaves_its_tensors(tmp_path: Path) -> None:
    """By the library that defines the format. The time of the save stays, too."""
    path = tmp_path / "model"
    card = make_model(path, epoch=2)
    with open_stored(path) as stored:
        weights = stored.network()
    os.utime(path, (1_000_000_000, 1_000_000_000))
    change_card(path, lambda card: replace(card, about="measured"))
    assert path.stat().st_mtime == 1_000_000_000
    assert read_card(path) == replace(card, about="measured")
    with safe_open(path, framework="numpy") as file:
        said = json.loads(file.metadata()["card"])
        assert (said["corpus"]["name"], said["epochs_done"]) == ("verses", 2)
        assert tuple(json.loads(file.get_tensor("vocabulary").tobytes())) == WORDS
        for name, array in weights.items():
            assert np.array_equal(file.get_tensor(f"network.{name}"), array)


def test_a_number_in_8_bits_is_off_by_half_a_step_of_its_row_at_most() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(50, 20)) * rng.uniform(0, 9, (50, 1))).astype(np.float32)
    rows[3], rows[4, 0] = 0, 127.0
    stored = quantized({"kernel": rows, "bias": np.arange(3, dtype=np.float32)})
    assert stored["kernel"].dtype == np.int8
    again = dequantized(stored)
    assert again.keys() == {"kernel", "bias"}
    steps = np.abs(rows).max(1, keepdims=True) / 127
    assert np.all(np.abs(again["kernel"] - rows) <= steps / 2 + 1e-6)
    assert not again["kernel"][3].any() and again["kernel"][4, 0] == 127
    assert again["bias"].tolist() == [0, 1, 2]
