"""The model card: what a model is, as JSON in the header of its file."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from rnnlm_tui.config import LONGEST_CONTEXT, Config
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import CorpusFacts, Count, EpochFigures, Evaluation, ShortText
from rnnlm_tui.formatting import plural, shorten
from rnnlm_tui.lm.layers import parameters_of
from rnnlm_tui.lm.mixture import LABELS, ComponentName
from rnnlm_tui.store.files import Parsed, parse_json
from rnnlm_tui.text.vocabulary import special_tokens_of

Window: TypeAlias = Annotated[int, Meta(ge=0, le=LONGEST_CONTEXT)]
"""The number of words before the next one that a model reads."""

FORMAT = 1
"""The format of a model's file and of the state of a run."""
LEAST_BASE_WEIGHT = 0.02
"""The smallest weight with which a base stays in a mixture. A base in another language than the
text has less on held-out lines. It would cost time and suggest foreign words."""


class Mixture(Struct, frozen=True):
    """The mixture weights of a model. `base` names the built-in model that it is built on. Only the
    name is stored. `left_out` names a base that was tried and had too little weight."""

    weights: dict[ComponentName, Annotated[float, Meta(ge=0, le=1)]]
    base: ShortText | None = None
    left_out: ShortText | None = None


class Ancestor(Struct, frozen=True):
    """A model that a training started from."""

    name: ShortText
    created: ShortText
    corpus: CorpusFacts


class ModelCard(Struct, frozen=True, kw_only=True):
    """The facts about a model. Times are ISO 8601 in UTC.

    Attributes:
        metrics: The figures of the epoch whose weights are kept. None until a network finishes its
            first epoch, while only n-grams predict.
        created: The time when the training began.
        ngrams: The numbers of n-grams of one word, two words and so on.
        ancestors: The models that it started from, the oldest first.
        about: The origin of the text of a built-in model, or "".
        language: The ISO 639 code of a built-in language and of the models that are built on it,
            such as "de"; "" if it is not known.
        blocked_words: Known words that are never suggested.
        evaluation: The metrics on the held-out lines; None if they were not measured.
    """

    format: int = FORMAT
    config: Config
    total_words: Annotated[int, Meta(ge=2, le=1 << 26)]
    window: Window
    corpus: CorpusFacts
    metrics: EpochFigures | None
    epochs_done: Count
    created: ShortText
    updated: ShortText
    versions: dict[str, ShortText] = {}
    ngrams: list[Count] = []
    ancestors: list[Ancestor] = []
    about: ShortText = ""
    language: Annotated[str, Meta(pattern=r"^([a-z]{2,3})?\Z")] = ""
    blocked_words: list[ShortText] = []
    mixture: Mixture | None = None
    evaluation: Evaluation | None = None

    @property
    def parameters(self) -> int:
        """The number of weights of the network, or of n-grams."""
        return parameters_of(self.config, self.total_words, self.ngrams)

    @property
    def words_known(self) -> int:
        """The size of the vocabulary without padding and special tokens."""
        return self.total_words - 1 - len(special_tokens_of(self.config))

    @property
    def base(self) -> str | None:
        """The name of the model that it is built on, or None."""
        return self.mixture.base if self.mixture else None

    @property
    def is_language(self) -> bool:
        """True for a built-in language. Other models are built on it, and it stores few of the
        hashes of its lines."""
        return bool(self.language) and self.base is None

    @property
    def has_network(self) -> bool:
        """True if it has a network, which is saved from the end of its first epoch on."""
        return self.config.has_network and self.metrics is not None

    @property
    def holds_out(self) -> bool:
        """True if lines are held out. A text of a few lines may have none although the settings ask
        for some. Its epochs then have no held-out metrics."""
        measured = self.metrics is None or self.metrics.held_out is not None
        return self.config.train.held_out > 0 and measured

    @property
    def mixture_text(self) -> str | None:
        """A sentence on the components of a mixed model and their weights, or None."""
        if self.mixture is None:
            return None
        weights = self.mixture.weights.items()
        text = ", ".join(f"{LABELS[name]} {weight:.0%}" for name, weight in weights)
        if self.mixture.left_out is not None:
            text += f"; {self.mixture.left_out} is left out: it did not help on held-out lines"
        return text

    def __repr__(self) -> str:
        words, text = plural(self.words_known, "word"), shorten(self.corpus.name)
        return f"<ModelCard: {self.config.preset}, {words} of {text}>"

    def __post_init__(self) -> None:
        """Raises ValueError if the facts do not fit together."""
        is_ngram = not self.config.has_network
        if self.window < 1 and not is_ngram:
            raise ValueError("window is out of range")
        parts = {"network"} if self.has_network else set()
        parts |= {"ngrams"} if self.ngrams else set()
        if not parts or (is_ngram and self.metrics is None):
            raise ValueError("it has nothing to predict with")
        if self.mixture is None:
            return
        parts |= {"base"} if self.mixture.base else set()
        weights = self.mixture.weights
        if {*weights} - {"cache"} != parts or sum(weights.values()) <= 0:
            raise ValueError("the weights of the mixture are not those of its components")


class _Format(Struct):
    """The field that cards and the states of runs have in every format."""

    format: int


def parse_versioned(raw: bytes, kind: type[Parsed], label: str) -> Parsed:
    """Parses JSON of this kind if it has the format of this program. Raises ModelError."""
    version = parse_json(raw, _Format, label).format
    if version != FORMAT:
        raise ModelError(
            f"{label} has format {version}, this program reads format {FORMAT}",
            "update the program",
        )
    return parse_json(raw, kind, label)
