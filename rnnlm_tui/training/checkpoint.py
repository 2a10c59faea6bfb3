"""A run's files: the state that it resumes from exactly, and the model that it saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import Config, NetworkTrainConfig
from rnnlm_tui.errors import ModelError, Sentence
from rnnlm_tui.lm.mixture import ComponentName
from rnnlm_tui.lm.model import Arrays
from rnnlm_tui.paths import APP_NAME
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.files import RESUME, make_folder, remove
from rnnlm_tui.store.model_file import change_card, open_stored, read_card, write_model
from rnnlm_tui.store.run_state import FACTS, Position, TextOrigin, decode_facts, encode_facts
from rnnlm_tui.store.tensors import is_usable, read_arrays, write_tensors
from rnnlm_tui.text.overlap import Hashes, no_hashes
from rnnlm_tui.text.streams import Mask

Tensors = dict[str, NDArray[Any]]
"""Tensors by name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The content of resume.safetensors: the settings, where the corpus was read from, the
    position, and the tensors. These are the weights (`weight.` and the name in a saved model), the
    optimizer's moments (`moment.` and the parameter), and the hidden state (`carried.`), which is
    empty between epochs. A run that started from a model or has a base model also has the hashes of
    its ancestors' lines (`lines.ancestors`), and which lines [L] are held out
    (`lines.held_out`)."""

    config: Config
    corpus: TextOrigin
    position: Position
    tensors: Tensors

    @property
    def weights(self) -> Tensors:
        """The weights by their names in a saved model."""
        return part_of(self.tensors, "weight.")

    @property
    def ancestor_lines(self) -> Hashes:
        """The hashes of the lines that the ancestors were trained on."""
        return self.tensors.get("lines.ancestors", no_hashes())

    @property
    def held_out(self) -> Mask | None:
        """Which lines are held out, or None if the settings decide that."""
        mask = self.tensors.get("lines.held_out")
        return None if mask is None else mask != 0


def arrays_of(state: Checkpoint) -> Tensors:
    """The whole state as arrays."""
    facts = encode_facts(state.config, state.corpus, state.position)
    return {**state.tensors, FACTS: facts}


def state_of(arrays: Mapping[str, NDArray[Any]]) -> Checkpoint:
    """The reverse of `arrays_of`. Raises ModelError."""
    tensors = dict(arrays)
    return Checkpoint(*decode_facts(tensors.pop(FACTS, None)), tensors)


def part_of(tensors: Mapping[str, NDArray[Any]], prefix: str) -> Tensors:
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class CheckpointWriter:
    """Writes the files of one run: its model, and its state. The caller holds the lock of the
    name."""

    def __init__(
        self, path: Path, folder: Path, created: str, of_text: Callable[[], Arrays]
    ) -> None:
        """`path` is the model's file, `folder` that of the run. `created` is when the run began, by
        which its model is known. `of_text` returns the tensors that do not change while it
        trains."""
        self._path, self._folder, self._created = path, folder, created
        self._of_text = cache(of_text)

    def save_model(self, card: ModelCard, parts: Mapping[ComponentName, Arrays]) -> None:
        """Replaces the model by one of these parts, in their compact form. Raises StorageError,
        which leaves the saved model intact."""
        of_parts = Tensors()
        for name, arrays in parts.items():
            small = card.parts[name].to_compact(arrays)
            of_parts |= {f"{name}.{key}": array for key, array in small.items()}
        make_folder(self._path.parent)
        write_model(self._path, card, {**self._of_text(), **of_parts})

    def save_figures(self, card: ModelCard) -> None:
        """Stores the history of the epochs with the saved model, which stays as it is. Raises
        ModelError if there is none, and StorageError."""
        if self.saved() is None:
            raise ModelError(
                f"the model in {self._path} is gone or damaged, and with it the best epoch",
                Sentence("train it again with {force}"),
            )
        kept = ("metrics", "mixture", "base", "evaluation", "base_alone")
        change_card(
            self._path, lambda saved: replace(card, **{name: getattr(saved, name) for name in kept})
        )

    def saved(self) -> ModelCard | None:
        """The card of the model that this run has saved; None if it has not."""
        card = self._in_place()
        return card if card is not None and card.created == self._created else None

    def has_older_model(self) -> bool:
        """Whether the model in place is that of an earlier run. One that came to n-grams and to no
        network does not count."""
        card = self._in_place()
        return card is not None and card.metrics is not None and card.created != self._created

    def _in_place(self) -> ModelCard | None:
        try:
            return read_card(self._path)
        except ModelError:
            return None

    def best_weights(self) -> Tensors:
        """The weights of the network that this run has saved. Raises ModelError."""
        with open_stored(self._path) as stored:
            return dict(stored.weights("network"))

    def drop_state(self) -> None:
        """Removes resume.safetensors, if there is one. Raises StorageError."""
        remove(self._folder / RESUME)

    def save_state(self, state: Checkpoint) -> None:
        """Writes resume.safetensors. Raises StorageError."""
        write_tensors(self._folder / RESUME, arrays_of(state))


def now() -> str:
    """The present time in UTC, as a card has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def load_state(folder: Path, name: str) -> Checkpoint:
    """The state of the run in `folder`. Raises ModelError if there is none to resume from."""
    path = folder / RESUME
    if not path.exists():
        raise ModelError(
            f"no training of {name} is unfinished",
            Sentence(
                "leave {resume} out to train a new model; to train this one longer: {longer}",
                longer=f"{APP_NAME} --train --update {name} --epochs N",
            ),
        )
    try:
        state = state_of(read_arrays(path))
        _check_numbers(state)
    except (ModelError, ValueError) as error:
        raise ModelError(
            f"the state of the run of {name} is damaged: {error}",
            Sentence("train it again with {force}"),
        ) from error
    return state


def _check_numbers(state: Checkpoint) -> None:
    """Raises ValueError for numbers that this program never saves."""
    if isinstance(state.config.train, NetworkTrainConfig) and state.position.learning_rate <= 0:
        raise ValueError("the learning rate is not above 0")
    for name, tensor in state.tensors.items():
        if name.startswith("lines."):
            continue
        is_sound = is_usable(tensor) if name.startswith("weight.") else np.isfinite(tensor).all()
        if tensor.dtype != np.float32 or not is_sound:
            raise ValueError(f"{name} does not hold usable float32 numbers")
