"""How long one suggestion takes in the engine, without torch.

    python -m tests.benchmarks.suggestion [--model NAME] [--lines N]

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
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()  # as the app and the command line do, before numpy loads

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import bundled_corpus, data_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggest import suggest
from rnnlm_tui.text.reading import read_text


def time_keys(model: LanguageModel, lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Types lines; yields each key and the milliseconds of the suggestion after it."""
    contexts = Contexts(model)
    for line in lines:
        for end in range(1, len(line) + 1):
            start = time.perf_counter()
            suggest(model, line[:end], contexts=contexts, while_typing=True)
            yield line[end - 1], 1000 * (time.perf_counter() - start)


def report(label: str, times: list[float]) -> str:
    """A row of the table."""
    cuts = statistics.quantiles(times, n=100)
    return f"{label:28} {len(times):7,} {cuts[49]:8.3f} {cuts[94]:8.3f} {max(times):8.3f}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", help="the newest by default")
    parser.add_argument("--lines", type=int, default=300)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    library = Library(data_dir(options.data_dir))
    name = options.model or library.default_model()
    _, model = library.open(name)
    corpus = read_text([bundled_corpus()])
    typed = list(time_keys(model, list(corpus)[1::7][: options.lines]))
    print(f"suggestions of {name}, milliseconds  keys      p50      p95      max")
    print(report("at every key", [milliseconds for _, milliseconds in typed]))
    fresh = [milliseconds for key, milliseconds in typed if key == " "]
    print(report("after a space (a new context)", fresh))


if __name__ == "__main__":
    main()
