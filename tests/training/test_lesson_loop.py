"""Generating words, compared with the lesson's own loop over the PyTorch network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.generate import generate_words
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.lesson_network import LessonNetwork
from tests.helpers.networks import normal_weights

WINDOW = 10
WORDS = ("the", "cat", "log", "lay", "and", "sat", "bird", "by", *(f"word{i}" for i in range(90)))


def lesson_loop(
    network: LessonNetwork, word_index: dict[str, int], seed_text: str, count: int
) -> str:
    """The lesson's loop, with its names: look the seed up, pad it, predict, append, again."""
    for _ in range(count):
        words = LessonTokenizer().words(seed_text)
        token_list = [word_index[word] for word in words if word in word_index]
        padded = ([0] * WINDOW + token_list)[-WINDOW:]
        with torch.no_grad():
            predicted = int(network(torch.tensor([padded])).argmax(dim=1))
        output_word = next(word for word, index in word_index.items() if index == predicted)
        seed_text = f"{seed_text} {output_word}" if seed_text else output_word
    return seed_text


@pytest.mark.parametrize(
    "seed_text",
    ["the cat", "The LOG, lay", "and", "", "nothing known here", "the bird sat by the log " * 4],
)
def test_words_are_generated_token_for_token_as_in_the_lesson(seed_text: str) -> None:
    config, total_words, seed_text = LessonConfig(), len(WORDS) + 1, seed_text.strip()
    weights = normal_weights(lesson_shapes(config, total_words), 0.3)
    weights["output.bias"][0] = -100  # the lesson appends empty words where it predicts padding
    network = LessonNetwork(config, total_words, np.random.default_rng(0))
    network.load_weights(weights)
    expected = lesson_loop(
        network, {word: i for i, word in enumerate(WORDS, start=1)}, seed_text, 25
    )
    words = generate_words(
        LessonModel(Vocabulary(WORDS), LessonTokenizer(), WINDOW, weights), seed_text, 25
    )
    assert " ".join([seed_text, *words] if seed_text else words) == expected
    assert len({*words}) > 5
