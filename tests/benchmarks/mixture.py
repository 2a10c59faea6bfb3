"""What mixing gains and costs: perplexity, keys saved, and milliseconds of a suggestion.

    python -m tests.benchmarks.mixture CORPUS [--preset gru] [--epochs N] [--max-vocabulary 10000]
        [--name NAME] [--data-dir FOLDER] [--words N] [--suggestions N] [--on TEXT]

Trains a mixed model on the text into the data folder, or takes the one of that name, and measures
it: the network alone, the n-grams alone, both mixed, and both with the cache of the last 2,000
words, which is full while suggestions are timed. It is measured on its held-out lines, which are
blocks from all over the text, or on the start of another text.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

from rnnlm_tui.cli.main import main as command
from rnnlm_tui.evaluate import score, summarize
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.recent_words import CACHE_WORDS
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import find_corpus
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.corpus import join_paragraphs, read_corpus, some_lines
from tests.helpers.models import held_out_lines


def milliseconds(model: LanguageModel, lines: list[str], count: int) -> list[float]:
    """The times of `count` suggestions after a space, with more than 2,000 words of lines above."""
    times: list[float] = []
    words, contexts = 0, Contexts(model)
    for number, line in enumerate(lines):
        if words > CACHE_WORDS:
            for end in (i + 1 for i, letter in enumerate(line) if letter == " "):
                start = time.perf_counter()
                suggest(model, line[:end], previous_lines=lines[:number], contexts=contexts)
                times.append(1000 * (time.perf_counter() - start))
                if len(times) == count:
                    return times
        words += len(line.split())
    return times


def first_lines(lines: Iterable[str], words: int) -> list[str]:
    """The lines up to this number of words."""
    kept = [*lines]
    counts = accumulate(len(line.split()) for line in kept)
    return [line for line, count in zip(kept, counts, strict=True) if count <= words]


def rows(model: MixedModel) -> dict[str, LanguageModel]:
    """The models to measure, by label."""
    without = dict(model.mixture_weights)
    without.pop("cache", None)
    return {
        **{f"{name} alone": part for name, part in model.models.items()},
        "mixed, without the cache": MixedModel(model.tokenizer, model.models, without),
        "mixed, with the cache": model,
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--preset", default="gru")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--max-vocabulary", type=int, default=10_000)
    parser.add_argument("--name", default="mixture")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--words", type=int, default=10_000, help="held-out words to measure on")
    parser.add_argument("--suggestions", type=int, default=1_000)
    parser.add_argument("--on", type=Path, help="measure on this text")
    options = parser.parse_args()
    folder = options.data_dir or Path(tempfile.mkdtemp())
    library = Library(folder)
    if not library.has(options.name):
        sizes = [f"--max-vocabulary={options.max_vocabulary}"]
        sizes += [f"--epochs={options.epochs}"] if options.epochs else []
        kind = [f"--preset={options.preset}", f"--name={options.name}", f"--data-dir={folder}"]
        command(["--train", str(options.corpus), "--on=none", *kind, *sizes])
    card, model = library.open(options.name)
    assert isinstance(model, MixedModel)
    if options.on:
        other = join_paragraphs(read_corpus([options.on]), card.config.lines)
        held_out = other.lines
        lines = first_lines(held_out, options.words)
    else:
        corpus = find_corpus(options.name, library.run_folder(options.name), card)
        held_out = held_out_lines(library, options.name, corpus.lines)
        lines = some_lines(held_out, options.words)
    print(f"{card.words_known:,} words, weights {dict(model.mixture_weights)}")
    print(f"{'':28} perplexity  keys saved      p50      p95 ms")
    first = 0.0
    for label, part in rows(model).items():
        figures = summarize(list(score(part, lines)))
        times = milliseconds(part, [line for line in held_out if line], options.suggestions)
        perplexity = figures.perplexity or 0.0
        first = first or perplexity
        cuts = statistics.quantiles(times, n=100)
        print(
            f"{label:28} {perplexity:10.1f} {figures.keystroke_savings or 0:11.1%}"
            f" {cuts[49]:8.2f} {cuts[94]:8.2f}   {perplexity / first - 1:+.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
