"""A network, its optimizer and its batches: what a training loop drives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, Config, LessonConfig, TrainConfig
from rnnlm_tui.errors import ModelError, Sentence, UsageError
from rnnlm_tui.lm.model import excluded_ids
from rnnlm_tui.store.tensors import LARGEST_WEIGHT
from rnnlm_tui.text.prepare import PreparedLines, PreparedPrefixes, PreparedText
from rnnlm_tui.threads import usable_cores
from rnnlm_tui.training.batches import WHOLE, BpttBatches, PrefixBatches, Shard
from rnnlm_tui.training.causal_networks import CausalNetwork
from rnnlm_tui.training.checkpoint import Checkpoint, Tensors, part_of
from rnnlm_tui.training.lesson_network import LessonNetwork
from rnnlm_tui.training.networks import BatchLoss, Logits, Network
from rnnlm_tui.training.optimizers import make_optimizer, rate_factor
from rnnlm_tui.training.ranks import Ranks
from rnnlm_tui.training.thread_choice import ThreadChoice

MOMENTS = ("exp_avg", "exp_avg_sq")


def build(
    config: Config, prepared: PreparedText, device: torch.device, shard: Shard = WHOLE
) -> tuple[Network, PrefixBatches | BpttBatches]:
    """The network of a preset, and the `shard` of its batches; a new kind of network is added here.

    Raises TypeError if sizes, training settings and corpus belong to different presets, UsageError
    if the processor lacks the precision.
    """
    model, train, words = config.model, config.train, prepared.vocabulary.total_words
    rng = np.random.default_rng(train.seed)
    match model, train, prepared:
        case LessonConfig(), TrainConfig(), PreparedPrefixes():
            lesson = LessonNetwork(model, words, rng).to(device)
            return lesson, PrefixBatches(prepared, train, device, shard)
        case CausalConfig(), CausalTrainConfig(), PreparedLines():
            precision = torch.bfloat16 if train.precision == "bf16" else torch.float32
            if precision == torch.bfloat16 and not has_bfloat16(device):
                hint = Sentence("leave out {precision}, or use float32")
                raise UsageError("this processor has no bfloat16", hint, field="precision")
            causal = CausalNetwork(config.preset, model, words, rng, precision).to(device)
            return causal, BpttBatches(prepared, train, device, shard)
    raise TypeError(f"the settings and the corpus are not those of the preset {config.preset}")


def pick_device(wanted: str) -> torch.device:
    """The device to compute on; `auto` takes CUDA or MPS if there is one. Raises UsageError."""
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    available = ["cuda"] * has_cuda + ["mps"] * has_mps + ["cpu"]
    if wanted == "auto":
        return torch.device(available[0])
    if wanted not in available:
        hint = Sentence("leave out {device}, or use cpu")
        raise UsageError(f"there is no {wanted} device here", hint, field="device")
    return torch.device(wanted)


def has_bfloat16(device: torch.device) -> bool:
    """Returns whether PyTorch's layers compute in bfloat16 on this device."""
    if device.type != "cpu":
        return True
    try:  # the layer that fails without it; no function of PyTorch tells on every platform
        with torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
    except RuntimeError:
        return False
    return True


class Learner:
    """Takes training steps, measures on the held-out lines, and saves and restores its state."""

    def __init__(
        self,
        config: Config,
        prepared: PreparedText,
        weights: Tensors | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        """Starts from `weights`, or from initial weights drawn with the seed. `ranks` are the
        processes that train together, if there are several.

        Raises UsageError if there is no such device, or if it lacks the precision.
        """
        training = config.network_train
        self.device = pick_device(training.device)
        if ranks is not None and self.device.type == "cuda":
            self.device = torch.device("cuda", ranks.local_rank)
        if training.threads is not None:
            torch.set_num_threads(min(training.threads, usable_cores()))
        # A step that also waits for other processes does not show how fast its threads are.
        can_adapt = training.threads is None and self.device.type == "cpu" and ranks is None
        self._choice = ThreadChoice(torch.get_num_threads()) if can_adapt else None
        self._training = training
        self._ranks = ranks
        self._stop_requested, self._stop_agreed = False, False
        shard = ranks.shard if ranks else WHOLE
        self.network, self.batches = build(config, prepared, self.device, shard)
        excluded = excluded_ids(prepared.vocabulary, prepared.tokenizer)
        self._excluded = torch.tensor(excluded, device=self.device)
        self._held_out_words = prepared.held_out_words
        self.network.own_layers = self.device.type != "cuda"
        if weights is not None:
            self.network.load_weights(weights)
        self.restart_optimizer(training.learning_rate)

    @property
    def threads(self) -> int:
        """The number of threads PyTorch computes with."""
        return torch.get_num_threads()

    def adapt_threads(self, seconds: float, predictions: int) -> None:
        """Chooses the number of threads for the next step from the time of the last one, unless the
        settings fix it."""
        if self._choice is not None:
            self._choice.add(seconds, predictions)
            if self._choice.threads != self.threads:
                torch.set_num_threads(self._choice.threads)

    def restart_optimizer(self, learning_rate: float) -> None:
        """Replaces the optimizer with one that has taken no step."""
        self._learning_rate = learning_rate
        self._optimizer = make_optimizer(self._training, self.network, learning_rate)

    def step(
        self, x: Tensor, target: Tensor, dropout: np.random.Generator, fraction: float
    ) -> BatchLoss:
        """Updates the weights once; `fraction` is how much of the run is over."""
        rate = self._learning_rate * rate_factor(self._training, fraction)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        ranks, rows = self._ranks, self.batches.rows
        if ranks is not None:
            self.network.first_row, self.network.whole_rows = ranks.shard.rows(rows).start, rows
        loss = self.network.loss(x, target, dropout)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss.objective)
        if ranks is not None:
            loss, self._stop_agreed = ranks.average(
                self.network.parameters(), loss, self._stop_requested, ranks.shard.has_rows(rows)
            )
        self._optimizer.step()
        return loss

    def should_stop(self, requested: bool) -> bool:
        """Whether to leave the epoch before its next step: if that is `requested`. With other
        ranks, all leave together after a step before which one of them requested it."""
        self._stop_requested = requested
        return requested if self._ranks is None else self._stop_agreed

    def begin_steps(self) -> None:
        """Begins the rest of an epoch. With other ranks, each keeps its own rows of the hidden
        state."""
        self._stop_agreed = False
        if self._ranks is not None:
            hidden, shard = self.network.hidden_state.items(), self._ranks.shard
            self.network.hidden_state = {k: whole[shard.rows(len(whole))] for k, whole in hidden}

    def end_steps(self, is_early: bool) -> None:
        """Ends what `begin_steps` began. If the epoch is not over (`is_early`), all ranks get the
        hidden state of the whole batch."""
        if self._ranks is not None:
            self._ranks.others_wait = True
            if is_early:
                self.network.hidden_state = self._ranks.join_rows(self.network.hidden_state)

    def state(self) -> Tensors:
        """The tensors of a `Checkpoint`, copied."""
        tensors = {f"weight.{name}": weight for name, weight in self.network.weights().items()}
        for name, parameter in self.network.named_parameters():
            if moments := self._optimizer.state.get(parameter):
                tensors |= {f"moment.{name}.{key}": moments[key] for key in MOMENTS}
        tensors |= {f"carried.{name}": state for name, state in self.network.hidden_state.items()}
        return {name: np.array(t.cpu().numpy(), order="C") for name, t in tensors.items()}

    def restore(self, state: Checkpoint) -> None:
        """The reverse of `state`. Raises ModelError if the state is that of another network."""
        position, tensors = state.position, state.tensors
        parameters = list(self.network.named_parameters()) if position.updates else []
        carried = part_of(tensors, "carried.")
        shapes = {f"weight.{name}": w.shape for name, w in self.network.weights().items()}
        for name, parameter in parameters:
            shapes |= {f"moment.{name}.{key}": parameter.shape for key in MOMENTS}
        if carried:  # a batch shows the shapes of the hidden state
            list(self.network.logits(*next(self.batches.epoch(1))))
            for name, rows in self.network.hidden_state.items():
                shapes[f"carried.{name}"] = torch.Size((self.batches.rows, *rows.shape[1:]))
        if shapes != {k: v.shape for k, v in tensors.items() if not k.startswith("lines.")}:
            raise ModelError(
                "the saved state of the run is that of another network",
                Sentence("train it again with {force}"),
            )
        self.network.load_weights(state.weights)
        self.restart_optimizer(position.learning_rate)
        for name, parameter in parameters:
            steps = torch.tensor(float(position.updates), device=self.device)
            moments = {key: self._tensor(tensors[f"moment.{name}.{key}"]) for key in MOMENTS}
            self._optimizer.state[parameter] = {"step": steps, **moments}
        self.network.hidden_state = {name: self._tensor(a) for name, a in carried.items()}

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def begin_epoch(self) -> None:
        """Forgets the hidden state."""
        self.network.hidden_state = {}

    @torch.no_grad()
    def has_finite_weights(self) -> bool:
        """Whether all weights are within the bounds of a saved model, and the moments finite."""
        weights = (parameter.abs().amax() for parameter in self.network.parameters())
        states = self._optimizer.state.values()
        moments = (state[key].abs().amax() for state in states for key in MOMENTS)
        # A NaN fails both comparisons.
        return all(peak <= LARGEST_WEIGHT for peak in weights) and all(
            peak < math.inf for peak in moments
        )

    @torch.no_grad()
    def held_out_metrics(self) -> dict[str, float] | None:
        """Loss, perplexity, top-1 and top-5 hit rate on the held-out lines; None without any.

        Call it between two epochs.
        """
        totals = HeldOutTotals()
        self.begin_epoch()
        for batch in self.batches.held_out():
            for logits in self.network.logits(*batch):
                totals.add(logits, self._excluded)
        self.begin_epoch()
        return totals.metrics(self._held_out_words) if totals.predictions else None


@dataclass(slots=True)
class HeldOutTotals:
    """Sums over held-out text, by the definitions of `rnnlm_tui.evaluate`: the negative
    log-likelihood (nats) of `predictions`, and the words that rank first and among the first five
    of those that can be suggested."""

    nll: float = 0.0
    predictions: int = 0
    top1: int = 0
    top5: int = 0

    def add(self, predicted: Logits, excluded: Tensor) -> None:
        """Adds some logits, which it changes; the ids `excluded` [K] are never suggested."""
        logits, target, in_loss = predicted
        wanted = logits.gather(1, target[:, None])  # [N, 1]
        nll = logits.logsumexp(1) - wanted[:, 0]
        self.nll += float(nll[in_loss].cpu().double().sum())
        self.predictions += int(in_loss.sum())
        logits[:, excluded] = -math.inf
        ids = torch.arange(logits.shape[1], device=logits.device)
        is_before = (logits > wanted) | ((logits == wanted) & (ids < target[:, None]))
        rank = is_before.sum(1)  # [N]
        rank[torch.isin(target, excluded)] = len(logits[0])
        self.top1 += int((rank < 1).sum())
        self.top5 += int((rank < 5).sum())

    def metrics(self, words: int) -> dict[str, float]:
        """The metrics, given the number of words in the text."""
        loss = self.nll / self.predictions
        return {
            "loss": loss,
            "perplexity": perplexity(loss),
            "top1": self.top1 / words,
            "top5": self.top5 / words,
        }


def perplexity(loss: float) -> float:
    """exp(loss in nats); infinite if that is too large for a float."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
