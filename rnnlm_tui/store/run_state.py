"""How far the saved state of a training stands, told without its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from rnnlm_tui.config import CausalTrainConfig, NetworkTrainConfig, RunConfig
from rnnlm_tui.errors import ModelError, RnnlmError
from rnnlm_tui.store import files
from rnnlm_tui.store.card import FORMAT, with_min_count
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.weights import opened

FACTS = "run"
"""The tensor of bytes that holds all that is not a tensor."""
DAMAGE = (
    SafetensorError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,  # numpy lacks some of the types that a file can hold
    MemoryError,
    RnnlmError,
)
"""What a damaged file makes its readers raise."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The settings of a saved run, the epochs that it has done, and the best of them, None before
    the first save."""

    config: RunConfig
    epochs_done: int
    best_epoch: int | None

    @property
    def patience_exhausted(self) -> bool:
        """Whether its held-out loss has not been better for as long as it waits for that."""
        train = self.config.train
        if not isinstance(train, CausalTrainConfig):
            return False
        return train.patience_exhausted(self.epochs_done, self.best_epoch)

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end, and goes on only with other settings."""
        return self.epochs_done >= self.config.epochs or self.patience_exhausted

    @property
    def can_be_longer(self) -> bool:
        """Whether it can be given more epochs; counting is done in one."""
        return isinstance(self.config.train, NetworkTrainConfig)


def read_run_status(folder: Path) -> RunStatus:
    """How far the state in `folder` stands. Raises ModelError for one that cannot be read."""
    try:
        with opened(folder / RESUME) as file:
            raw = file.get_tensor(FACTS).tobytes()
        facts = files.parse_json(raw, RESUME)
        epoch, best = (facts["position"][name] for name in ("epoch", "best_epoch"))
        if type(epoch) is not int or epoch < 1 or type(best) not in (int, type(None)):
            raise ValueError("an epoch makes no sense")
        return RunStatus(checked_config(facts), epoch - 1, best)
    except DAMAGE as error:
        raise ModelError(f"{RESUME} is damaged: {error}") from error


def checked_config(facts: Any) -> RunConfig:
    """The settings in parsed JSON, of this format or an older one. Raises one of DAMAGE."""
    version = facts.get("format", 1)  # the first format did not say so
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise ValueError("it is of another format")
    config = facts["config"]
    return RunConfig.from_json(with_min_count(config) if version == 1 else config)
