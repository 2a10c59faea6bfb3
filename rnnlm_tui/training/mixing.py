"""Mixes a trained model with n-grams, a base model and a cache of the last words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator
from typing import cast

from rnnlm_tui.config import LineTextConfig, NgramConfig, RunConfig
from rnnlm_tui.events import EpochFigures, Event, Preparing
from rnnlm_tui.lm.kneser_ney import Arrays
from rnnlm_tui.lm.mixture import ComponentName, MixedModel, fit_weights
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import ngram_arrays, ngram_counts
from rnnlm_tui.store.card import Mixture, NgramFile
from rnnlm_tui.store.evaluations import write_evaluation
from rnnlm_tui.text.corpus import some_lines
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.training.checkpoint import Checkpoints
from rnnlm_tui.training.control import Control
from rnnlm_tui.training.evaluation import evaluate_lines
from rnnlm_tui.training.run import TrainingRun
from rnnlm_tui.training.run_report import RunReport

ORDER = NgramConfig().order
COUNTING = "n-grams"
"""The name of the phase that counts them."""
MOST_FITTED = 2_000
"""Held-out words that the mixture weights are fitted to; each takes at most a millisecond."""
MOST_AT_FIRST = 1_000
"""The same for the n-grams that a network's training begins with, and the words they are evaluated
on: that model should be ready within a second."""


def mix(
    run: TrainingRun,
    models: dict[ComponentName, LanguageModel],
    ngrams: NgramFile | None = None,
    most_words: int = MOST_FITTED,
) -> tuple[MixedModel, Mixture]:
    """Mixes the models of a run with its base and a cache, with weights fitted to its held-out
    lines. Also returns the mixture for the card."""
    base = None
    if run.base is not None:
        models, base = {**models, "base": run.base}, run.origin.get("base")
    tokenizer = next(iter(models.values())).tokenizer
    lines = some_lines(run.split_lines()[1], most_words)
    weights = fit_weights(MixedModel(tokenizer, models), lines, most_words)
    mixture: Mixture = {"weights": weights, "ngrams": ngrams, "base": base}
    return MixedModel(tokenizer, models, weights), mixture


class FirstNgrams:
    """The n-grams of a network's text: the model until the first epoch ends, then mixed with it."""

    def __init__(self, run: TrainingRun, arrays: Arrays) -> None:
        """`arrays` are those of all n-grams of the text."""
        prepared, config = run.prepared, run.config
        assert isinstance(prepared, PreparedLines) and isinstance(config.train, LineTextConfig)
        settings = {
            f.name: getattr(config.train, f.name) for f in dataclasses.fields(LineTextConfig)
        }
        self._run = dataclasses.replace(
            run,
            config=RunConfig("ngram", NgramConfig(ORDER), LineTextConfig(**settings)),
            prepared=dataclasses.replace(prepared, window=ORDER - 1),
        )
        self._report = RunReport(self._run)
        self.arrays, self._sizes = arrays, [*ngram_counts(arrays)]
        self.model = self._report.model(self.arrays)
        self.file: NgramFile = {"file": "", "order": ORDER, "sizes": self._sizes}

    @classmethod
    def counted(cls, run: TrainingRun, report: RunReport) -> Generator[Event, None, FirstNgrams]:
        """Counts the n-grams: 0.6 s for a million words. Reports progress for a large text."""
        assert isinstance(run.config.train, LineTextConfig)
        arrays, began = Arrays(), report.time()
        is_large = run.prepared.kept is not None
        if is_large:
            yield Preparing(began, COUNTING, 0, ORDER, math.nan)
        parts = ngram_arrays(run.prepared, ORDER, run.config.train.max_ngrams)
        for length, part in enumerate(parts, start=1):
            arrays |= part
            if is_large:
                now = report.time()
                left = (now - began) * (ORDER - length) / length
                yield Preparing(now, COUNTING, length, ORDER, left)
        return cls(run, arrays)

    def save(self, checkpoints: Checkpoints, control: Control) -> bool:
        """Saves them as the model, evaluated on a few words, unless the run is stopped meanwhile;
        returns whether it did. Raises StorageError."""
        model, mixture = mix(self._run, {"ngrams": self.model}, most_words=MOST_AT_FIRST)
        trained_on, held_out = self._run.split_lines()
        seen = evaluate_lines(self.model, trained_on, control, MOST_AT_FIRST)
        unseen = evaluate_lines(model, held_out, control, MOST_AT_FIRST)
        if seen is None or seen.loss is None or control.stopped:
            return False
        train = {"loss": seen.loss, "accuracy": seen.top1}
        held = unseen and {"loss": unseen.loss, "perplexity": unseen.perplexity}
        metrics = cast(EpochFigures, {"epoch": 0, "train": train, "held_out": held})
        card = self._report.card([], metrics, epochs_done=0, sizes=self._sizes, mixture=mixture)
        checkpoints.save_model(card, self._run.prepared.vocabulary.words, self.arrays)
        if unseen is not None:
            write_evaluation(self._run.folder, checkpoints.card(), unseen)
        return True
