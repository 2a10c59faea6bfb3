"""How long `--evaluate` takes, from start to exit: the loss of a model, its hits and saved keys.

    python -m tests.benchmarks.evaluation [--words 80000] [--models lstm gru]

Measures networks of 512 units with random weights and 10,000 words of the English that ships on
lines drawn from these by Zipf's law: an `lstm` alone, and a `gru` mixed with n-grams and a cache,
of which the network and the n-grams are then measured alone too. What a network predicts does not
change how long it takes, but a writer whom it hardly ever helps asks at every letter, which takes
longest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnlm_tui.config import CausalConfig, make_config
from rnnlm_tui.lm.causal import WINDOW, causal_shapes
from rnnlm_tui.lm.mixture import PRIOR
from rnnlm_tui.lm.model import LanguageModel, Weights
from rnnlm_tui.lm.ngram import ngram_counts
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import data_dir
from rnnlm_tui.store.card import ENGLISH, Mixture, NgramSizes
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import text_tensors, write_model
from rnnlm_tui.store.trained_lines import TrainedLines
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.overlap import no_hashes
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.models import small_card
from tests.helpers.networks import normal_weights
from tests.helpers.ngrams import arrays_of

HIDDEN, WORDS_KNOWN, LINE_WORDS, ORDER, RARER = 512, 10_000, 12, 5, 2.7


def drawn_lines(model: LanguageModel, words: int, seed: int) -> list[str]:
    """Lines with this number of words, a few percent of which the models do not know."""
    rng = np.random.default_rng(seed)
    known = model.vocabulary.words[: 2 * WORDS_KNOWN]
    weights = 1 / (np.arange(len(known)) + RARER)
    ids = rng.choice(len(known), words, p=weights / weights.sum())
    spelled = [known[i] for i in ids]
    lines = (spelled[i : i + LINE_WORDS] for i in range(0, words, LINE_WORDS))
    return [model.tokenizer.join(line) for line in lines]


def network(cell: str, total_words: int) -> Weights:
    """Random weights, small enough that the network forgets, for which words are about as frequent
    as they are in the lines."""
    shapes = causal_shapes(cell, CausalConfig(hidden_size=HIDDEN), total_words)
    weights = normal_weights(shapes, 0.05)
    weights["output.bias"] -= np.log(np.arange(total_words) + RARER)
    return weights


def ngrams(vocabulary: Vocabulary, model: LanguageModel, path: Path) -> Weights:
    """The n-grams of the lines of a file."""
    config = make_config("ngram", [{"held_out": 0, "order": ORDER, "lines": "each"}])
    corpus = read_corpus([path])
    text = prepare_corpus(corpus, config, (vocabulary, model.tokenizer.conventions, ORDER - 1))
    assert isinstance(text, PreparedLines)
    return arrays_of(text, ORDER)


def save_model(path: Path, cell: str, english: LanguageModel, counted: Path | None) -> None:
    """Saves a network, mixed with the n-grams of the file `counted` if there is one."""
    vocabulary = Vocabulary(english.vocabulary.words[:WORDS_KNOWN], SPECIAL_TOKENS)
    config = make_config(cell, [{"hidden_size": HIDDEN, "lines": "each"}])
    mixture: Mixture | None = None
    arrays = ngrams(vocabulary, english, counted) if counted else None
    if arrays is not None:
        sizes: NgramSizes = {"order": ORDER, "sizes": [*ngram_counts(arrays)]}
        weights = dict(PRIOR)
        del weights["base"]
        mixture = {"weights": weights, "ngrams": sizes, "base": None}
    card = replace(
        small_card(),
        config=config,
        tokenizer=config.tokenizer,
        total_words=vocabulary.total_words,
        window=WINDOW,
        parameters=ARCHITECTURES[cell](config, vocabulary.total_words, WINDOW).parameters,
        mixture=mixture,
    )
    lines = TrainedLines(no_hashes(), np.zeros(0, np.int32), no_hashes())
    tensors = text_tensors(vocabulary.words, english.tokenizer.conventions, lines)
    parts = {"network": network(cell, vocabulary.total_words), "ngrams": arrays or {}}
    for name, part in parts.items():
        tensors |= {f"{name}.{key}": array for key, array in part.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_model(path, card, tensors)


def main() -> None:
    """Prints a line for each model."""
    parser = argparse.ArgumentParser(description="how long an evaluation takes")
    parser.add_argument("--words", type=int, default=80_000)
    parser.add_argument("--models", nargs="+", choices=("lstm", "gru"), default=("lstm", "gru"))
    options = parser.parse_args()
    _, english = Library(data_dir()).open(ENGLISH)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts = [folder / "measured.txt", folder / "counted.txt"]
        for seed, path in enumerate(texts):
            path.write_text("\n".join(drawn_lines(english, options.words, seed)))
        for cell in options.models:
            counted = texts[1] if cell == "gru" else None
            save_model(folder / "models" / f"{cell}.safetensors", cell, english, counted)
            command = [sys.executable, "-m", "rnnlm_tui", "--evaluate", str(texts[0])]
            began = time.perf_counter()
            done = subprocess.run(
                [*command, "--model", cell, "--data-dir", temporary],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds = time.perf_counter() - began
            label = f"{cell} of {HIDDEN} units{', mixed' if counted else ''}"
            print(f"{label}: {seconds:.1f} s for {options.words:,} words", flush=True)
            print(done.stdout, flush=True)


if __name__ == "__main__":
    main()
