"""Evaluates a model on given lines. Each metric has one definition for every kind of model.

The tokenizer of the model splits a line into words. Lines without words do not count. A model that
uses the lines above sees the given lines before each line.

- The loss is the mean negative log-likelihood of what the model predicts, in nats. A model with
  tokens for the start and the end of a line predicts all words and ends of lines. The lesson's
  model has no such tokens. It predicts a known word only after another known word of the same line.
  An unknown word has the probability of the unknown token. The perplexity is exp(loss).
- The nats per character are a sum divided by the number of characters, ends of lines included. The
  sum has all losses, and a cost for each letter of unknown words.
- `suggestion_loss` decides whether an updated model replaces the former one. In it only the first
  use of an unknown word costs its letters, because the app suggests the word after that.
- A word is a hit if it is the likeliest word that may be suggested at its place (top 1), or one of
  the five likeliest (top 5). All words count, also the first of a line. An unknown word is a miss.
  Ends of lines do not count. The lists of `suggest` follow more rules than this. They count for the
  keys, and not for the hits.
- The keys are the presses of three writers who type the lines into the app, each line into an empty
  text, with the keys of `accepting` and the default settings. An attentive writer reads the list
  after every key, a glancing one reads it at times, and one at the cursor never reads it. A writer
  takes whatever saves the most presses of all that he sees. An accepted word brings a space, which
  a punctuation mark typed next replaces. The mark costs a key, and so does sending the line. Typed
  text is never corrected. The keys saved are 1 - presses / characters, ends of lines included.
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
from rnnlm_tui.lm.model import SMALLEST_FLOAT, Array, LanguageModel
from rnnlm_tui.suggesting.accepting import LINES_ABOVE, LISTED, Writer
from rnnlm_tui.suggesting.suggest import CONTINUES_FROM, Likeliest, Predict, encode_context
from rnnlm_tui.suggesting.typist import Typist
from rnnlm_tui.text.held_out import Excerpt

LETTER_NATS = 2.9
"""The cost of a letter of an unknown word in nats: 4.14 bits, if only the frequencies of letters
are known. Source: C. E. Shannon, "Prediction and entropy of printed English", 1951."""
Z_95 = 1.96
"""The number of standard deviations within which 95 % of a normal distribution lie."""
LONGEST_TYPED = 2000
"""The most characters that are typed as one line. Longer lines are split, because the rules for
each key read all of the line before it."""
INTERVAL_CHARACTERS = 1000
"""The size of the blocks from which the interval of the keys saved is computed, in characters."""
FEWEST_BLOCKS = 8
"""The fewest blocks from which there is an interval."""
WORDS_SHOWN = 8
"""The most words of a line that its repr shows."""


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """A word of a text and its scores.

    Attributes:
        probability: The probability of the word, or of the unknown token. None if the model
            predicts nothing there.
        rank: The place of the word among all suggestions, from 1. None if it is never suggested.
        spelling_cost: A further cost of an unknown word, in nats. It is low if the page has the
            word, since the app then suggests it. Otherwise the letters of the word make it high.
    """

    word: str
    is_known: bool
    probability: float | None
    rank: int | None
    spelling_cost: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class ScoredLine:
    """A line and the scores of its words.

    Attributes:
        end: The probability that the line ends here. None if the model does not predict ends.
        keys: The presses with which each writer types and sends the line. None if they were not
            counted, as in a line without words.
    """

    text: str
    words: tuple[ScoredWord, ...]
    end: float | None
    keys: ByWriter[int] | None

    def __repr__(self) -> str:
        """The loss, and the first words with their probabilities, such as "I 0.28"."""
        shown = [
            f"{shorten(word.word)} {'-' if word.probability is None else f'{word.probability:.2g}'}"
            for word in self.words[:WORDS_SHOWN]
        ]
        more = ", ..." if len(self.words) > WORDS_SHOWN else ""
        loss = "no loss" if self.loss is None else f"loss {self.loss:.3f}"
        return f"<ScoredLine: {loss}; {', '.join(shown) or 'no words'}{more}>"

    @property
    def losses(self) -> NDArray[np.float64]:
        """The losses in nats [N] of the words that the model predicts, and of the end."""
        probabilities = [*(word.probability for word in self.words), self.end]
        return np.array([-math.log(p) for p in probabilities if p is not None])

    @property
    def loss(self) -> float | None:
        """The mean of the losses, or None if there are no losses."""
        return _mean(sum(self.losses.tolist()), len(self.losses))


def score(
    model: LanguageModel,
    excerpts: Iterable[Excerpt],
    *,
    counts_keys: bool = True,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[ScoredLine]:
    """Yields each line of the excerpts with the scores of its words.

    A model that uses the lines above sees those above the excerpt and the lines before each line.
    To count keys takes nearly all of the time. `should_stop` is called before each line and at each
    step of a writer. Once it returns True, nothing more is yielded.
    """
    for above, lines in excerpts:
        contexts, lines_above = Contexts(model), deque(above, LINES_ABOVE)
        for text in lines:
            if should_stop():
                return
            line = _Line(contexts, text, lines_above)
            keys = None
            if counts_keys and line.words:
                keys = _keys_of(line, lines_above, should_stop)
                if keys is None:
                    return
            yield line.scores(keys)
            lines_above.append(text)


def _keys_of(
    line: _Line, above: Iterable[str], should_stop: Callable[[], bool]
) -> ByWriter[int] | None:
    """Returns the presses with which each writer types and sends a line. Returns None once
    `should_stop` returns True."""
    lines_above = [*above]
    presses: dict[Writer, int] = {"at_cursor": 1, "attentive": 1, "glancing": 1}  # 1 to send it
    for place, piece in _pieces(line.text):
        typist = Typist(line.contexts, piece, lines_above, *line.predict_from(place))
        for writer in presses:  # the typist keeps its lists from one writer to the next
            for pressed, _ in typist.steps(writer):
                presses[writer] += len(pressed)
                if should_stop():
                    return None
        lines_above = [*lines_above, piece]
    return ByWriter(**presses)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yields the pieces of a line, each with the place where it starts. The pieces are typed as
    lines. A line of up to LONGEST_TYPED characters is one piece. A longer line is split, after
    spaces where it has some."""
    place = 0
    while len(text) - place > LONGEST_TYPED:
        end = text.rfind(" ", place, place + LONGEST_TYPED) + 1 or place + LONGEST_TYPED
        yield place, text[place:end]
        place = end
    yield place, text[place:]


class _Line:
    """A line below others. Its words are scored while the writers type it, so that the model reads
    it once."""

    def __init__(self, contexts: Contexts, text: str, above: Iterable[str]) -> None:
        model = contexts.model
        self.model, self.contexts = model, contexts
        self.text, self.words = text, model.tokenizer.words(text)
        self._above, self._context = [*above], encode_context(model, above)
        self._ids = model.vocabulary.encode(self.words)
        self._distributions = contexts.predict_along(self._context, self._ids)
        self._read_count = 0
        """The number of distributions that were read. There is one before each id, and one at the
        end."""
        self._scored = list[ScoredWord]()

    def predict_from(self, place: int) -> tuple[Predict, Likeliest]:
        """Returns the functions that predict the next word for a piece of the line. The piece
        starts at the character `place`.

        The functions take the ids of the piece before the next word. These are nearly always those
        of the line itself, but not after a wrong first word of a ghost, nor after a half-typed word
        that is taken for a whole one.
        """

        @cache
        def ids_before() -> list[int]:  # on demand: a very long word needs no prediction
            words = self.model.tokenizer.words(self.text[:place])
            return self.model.vocabulary.encode(words)

        def context(ids: list[int]) -> list[int]:
            self._read_to(len(ids_before()) + len(ids))
            return (self._context + ids_before())[-LONGEST_CONTEXT:] + ids

        def predict(ids: list[int]) -> Array:
            return self.contexts.next_word_probabilities(context(ids))

        def likeliest(ids: list[int]) -> int | None:
            return self.contexts.likeliest(context(ids), CONTINUES_FROM)

        return predict, likeliest

    def _read_to(self, count: int) -> None:
        """Reads the line up to the prediction after its first `count` ids, and scores the words on
        the way."""
        while self._read_count <= min(count, len(self._ids)):
            self._score_next(next(self._distributions))

    def _score_next(self, probabilities: Array) -> None:
        """Scores the next word by the distribution [V] before it. Unknown words have no id if the
        vocabulary has no unknown token. The word after such a word has the same distribution, and
        is scored with it."""
        model, has_context = self.model, bool(self._context) or self._read_count > 0
        self._read_count += 1
        while len(self._scored) < len(self.words):
            word = self.words[len(self._scored)]
            self._scored.append(score_word(model, probabilities, word, has_context=has_context))
            if model.vocabulary.encode([word]):
                break

    def scores(self, keys: ByWriter[int] | None) -> ScoredLine:
        """Returns the scores of the line, with these `keys`."""
        end, end_id = None, self.model.vocabulary.end_id
        if self.words:
            self._read_to(len(self._ids))
            if end_id is not None:
                at_end = self.contexts.next_word_probabilities(self._context + self._ids)
                end = _clip_probability(at_end[end_id])
        return ScoredLine(self.text, tuple(self._with_spelling_costs()), end, keys)

    def _with_spelling_costs(self) -> Iterator[ScoredWord]:
        """Yields the scored words, with the spelling costs of the unknown ones."""
        if all(word.is_known for word in self._scored):
            yield from self._scored
            return
        chances = self.model.page_words.new_word_chances(self._above, self.text)
        for word, (chance, was_used) in zip(self._scored, chances, strict=True):
            letters = 0 if was_used else len(word.word) + 1  # 1 for the end of the word
            cost = LETTER_NATS * letters - math.log(chance)
            yield word if word.is_known else replace(word, spelling_cost=cost)


def score_word(
    model: LanguageModel, probabilities: Array, word: str, *, has_context: bool
) -> ScoredWord:
    """Scores a word by the distribution `probabilities` [V] before it. Without context the word has
    no probability, because a model without a start-of-line token does not learn the first words of
    lines."""
    is_known, ids = word in model.vocabulary, model.vocabulary.encode([word])
    is_listed = is_known and ids[0] not in model.blocked_ids
    return ScoredWord(
        word,
        is_known,
        _clip_probability(probabilities[ids[0]]) if ids and has_context else None,
        _rank(model, probabilities, ids[0]) if is_listed else None,
    )


def _clip_probability(probability: np.float32) -> float:
    """Returns the probability, but at least SMALLEST_FLOAT: the largest loss is 87.3 nats."""
    return max(float(probability), SMALLEST_FLOAT)


def _rank(model: LanguageModel, probabilities: Array, word_id: int) -> int:
    """Returns the rank of a word, from 1. Likelier words come before it, and so do equally likely
    words with a smaller id."""
    outranking = probabilities > probabilities[word_id]
    outranking[:word_id] |= probabilities[:word_id] == probabilities[word_id]
    outranking[list(model.blocked_ids)] = False
    return int(np.count_nonzero(outranking)) + 1


def summarize(lines: Iterable[ScoredLine]) -> Evaluation:
    """Returns the metrics of the lines that have words."""
    lines = [line for line in lines if line.words]
    words = [word for line in lines for word in line.words]
    losses = [loss for line in lines for loss in line.losses.tolist()]
    loss = _mean(sum(losses), len(losses))
    characters = [len(line.text) + 1 for line in lines]
    counted = [line.keys for line in lines if line.keys is not None]
    keys_by_line = ByWriter(
        [each.attentive for each in counted],
        [each.glancing for each in counted],
        [each.at_cursor for each in counted],
    )
    keys = keys_by_line.map(sum) if lines and len(counted) == len(lines) else None
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
        savings_intervals=_savings_intervals(keys_by_line, characters) if keys else None,
        nats_per_character=_mean(sum(losses) + LETTER_NATS * letters, sum(characters)),
    )


def suggestion_loss(lines: Iterable[ScoredLine]) -> float | None:
    """Returns the loss of what the app suggests, in nats per character, or None without words.
    Unlike in an `Evaluation`, the letters of an unknown word that was used above cost nothing."""
    lines = [line for line in lines if line.words]
    losses = [loss for line in lines for loss in line.losses.tolist()]
    spelling = [word.spelling_cost for line in lines for word in line.words]
    return _mean(sum(losses) + sum(spelling), sum(len(line.text) + 1 for line in lines))


def _savings_intervals(
    keys: ByWriter[list[int]], characters: Sequence[int]
) -> ByWriter[tuple[float, float]] | None:
    """Returns the 95 % intervals of the keys saved, computed from the differences among blocks of
    the text. Returns None for fewer than FEWEST_BLOCKS. `keys` and `characters` have a number for
    each line.

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
