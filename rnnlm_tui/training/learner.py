"""A network, its optimizer and its batches: what a training loop turns."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from rnnlm_tui.config import RunConfig
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.lm.model import excluded_ids
from rnnlm_tui.store.weights import LARGEST_WEIGHT
from rnnlm_tui.suggest import generate_words
from rnnlm_tui.text.prepare import PreparedText
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import PADDING
from rnnlm_tui.training.networks import Loss, Measures
from rnnlm_tui.training.recipes import RECIPES

CALIBRATION_STEPS = 8
"""Steps timed for the estimate, after half as many to warm up."""

MOMENTS = ("exp_avg", "exp_avg_sq")

Arrays = Mapping[str, NDArray[np.float32]]


def pick_device(wanted: str) -> torch.device:
    """The device to compute on; `auto` takes CUDA or MPS where there is one. Raises UsageError."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        wanted = next(name for name, found in there.items() if found)
    if not there[wanted]:
        raise UsageError(f"there is no {wanted} device here", "leave --device out, or use cpu")
    return torch.device(wanted)


@contextmanager
def flushed_subnormals() -> Iterator[None]:
    """Numbers below 1e-38 are zero, here and in the threads that are started meanwhile.

    Weights under the L2 penalty and Adam's means sink that far, and Intel's processors compute with
    such numbers a hundred times slower: an epoch of the lesson took 23 s instead of 7 s. Threads
    keep the mode that they were started with, so enter this before the first operation.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


class Learner:
    """Takes steps, measures, and hands its state over. It is a `LanguageModel` too."""

    uses_previous_lines = False

    def __init__(
        self, config: RunConfig, prepared: PreparedText, weights: Arrays | None = None
    ) -> None:
        """The network has its initial weights, drawn by the seed, or `weights`.

        Raises UsageError for a device that is not there.
        """
        self._recipe, self._training = RECIPES[config.preset], config.network_train
        recipe, training = self._recipe, self._training
        self.device = pick_device(training.device)
        if training.threads is not None:
            torch.set_num_threads(training.threads)
        self.threads = torch.get_num_threads()
        self.vocabulary, self.window = prepared.vocabulary, prepared.window
        self.tokenizer = TOKENIZERS[config.tokenizer]
        self.excluded_ids = excluded_ids(self.vocabulary, self.tokenizer)
        rng = np.random.default_rng(config.train.seed)
        self.network = recipe.network(config.model, self.vocabulary.total_words, rng)
        self.network.to(self.device)
        if weights is not None:
            self.network.load_weights(weights)
        self.batches = recipe.batches(prepared, config, self.device)
        self.restart_optimizer(training.learning_rate)

    def restart_optimizer(self, learning_rate: float) -> None:
        """An optimizer that has taken no step."""
        self._learning_rate = learning_rate
        self._optimizer = self._recipe.optimizer(self.network, self._training, learning_rate)

    def step(
        self, x: torch.Tensor, target: torch.Tensor, dropout: np.random.Generator, done: float
    ) -> Loss:
        """One update of the weights; `done` is the share of the run that is through."""
        rate = self._learning_rate * self._recipe.rate(self._training, done)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = self.network.loss(x, target, dropout)
        self._optimizer.zero_grad()
        loss.objective.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights as a saved model has them, copied."""
        return {
            name: np.array(tensor.cpu().numpy(), order="C")
            for name, tensor in self.network.weights().items()
        }

    def load_weights(self, weights: Arrays) -> None:
        """The reverse of `weights`."""
        self.network.load_weights(weights)

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """The optimizer's running means by parameter; empty before its first step."""
        return {
            f"{name}.{key}": self._optimizer.state[parameter][key].cpu().numpy().copy()
            for name, parameter in self.network.named_parameters()
            for key in MOMENTS
            if parameter in self._optimizer.state
        }

    def load_moments(self, moments: Arrays, updates: int) -> None:
        """The reverse of `moments`, after `updates` steps. Raises ModelError for other shapes."""
        if updates == 0:
            return
        for name, parameter in self.network.named_parameters():
            state = {"step": torch.tensor(float(updates), device=self.device)}
            for key in MOMENTS:
                moment = moments.get(f"{name}.{key}")
                if moment is None or moment.shape != tuple(parameter.shape):
                    raise ModelError(f"the saved state does not fit the network: {name}")
                state[key] = torch.from_numpy(moment).to(self.device)
            self._optimizer.state[parameter] = state

    def hidden_state(self) -> dict[str, NDArray[np.float32]]:
        """The state in which the next batch finds the network; see `Network.hidden_state`."""
        return {
            name: np.array(tensor.cpu().numpy(), order="C")
            for name, tensor in self.network.hidden_state().items()
        }

    def load_hidden_state(self, state: Arrays) -> None:
        """The reverse of `hidden_state`. Raises ModelError for what no batch finds."""
        if state:
            rows = len(next(self.batches.epoch(1))[0])
            if {
                name: array.shape for name, array in state.items()
            } != self.network.hidden_state_shapes(rows):
                raise ModelError("the saved state does not fit the network: its hidden state")
        tensors = {name: torch.from_numpy(a).to(self.device) for name, a in state.items()}
        self.network.set_hidden_state(tensors)

    def begin_epoch(self) -> None:
        """The network carries nothing into the first batch."""
        self.network.set_hidden_state({})

    @torch.no_grad()
    def is_sound(self) -> bool:
        """Whether all weights are such as a saved model may have, and the running means finite."""
        weights = (parameter.abs().amax() for parameter in self.network.parameters())
        means = (
            self._optimizer.state[p][key].abs().amax()
            for p in self._optimizer.state
            for key in MOMENTS
        )
        # A NaN fails both comparisons.
        return all(peak <= LARGEST_WEIGHT for peak in weights) and all(
            peak < math.inf for peak in means
        )

    def calibrate(self) -> float:
        """Seconds a step takes here, from a few steps that are undone again. Call it first."""
        before = self.weights()
        rate = self._learning_rate
        batches = self.batches.epoch(0)
        durations: list[float] = []
        for _ in range(CALIBRATION_STEPS + CALIBRATION_STEPS // 2):
            batch = next(batches, None)
            if batch is None:
                break
            start = time.perf_counter()
            self.step(*batch, np.random.default_rng(0), 0.5).nll_sum.item()
            durations.append(time.perf_counter() - start)
        self.load_weights(before)
        self.restart_optimizer(rate)
        self.begin_epoch()
        return float(np.median(durations[-CALIBRATION_STEPS:]))

    def held_out_metrics(self) -> dict[str, float] | None:
        """Loss, perplexity, top-1 and top-5 hit rate on the held-out lines, or None without any."""
        found, carried = Measures(), self.network.hidden_state()
        self.network.set_hidden_state({})
        for batch in self.batches.held_out():
            found += self.network.measure(*batch)
        self.network.set_hidden_state(carried)
        if found.count == 0:
            return None
        loss = found.nll / found.count
        return {
            "loss": loss,
            "perplexity": perplexity(loss),
            "top1": found.top1 / found.count,
            "top5": found.top5 / found.count,
        }

    @torch.no_grad()
    def next_word_probabilities(self, context: Sequence[int]) -> NDArray[np.float32]:
        """See `LanguageModel`."""
        seen = list(context[-self.window :])
        if self.network.pads_in_front:
            seen = [PADDING] * (self.window - len(seen)) + seen
        x = torch.tensor([seen], device=self.device)
        probabilities: NDArray[np.float32] = self.network(x)[0].softmax(0).cpu().numpy()
        return probabilities

    def sample(self, seed_line: str, words: int) -> str:
        """`seed_line` and its likeliest continuation."""
        return " ".join([seed_line, *generate_words(self, seed_line, words)]).strip()


def perplexity(loss: float) -> float:
    """exp(loss in nats); infinite where that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
