"""Evaluates a model on given lines, with one definition of each metric for every kind of model.

The words of a line are those of the model's tokenizer; lines without words do not count.

- The loss is over what the model predicts. If the vocabulary has start-of-line and end-of-line
  tokens, that is all words and all ends of lines; else the known words that have a known word
  before them in their line. An unknown word counts with the probability of the unknown token, if
  there is one.
- Hits, continuations and keys are over all words, the first of a line included: is the word the
  most likely one that may be suggested there, or among the five most likely? An unknown word is a
  miss. Ends of lines do not count. (A list of `suggest` also leaves out unlikely marks, and counts
  words that are written the same way once; only the keys as written take that into account.)
- Keys as written: a writer types the lines character by character, ends of lines included. Before
  each key the writer checks whether accepting one of the five words that `suggest` lists continues
  the line as wanted. If so, accepting costs one key. It also inserts the space that follows, which
  a punctuation mark typed next replaces. Typed text is never corrected.
- Keys of the letters alone: the same, ignoring case, punctuation and spacing: the words are spelled
  as in the vocabulary, with one space between them. A word is accepted as soon as it is listed (for
  the ghost alone: as soon as it is the ghost); at the end of a line one more key ends it.

A model that uses previous lines sees those before it among the given lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from rnnlm_tui.events import Count
from rnnlm_tui.lm.model import LanguageModel, Passage
from rnnlm_tui.suggest import (
    CANDIDATES,
    KeysWithoutHelp,
    Suggestion,
    Typed,
    after_taking,
    candidates_at,
    encode_context,
)
from rnnlm_tui.text.spacing import GIVING_BACK

LONGEST_CONTINUATION = 3
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""Smaller probabilities, which float32 cannot hold well, count as this: a loss of 87.3 nats."""
LETTER_NATS = 2.9
"""The cost of a letter of an unknown word: 4.14 bits if only its frequency is known. Source:
C. E. Shannon, "Prediction and entropy of printed English", 1951."""
Z_95 = 1.96
"""Standard deviations within which 95 % of a normal distribution are."""
PART_CHARACTERS = 1 << 15
"""Characters of the lines that are scored together: some 6,000 words, or 3 s of a large LSTM."""
WINDOWS_CARRIED = 4
"""The previous lines are cut once they are longer than this many context windows."""
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Perplexity: TypeAlias = Annotated[float, Meta(ge=1, le=1e308)]


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """A word of a text and its scores.

    `probability` is that of the unknown token for an unknown word, and None if the model predicts
    nothing there. `rank` is the word's place among all suggestions, from 1; None if it is never
    suggested. `keys`, `list_keys` and `ghost_keys` are the keys it takes without suggestions, with
    the list, and with the ghost alone, including the space or end of line after it.
    """

    word: str
    known: bool
    probability: float | None
    rank: int | None
    keys: int
    list_keys: int
    ghost_keys: int


@dataclass(frozen=True, slots=True)
class ScoredLine:
    """A line word by word. `end` is the probability that the line ends here, None if the model does
    not predict ends. `typed_keys` are the keys that the line takes as written, with suggestions;
    None if they were not counted."""

    text: str
    words: tuple[ScoredWord, ...]
    end: float | None
    typed_keys: int | None

    @property
    def losses(self) -> list[float]:
        """The losses of the words and of the end, if the model predicts them, in nats."""
        return _losses([*(word.probability for word in self.words), self.end])

    @property
    def loss(self) -> float | None:
        """The mean of the losses, None if there are none."""
        return _mean(sum(self.losses), len(self.losses))

    @property
    def known_losses(self) -> list[float]:
        """The same without unknown words."""
        return _losses([*(word.probability for word in self.words if word.known), self.end])


def _losses(probabilities: Sequence[float | None]) -> list[float]:
    return [-math.log(p) for p in probabilities if p is not None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of a model on some lines. Shares are in [0, 1]; None is a share of nothing.

    `loss` is the mean over `predicted` words and ends, in nats. `perplexity` is exp(loss), None if
    there are unknown words to which the model gives no probability; `perplexity_in_vocabulary`
    leaves out the unknown words. `oov_share`, `top1` and `top5` are shares of `words`.
    `continuations` are the shares of places where the next 1, 2 and 3 words of the line are the
    most likely ones. Savings are 1 - keys with suggestions / keys without. `keys` and
    `keystroke_savings` are for the letters alone, `characters` and `written_savings` for the lines
    as written, which evaluations by older versions lack.
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
    characters: Count = 0
    written_savings: Share | None = None

    @property
    def savings(self) -> float | None:
        """The keys saved as written, or of the letters alone if only that was measured."""
        return self.keystroke_savings if self.written_savings is None else self.written_savings


def score(
    model: LanguageModel,
    lines: Iterable[str],
    previous_lines: Sequence[str] = (),
    *,
    writes: bool = True,
) -> Iterator[ScoredLine]:
    """Yields each line with the scores of its words.

    A model that uses previous lines sees `previous_lines` and the `lines` before each line. Without
    `writes` no typed keys are counted, which takes most of the time.
    """
    scorer = Scorer(model, writes=writes)
    for part in parts_of(model, lines, previous_lines):
        yield from scorer.score(part)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line to score: its words, and `stream`, whose first `known` ids are their context."""

    text: str
    words: list[str]
    stream: list[int]
    known: int


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that are scored together, and the passages with a distribution for each place."""

    lines: list[_Line]
    passages: list[Passage]


def parts_of(
    model: LanguageModel, lines: Iterable[str], previous_lines: Sequence[str] = ()
) -> Iterator[Part]:
    """Cuts the lines into parts with their contexts. Parts can be scored in any order, and by
    several processes, with the same result."""
    begin = encode_context(model, [])
    above = encode_context(model, [], previous_lines)
    above = above[: len(above) - len(begin)]
    for block in _blocks(lines):
        part, above = _part(model, block, begin, above)
        yield part


def _blocks(lines: Iterable[str]) -> Iterator[Sequence[str]]:
    """The lines in blocks of about `PART_CHARACTERS`; one by one if they come from an iterator."""
    if not isinstance(lines, Sequence):
        yield from ([line] for line in lines)
        return
    begin, characters = 0, 0
    for end, line in enumerate(lines, start=1):
        characters += len(line) + 1
        if characters >= PART_CHARACTERS or end == len(lines):
            yield lines[begin:end]
            begin, characters = end, 0


def _part(
    model: LanguageModel, texts: Iterable[str], begin: list[int], above: list[int]
) -> tuple[Part, list[int]]:
    """Some lines as a part, and the context `above` the next line.

    Lines that go on from each other share a growing stream, so that a model reads it once.
    """
    lines, passages = list[_Line](), list[Passage]()
    stream, goes_on = list[int](), False
    for text in texts:
        words = model.tokenizer.words(text)
        if not words:
            lines.append(_Line(text, [], [], 0))
            continue
        if not goes_on:
            stream = [*above]
            passages.append(Passage(stream, len(above) + len(begin)))
        stream += begin
        lines.append(_Line(text, words, stream, len(stream)))
        stream += model.vocabulary.encode(words)
        if model.uses_previous_lines:
            above = _near(stream, model.vocabulary.begin_id, model.window)
            goes_on = above is stream  # it is cut once it is too long
    return Part(lines, passages), above


class Scorer:
    """Scores parts with one model; keeps what it finds out about prefixes."""

    def __init__(self, model: LanguageModel, *, writes: bool = True) -> None:
        """`writes` as for `score`."""
        self._model = model
        self._without_help = KeysWithoutHelp(model) if writes else None

    def score(self, part: Part) -> Iterator[ScoredLine]:
        """Yields the lines of the part with the scores of their words."""
        answers = self._model.read(part.passages)
        for line in part.lines:
            yield self._scored(line, answers)

    def _scored(self, line: _Line, answers: Iterator[NDArray[np.float32]]) -> ScoredLine:
        """Scores a line; takes the next of the `answers`, distributions [V], for each place."""
        model, vocabulary, text = self._model, self._model.vocabulary, line.text
        if not line.words:
            return ScoredLine(text, (), None, len(text) + 1)
        context = line.stream[: line.known]
        writer = self._without_help and _Writer(model, self._without_help, text, context)
        answer, ids, scored = next(answers), list[int](), list[ScoredWord]()
        if writer:
            writer.read(ids, answer)
        for number, word in enumerate(line.words, start=1):
            has_context, is_last = bool(context or ids), number == len(line.words)
            scored.append(
                _scored_word(model, answer, word, has_context=has_context, is_last=is_last)
            )
            if writer:
                writer.write(number)
            if known := vocabulary.encode([word]):
                ids += known
                answer = next(answers)
                if writer:
                    writer.read(ids, answer)
        if writer:
            writer.write()
        end = None if vocabulary.end_id is None else _at_least(answer[vocabulary.end_id])
        return ScoredLine(text, tuple(scored), end, writer.keys + 1 if writer else None)


@dataclass
class _Writer:
    """Simulates a writer who types `text` after the ids in `context`, and counts the `keys`.

    `at` is how much of the text is in the line, `has_space` whether the space of an accepted word
    follows it, which a mark would replace. `known` are the ids of the line that the model has read,
    `answers` what it predicts after all but the last of them, and after all.
    """

    model: LanguageModel
    without_help: KeysWithoutHelp
    text: str
    context: list[int]
    keys: int = 0
    at: int = 0
    has_space: bool = False
    known: list[int] = field(default_factory=list)
    answers: list[NDArray[np.float32]] = field(default_factory=list)

    def read(self, ids: list[int], answer: NDArray[np.float32]) -> None:
        """Adds what the model predicts after these ids of the line, one more than before."""
        self.known, self.answers = [*ids], [*self.answers[-1:], answer]

    def write(self, words: int | None = None) -> None:
        """Types until this many words are complete; None types the whole text."""
        model = self.model
        while self.at < len(self.text):
            before = self.text[: self.at] + " " * self.has_space
            typed = Typed.of(before, model.tokenizer)
            if words is not None and len(typed.words) >= words:
                return
            found = self._predicted(model.vocabulary.encode(typed.words))
            if keys := self.without_help.count(found, typed, self.text[self.at :]):
                self.keys += keys
                self.at, self.has_space = self.at + keys, False
                continue
            self.keys += 1
            self.at, self.has_space = self._after_key(before, found, typed)

    def _predicted(self, ids: list[int]) -> NDArray[np.float32]:
        """The distribution after these ids of the line. They nearly always are those that were
        read; but a prefix may be a word of its own, and a quote may become an apostrophe."""
        if ids == self.known:
            return self.answers[-1]
        if ids == self.known[:-1]:
            return self.answers[0]
        return self.model.next_word_probabilities(self.context + ids)

    def _after_key(self, before: str, found: NDArray[np.float32], typed: Typed) -> tuple[int, bool]:
        """`at` and `has_space` after the next key: it accepts the most helpful word, or types."""
        listed = candidates_at(self.model, found, typed)
        ways = (self._after_accepting(before, candidate) for candidate in listed)
        return max(filter(None, ways), default=(self.at + 1, False))

    def _after_accepting(self, before: str, candidate: Suggestion) -> tuple[int, bool] | None:
        """`at` and `has_space` after a candidate is accepted; None if the text does not begin with
        the new line, or if that is no longer than the old one."""
        line = after_taking(before, candidate)
        if len(line) <= self.at or not self.text.startswith(line):
            return None
        following = self.text[len(line) : len(line) + 2]
        if not candidate.space_after or not following:
            return len(line), False
        mark, takes_space = following.strip()[:1], self.model.tokenizer.takes_space
        is_close = bool(mark) and takes_space(line + " ", mark)
        if following[0] != " ":
            return (len(line), True) if is_close else None
        # A mark that would replace the space needs another space typed before it.
        needs_space = is_close and mark not in GIVING_BACK
        return (len(line), True) if needs_space else (len(line) + 1, False)


def _scored_word(
    model: LanguageModel,
    probabilities: NDArray[np.float32],
    word: str,
    *,
    has_context: bool,
    is_last: bool,
) -> ScoredWord:
    known, ids = word in model.vocabulary, model.vocabulary.encode([word])
    is_listed = known and ids[0] not in model.excluded_ids
    better = _better(model, probabilities, ids[0]) if is_listed else None
    return ScoredWord(
        word,
        known,
        # Without a begin of line, the first word of a line is not learned.
        _at_least(probabilities[ids[0]]) if ids and has_context else None,
        None if better is None else int(np.count_nonzero(better)) + 1,
        *_keys(model, better, word, is_last=is_last),
    )


def _at_least(probability: np.float32) -> float:
    return max(float(probability), LEAST_PROBABILITY)


def _near(context: list[int], begin_id: int | None, window: int) -> list[int]:
    """The context, or only its last lines if it is far longer than the context window.

    It is cut rarely, because a model must compute its state again if the context begins elsewhere.
    """
    if len(context) <= WINDOWS_CARRIED * window:
        return context
    rest = context[-window:]
    return rest[rest.index(begin_id) :] if begin_id in rest else []


def _better(
    model: LanguageModel, probabilities: NDArray[np.float32], word: int
) -> NDArray[np.bool_]:
    """Which ids [V] are listed before `word`: likelier ones, and equal ones with a smaller id."""
    better: NDArray[np.bool_] = probabilities > probabilities[word]
    better[:word] |= probabilities[:word] == probabilities[word]
    better[list(model.excluded_ids)] = False
    return better


def _keys(
    model: LanguageModel, better: NDArray[np.bool_] | None, word: str, *, is_last: bool
) -> tuple[int, int, int]:
    """The keys of a word without suggestions, with the list, and with the ghost alone.

    `better` marks the ids that are listed before the word; None is for a word that is never listed.
    """
    typed = in_list = in_ghost = len(word) + 1
    if better is None:
        return typed, in_list, in_ghost
    before, key = np.count_nonzero(better), model.tokenizer.match_key
    for letters in range(len(word)):
        if letters > 0:
            fitting = model.vocabulary.ids_with_prefix(key(word[:letters]), key)
            before = np.count_nonzero(better[fitting])
        accepted = min(typed, letters + 1 + is_last)
        if before < CANDIDATES:
            in_list = min(in_list, accepted)
        if before == 0:
            in_ghost = accepted
            break
    return typed, in_list, in_ghost


def summarize(lines: Iterable[ScoredLine]) -> Evaluation:
    """The figures of scored lines."""
    lines = [line for line in lines if line.words]
    words = [word for line in lines for word in line.words]
    unknown = [word for word in words if not word.known]
    losses = [loss for line in lines for loss in line.losses]
    known = [loss for line in lines for loss in line.known_losses]
    loss, keys = _mean(sum(losses), len(losses)), sum(word.keys for word in words)
    characters = sum(len(line.text) + 1 for line in lines)
    typed = [line.typed_keys for line in lines if line.typed_keys is not None]
    return Evaluation(
        lines=len(lines),
        words=len(words),
        predicted=len(losses),
        loss=loss,
        perplexity=None if any(w.probability is None for w in unknown) else _perplexity(loss),
        perplexity_in_vocabulary=_perplexity(_mean(sum(known), len(known))),
        oov_share=_mean(len(unknown), len(words)),
        top1=_mean(sum(word.rank == 1 for word in words), len(words)),
        top5=_mean(sum((word.rank or math.inf) <= CANDIDATES for word in words), len(words)),
        continuations=tuple(_continuations(lines, n) for n in range(1, LONGEST_CONTINUATION + 1)),
        keys=keys,
        keystroke_savings=_mean(keys - sum(word.list_keys for word in words), keys),
        keystroke_savings_ghost=_mean(keys - sum(word.ghost_keys for word in words), keys),
        characters=characters,
        written_savings=_mean(characters - sum(typed), characters)
        if len(typed) == len(lines)
        else None,
    )


def written_loss(lines: Iterable[ScoredLine]) -> float | None:
    """The loss in nats per character as written, ends of lines included, which is comparable among
    models with different vocabularies: an unknown word costs as much as <unk> plus its letters."""
    lines = [line for line in lines if line.words]
    nats = sum(sum(line.losses) for line in lines)
    spelled = sum(word.keys for line in lines for word in line.words if not word.known)
    return _mean(nats + LETTER_NATS * spelled, sum(len(line.text) + 1 for line in lines))


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None


def _perplexity(loss: float | None) -> float | None:
    return None if loss is None else math.exp(loss)


def _continuations(lines: Iterable[ScoredLine], length: int) -> float | None:
    """The share of places at which each of the next `length` words of the line is the most likely
    one."""
    hits = [[word.rank == 1 for word in line.words] for line in lines]
    runs = [all(of[i : i + length]) for of in hits for i in range(len(of) - length + 1)]
    return _mean(sum(runs), len(runs))


def shared_vocabulary_losses(
    models: Sequence[Sequence[ScoredLine]],
) -> tuple[int, list[float]] | None:
    """The number of words that every model knows and predicts, and each model's mean loss over them
    in nats, without the ends of lines.

    None if there is no such word, or if the models' tokenizers give different words.
    """
    columns = [[word for line in lines for word in line.words] for lines in models]
    spelled = [[word.word for word in column] for column in columns]
    if not spelled or any(words != spelled[0] for words in spelled):
        return None
    losses = [
        [-math.log(word.probability) for word in row if word.known and word.probability is not None]
        for row in zip(*columns, strict=True)
    ]
    shared = [row for row in losses if len(row) == len(models)]
    if not shared:
        return None
    return len(shared), [sum(column) / len(shared) for column in zip(*shared, strict=True)]


def confidence_interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` trials, such as a hit rate over words.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    1927. It assumes that the words are independent, which those of one text are only roughly.
    """
    if count == 0:
        return 0.0, 1.0
    squared = Z_95 * Z_95
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    spread = math.sqrt(share * (1 - share) / count + squared / (4 * count * count))
    half = Z_95 * spread / (1 + squared / count)
    return max(0.0, middle - half), min(1.0, middle + half)
