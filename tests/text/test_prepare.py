"""Lines to examples, compared with the lesson's own stack and with plain Python."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlm_tui.config import make_config
from rnnlm_tui.errors import CorpusError
from rnnlm_tui.lm.registry import prepare_corpus
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.text import prepare
from rnnlm_tui.text.corpus import read_corpus
from rnnlm_tui.text.examples import EncodedLines, PrefixExamples
from rnnlm_tui.text.prepare import PreparedLines, PreparedPrefixes, PreparedText
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import LessonTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS, Vocabulary
from tests.helpers.golden import GOLDEN
from tests.helpers.texts import made_up_corpus, split_held_out

# The two SHA-256 figures of golden/README.md.
SONNETS_PADDED = "1ff182080031b8b54340fb97adbdd1ff2b323b30d1526d69c1df3d9e18ffd671"
SONNETS_WORDS = "392d179eaa678ce3e70482944ad128067cbcd1694f2d3cf8400da036fef5b66f"


def prepared(preset: str, text: str, vocabulary: Vocabulary | None = None, **given: Any) -> Any:
    """This text as the preset prepares it, by default with no line held out."""
    inherited = None if vocabulary is None else (vocabulary, Conventions(), 7)
    config = make_config(preset, [{"held_out": 0}, given])
    return prepare_corpus(made_up_corpus(text), config, inherited)


def padded(examples: PrefixExamples) -> list[list[int]]:
    features, labels = examples.batch(np.arange(len(examples)))
    rows: list[list[int]] = np.column_stack((features, labels)).tolist()
    return rows


def spelled(lines: EncodedLines, vocabulary: Vocabulary) -> list[list[str]]:
    return [[*map(vocabulary.word, line.tolist())] for line in lines]


def test_every_golden_case_agrees_with_keras() -> None:
    cases = json.loads((GOLDEN / "keras_text.json").read_text(encoding="utf-8"))
    assert cases
    for case in cases:
        text = prepared("lesson", case["text"], max_window=1024)
        words = enumerate(text.vocabulary.words, start=1)
        assert {word: number for number, word in words} == case["word_index"]
        assert text.vocabulary.total_words == case["total_words"]
        assert text.window == case["max_sequence_len"] - 1
        assert padded(text.examples) == case["padded"]
        for probe in case["probes"]:
            seed = LessonTokenizer().words(probe["seed"])
            assert text.vocabulary.encode(seed) == probe["ids"]


def test_the_sonnets_give_the_lessons_figures() -> None:
    corpus = read_corpus([bundled_corpus()])
    sonnets = prepare_corpus(corpus, make_config("lesson", []))
    assert isinstance(sonnets, PreparedPrefixes)
    assert (sonnets.vocabulary.total_words, len(sonnets.examples), sonnets.window) == (
        3211,
        15462,
        10,
    )
    matrix = np.array(padded(sonnets.examples), dtype="<i4")
    assert hashlib.sha256(matrix.tobytes()).hexdigest() == SONNETS_PADDED
    words = "\n".join(sonnets.vocabulary.words).encode()
    assert hashlib.sha256(words).hexdigest() == SONNETS_WORDS


TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=5).map(" ".join), max_size=60)
SETTINGS = st.fixed_dictionaries(
    {
        "held_out": st.sampled_from([0, 0.1, 0.3]),
        "min_count": st.sampled_from([1, 1, 2, 3]),
        "max_vocabulary": st.sampled_from([None, None, 2, 4]),
        "seed": st.integers(0, 3),
    }
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(TEXTS, SETTINGS, st.booleans())
def test_both_kinds_are_as_plain_python_makes_them(
    lines: list[str], given: dict[str, Any], is_continued: bool
) -> None:
    train, held = split_held_out(lines or [""], given["held_out"], given["seed"])
    counts = Counter(word for line in train for word in line.split())
    frequent = [word for word, count in counts.most_common() if count >= given["min_count"]]
    words = ["g", "a"] if is_continued else frequent[: given["max_vocabulary"]]
    for preset in ("lesson", "gru"):
        tokens = SPECIAL_TOKENS if preset == "gru" else ()
        known = Vocabulary(words, tokens) if is_continued else None
        try:
            text: PreparedText = prepared(preset, "\n".join(lines), known, **given)
        except CorpusError:
            continue
        assert [*text.vocabulary.words] == words
        assert text.tokens == text.card["words"] == sum(len(line.split()) for line in lines)
        assert text.held_out_lines in (0, sum(map(bool, held)))
        assert text.distinct_words == len(counts)
        for examples, source in ((text.examples, train), (text.held_out, held)):
            if isinstance(examples, EncodedLines):
                assert spelled(examples, text.vocabulary) == [
                    [word if word in words else "<unk>" for word in line.split()]
                    for line in source
                    if line
                ]
                assert examples.predictions == sum(len(s.split()) + 1 for s in source if s)
            else:
                kept = [text.vocabulary.encode(line.split()) for line in source]
                assert padded(examples) == [
                    [*([0] * text.window + line[:end])[-text.window :], line[end]]
                    for line in kept
                    for end in range(1, len(line))
                ]
        if isinstance(text, PreparedLines):
            unknown = sum(word not in words for line in held for word in line.split())
            assert text.held_out_unknown == unknown


def test_every_word_and_every_end_is_predicted_from_the_start_of_its_line() -> None:
    lines = EncodedLines(np.array([4, 5, 3, 6, 3], np.int32), np.array([2, 0, 1]))
    every = [([2], 4), ([2, 4], 5), ([2, 4, 5], 3), ([2], 6), ([2, 6], 3)]
    assert lines.first(99) == every
    assert lines.first(2) == every[:2]


def test_words_spelled_like_special_tokens_are_unknown() -> None:
    text = prepared("gru", "a a <unk>\nb </s>", tokenizer="whitespace")
    assert text.vocabulary.words == ("a", "b")
    assert spelled(text.examples, text.vocabulary) == [["a", "a", "<unk>"], ["b", "<unk>"]]


@pytest.mark.parametrize(
    ("preset", "given", "window"),
    [
        ("lesson", {}, 64),
        ("lesson", {"max_window": 16}, 16),
        ("lesson", {"max_window": 1024}, 399),
        ("gru", {}, 256),
        ("ngram", {"order": 3}, 2),
        ("ngram", {"order": 1}, 0),
    ],
)
def test_the_window_follows_from_the_preset(
    preset: str, given: dict[str, Any], window: int
) -> None:
    text = prepared(preset, " ".join(["a", "b"] * 200) + "\nc d", **given)
    assert (text.window, text.longest_line) == (window, 400)


def test_a_window_of_another_model_is_kept() -> None:
    assert prepared("lesson", "b a b\na b", Vocabulary(["a", "b"])).window == 7


@pytest.mark.parametrize(
    ("text", "given", "warnings"),
    [
        ("a b\nc d", {"held_out": 0.1}, ["nothing is held out: 2 lines are too few to hold 10%"]),
        (
            "a b",
            {"held_out": 0.1},
            ["nothing is held out: 1 line is too few to hold 10% of it out"],
        ),
        ("a b\nc d", {"held_out": 0}, []),
        ("a b\nc d\ne f", {"held_out": 0.4}, ["only 2 unseen words are held out, too few"]),
        ("a b\nc d\ne f", {"held_out": 0.4, "mixture": "off"}, []),
        ("a a\na", {}, ["every word of test is 'a'"]),
        ("LONG\nLONG", {}, ["every word of test is 'ééé"]),
    ],
)
def test_a_poor_text_is_accepted_with_a_warning(
    text: str, given: dict[str, Any], warnings: list[str]
) -> None:
    messages = prepared("gru", text.replace("LONG", "é" * 1_000_000), **given).warnings
    assert [message[: len(start)] for message, start in zip(messages, warnings, strict=True)] == (
        warnings
    )
    assert all(len(message) < 200 for message in messages)


@pytest.mark.parametrize(
    ("preset", "text", "given", "why"),
    [
        ("lesson", "", {}, "holds no words"),
        ("gru", " \n\t\n", {}, "holds no words"),
        ("lesson", "!!!\n...", {}, "holds no words"),
        ("gru", "a b c", {"min_count": 2}, "no word occurs 2 times"),
        ("lesson", "a b c", {"min_count": 2}, "no word occurs 2 times"),
        ("lesson", "one\ntwo\nthree", {}, "gives 0 pairs of words and a next word; at least 2"),
        ("lesson", "one two", {}, "gives 1 pair of"),
        ("lesson", "a b c\nd e f\n", {"held_out": 0.01}, "no pair to measure on"),
    ],
)
def test_too_little_text_is_refused_with_numbers(
    preset: str, text: str, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(CorpusError, match=why):
        prepared(preset, text, **given)


def test_more_words_than_a_model_can_hold_are_refused_before_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepare, "LARGEST_VOCABULARY", 1000)
    words = [f"wörd{i:02}\x02" for i in range(90)]
    size = len(json.dumps({"words": words}, ensure_ascii=False, indent=1).encode())
    with pytest.raises(CorpusError) as caught:
        prepared("gru", " ".join(words), tokenizer="lesson")
    assert caught.value.message.startswith("the 90 different words of test take 2 kB")
    assert "max_vocabulary" in caught.value.hint
    assert prepared("gru", " ".join(words), max_vocabulary=30).vocabulary.json_bytes() < 1000
    assert abs(Vocabulary(words).json_bytes() - size) < 40
