"""Figures that the tuned numbers of the program give: weights, thresholds, half-lives.

The program has computed them. A change that is meant to improve suggestions changes some of them,
as does another English; tests that fail print the new ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec import structs

from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.training.start import language_shares
from tests.helpers.texts import counted, made_up_corpus, prepared

BLOG = (Path(__file__).parent / "prose" / "blog_later.txt").read_text("utf-8").split("\n\n")
PARAGRAPHS = [" ".join(paragraph.split()) for paragraph in BLOG]
FRENCH = (
    "Le bateau est arrivé à midi, et nous sommes descendus sur le quai.",
    "Il faisait froid, et Marthe n’avait pas pris son manteau.",
    "Nous avons marché le long de la rivière, où les enfants jouaient avec un chien.",
    "Marthe voulait voir la vieille église, mais la porte était fermée.",
    "Le soir, nous avons mangé du poisson dans une petite auberge.",
    "Le matin, la pluie est arrivée, et nous sommes restés à la maison.",
    "Les enfants jouaient dans la petite cour avec le chien de Marthe.",
)
ABOVE = (
    "We met Zsófia Brandwein and Ottokar by the lock. Ottokar wrote to Oskar@lindqvist.se.",
    "Zsófia Brandwein had brought her dog Wuffi, and Wuffi barked at Ottokar.",
)


def figures(model: LanguageModel, lines: Sequence[str], above: Sequence[str]) -> dict[str, float]:
    """The nats a word of the lines, and the keys that they take three writers."""
    found = summarize(score(model, [Excerpt(above, lines)]))
    assert found.loss is not None and found.keys is not None
    return {"nats": found.loss, **structs.asdict(found.keys)}


def test_the_figures_of_the_english(shipped_english: LanguageModel) -> None:
    expected = {"nats": 4.13901, "attentive": 609, "glancing": 642, "at_cursor": 726}
    found = figures(shipped_english, PARAGRAPHS[8:18], PARAGRAPHS[:8])
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("typed", "listed"),
    [
        ("W", {"we": 0.2971, "when": 0.2119, "with": 0.094, "Wuffi": 0.0797}),
        ("We met O", {"Ottokar": 0.6064, "Old": 0.1026, "Oscar": 0.0754, "One": 0.0394}),
        (
            "I wrote to Os",
            {"Oscar": 0.8449, "Oskar@lindqvist.se": 0.1278, "Osborne": 0.0122, "Oswald": 0.0075},
        ),
        ("Then Zsófia ", {"Brandwein": 0.1239, ",": 0.0847, "was": 0.0512, "had": 0.034}),
        (
            "See you tomm",
            {"tomorrow": 0.9459, "Tommy": 0.0334, "Tommies": 0.0071, "Tommie": 0.0061},
        ),
        ("the wsas", {"weasel": 0.3643, "was": 0.2048, "wassail": 0.0946, "washerwoman": 0.0717}),
        ("the aple", {"apple": 0.3415, "pale": 0.1661, "appearance": 0.076, "apples": 0.0656}),
        ("of thw", {"the": 0.7243, "that": 0.1359, "these": 0.0428, "this": 0.0423}),
        ("he sais", {"said": 0.9528, "says": 0.0277, "sais": 0.0171}),
        ("the beatif", {"beatific": 0.9618, "beautiful": 0.0359}),
        ("a lxtter", {"letter": 0.9392, "latter": 0.023, "litter": 0.0225, "lottery": 0.0049}),
        ("the dorr", {"door": 0.8745, "doorbell": 0.0268, "dormitory": 0.0233, "doors": 0.0216}),
        ("the roomm", {"roommate": 0.8993, "room": 0.0965, "rooms": 0.0032}),
    ],
)
def test_the_lists_of_the_english(
    typed: str, listed: Mapping[str, float], shipped_english: LanguageModel
) -> None:
    found = suggest(shipped_english, typed, k=4, above=ABOVE)
    assert {c.word: c.probability for c in found.candidates} == pytest.approx(listed, abs=1e-4)


@pytest.mark.usefixtures("with_shipped_models")
def test_a_text_that_is_not_english(shipped_english: LanguageModel) -> None:
    own = prepared(FRENCH[:5], tokenizer="prose")
    mixed = MixedModel({"ngrams": counted(own), "base": shipped_english})
    expected = {"nats": 3.08846, "attentive": 70, "glancing": 73, "at_cursor": 74}
    assert figures(mixed, FRENCH[5:], FRENCH[:5]) == pytest.approx(expected, abs=1e-5)
    text = made_up_corpus("\n".join(FRENCH))
    assert language_shares(text)["english"] == pytest.approx(0.1163, abs=1e-4)
