"""How good a model is on given lines: one definition of each figure for every kind of model.

The words of a line are those of the model's tokenizer; lines without words do not count.

- Loss is over what the model predicts. If its vocabulary has the begin and the end of a line, these
  are all words and the ends of all lines; else the known words with a known word before them in
  their line. An unknown word counts with the probability of the unknown token, if there is one.
- Hits, continuations and keys are over all words, the first of a line included: whether the word is
  among those that `suggest` lists at that place. An unknown word is a miss. Ends of lines do not
  count.
- Keys: every character of a word, the space after it and the end of a line is one key. Accepting a
  word is one key too, which brings the space, as soon as the word is among the five listed (or is
  the ghost, for the ghost alone); at the end of a line the key that ends it follows. The text typed
  is the words with one space between them.

A model that uses previous lines has those of the given lines that come before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from rnnlm_tui.events import Count
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggest import CANDIDATES, encode_context

LONGEST_CONTINUATION = 3
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""What counts for a smaller probability, which float32 cannot hold well: a loss of 87.3 nats."""
REPORT_EVERY_S = 0.1
NOT_LISTED = -1
Z_95 = 1.96
"""Standard deviations within which 95 % of a normal distribution lie."""
WINDOWS_CARRIED = 4
"""Windows of words that the previous lines may hold before most are left out."""
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Perplexity: TypeAlias = Annotated[float, Meta(ge=1, le=1e308)]


@dataclass(frozen=True, slots=True)
class MeasureProgress:
    """How far a measurement is: `done` of `lines` lines."""

    done: int
    lines: int


@dataclass(frozen=True, slots=True)
class TokenScores:
    """The scores of the N words of L lines.

    `losses` [N] and `end_losses` [L] are in nats, NaN if the model predicts nothing there. `ranks`
    [N] are the numbers of words listed before the word, -1 if it is never listed. `unknown` [N]
    marks words that the model does not know. `keys`, `list_keys` and `ghost_keys` [N] are the keys
    of each word without suggestions, with the list and with the ghost alone, the space or the end
    of line after it included. `starts` [L] are the places of the first words of the lines.
    """

    words: tuple[str, ...]
    starts: NDArray[np.int64]
    losses: NDArray[np.float64]
    end_losses: NDArray[np.float64]
    ranks: NDArray[np.int64]
    unknown: NDArray[np.bool_]
    keys: NDArray[np.int64]
    list_keys: NDArray[np.int64]
    ghost_keys: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a model on some lines. Shares are in [0, 1]; None is a share of nothing.

    `loss` is the mean over `predicted` words and ends, in nats. `perplexity` is exp(loss), None if
    there are unknown words to which the model gives no probability; `perplexity_in_vocabulary`
    leaves out the unknown words. `oov_share`, `top1` and `top5` are shares of `words`.
    `continuations` are the shares of places at which the next 1, 2 and 3 words of the line are the
    most likely ones. Savings are 1 - keys with suggestions / keys without.
    """

    lines: Count
    words: Count
    predicted: Count
    loss: Annotated[float, Meta(ge=0, le=1000)] | None
    perplexity: Perplexity | None
    perplexity_in_vocabulary: Perplexity | None
    oov_share: Share | None
    top1: Share | None
    top5: Share | None
    continuations: Annotated[
        tuple[Share | None, ...],
        Meta(min_length=LONGEST_CONTINUATION, max_length=LONGEST_CONTINUATION),
    ]
    keys: Count
    keystroke_savings: Share | None
    keystroke_savings_ghost: Share | None


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """A word of a text.

    `probability` is that of the unknown token for an unknown word, and None if the model predicts
    nothing there. `rank` is 1 for the most likely word that can be suggested, None for an unknown
    word and without a probability.
    """

    word: str
    known: bool
    probability: float | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class ScoredLine:
    """A text word by word.

    `end` is the probability that the line ends here, None if the model does not predict it. `loss`
    is the mean over the `predicted` words and the end, in nats.
    """

    text: str
    words: tuple[ScoredWord, ...]
    end: float | None
    predicted: int
    loss: float | None


def measure(
    model: LanguageModel, lines: Sequence[str], report_every_s: float = REPORT_EVERY_S
) -> Iterator[MeasureProgress | TokenScores]:
    """Scores the lines word by word; yields its progress from time to time and the scores last."""
    reader, columns, next_report = _Reader(model), _Columns(), time.monotonic() + report_every_s
    yield MeasureProgress(0, len(lines))
    for done, line in enumerate(lines, start=1):
        reader.read(model.tokenizer.words(line), columns)
        if (now := time.monotonic()) >= next_report:
            next_report = now + report_every_s
            yield MeasureProgress(done, len(lines))
    yield MeasureProgress(len(lines), len(lines))
    yield columns.scores()


@dataclass(slots=True)
class _Columns:
    """`TokenScores` while they grow; the three kinds of keys of a word are kept together."""

    words: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    end_losses: list[float] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    unknown: list[bool] = field(default_factory=list)
    keys: list[tuple[int, int, int]] = field(default_factory=list)

    def scores(self) -> TokenScores:
        """The columns as arrays."""
        keys = np.array(self.keys, dtype=np.int64).reshape(-1, 3)
        return TokenScores(
            words=tuple(self.words),
            starts=np.array(self.starts, dtype=np.int64),
            losses=np.array(self.losses, dtype=np.float64),
            end_losses=np.array(self.end_losses, dtype=np.float64),
            ranks=np.array(self.ranks, dtype=np.int64),
            unknown=np.array(self.unknown, dtype=np.bool_),
            keys=keys[:, 0],
            list_keys=keys[:, 1],
            ghost_keys=keys[:, 2],
        )


class _Reader:
    """Scores line after line; a model that uses previous lines gets those read before."""

    def __init__(self, model: LanguageModel, previous_lines: Sequence[str] = ()) -> None:
        self._model, self._begin = model, encode_context(model, [])
        above = encode_context(model, [], previous_lines)
        self._above = above[: len(above) - len(self._begin)]

    def read(self, words: Sequence[str], columns: _Columns) -> None:
        """Adds the scores of a line to the columns, unless it has no words."""
        if not words:
            return
        model, vocabulary = self._model, self._model.vocabulary
        context = self._above + self._begin
        columns.starts.append(len(columns.words))
        for i, word in enumerate(words):
            probabilities = model.next_word_probabilities(context)
            known, ids = word in vocabulary, vocabulary.encode([word])
            is_listed = known and ids[0] not in model.excluded_ids
            better = _better(model, probabilities, ids[0]) if is_listed else None
            columns.words.append(word)
            # Without a begin of line, the first word of a line is not learned.
            columns.losses.append(_nats(probabilities, ids[0]) if ids and context else math.nan)
            columns.unknown.append(not known)
            columns.ranks.append(NOT_LISTED if better is None else int(better.sum()))
            columns.keys.append(_keys(model, better, word, is_last=i == len(words) - 1))
            context.extend(ids)
        end = vocabulary.end_id
        columns.end_losses.append(
            math.nan if end is None else _nats(model.next_word_probabilities(context), end)
        )
        if model.uses_previous_lines:
            self._above = _near(context, vocabulary.begin_id, model.window)


def _near(context: list[int], begin_id: int | None, window: int) -> list[int]:
    """The context; if it is far longer than the window, only its last lines.

    It is cut seldom, since a model computes its state again if the context begins elsewhere.
    """
    if len(context) <= WINDOWS_CARRIED * window:
        return context
    rest = context[-window:]
    return rest[rest.index(begin_id) :] if begin_id in rest else []


def _nats(probabilities: NDArray[np.float32], word: int) -> float:
    return -math.log(max(float(probabilities[word]), LEAST_PROBABILITY))


def _better(
    model: LanguageModel, probabilities: NDArray[np.float32], word: int
) -> NDArray[np.bool_]:
    """The ids [V] listed before `word`: more likely ones, and equal ones with a smaller id."""
    better: NDArray[np.bool_] = probabilities > probabilities[word]
    better[:word] |= probabilities[:word] == probabilities[word]
    better[list(model.excluded_ids)] = False
    return better


def _keys(
    model: LanguageModel, better: NDArray[np.bool_] | None, word: str, *, is_last: bool
) -> tuple[int, int, int]:
    """The keys of a word without suggestions, with the list, and with the ghost alone.

    `better` marks the ids that are listed before the word; None is for a word that is never listed.
    A prefix only takes words out of the list, so the rank of the word never falls.
    """
    typed = in_list = in_ghost = len(word) + 1
    if better is None:
        return typed, in_list, in_ghost
    before = int(better.sum())
    for letters in range(len(word)):
        if letters > 0:
            before = int(better[model.vocabulary.ids_with_prefix(word[:letters])].sum())
        accepted = min(typed, letters + 1 + is_last)
        if before < CANDIDATES:
            in_list = min(in_list, accepted)
        if before == 0:
            in_ghost = accepted
            break
    return typed, in_list, in_ghost


def summarize(measured: TokenScores) -> Evaluation:
    """The figures of these scores."""
    words, unknown = len(measured.words), int(measured.unknown.sum())
    losses = _predicted(np.concatenate((measured.losses, measured.end_losses)))
    known = np.concatenate((measured.losses[~measured.unknown], measured.end_losses))
    left_out = bool(np.isnan(measured.losses[measured.unknown]).any())
    loss, keys = _mean(losses), int(measured.keys.sum())
    return Evaluation(
        lines=len(measured.starts),
        words=words,
        predicted=len(losses),
        loss=loss,
        perplexity=None if left_out else _perplexity(loss),
        perplexity_in_vocabulary=_perplexity(_mean(_predicted(known))),
        oov_share=_share(unknown, words),
        top1=_share(int((measured.ranks == 0).sum()), words),
        top5=_share(int(_is_listed(measured.ranks, CANDIDATES).sum()), words),
        continuations=_continuations(measured),
        keys=keys,
        keystroke_savings=_saved(measured.list_keys, keys),
        keystroke_savings_ghost=_saved(measured.ghost_keys, keys),
    )


def _is_listed(ranks: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    return (ranks >= 0) & (ranks < k)


def _predicted(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    return losses[~np.isnan(losses)]


def _mean(losses: NDArray[np.float64]) -> float | None:
    return float(losses.sum()) / len(losses) if len(losses) else None


def _perplexity(loss: float | None) -> float | None:
    return None if loss is None else math.exp(loss)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _saved(keys: NDArray[np.int64], without: int) -> float | None:
    return 1 - int(keys.sum()) / without if without else None


def _continuations(measured: TokenScores) -> tuple[float | None, ...]:
    """Shares of the places at which each of the next words is the most likely after those before
    it; places too near the end of their line do not count."""
    line = np.zeros(len(measured.words), dtype=np.int64)
    line[measured.starts[1:]] = 1
    line = np.cumsum(line)
    likeliest = measured.ranks == 0
    right, whole, shares = likeliest, np.ones_like(likeliest), list[float | None]()
    for ahead in range(LONGEST_CONTINUATION):
        places = max(0, len(line) - ahead)
        right = right[:places] & likeliest[ahead:]
        whole = whole[:places] & (line[ahead:] == line[:places])
        shares.append(_share(int((right & whole).sum()), int(whole.sum())))
    return tuple(shares)


def shared_vocabulary_losses(measured: Sequence[TokenScores]) -> tuple[int, list[float]] | None:
    """The number of words that every model knows and predicts, and each model's mean loss over them
    in nats, without the ends of lines. None if there is no such word, or if the models' tokenizers
    give different words."""
    if not measured or any(each.words != measured[0].words for each in measured):
        return None
    common = np.ones(len(measured[0].words), dtype=np.bool_)
    for each in measured:
        common &= ~each.unknown & ~np.isnan(each.losses)
    count = int(common.sum())
    return (
        (count, [float(each.losses[common].sum()) / count for each in measured]) if count else None
    )


def confidence_interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` trials, such as a hit rate over words.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    1927. It takes the words as independent, which those of one text are not quite.
    """
    if count == 0:
        return 0.0, 1.0
    squared = Z_95 * Z_95
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    spread = math.sqrt(share * (1 - share) / count + squared / (4 * count * count))
    half = Z_95 * spread / (1 + squared / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def score(
    model: LanguageModel, lines: Iterable[str], previous_lines: Sequence[str] = ()
) -> Iterator[ScoredLine]:
    """Yields each line with the probability and the rank of its words."""
    reader = _Reader(model, previous_lines)
    for text in lines:
        columns = _Columns()
        reader.read(model.tokenizer.words(text), columns)
        yield _scored_line(text, columns)


def _scored_line(text: str, columns: _Columns) -> ScoredLine:
    rows = zip(columns.words, columns.losses, columns.ranks, columns.unknown, strict=True)
    words = tuple(
        ScoredWord(
            word,
            known=not unknown,
            probability=_probability(loss),
            rank=None if rank == NOT_LISTED or math.isnan(loss) else rank + 1,
        )
        for word, loss, rank, unknown in rows
    )
    losses = _predicted(np.array([*columns.losses, *columns.end_losses]))
    end = _probability(columns.end_losses[0]) if words else None
    return ScoredLine(text, words, end, len(losses), _mean(losses))


def _probability(loss: float) -> float | None:
    return None if math.isnan(loss) else math.exp(-loss)
