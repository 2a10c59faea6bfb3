"""Where a suggestion comes from, against the whole explanation and made-up lines."""

from __future__ import annotations

import pytest

from rnnlm_tui.explain import explain
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.mixture import LABELS, ComponentName, MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.origin import origin_of
from rnnlm_tui.text.tokenizers import TOKENIZERS
from tests.helpers.networks import small_network
from tests.helpers.ngrams import ngram_model

LINES = ("a b a b c", "b a", "c a b", "a b d")
BASE = ("x a b y", "y x x a", "b y c")


def mixture(*names: ComponentName) -> MixedModel:
    """A mixture of these components, all with the same weight."""
    own = ngram_model(LINES)
    models: dict[ComponentName, LanguageModel] = {
        "network": small_network(own.vocabulary), "ngrams": own, "base": ngram_model(BASE)
    }  # fmt: skip
    models = {name: model for name, model in models.items() if name in names}
    return MixedModel(TOKENIZERS["whitespace"], models, dict.fromkeys(names, 1.0))


@pytest.mark.parametrize(
    "names",
    [
        ("network", "ngrams", "base", "cache"),
        ("network", "ngrams"),
        ("ngrams", "cache"),
        ("ngrams",),
    ],
)
def test_the_shares_are_those_of_the_explanation(names: tuple[ComponentName, ...]) -> None:
    model = mixture(*names)
    for line in ("", "a b ", "a x b d a ", "a b a"):
        found = explain(model, line, None, ["c a b a"])
        for number, listed in enumerate(found.suggestions):
            origin = origin_of(Contexts(model), listed.word, line, None, ["c a b a"])
            assert origin is not None
            whole = float(found.probabilities[number])
            shares = {part.name: float(part.contributions[number]) / whole for part in found.parts}
            given = {LABELS[name]: share for name, share in origin.shares}
            assert given == pytest.approx(shares, abs=1e-5)
            assert [share for _, share in origin.shares] == sorted(given.values(), reverse=True)


@pytest.mark.parametrize(
    ("line", "word", "phrase"),
    [
        ("a b a ", "b", ("a", "b", "a")),
        ("d a b ", "c", ("a", "b")),
        ("c c a ", "b", ("c", "a")),
        ("", "b", ()),
        ("d d ", "a", ()),
        ("a b ", "y", ()),
    ],
)
def test_the_phrase_is_the_longest_ngram_that_the_word_ends(
    line: str, word: str, phrase: tuple[str, ...]
) -> None:
    origin = origin_of(Contexts(mixture("ngrams", "base")), word, line)
    assert origin is not None
    assert origin.phrase == phrase


def test_a_model_that_is_not_a_mixture_has_nothing_to_say() -> None:
    assert origin_of(Contexts(ngram_model(LINES)), "b", "a ") is None
