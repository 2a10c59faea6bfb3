"""Evaluates a model on given lines, with one definition of each metric for every kind of model.

The words of a line are those of the model's tokenizer; lines without words do not count.

- The loss is over what the model predicts. If the vocabulary has start-of-line and end-of-line
  tokens, that is all words and all ends of lines; else the known words that have a known word
  before them in their line. An unknown word counts with the probability of the unknown token; in a
  vocabulary without one, the lesson's, it does not count. The perplexity is exp(loss).
- The nats per character are those of all losses, with the cost of the letters of unknown words,
  over all characters as written, ends of lines included. The loss of suggestions, by which an
  update is judged, charges these letters only where a word is new to the page, too: once it stands
  there, the app suggests it.
- Hits are over all words, the first of a line included: is the word the most likely one that may be
  suggested there, or among the five most likely? An unknown word is a miss. Ends of lines do not
  count. (The lists of `suggest` follow further rules, which only the keys take into account.)
- Keys: three writers type the lines into the app, whose keys and default settings are those of
  `accepting`, each line into an empty text: an attentive one who reads the list after every key,
  a glancing one who reads it at times, and one who looks at the cursor alone. Before each key a
  writer looks whether one that accepts what he sees saves presses, and takes what saves most. An
  accepted word brings the space after it, which a punctuation mark typed next replaces; that mark
  costs its own key, and so does sending the line. Typed text is never corrected. "Keys saved" is
  1 - presses / characters, ends of lines included.

A model that uses previous lines sees those before it among the given lines.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import LONGEST_CONTEXT
from rnnlm_tui.events import ByWriter, Evaluation
from rnnlm_tui.formatting import shorten
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import Array, LanguageModel
from rnnlm_tui.suggesting.accepting import LINES_ABOVE, LISTED, Writer
from rnnlm_tui.suggesting.suggest import Predict, encode_context
from rnnlm_tui.suggesting.typist import Typist

LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""Smaller probabilities, which float32 cannot hold well, count as this: a loss of 87.3 nats."""
LETTER_NATS = 2.9
"""The cost of a letter of an unknown word: 4.14 bits if only its frequency is known. Source:
C. E. Shannon, "Prediction and entropy of printed English", 1951."""
Z_95 = 1.96
"""Standard deviations within which 95 % of a normal distribution are."""
LONGEST_TYPED = 2000
"""The characters of a line that a writer sees as one. Of a longer one, the rules for each key would
read all that stands before it."""
INTERVAL_CHARACTERS, FEWEST_BLOCKS = 1000, 8
"""The characters of a block for the interval of the keys saved, and the fewest blocks."""
WORDS_SHOWN = 8
"""The words of a line that its repr shows."""


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """A word of a text and its scores.

    `probability` is that of the unknown token for an unknown word, and None if the model predicts
    nothing there. `rank` is the word's place among all suggestions, from 1; None if it is never
    suggested. `naming` is what it costs in nats to say which unknown word it is: little if the app
    suggests it from the page, else its letters.
    """

    word: str
    is_known: bool
    probability: float | None
    rank: int | None
    naming: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class ScoredLine:
    """A line word by word. `end` is the probability that the line ends here, None if the model does
    not predict ends. `keys` are the key presses that the line takes each writer with suggestions,
    its end included; None if they were not counted, as in a line without words."""

    text: str
    words: tuple[ScoredWord, ...]
    end: float | None
    keys: ByWriter[int] | None

    def __repr__(self) -> str:
        """Its loss, and its first words with their probabilities, such as "I 0.28"."""
        shown = [
            f"{shorten(word.word)} {'-' if word.probability is None else f'{word.probability:.2g}'}"
            for word in self.words[:WORDS_SHOWN]
        ]
        more = ", ..." * (len(self.words) > WORDS_SHOWN)
        loss = "no loss" if self.loss is None else f"loss {self.loss:.3f}"
        return f"<ScoredLine: {loss}; {', '.join(shown) or 'no words'}{more}>"

    @property
    def losses(self) -> NDArray[np.float64]:
        """The losses of the words and of the end, if the model predicts them, in nats [N]."""
        probabilities = [*(word.probability for word in self.words), self.end]
        return np.array([-math.log(p) for p in probabilities if p is not None])

    @property
    def loss(self) -> float | None:
        """The mean of the losses, None if there are none."""
        return _mean(sum(self.losses.tolist()), len(self.losses))


def score(
    model: LanguageModel,
    lines: Iterable[str],
    previous_lines: Sequence[str] = (),
    *,
    counts_keys: bool = True,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[ScoredLine]:
    """Yields each line with the scores of its words.

    A model that uses previous lines sees `previous_lines` and the `lines` before each line. Most of
    the time is taken by counting keys: `is_over`, asked before each line and each step of a writer,
    ends that, and no line follows.
    """
    contexts, above = Contexts(model), deque(previous_lines, LINES_ABOVE)
    for text in lines:
        if is_over():
            return
        line = _Line(contexts, text, above)
        keys = None
        if counts_keys and line.words and (keys := _keys_of(line, above, is_over)) is None:
            return
        yield line.scores(keys)
        above.append(text)


def _keys_of(
    line: _Line, above: Iterable[str], is_over: Callable[[], bool]
) -> ByWriter[int] | None:
    """The key presses that a line takes each writer, with Enter; None if it `is_over` before."""
    begun = [*above]
    presses: dict[Writer, int] = {"at_cursor": 1, "attentive": 1, "glancing": 1}
    for place, piece in _pieces(line.text):
        typist = Typist(line.model, piece, begun, line.after_beginning(place))
        for writer in presses:  # the first one stops at most letters: his lists serve the others
            for pressed, _ in typist.steps(writer):
                presses[writer] += len(pressed)
                if is_over():
                    return None
        begun = [*begun, piece]
    return ByWriter(**presses)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yields the pieces of a line that are typed one below the other, each with its place: the
    line, unless it is very long. They end with a space, if there is one."""
    place = 0
    while len(text) - place > LONGEST_TYPED:
        end = text.rfind(" ", place, place + LONGEST_TYPED) + 1 or place + LONGEST_TYPED
        yield place, text[place:end]
        place = end
    yield place, text[place:]


class _Line:
    """A line below others, whose words are scored as it is read."""

    def __init__(self, contexts: Contexts, text: str, above: Iterable[str]) -> None:
        model = contexts.model
        self.text, self.words = text, model.tokenizer.words(text)
        self._contexts, self._context = contexts, encode_context(model, [], above)
        self._above, self._ids = [*above], model.vocabulary.encode(self.words)
        self._distributions = contexts.predict_along(self._context, self._ids)
        self._read = 0
        """The places that were read, before the words of the line and at its end."""
        self._scored = list[ScoredWord]()

    @property
    def model(self) -> LanguageModel:
        """The model that scores the line."""
        return self._contexts.model

    def after_beginning(self, place: int) -> Predict:
        """Predicts the words of the line after the ids that follow its first characters. These ids
        nearly always are those that are read; but a prefix may be a word of its own, and a ghost
        may be wrong."""

        @cache
        def beginning() -> list[int]:  # not asked for in a very long word
            words = self.model.tokenizer.words(self.text[:place])
            return self.model.vocabulary.encode(words)

        def after(ids: list[int]) -> Array:
            self._read_to(len(beginning()) + len(ids))
            context = (self._context + beginning())[-LONGEST_CONTEXT:]
            return self._contexts.next_word_probabilities(context + ids)

        return after

    def _read_to(self, count: int) -> None:
        """Reads the line up to the place after so many ids."""
        while self._read <= min(count, len(self._ids)):
            self._score_next(next(self._distributions))

    def _score_next(self, probabilities: Array) -> None:
        model, has_context = self._contexts.model, bool(self._context) or self._read > 0
        self._read += 1
        while len(self._scored) < len(self.words):
            word = self.words[len(self._scored)]
            self._scored.append(score_word(model, probabilities, word, has_context=has_context))
            if model.vocabulary.encode([word]):
                break  # an unknown word that is dropped leaves the place as it is

    def scores(self, keys: ByWriter[int] | None) -> ScoredLine:
        """The scores of the line, which takes so many `keys`."""
        end, end_id = None, self._contexts.model.vocabulary.end_id
        if self.words:
            self._read_to(len(self._ids))
            after_all = self._contexts.next_word_probabilities(self._context + self._ids)
            end = None if end_id is None else _clip_probability(after_all[end_id])
        return ScoredLine(self.text, tuple(self._with_naming()), end, keys)

    def _with_naming(self) -> Iterator[ScoredWord]:
        """The words with what it costs to say which unknown ones they are."""
        if all(word.is_known for word in self._scored):
            yield from self._scored
            return
        which = self.model.page_words.new_word_chances(self._above, self.text)
        for word, (chance, is_used) in zip(self._scored, which, strict=True):
            letters = 0 if is_used else LETTER_NATS * (len(word.word) + 1)
            yield word if word.is_known else replace(word, naming=letters - math.log(chance))


def score_word(
    model: LanguageModel, probabilities: Array, word: str, *, has_context: bool
) -> ScoredWord:
    """The scores of a word. `probabilities` [V] are those of the words there; without context the
    word is not predicted."""
    is_known, ids = word in model.vocabulary, model.vocabulary.encode([word])
    is_listed = is_known and ids[0] not in model.blocked_ids
    return ScoredWord(
        word,
        is_known,
        # Without a begin of line, the first word of a line is not learned.
        _clip_probability(probabilities[ids[0]]) if ids and has_context else None,
        _rank(model, probabilities, ids[0]) if is_listed else None,
    )


def _clip_probability(probability: np.float32) -> float:
    return max(float(probability), LEAST_PROBABILITY)


def _rank(model: LanguageModel, probabilities: Array, word: int) -> int:
    """The place of a word: behind likelier ones, and equal ones with a smaller id."""
    outranking = probabilities > probabilities[word]
    outranking[:word] |= probabilities[:word] == probabilities[word]
    outranking[list(model.blocked_ids)] = False
    return int(np.count_nonzero(outranking)) + 1


def summarize(lines: Iterable[ScoredLine]) -> Evaluation:
    """The metrics of the lines that have words."""
    lines = [line for line in lines if line.words]
    words = [word for line in lines for word in line.words]
    losses = [loss for line in lines for loss in line.losses.tolist()]
    loss = _mean(sum(losses), len(losses))
    characters = [len(line.text) + 1 for line in lines]
    counted = [line.keys for line in lines if line.keys is not None]
    of_lines = ByWriter(
        [each.attentive for each in counted],
        [each.glancing for each in counted],
        [each.at_cursor for each in counted],
    )
    keys = of_lines.map(sum) if lines and len(counted) == len(lines) else None
    letters = sum(len(word.word) + 1 for word in words if not word.is_known)
    return Evaluation(
        lines=len(lines),
        words=len(words),
        predicted=len(losses),
        loss=loss,
        perplexity=None if loss is None else math.exp(loss),
        oov_share=_mean(sum(not word.is_known for word in words), len(words)),
        top1=_mean(sum(word.rank == 1 for word in words), len(words)),
        top5=_mean(sum((word.rank or math.inf) <= LISTED for word in words), len(words)),
        characters=sum(characters),
        keys=keys,
        keystroke_savings=keys.map(lambda count: 1 - count / sum(characters)) if keys else None,
        savings_intervals=_savings_intervals(of_lines, characters) if keys else None,
        nats_per_character=_mean(sum(losses) + LETTER_NATS * letters, sum(characters)),
    )


def suggestion_loss(lines: Iterable[ScoredLine]) -> float | None:
    """The loss of what the app suggests, in nats per character: as the nats per character of an
    `Evaluation`, but a word that the model does not know is predicted from its uses above, if there
    are any. None without words."""
    lines = [line for line in lines if line.words]
    losses = [loss for line in lines for loss in line.losses.tolist()]
    naming = [word.naming for line in lines for word in line.words]
    return _mean(sum(losses) + sum(naming), sum(len(line.text) + 1 for line in lines))


def _savings_intervals(
    keys: ByWriter[list[int]], characters: Sequence[int]
) -> ByWriter[tuple[float, float]] | None:
    """The 95 % intervals of the keys saved, from the differences among blocks of the text; None for
    fewer than `FEWEST_BLOCKS`. `keys` are those of each line.

    Source: the variance of a ratio of sums over clusters, W. G. Cochran, "Sampling techniques",
    1977, section 6.3.
    """
    ends, written = list[int](), 0
    for line, length in enumerate(characters, start=1):
        written += length
        if written >= INTERVAL_CHARACTERS:
            ends.append(line)
            written = 0
    if len(ends) < FEWEST_BLOCKS:
        return None

    def by_block(of_lines: Sequence[int]) -> NDArray[np.float64]:
        return np.add.reduceat(of_lines[: ends[-1]], [0, *ends[:-1]]).astype(np.float64)

    def interval(pressed: list[int]) -> tuple[float, float]:
        presses, length = by_block(pressed), by_block(characters)
        ratio = presses.sum() / length.sum()
        spread = ((presses - ratio * length) ** 2).sum() * len(ends) / (len(ends) - 1)
        half = Z_95 * math.sqrt(spread) / length.sum()
        return max(-1.0, float(1 - ratio - half)), min(1.0, float(1 - ratio + half))

    return keys.map(interval)


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None
