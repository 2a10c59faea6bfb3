"""How long one suggestion takes in the engine, without torch.

    python -m tests.benchmarks.suggestion [--lines N] [--model NAME] [--data-dir FOLDER]

Types lines of the sonnets into the suggestion engine key by key, as a person would, and prints the
time of a suggestion: at every key, and at the keys after a space alone, where the model sees a
context that it has not seen before and must be run, once for the next word and once for each word
that it looks ahead.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Iterator

from rnnlm_tui import threads

threads.use_one_thread()  # as the app and the command line do, before numpy loads

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.reading import read_text
from tests.benchmarks.options import parse


def time_keys(model: LanguageModel, lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Types lines; yields each key and the milliseconds of the suggestion after it."""
    contexts = Contexts(model)
    for line in lines:
        for end in range(1, len(line) + 1):
            start = time.perf_counter()
            suggest(model, line[:end], contexts=contexts, while_typing=True)
            yield line[end - 1], 1000 * (time.perf_counter() - start)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="how long one suggestion takes in the engine")
    parser.add_argument("--lines", type=int, default=300)
    options, library = parse(parser)
    model = library.open(options.model)[1]
    lines = list(read_text([bundled_corpus()]))[1::7][: options.lines]
    typed = list(time_keys(model, lines))
    print(f"suggestions of {options.model}, milliseconds  keys      p50      p95      max")
    for label, keys in (("at every key", None), ("after a space (a new context)", " ")):
        times = [milliseconds for key, milliseconds in typed if keys in (None, key)]
        cuts = statistics.quantiles(times, n=100)
        print(f"{label:30} {len(times):7,} {cuts[49]:8.3f} {cuts[94]:8.3f} {max(times):8.3f}")


if __name__ == "__main__":
    main()
