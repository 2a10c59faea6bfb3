"""Generating words, compared with the lesson's own loop over the PyTorch network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.generate import generate_words
from rnnlm_tui.store.model_file import load_model, open_stored
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.training.lesson_network import LessonNetwork
from tests.helpers.training import model_of, run, small_run

SEEDS = [
    "the cat",
    "The LOG, lay",
    "and",
    "",
    "nothing known here",
    " ".join(["the bird sat by the log"] * 4),
]


def lesson_loop(
    network: LessonNetwork, word_index: dict[str, int], window: int, seed_text: str, count: int
) -> str:
    """The lesson's loop, with its names: look the seed up, pad it, predict, append, again.

    If it predicts padding, the lesson appends empty words forever; here the loop ends.
    """
    for _ in range(count):
        words = LessonTokenizer().words(seed_text)
        token_list = [word_index[word] for word in words if word in word_index]
        padded = np.zeros((1, window), dtype=np.int64)
        if token_list:
            padded[0, -len(token_list[-window:]) :] = token_list[-window:]
        with torch.no_grad():
            predicted = int(network(torch.from_numpy(padded)).argmax(dim=1))
        output_word = next((w for w, index in word_index.items() if index == predicted), "")
        if not output_word:
            break
        seed_text = f"{seed_text} {output_word}" if seed_text else output_word
    return seed_text


def test_words_are_generated_token_for_token_as_in_the_lesson(tmp_path: Path) -> None:
    run(small_run("lesson", tmp_path / "a", epochs=25, learning_rate=0.03))
    card, model = load_model(model_of(tmp_path / "a"))
    assert isinstance(card.config.model, LessonConfig)
    network = LessonNetwork(card.config.model, card.total_words, np.random.default_rng(9))
    with open_stored(model_of(tmp_path / "a")) as stored:
        network.load_weights(stored.weights("network"))
    word_index = {word: i for i, word in enumerate(model.vocabulary.words, start=1)}
    for seed in SEEDS:
        expected = lesson_loop(network, word_index, card.window, seed, 25)
        words = generate_words(model, seed, 25)
        assert " ".join([seed, *words] if seed else words) == expected
