"""The learner: what it sets up before it computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

FLUSHES_SUBNORMALS = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)

COUNT_SUBNORMALS = """
import sys
from pathlib import Path

import numpy as np
import torch
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.trainer import train
from tests.helpers.training import small_run

events = train(small_run("lesson", Path(sys.argv[1]), epochs=1, threads=2), Control())
next(events)
for threads in (1, 2):  # as a training that chooses them may
    torch.set_num_threads(threads)
    torch.ones(1 << 20).exp()
tiny = torch.from_numpy(np.full(1 << 20, 1e-39, dtype=np.float32))
halves = (tiny * 0.5).numpy().view(np.int32).reshape(2, -1)
print(*map(np.count_nonzero, halves))
"""


@pytest.mark.skipif(not FLUSHES_SUBNORMALS, reason="this processor cannot flush them")
def test_all_threads_flush_subnormal_numbers_to_zero(tmp_path: Path) -> None:
    """Runs in a new process, because threads keep the mode that was set when they started."""
    command = [sys.executable, "-c", COUNT_SUBNORMALS, str(tmp_path / "a")]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert output.split() == ["0", "0"]
