"""How good a model is on given lines: the same definitions for every kind of model.

A line's words are those that the model's tokenizer makes of it; lines without words do not count.

- Loss is over what the model predicts: every word and the end of every line, where its vocabulary
  has the ends of a line; else every known word with a known word before it in its line. A word that
  it does not know counts with the probability of the unknown word, or not at all where there is no
  such word.
- Hits, continuations and keys are over all words of the lines: what the real suggestion engine
  lists at that place, the first word of a line too; a word that the model does not know is a miss.
- Keys: a letter (or any other character of a word) is one key, so is the space after a word and the
  end of a line. An accept is one key, with the space that follows the word, and comes as soon as
  the word is in the list of five (or is the ghost, for ghost text alone); at the end of a line the
  key that ends it comes after the accept. The text typed is the words with one space between them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggest import CANDIDATES

LONGEST_CONTINUATION = 3
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""What counts for a smaller probability, which float32 cannot hold well: a loss of 87.3 nats."""
REPORT_EVERY_S = 0.1
NOT_LISTED = -1


@dataclass(frozen=True, slots=True)
class Measuring:
    """How far a measurement is: `done` of `lines` lines."""

    done: int
    lines: int


@dataclass(frozen=True, slots=True)
class Measured:
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

    lines: int
    words: int
    predicted: int
    loss: float | None
    perplexity: float | None
    perplexity_in_vocabulary: float | None
    oov_share: float | None
    top1: float | None
    top5: float | None
    continuations: tuple[float | None, ...]
    keys: int
    keystroke_savings: float | None
    keystroke_savings_ghost: float | None


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
) -> Iterator[Measuring | Measured]:
    """Measures the model on the lines: how far it is from time to time, and what it found last."""
    sheet, next_report = _Sheet(), time.monotonic() + report_every_s
    yield Measuring(0, len(lines))
    for done, line in enumerate(lines, start=1):
        if words := model.tokenizer.words(line):
            sheet.add(model, words)
        if (now := time.monotonic()) >= next_report:
            next_report = now + report_every_s
            yield Measuring(done, len(lines))
    yield Measuring(len(lines), len(lines))
    yield sheet.measured()


class _Sheet:
    """The figures of the lines so far."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._starts: list[int] = []
        self._end_losses: list[float] = []
        self._losses: list[float] = []
        self._ranks: list[int] = []
        self._unknown: list[bool] = []
        self._keys: list[tuple[int, int, int]] = []

    def add(self, model: LanguageModel, words: Sequence[str]) -> None:
        """Measures one line of one word or more."""
        self._starts.append(len(self._words))
        self._words.extend(words)
        vocabulary, context = model.vocabulary, list[int]()
        for i, word in enumerate(words):
            probabilities = model.next_word_probabilities(context)
            known = vocabulary.encode([word])
            self._unknown.append(not known)
            predicted = bool(known and context)
            self._losses.append(_nats(probabilities[known[0]]) if predicted else math.nan)
            better = _better(model, probabilities, known[0]) if known else None
            self._ranks.append(NOT_LISTED if better is None else int(better.sum()))
            self._keys.append(_keys(model, better, word, is_last=i == len(words) - 1))
            context.extend(known)
        self._end_losses.append(math.nan)

    def measured(self) -> Measured:
        """All lines."""
        keys = np.array(self._keys, dtype=np.int64).reshape(-1, 3)
        return Measured(
            words=tuple(self._words),
            starts=np.array(self._starts, dtype=np.int64),
            losses=np.array(self._losses, dtype=np.float64),
            end_losses=np.array(self._end_losses, dtype=np.float64),
            ranks=np.array(self._ranks, dtype=np.int64),
            unknown=np.array(self._unknown, dtype=np.bool_),
            keys=keys[:, 0],
            list_keys=keys[:, 1],
            ghost_keys=keys[:, 2],
        )


def _nats(probability: np.float32) -> float:
    return -math.log(max(float(probability), LEAST_PROBABILITY))


def _better(
    model: LanguageModel, probabilities: NDArray[np.float32], word: int
) -> NDArray[np.bool_]:
    """Which ids [V] the engine lists before `word`: the likelier ones, and of equals those with a
    smaller id."""
    better: NDArray[np.bool_] = probabilities > probabilities[word]
    better[:word] |= probabilities[:word] == probabilities[word]
    better[list(model.unsuggested_ids)] = False
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


def figures(measured: Measured) -> Evaluation:
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


def _continuations(measured: Measured) -> tuple[float | None, ...]:
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


def common_losses(measured: Sequence[Measured]) -> tuple[int, list[float]] | None:
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


def score(model: LanguageModel, text: str) -> ScoredLine:
    """The text, which is one line, word by word."""
    sheet, words = _Sheet(), model.tokenizer.words(text)
    if words:
        sheet.add(model, words)
    measured = sheet.measured()
    losses = _predicted(np.concatenate((measured.losses, measured.end_losses)))
    columns = zip(words, measured.losses, measured.ranks, measured.unknown, strict=True)
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
        end=_probability(measured.end_losses[0]) if words else None,
        predicted=len(losses),
        loss=_mean(losses),
    )


def _probability(loss: float) -> float | None:
    return None if math.isnan(loss) else math.exp(-loss)
