"""The lesson's network in numpy against PyTorch; tests/training has the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.model import Weights
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.lesson_network import LessonNetwork
from tests.helpers.networks import normal_weights

WORDS, WINDOW = 401, 10


def model_of(weights: Weights) -> LessonModel:
    """The numpy model with these weights."""
    vocabulary = Vocabulary([f"w{i}" for i in range(1, WORDS)])
    return LessonModel(vocabulary, LessonTokenizer(), WINDOW, weights)


def test_numpy_agrees_with_pytorch() -> None:
    weights = normal_weights(lesson_shapes(LessonConfig(), WORDS), 0.1)
    model = model_of(weights)
    network = LessonNetwork(LessonConfig(), WORDS, np.random.default_rng(0))
    network.load_weights(weights)
    rng = np.random.default_rng(1)
    for length in (0, 1, 7, 10, 25):
        context = rng.integers(1, WORDS, length).tolist()
        padded = ([0] * WINDOW + context)[-WINDOW:]
        with torch.no_grad():
            expected = network(torch.tensor([padded]))[0].softmax(0).numpy()
        predicted = model.next_word_probabilities(context)
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-5)
        assert predicted.sum() == pytest.approx(1, abs=1e-5)
