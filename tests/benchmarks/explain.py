"""How long it takes to explain a line of ten words, all stages, without torch.

    python -m tests.benchmarks.explain [--model NAME] [--data-dir FOLDER]

Prints milliseconds for the lesson's network at the size of the sonnets, with random weights, and
for a model, by default the English: the whole line at once, one more word of a line that is
explained again and again, and the neighbours of a word.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
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


def milliseconds(run: Callable[[], object]) -> str:
    """The median and the 95th percentile of `TIMES` runs."""
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    cuts = statistics.quantiles(times, n=20)
    return f"{cuts[9]:8.1f} {cuts[18]:8.1f}"


def lesson() -> LessonModel:
    """The lesson's network for the words of the sonnets."""
    tokenizer, words = LessonTokenizer(), dict[str, int]()
    for line in read_corpus([bundled_corpus()]).lines:
        for word in tokenizer.words(line):
            words[word] = words.get(word, 0) + 1
    vocabulary = Vocabulary.of_counts(words)
    weights = normal_weights(lesson_shapes(LessonConfig(), vocabulary.total_words), 0.1)
    return LessonModel(vocabulary, tokenizer, 10, weights)


def report(name: str, model: LanguageModel) -> None:
    """Prints the rows of a model."""
    print(f"{name}: a line of ten words   {milliseconds(partial(explain, model, LINE))}")
    contexts = Contexts(model)
    words = LINE.split()
    lines = [" ".join(words[: end + 1]) + " " for end in range(len(words))] * TIMES
    explain(model, LINE, contexts=contexts)
    following = iter(lines[len(words) - 1 :: len(words)])
    print(
        f"{name}: the same line once more"
        f" {milliseconds(lambda: explain(model, next(following), contexts=contexts))}"
    )
    print(f"{name}: neighbours of a word   {milliseconds(partial(neighbours, model, 'little'))}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="english")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    _, model = Library(data_dir(options.data_dir)).open(options.model)
    print("milliseconds                           p50      p95")
    report("lesson", lesson())
    report(options.model, model)


if __name__ == "__main__":
    main()
