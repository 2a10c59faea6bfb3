"""`--generate` against the lesson's own loop, written out over the PyTorch network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.lm.model import ArraySpec
from rnnlm_tui.store.card import read_card
from rnnlm_tui.store.weights import read_tensors
from rnnlm_tui.text.tokenizer import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.lesson_network import LessonNetwork
from tests.helpers.commands import Command
from tests.helpers.training import job, run

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
    """The lesson's loop, with its names: look the seed up, pad it, predict, append, ten times.

    Where it predicts padding, the lesson appends an empty word for ever; here the loop ends.
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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a small model, trained until it has something to say."""
    folder = tmp_path_factory.mktemp("data")
    corpus = folder / "verses.txt"
    from tests.helpers.commands import VERSES

    corpus.write_text(VERSES)
    run(job(corpus, folder / "models" / "small", epochs=60, learning_rate=0.01))
    return folder


@pytest.mark.parametrize("count", [10, 25])
def test_generate_gives_the_lessons_words_token_for_token(
    trained: Path, command: Command, count: int
) -> None:
    folder = trained / "models" / "small"
    card = read_card(folder)
    words = json.loads((folder / card.vocabulary).read_text(encoding="utf-8"))["words"]
    vocabulary = Vocabulary(words)
    assert isinstance(card.config.model, LessonConfig)
    network = LessonNetwork(card.config.model, vocabulary.total_words, np.random.default_rng(9))
    specs = {name: ArraySpec(tuple(tensor.shape)) for name, tensor in network.weights().items()}
    network.load_weights(read_tensors(folder / card.weights, specs))
    word_index = {word: i for i, word in enumerate(words, start=1)}
    expected = [lesson_loop(network, word_index, card.window, seed, count) for seed in SEEDS]
    result = command(
        *("--generate", "--json", "--words", str(count), "--data-dir", str(trained)),
        stdin="\n".join(SEEDS) + "\n",
    )
    assert result.returncode == 0, result.stderr
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == expected
    assert len(set(expected)) == len(SEEDS), "the seeds must lead to different lines"
