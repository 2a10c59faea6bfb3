"""Opens a model's folder: the card, the words and the weights, each checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import ModelCard, with_card
from rnnlm_tui.store.files import read_json
from rnnlm_tui.store.weights import check_tensors, expected_arrays, read_weights
from rnnlm_tui.text.tokenizer import TOKENIZERS
from rnnlm_tui.text.vocabulary import Vocabulary


def read_vocabulary(folder: Path, card: ModelCard) -> Vocabulary:
    """The words of the model in `folder`, checked. Raises ModelError."""
    data = read_json(folder / card.vocabulary)
    words = data.get("words") if isinstance(data, dict) else None
    special_tokens = ARCHITECTURES[card.config.preset].special_tokens
    expected = card.total_words - 1 - len(special_tokens)
    if isinstance(words, list) and len(words) != expected:
        raise ModelError(f"{card.vocabulary} holds {len(words)} words, not {expected}")
    # Format 1 had none, and did not say so.
    if isinstance(data, dict) and data.get("specials", []) != [*special_tokens]:
        raise ModelError(f"{card.vocabulary} has other specials than the preset")
    try:
        return parse_words(words, special_tokens)
    except ModelError as error:
        raise ModelError(f"{card.vocabulary}: {error.message}") from error


def parse_words(words: object, special_tokens: Sequence[str] = ()) -> Vocabulary:
    """The vocabulary of the words in parsed JSON. Raises ModelError for what are no words."""
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ModelError("it is not a list of words")
    try:
        "".join(words).encode()  # JSON can spell half a character, which nothing can print
        return Vocabulary(words, special_tokens)
    except UnicodeEncodeError as error:
        raise ModelError("a word is not valid Unicode") from error
    except ValueError as error:
        raise ModelError(str(error)) from error


def check_model(folder: Path) -> ModelCard:
    """The card of the model in `folder`, all but the numbers in its tensors checked.

    Raises ModelError.
    """

    def check(card: ModelCard) -> ModelCard:
        read_vocabulary(folder, card)
        check_tensors(folder / card.weights, expected_arrays(card))
        return card

    return with_card(folder, check)


def load_model(folder: Path) -> tuple[ModelCard, LanguageModel]:
    """The model in `folder`, checked and ready to predict. Raises ModelError."""

    def load(card: ModelCard) -> tuple[ModelCard, LanguageModel]:
        vocabulary = read_vocabulary(folder, card)
        weights = read_weights(folder, card)
        architecture, tokenizer = ARCHITECTURES[card.config.preset], TOKENIZERS[card.tokenizer]
        return card, architecture.load(
            card.config.model, vocabulary, tokenizer, card.window, weights
        )

    return with_card(folder, load)
