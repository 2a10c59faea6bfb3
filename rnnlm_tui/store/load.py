"""Loads a model from its folder, checking the card, the words and the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.mixture import ComponentName, MixedModel
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lm.ngram import NgramModel
from rnnlm_tui.lm.registry import ARCHITECTURES
from rnnlm_tui.store.card import Base, ModelCard, with_card
from rnnlm_tui.store.files import checksum, read_json
from rnnlm_tui.store.weights import check_weights, read_weights
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary

Word: TypeAlias = Annotated[str, Meta(min_length=1)]


def check_checksum(folder: Path, card: ModelCard, name: str) -> None:
    """Raises ModelError if a file has changed since it was saved. Models of older formats have no
    checksums and pass."""
    expected = card.checksums.get(name)
    if expected is not None and checksum(folder / name) != expected:
        raise ModelError(f"{name} has changed since it was saved: its checksum is wrong")


class _VocabularyFile(Struct):
    """The contents of vocabulary.json. Format 1 had no special tokens."""

    words: list[Word]
    specials: list[str] = []


def read_vocabulary(folder: Path, card: ModelCard) -> Vocabulary:
    """The checked vocabulary of the model in `folder`. Raises ModelError."""
    file = read_json(folder / card.vocabulary, _VocabularyFile)
    if len(file.words) != card.words_known:
        raise ModelError(f"{card.vocabulary} holds {len(file.words)} words, not {card.words_known}")
    special_tokens = ARCHITECTURES[card.config.preset].special_tokens
    if file.specials != [*special_tokens]:
        raise ModelError(f"{card.vocabulary} has other special tokens than the preset")
    try:
        return checked_vocabulary(file.words, special_tokens)
    except ValueError as error:
        raise ModelError(f"{card.vocabulary}: {error}") from error


def checked_vocabulary(words: Sequence[str], special_tokens: Sequence[str]) -> Vocabulary:
    """The vocabulary of words from a file. Raises ValueError if a word occurs twice or is not valid
    Unicode: JSON can spell a lone surrogate, which cannot be printed."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a word is not valid Unicode") from error
    return Vocabulary(words, special_tokens)


def check_model(folder: Path) -> ModelCard:
    """The card of the model in `folder`; checks everything but the numbers in its tensors. Raises
    ModelError."""

    def check(card: ModelCard) -> ModelCard:
        read_vocabulary(folder, card)
        check_weights(folder, card)
        return card

    return with_card(folder, check)


def missing_base(card: ModelCard, model: LanguageModel) -> str | None:
    """A sentence saying that the model was opened without its base model; None if it was not."""
    base = card.mixture and card.mixture["base"]
    if not base or (isinstance(model, MixedModel) and "base" in model.models):
        return None
    gone = f"its base {base['name']} is gone or was trained again"
    return f"{gone}: it predicts without it"


OpenBase: TypeAlias = Callable[[Base], LanguageModel | None]
"""Opens a base model; None if it is gone."""


def load_model(
    folder: Path, open_base: OpenBase = lambda base: None
) -> tuple[ModelCard, LanguageModel]:
    """The card and the checked model in `folder`. Raises ModelError."""

    def load(card: ModelCard) -> tuple[ModelCard, LanguageModel]:
        for name in (card.vocabulary, *card.weight_files):
            check_checksum(folder, card, name)
        vocabulary = read_vocabulary(folder, card)
        tokenizer = make_tokenizer(card.tokenizer, card.conventions, vocabulary)
        own, *ngrams = (
            kind.load(vocabulary, tokenizer, read_weights(folder, card, name, quickly=True))
            for name, kind in card.weight_files.items()
        )
        own.excluded_ids += tuple(
            vocabulary.encode(filter(vocabulary.__contains__, card.unsuggested))
        )
        if card.mixture is None:
            return card, own
        models: dict[ComponentName, LanguageModel] = dict(zip(("ngrams",), ngrams, strict=False))
        models["ngrams" if isinstance(own, NgramModel) else "network"] = own
        described = card.mixture["base"]
        base = described and open_base(described)
        if base and base.tokenizer.name == tokenizer.name and base.vocabulary.special_tokens:
            models["base"] = base
        return card, MixedModel(tokenizer, models, card.mixture["weights"])

    return with_card(folder, load)
