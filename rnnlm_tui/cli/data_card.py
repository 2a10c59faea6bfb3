"""The data card: facts about a text and about a model of it, before training."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from msgspec import structs

from rnnlm_tui.config import PRESETS, Config, size_of
from rnnlm_tui.formatting import cut_words, plural
from rnnlm_tui.text.prepare import Prepared
from rnnlm_tui.text.reading import CHECKED_BYTES, WITHOUT_SPACES, lacks_spaces
from rnnlm_tui.text.vocabulary import BEGIN_ID, END_ID, UNKNOWN_ID, UNKNOWN_TOKEN
from rnnlm_tui.training.job import MOST_EVALUATED, Job
from rnnlm_tui.wording.model_rows import Fact, window_text
from rnnlm_tui.wording.savings import ENOUGH_TEXT, ENOUGH_WORDS

GAINS = ((0.02, "0 to 2"), (0.1, "0 to 6"), (0.3, "3 to 10"), (1.0, "10 to 30"))
"""The keys of 100 that a model of a text saves beyond its base alone, for a writer who reads the
list. Before them stands the largest share of the text's words that may be new to the base. Measured
in English, on later words and on held-out lines:

    new words       1.2 to 1.9 %   2.2 to 2.5 %   6.7 %        12.5 %       57 %
    keys of 100     0.1 to 1.7     0.1 to 5.7     1.9 to 2.6   2.7 to 6.3   18 to 23
"""
FEW_WORDS = 2_000
"""The fewest words of a text for which GAINS hold. Of a shorter text the card says that it helps
little."""
TRAINED_PER_S = 1e10
"""Examples times parameters that two cores learn in a second: measured 1e10 for a network that
starts from its base, 13e9 for the lesson's."""
BESIDES_EPOCHS_S = 5
"""Seconds in which two cores load PyTorch before the epochs."""
MEASURED_PER_S = 100
"""Held-out words on which the new model and the one in use are measured in a second, at the end."""
FIRST_PAIRS = 10
"""Training pairs that are shown."""
FIRST_PADDED = 4
"""Padded pairs that are shown for the lesson. Each takes a second line."""


def prospect(job: Job, parameters: int) -> list[str]:
    """Returns sentences on what to expect of a training: which files of a folder it reads, what it
    learns, how long that takes, whether it can measure the keys saved, and how many these may be.
    `parameters` is the number of parameters of the model."""
    text = job.prepared.corpus
    sentences = [f"It reads {text.name}."] if text.folder_note else []
    learns, mixed = "starts from nothing and learns this text", ""
    if job.network is not None:
        start = job.base.name if job.base else "another model"
        learns = f"starts from {start} and learns your words"
    elif job.base is not None:
        mixed = f", and is mixed with {job.base.name}{' if that helps' if job.tries_base else ''}"
    sentences.append(f"It {learns}, in {_duration(job, parameters)}{mixed}.")
    held_out = job.prepared.held_out_words
    if not held_out:
        told = "It learns every line, so it cannot tell how many keys it saves on new ones."
    elif held_out < ENOUGH_WORDS:
        told = (
            f"It keeps {plural(held_out, 'word')} apart to measure on, too few to tell how many"
            f" keys it saves; {ENOUGH_TEXT}. Whether to use it is up to you."
        )
    else:
        told = "Then it tells how many keys it saves on lines of this text that it has not seen."
    return [*sentences, told, *_expected_gain(job)]


def _expected_gain(job: Job) -> list[str]:
    """Says how many words of a text are new to the base, and how many more keys a model saves that
    learns them. Returns no sentence without a base, and no gain for a text of few words."""
    if job.base is None:
        return []
    vocabulary, lines = job.prepared.vocabulary, job.prepared.train
    counts = lines.word_counts(vocabulary.total_words)
    counts[: vocabulary.first_word_id] = 0  # <unk> stands for words that the base may know
    known = job.base.model.vocabulary
    new_ids = [
        number
        for number in np.flatnonzero(counts).tolist()
        if (word := vocabulary.word(number)) not in known and word.lower() not in known
    ]
    share = counts[new_ids].sum() / lines.words
    words, base = plural(len(new_ids), "word"), job.base.name
    sentences = [f"New to {base}: {words}, {share:.0%} of the text."]
    if job.prepared.corpus.words >= FEW_WORDS:
        keys = next(keys for largest_share, keys in GAINS if share <= largest_share)
        sentences.append(f"Expect to save {keys} keys in 100 more than with {base} alone.")
    return sentences


def _duration(job: Job, parameters: int) -> str:
    """Says how long two cores need for a training."""
    seconds = BESIDES_EPOCHS_S + min(job.prepared.held_out_words, MOST_EVALUATED) / MEASURED_PER_S
    if job.config.has_network:
        seconds += job.prepared.predictions * parameters * job.config.epochs / TRAINED_PER_S
    elif seconds < 55:
        return "some seconds"
    if seconds < 55:  # would not be rounded to 60
        return f"about {max(10, round(seconds, -1)):.0f} seconds"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {plural(minutes, 'minute')}"
    return f"about {plural(round(minutes / 60), 'hour')}"


def warnings(job: Job) -> list[str]:
    """Returns sentences on why little can be learned from a text; none for a good one."""
    text = job.prepared.corpus
    sentences = list[str]()
    if lacks_spaces(text.raw[:CHECKED_BYTES].decode(errors="ignore")):
        sentences.append(f"{WITHOUT_SPACES[0].upper()}{WITHOUT_SPACES[1:]}.")
    if text.words < FEW_WORDS:
        result = "little of it"
        if job.base is not None and not job.tries_base:
            result = f"{job.base.name}, with your names in it, and little more"
        sentences.append(f"{plural(text.words, 'word')} are few: expect {result}.")
    return sentences


def text_rows(prepared: Prepared, config: Config) -> Iterator[Fact]:
    """Yields facts about a text and about the model that is trained on it."""
    preset = PRESETS[config.preset]
    text, held_out = prepared.corpus, prepared.held_out
    vocabulary = prepared.vocabulary
    kept, special_tokens = len(vocabulary.words), vocabulary.special_tokens
    yield "text", text.name
    yield "preset", f"{config.preset}: {preset.summary}"
    yield "lines", f"{text.lines:,}"
    yield from (("", note) for note in prepared.notes)
    if len(held_out):
        yield "held out", f"{plural(len(held_out), 'line')}, not learned but measured on"
    else:
        yield "held out", "none, so it cannot be measured on lines that are new to it"
    trained = " in the lines that are learned" if len(held_out) else ""
    marks = " with punctuation marks" if prepared.tokenizer.writes_text else ""
    yield "words", f"{text.words:,}; {prepared.distinct_words:,} different{marks}{trained}"
    if kept < prepared.distinct_words:
        others = f"learned as {UNKNOWN_TOKEN}" if special_tokens else "left out of the lines"
        yield "vocabulary", f"{kept:,} words are kept; the others are {others}"
    if not prepared.is_lesson and len(held_out):
        share = np.count_nonzero(held_out.ids == UNKNOWN_ID) / held_out.words
        yield "unknown", f"{share:.1%} of the words held out"
    tokens = ", ".join(("the padding", *special_tokens))
    yield "total words", f"{vocabulary.total_words:,} (with {tokens})"
    yield "longest line", f"{plural(prepared.train.longest, 'word')}{marks}"
    yield "reads", window_text(config.model, prepared.window)
    ends = " or the end of the line" if special_tokens else ""
    yield "pairs", f"{prepared.predictions:,}: the words before, and the next word{ends}"
    if preset.by_size:
        usual = f"the defaults for a {size_of(text.words)} text or for a start from a model"
        yield "settings", f"those given, or {usual}"
        shown = {"optimizer", *(name for each in preset.by_size.values() for name in each)}
        for part in (config.model, config.train):
            values = structs.asdict(part).items()
            yield "", ", ".join(f"{k} = {v}" for k, v in values if k in shown and v is not None)


def pair_rows(prepared: Prepared) -> Iterator[Fact]:
    """Yields the first training pairs. For the lesson, first yields the steps by which it makes
    them, under its own names for these."""
    pairs = [f"{words} ---> {following}" for words, following in first_pairs(prepared)]
    if not prepared.is_lesson:
        yield "the first pairs", ""
        yield from (("", pair) for pair in pairs)
        return
    yield "from the text to the first pairs", ""
    words = plural(len(prepared.vocabulary.words), "word")
    yield "Tokenizer", f"{words} become ids; total_words counts the padding 0, too"
    yield "n-grams", f"the first 2 words of a line, the first 3 ...: {prepared.predictions:,}"
    yield "pad_sequences", f"zeros before them, {prepared.window + 1:,} ids in all"
    yield "label", "the last id; the others are the predictors. As ids and as words:"
    first = np.arange(min(FIRST_PADDED, prepared.predictions))
    features, labels = prepared.train.windows(first, prepared.window)
    for ids, label, pair in zip(features.tolist(), labels.tolist(), pairs, strict=False):
        yield "", f"{' '.join(map(str, ids))} ---> {label}"
        yield "", pair


def first_pairs(prepared: Prepared) -> list[list[str]]:
    """Returns the first examples: the context that the model sees, and the word to predict."""
    word = prepared.vocabulary.word
    return [
        [cut_words(" ".join(map(word, context))), cut_words(word(label))]
        for context, label in islice(_pairs(prepared), FIRST_PAIRS)
    ]


def _pairs(prepared: Prepared) -> Iterator[tuple[list[int], int]]:
    """Yields each id to predict, after the ids before it that the model sees."""
    window = prepared.window
    for line in prepared.train:
        ids = line.tolist() if prepared.is_lesson else [BEGIN_ID, *line.tolist(), END_ID]
        yield from ((ids[max(0, end - window) : end], ids[end]) for end in range(1, len(ids)))
