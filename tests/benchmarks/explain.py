"""How long it takes to explain a line of ten words, all stages, without torch.

    python -m tests.benchmarks.explain [--model NAME] [--data-dir FOLDER]

Prints milliseconds for the lesson's network at the size of the sonnets, with random weights, and
for a model, by default the English: a line, the same line whose states are kept from the last key,
and the neighbours of a word. On a busy machine the time of the CPU says more than the others.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from rnnlm_tui import threads

threads.use_one_thread()

from rnnlm_tui.config import LessonConfig
from rnnlm_tui.explain import explain, neighbours
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.lesson import LessonModel, lesson_shapes
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.paths import bundled_corpus, data_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from tests.helpers.networks import normal_weights

LINE = "the little house on the hill was not so far "
TIMES = 30
SPARSE = -1.0
"""The biases of the relu layer: about a tenth of its units is active, as after training."""


def row(label: str, run: Callable[[], object]) -> str:
    """A row of the table: the times of `TIMES` runs, in milliseconds."""
    times, cpu = list[float](), time.process_time()
    for _ in range(TIMES):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    cpu = 1000 * (time.process_time() - cpu) / TIMES
    cuts = statistics.quantiles(times, n=20)
    return f"{label:40} {min(times):6.1f} {cuts[9]:6.1f} {cuts[18]:6.1f} {cpu:6.1f}"


def lesson() -> LessonModel:
    """The lesson's network for the words of the sonnets."""
    tokenizer = LessonTokenizer()
    words = chain.from_iterable(map(tokenizer.words, read_corpus([bundled_corpus()]).lines))
    vocabulary = Vocabulary.of_counts(Counter(words))
    weights = normal_weights(lesson_shapes(LessonConfig(), vocabulary.total_words), 0.1)
    weights["hidden.bias"][:] = SPARSE
    return LessonModel(vocabulary, tokenizer, 10, weights)


def rows(name: str, model: LanguageModel) -> Iterator[str]:
    """The rows of a model. A line that was typed is kept as far as it was read before."""
    yield row(f"{name}: a line of ten words", partial(explain, model, LINE))
    contexts = Contexts(model)
    explain(model, LINE, contexts=contexts)
    yield row(
        f"{name}: the same while it is typed", lambda: explain(model, LINE, contexts=contexts)
    )
    yield row(f"{name}: the neighbours of a word", partial(neighbours, model, "little"))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="english")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    _, model = Library(data_dir(options.data_dir)).open(options.model)
    print(f"{'milliseconds':40}   best    p50    p95    CPU")
    for line in chain(rows("lesson", lesson()), rows(options.model, model)):
        print(line)


if __name__ == "__main__":
    main()
