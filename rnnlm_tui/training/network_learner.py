"""The learner of networks: a network, its optimizer and its batches."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from rnnlm_tui.config import CausalConfig, CausalTrainConfig, LessonConfig, LessonTrainConfig
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.events import Metrics
from rnnlm_tui.lm.model import blocked_ids_of
from rnnlm_tui.store.run_files import Tensors
from rnnlm_tui.text.reading import Report, no_report
from rnnlm_tui.threads import usable_cores
from rnnlm_tui.training.alone import ALONE, Alone
from rnnlm_tui.training.batches import (
    Batch,
    BpttBatches,
    PrefixBatches,
    stream_batches,
    stream_length,
)
from rnnlm_tui.training.causal_networks import CausalNetwork
from rnnlm_tui.training.job import Job
from rnnlm_tui.training.learner import Parts
from rnnlm_tui.training.lesson_network import LessonNetwork
from rnnlm_tui.training.measure import perplexity
from rnnlm_tui.training.networks import Network
from rnnlm_tui.training.optimizers import MOMENTS, make_optimizer, rate_factor
from rnnlm_tui.training.thread_choice import ThreadChoice, choose_threads

NEW_WORDS_STREAMS, NEW_WORDS_STEPS = 16, 16
"""The streams and the time steps of the batches in which new words are read."""


class NetworkLearner:
    """Trains the lesson's network or a causal one. It is a `Learner`."""

    def __init__(self, job: Job, ranks: Alone = ALONE, report: Report = no_report) -> None:
        """Starts from the state of a run, from the weights of a parent, or from initial weights
        drawn with the seed, whichever the job has. Calls `report` with the progress of the new
        words, for which the network of a parent reads the text once.

        Raises UsageError if there is no such device, and ModelError if the state is that of another
        network.
        """
        self._job, self._ranks = job, ranks
        self._settings = job.config.network_train
        self._device = pick_device(self._settings.device, ranks.local_rank)
        self.device = str(self._device)
        self._thread_choice = self._set_threads()
        with self._device:
            self._network, self._batches = network_and_batches(job)
            self._optimizer = make_optimizer(self._settings, self._network)
        self.steps = self._batches.steps
        self._grad_clip, self._uses_bf16 = 0.0, False
        if isinstance(self._settings, CausalTrainConfig):
            self._grad_clip = self._settings.grad_clip
            self._uses_bf16 = self._settings.precision == "bf16"
        self._batches_left: Iterator[Batch] = iter(())
        if job.network is not None:
            self._network.load_weights(job.network)
            self._embed_new_words(report)
        if job.state is not None:
            self._restore(job.state)

    def _set_threads(self) -> ThreadChoice | None:
        """Sets the number of threads that is asked for. Without one, returns a generator that
        chooses one for each step, or None if PyTorch's number stays."""
        threads = self._settings.threads
        if threads is not None:
            torch.set_num_threads(min(threads, usable_cores()))
            return None
        # A step that also waits for other processes does not show how fast its threads are.
        if self._device.type != "cpu" or self._ranks is not ALONE:
            return None
        choice = choose_threads(self.threads)
        next(choice)  # it begins with the number that is already set
        return choice

    def _embed_new_words(self, report: Report) -> None:
        """Sets the embeddings of the words of the text that the parent does not know."""
        if not len(self._job.new_words) or not isinstance(self._network, CausalNetwork):
            return
        lines, new = self._job.lines_to_learn, torch.tensor(self._job.new_words)
        count = -(-stream_length(lines, NEW_WORDS_STREAMS) // NEW_WORDS_STEPS)

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            read = stream_batches(lines, NEW_WORDS_STREAMS, NEW_WORDS_STEPS)
            for number, batch in enumerate(read):
                report("new words", number, count)
                yield self._tensors(batch)

        self._network.embed_new_words(new.to(self._device), batches())

    @property
    def threads(self) -> int:
        """The number of threads that PyTorch computes with."""
        return torch.get_num_threads()

    def begin(self) -> None:
        position = self._job.position
        # A run that is resumed within an epoch has restored the hidden state, of all ranks.
        restored = self._network.hidden_state if position.step else []
        self._network.hidden_state = [*self._ranks.own_rows(restored)]
        self._batches_left = self._batches.epoch(position.epoch, position.step)

    def step(self) -> None:
        """Updates the weights once. Adds the figures of the whole batch, of all ranks."""
        began, position = time.perf_counter(), self._job.position
        middle_of_step = position.epoch - 1 + (position.step + 0.5) / self.steps
        fraction = middle_of_step / self._settings.epochs
        rate = self._settings.learning_rate * rate_factor(self._settings, fraction)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad()
        x, target = self._ranks.own_rows(self._tensors(next(self._batches_left)))
        sums = self._ranks.average_gradients(self._network.parameters(), self._learn(x, target))
        if self._grad_clip > 0:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._grad_clip)
        self._optimizer.step()
        predictions, nll, penalty, hits = sums.tolist()
        position.step += 1
        position.totals.add(predictions, nll, penalty, hits)
        if self._thread_choice is not None:
            threads = self._thread_choice.send((time.perf_counter() - began, predictions))
            if threads != self.threads:
                torch.set_num_threads(threads)

    def _learn(self, x: Tensor, target: Tensor) -> Tensor:
        """Computes the gradients of the rows of this rank, of which a batch may have none. Returns
        the sums over these rows [4], in the order of `Totals`."""
        if not len(x):
            return torch.zeros(4, device=self._device)
        position = self._job.position
        # Steps count from 1 here. The order of the epoch is drawn with (seed, epoch), which numpy
        # reads as (seed, epoch, 0, 0), as rank 0 would have it for the dropout of a step 0.
        seed = (self._settings.seed, position.epoch, position.step + 1, self._ranks.rank)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._uses_bf16):
            loss, sums = self._network.loss(x, target, np.random.default_rng(seed))
        torch.autograd.backward(loss)
        return sums

    def _tensors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        x, target = (torch.from_numpy(ids).to(self._device) for ids in batch)
        return x, target

    @torch.no_grad()
    def held_out_metrics(self) -> Metrics | None:
        prepared = self._job.prepared
        blocked_ids = blocked_ids_of(prepared.vocabulary, prepared.tokenizer)
        blocked = torch.tensor(blocked_ids, device=self._device)
        nll, predictions, top1, top5 = 0.0, 0, 0, 0
        self._network.hidden_state = []
        for batch in self._batches.held_out():
            for logits, target, in_loss in self._network.logits(*self._tensors(batch)):
                losses, word_ranks = losses_and_word_ranks(logits, target, blocked)
                nll += float(losses[in_loss].cpu().double().sum())
                predictions += int(in_loss.sum())
                top1 += int((word_ranks < 1).sum())
                top5 += int((word_ranks < 5).sum())
        if not predictions:
            return None
        loss, words = nll / predictions, prepared.held_out_words
        return Metrics(loss=loss, perplexity=perplexity(loss), top1=top1 / words, top5=top5 / words)

    def parts(self) -> Parts:
        return {"network": _arrays(self._network.weights())}

    def state(self) -> Tensors:
        """Returns the weights, Adam's moments, and within an epoch the hidden state with the rows
        of all ranks."""
        state = self._views()
        if 0 < self._job.position.step < self.steps:
            hidden = self._ranks.all_rows(self._network.hidden_state)
            state |= {f"carried.{number:03}": part for number, part in enumerate(hidden)}
        return _arrays(state)

    def _views(self) -> dict[str, Tensor]:
        """Returns views of the weights and the moments."""
        views = {f"network.{name}": weight for name, weight in self._network.weights().items()}
        for name, parameter in self._network.named_parameters():
            if moments := self._optimizer.state.get(parameter):  # plain steps have none
                views |= {f"moment.{name}.{key}": moments[key] for key in MOMENTS}
        return views

    def _restore(self, saved: Tensors) -> None:
        """Loads what `state` returned. Raises ModelError if that is of another network."""
        views, position = self._views(), self._job.position
        expected = {name: tensor.shape for name, tensor in views.items()}
        if 0 < position.step < self.steps:
            shapes = self._network.hidden_shapes(self._batches.rows)
            expected |= {f"carried.{number:03}": shape for number, shape in enumerate(shapes)}
        found = {
            name: array.shape
            for name, array in saved.items()
            if name.startswith(("network.", "moment.", "carried.")) and array.dtype == np.float32
        }
        if found != expected:
            raise ModelError(
                "the saved state of the run is that of another network", "train it with {force}"
            )
        for name, tensor in views.items():
            tensor.copy_(torch.from_numpy(saved[name]))
        updates = (position.epoch - 1) * self.steps + position.step
        for moments in self._optimizer.state.values():
            moments["step"].fill_(updates)
        names = sorted(name for name in saved if name.startswith("carried."))
        hidden = (torch.from_numpy(saved[name]) for name in names)
        self._network.hidden_state = [part.to(self._device) for part in hidden]


@contextmanager
def settings_of_torch() -> Iterator[None]:
    """Sets PyTorch up for a training, and back at the end."""
    # The L2 penalty drives weights and Adam's moments below 1e-38. With such numbers Intel's
    # processors are a hundred times slower: an epoch of the lesson takes 23 s in place of 7 s. A
    # thread keeps the mode it starts with, so the mode is set before the first operation.
    torch.set_flush_denormal(True)
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def _arrays(tensors: dict[str, Tensor]) -> Tensors:
    """Returns copies of tensors as arrays."""
    return {name: np.array(t.detach().cpu().numpy(), order="C") for name, t in tensors.items()}


def network_and_batches(job: Job) -> tuple[Network, PrefixBatches | BpttBatches]:
    """Returns the network of a job, with initial weights drawn with the seed, and its batches."""
    config, settings = job.config.model, job.config.train
    prepared, words = job.prepared, job.prepared.vocabulary.total_words
    rng = np.random.default_rng(settings.seed)
    if isinstance(settings, CausalTrainConfig):
        assert isinstance(config, CausalConfig)
        network = CausalNetwork(job.config.cell, config, words, rng)
        return network, BpttBatches(job.lines_to_learn, prepared, settings)
    assert isinstance(config, LessonConfig) and isinstance(settings, LessonTrainConfig)
    return LessonNetwork(config, words, rng), PrefixBatches(prepared, settings)


def pick_device(wanted: str, local_rank: int = 0) -> torch.device:
    """Returns the device to compute on. "auto" prefers CUDA, then MPS. `local_rank` is the number
    of the CUDA device. Raises UsageError if there is no such device."""
    is_there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    available = [name for name, found in is_there.items() if found]
    if wanted not in ("auto", *available):
        hint = "leave out {device}, or use cpu"
        raise UsageError(f"there is no {wanted} device here", hint, field="device")
    chosen = available[0] if wanted == "auto" else wanted
    return torch.device(chosen, local_rank) if chosen == "cuda" else torch.device(chosen)


def check_device(device: str, precision: str) -> None:
    """Raises UsageError if there is no such device here, or if its layers cannot compute in this
    precision."""
    if pick_device(device).type != "cpu" or precision == "float32":
        return
    # No function of PyTorch tells on every platform, but an LSTM fails on a CPU without bfloat16.
    try:
        with torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
    except RuntimeError as error:
        raise UsageError(
            "this processor has no bfloat16",
            "leave out {precision}, or use float32",
            field="precision",
        ) from error


def losses_and_word_ranks(logits: Tensor, target: Tensor, blocked: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the negative log-likelihood (nats) and the rank of each target [N].

    The `logits` [N, V] are overwritten. The rank is the number of words that are likelier, or as
    likely with a smaller id. The ids `blocked` [K] are never suggested and do not count; a blocked
    target has the rank V.
    """
    wanted = logits.gather(1, target[:, None])  # [N, 1]
    nll = logits.logsumexp(1) - wanted[:, 0]
    logits[:, blocked] = -math.inf
    ids = torch.arange(logits.shape[1], device=logits.device)
    is_before = (logits > wanted) | ((logits == wanted) & (ids < target[:, None]))
    rank = is_before.sum(1)  # [N]
    rank[torch.isin(target, blocked)] = len(ids)
    return nll, rank
