"""How good a model is on given lines: the same definitions for every kind of model.

A line's words are those that the model's tokenizer makes of it; lines without words do not count.

- Loss is over what the model predicts: every word and the end of every line, where its vocabulary
  has the begin and the end of a line; else every known word with a known word before it in its
  line. A word that it does not know counts with the probability of the unknown word, or not at all
  where there is no such word.
- Hits, continuations and keys are over all words of the lines: what the real suggestion engine
  lists at that place, the first word of a line too; a word that the model does not know is a miss.
- Keys: a letter (or any other character of a word) is one key, so is the space after a word and the
  end of a line. An accept is one key, with the space that follows the word, and comes as soon as
  the word is in the list of five (or is the ghost, for ghost text alone); at the end of a line the
  key that ends it comes after the accept. The text typed is the words with one space between them.

A model that carries lines has those above as context, of the lines given here alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
WINDOWS_CARRIED = 4
"""How many windows of words the lines above may hold before most are left out."""


Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Perplexity: TypeAlias = Annotated[float, Meta(ge=1, le=1e308)]


@dataclass(frozen=True, slots=True)
class MeasureProgress:
    """How far a measurement is: `done` of `lines` lines."""

    done: int
    lines: int


@dataclass(frozen=True, slots=True)
class TokenScores:
    """What a model makes of lines, word by word: N words in L lines.

    `losses` [N] and `end_losses` [L] are in nats, not-a-number where the model predicts nothing;
    `ranks` [N] count from 0 the likelier words that the engine lists before the word, -1 for a word
    that the model does not know, as `unknown` [N] says. `characters`, `list_keys` and `ghost_keys`
    [N] are the keys of each word without and with suggestions, the space or the end of line after
    it included. `starts` [L] are the places of the lines' first words.
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
    """The figures of a model on some lines. Shares lie in [0, 1]; None is a share of nothing.

    `predicted` counts what `loss` (nats, the mean over them) is over. `perplexity` is its
    exponential, None where there are unknown words and the model gives them no probability;
    `perplexity_in_vocabulary` is over what is predicted but the unknown words. `oov_share`, `top1`
    and `top5` are shares of `words`. `continuations` are the shares of places, with as many words
    left in the line, after which the next 1, 2 and 3 words are just the model's likeliest. What is
    saved is 1 - keys with suggestions / keys without.
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
    """A word of a text. `probability` is that of the unknown word for one that the model does not
    know, and None where it predicts nothing; `rank` counts from 1 among all words that it can
    suggest, None where there is no probability or the word is unknown."""

    word: str
    known: bool
    probability: float | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class ScoredLine:
    """A text word by word; `end` is the probability that it ends here, None where the model does
    not predict it. `loss` is the mean over `predicted` words, the end included, in nats."""

    text: str
    words: tuple[ScoredWord, ...]
    end: float | None
    predicted: int
    loss: float | None


def measure(
    model: LanguageModel, lines: Sequence[str], report_every_s: float = REPORT_EVERY_S
) -> Iterator[MeasureProgress | TokenScores]:
    """Measures the model on the lines: how far it is from time to time, and what it found last."""
    reader, read, next_report = _Reader(model), list[_Line](), time.monotonic() + report_every_s
    yield MeasureProgress(0, len(lines))
    for done, line in enumerate(lines, start=1):
        if words := model.tokenizer.words(line):
            read.append(reader.read(words))
        if (now := time.monotonic()) >= next_report:
            next_report = now + report_every_s
            yield MeasureProgress(done, len(lines))
    yield MeasureProgress(len(lines), len(lines))
    yield _together(read)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a model makes of one line; the columns are those of `TokenScores`, and the three
    kinds of keys of a word are kept together."""

    words: Sequence[str]
    losses: list[float]
    end_loss: float
    ranks: list[int]
    unknown: list[bool]
    keys: list[tuple[int, int, int]]


class _Reader:
    """Measures line after line; where the model carries lines, those before are context."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._above: list[int] = []

    def read(self, words: Sequence[str]) -> _Line:
        """Measures one line of one word or more."""
        model, vocabulary = self._model, self._model.vocabulary
        line = _Line(words, [], math.nan, [], [], [])
        context = self._above + encode_context(model, [])
        for i, word in enumerate(words):
            probabilities = model.next_word_probabilities(context)
            known, ids = word in vocabulary, vocabulary.encode([word])
            # Without a begin of line, nothing is learned of a line's first word.
            line.losses.append(_nats(probabilities, ids[0]) if ids and context else math.nan)
            is_listed = known and ids[0] not in model.excluded_ids
            better = _better(model, probabilities, ids[0]) if is_listed else None
            line.unknown.append(not known)
            line.ranks.append(NOT_LISTED if better is None else int(better.sum()))
            line.keys.append(_keys(model, better, word, is_last=i == len(words) - 1))
            context.extend(ids)
        if model.uses_previous_lines:
            self._above = _near(context, vocabulary.begin_id, model.window)
        if vocabulary.end_id is None:
            return line
        return replace(
            line, end_loss=_nats(model.next_word_probabilities(context), vocabulary.end_id)
        )


def _together(lines: Sequence[_Line]) -> TokenScores:
    """The columns of all lines."""
    keys = np.array([keys for line in lines for keys in line.keys], dtype=np.int64).reshape(-1, 3)
    lengths = np.array([len(line.words) for line in lines], dtype=np.int64)
    return TokenScores(
        words=tuple(word for line in lines for word in line.words),
        starts=np.cumsum(lengths) - lengths,
        losses=np.array([loss for line in lines for loss in line.losses], dtype=np.float64),
        end_losses=np.array([line.end_loss for line in lines], dtype=np.float64),
        ranks=np.array([rank for line in lines for rank in line.ranks], dtype=np.int64),
        unknown=np.array([flag for line in lines for flag in line.unknown], dtype=np.bool_),
        keys=keys[:, 0],
        list_keys=keys[:, 1],
        ghost_keys=keys[:, 2],
    )


def _near(context: list[int], begin_id: int | None, window: int) -> list[int]:
    """The context from the begin of a line on, where it is far longer than the window: seldom, for
    a model keeps its state while a context goes on, and computes it anew where another begins."""
    if len(context) <= WINDOWS_CARRIED * window:
        return context
    rest = context[-window:]
    return rest[rest.index(begin_id) :] if begin_id in rest else []


def _nats(probabilities: NDArray[np.float32], word: int) -> float:
    return -math.log(max(float(probabilities[word]), LEAST_PROBABILITY))


def _better(
    model: LanguageModel, probabilities: NDArray[np.float32], word: int
) -> NDArray[np.bool_]:
    """Which ids [V] the engine lists before `word`: the likelier ones, and of equals those with a
    smaller id."""
    better: NDArray[np.bool_] = probabilities > probabilities[word]
    better[:word] |= probabilities[:word] == probabilities[word]
    better[list(model.excluded_ids)] = False
    return better


def _keys(
    model: LanguageModel, better: NDArray[np.bool_] | None, word: str, *, is_last: bool
) -> tuple[int, int, int]:
    """The keys that a word takes without suggestions, with the list, and with the ghost alone.

    `better` marks the ids that the engine lists before the word; None is a word never listed. A
    prefix only takes words out of the list, so that the word's place in it never falls.
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
    """The figures of what was measured."""
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
    """The next words are just the likeliest ones where each of them is, after the words before."""
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
    """How many words every model knows and predicts, and the mean loss of each model over them, in
    nats; the ends of lines are left out. None where there are none, or where the models cut the
    lines into different words."""
    if not measured or any(each.words != measured[0].words for each in measured):
        return None
    common = np.ones(len(measured[0].words), dtype=np.bool_)
    for each in measured:
        common &= ~each.unknown & ~np.isnan(each.losses)
    count = int(common.sum())
    return (
        (count, [float(each.losses[common].sum()) / count for each in measured]) if count else None
    )


def score(model: LanguageModel, lines: Iterable[str]) -> Iterator[ScoredLine]:
    """The lines of a text word by word, each as it comes."""
    reader = _Reader(model)
    for text in lines:
        words = model.tokenizer.words(text)
        yield _scored(text, _together([reader.read(words)] if words else []))


def _scored(text: str, measured: TokenScores) -> ScoredLine:
    """The one line that was measured."""
    losses = _predicted(np.concatenate((measured.losses, measured.end_losses)))
    columns = zip(measured.words, measured.losses, measured.ranks, measured.unknown, strict=True)
    return ScoredLine(
        text=text,
        words=tuple(
            ScoredWord(
                word,
                known=not unknown,
                probability=_probability(loss),
                rank=None if rank == NOT_LISTED or math.isnan(loss) else int(rank) + 1,
            )
            for word, loss, rank, unknown in columns
        ),
        end=_probability(measured.end_losses[0]) if measured.words else None,
        predicted=len(losses),
        loss=_mean(losses),
    )


def _probability(loss: float) -> float | None:
    return None if math.isnan(loss) else math.exp(-loss)
