"""How long the evaluation of a model takes: its loss, its hits and the keys it saves.

    python -m tests.benchmarks.evaluation [--words 80000] [--models lstm gru]

Measures networks of 512 units with random weights and 10,000 words of the English that ships on
lines drawn from these by Zipf's law: an `lstm` alone, and a `gru` mixed with n-grams and a cache.
What a network predicts does not change how long it takes, but a writer whom it hardly ever helps
asks at every letter, which takes longest.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path

from rnnlm_tui.threads import use_one_thread

use_one_thread()  # as `--evaluate` does, before numpy is loaded

import numpy as np

from rnnlm_tui.config import CausalConfig, make_run_config
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.lm.causal import WINDOW, CausalModel, causal_shapes
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.paths import data_dir
from rnnlm_tui.store.library import ENGLISH, Library
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.prepare import PreparedLines
from rnnlm_tui.text.tokenizer import Tokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.ngrams import arrays_of

HIDDEN, WORDS_KNOWN, LINE_WORDS, ORDER, RARER = 512, 10_000, 12, 5, 2.7


def drawn_lines(model: LanguageModel, words: int, seed: int) -> list[str]:
    """Lines of so many words in all, of which a few hundredths are unknown to the models."""
    rng = np.random.default_rng(seed)
    known = model.vocabulary.words[: 2 * WORDS_KNOWN]
    weights = 1 / (np.arange(len(known)) + RARER)
    ids = rng.choice(len(known), words, p=weights / weights.sum())
    spelled = [known[i] for i in ids]
    lines = (spelled[i : i + LINE_WORDS] for i in range(0, words, LINE_WORDS))
    return [model.tokenizer.join(line) for line in lines]


def network(cell: str, vocabulary: Vocabulary, tokenizer: Tokenizer) -> CausalModel:
    """A network of random weights, small enough that it forgets, for which words are about as
    frequent as they are in the lines."""
    rng, config = np.random.default_rng(0), CausalConfig(hidden_size=HIDDEN)
    shapes = causal_shapes(cell, config, vocabulary.total_words)
    weights = {n: rng.normal(0, 0.05, shape).astype(np.float32) for n, shape in shapes.items()}
    weights["output.bias"] -= np.log(np.arange(vocabulary.total_words) + RARER)
    return CausalModel(cell, config, vocabulary, tokenizer, WINDOW, weights)


def mixed(model: CausalModel, lines: list[str]) -> MixedModel:
    """The network mixed with the n-grams of these lines and a cache."""
    config = make_run_config("ngram", [{"held_out": 0, "order": ORDER, "lines": "each"}])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.txt"
        path.write_text("\n".join(lines))
        corpus = read_corpus([path], None, io.BytesIO())
    text = prepare_corpus(
        corpus, config, (model.vocabulary, model.tokenizer.conventions, ORDER - 1)
    )
    assert isinstance(text, PreparedLines)
    ngrams = NgramModel(ORDER, model.vocabulary, model.tokenizer, arrays_of(text, ORDER))
    return MixedModel(model.tokenizer, {"network": model, "ngrams": ngrams})


def main() -> None:
    """Prints a line a model."""
    parser = argparse.ArgumentParser(description="how long an evaluation takes")
    parser.add_argument("--words", type=int, default=80_000)
    parser.add_argument("--models", nargs="+", choices=("lstm", "gru"), default=("lstm", "gru"))
    options = parser.parse_args()
    _, english = Library(data_dir()).open(ENGLISH)
    vocabulary = Vocabulary(english.vocabulary.words[:WORDS_KNOWN], SPECIAL_TOKENS)
    lines, others = (drawn_lines(english, options.words, seed) for seed in (0, 1))
    for cell in options.models:
        alone = network(cell, vocabulary, english.tokenizer)
        model: LanguageModel = mixed(alone, others) if cell == "gru" else alone
        began = time.perf_counter()
        figures = summarize(score(model, lines))
        seconds = time.perf_counter() - began
        label = f"{cell} of {HIDDEN} units{', mixed' if cell == 'gru' else ''}"
        print(f"{label}: {seconds:.1f} s for {figures.words:,} words, {figures}", flush=True)


if __name__ == "__main__":
    main()
