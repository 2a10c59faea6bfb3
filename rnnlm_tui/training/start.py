"""Where a run starts: from nothing, from a parent, or from its own saved state.

The parent of a training is the model that it starts from: its base, the model of `--from`, or the
model that it updates. A training takes over the parent's network and words, and adds the words of
its text. Lines that the parent was trained on are never held out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any, NamedTuple

from msgspec import structs

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import MAX_FROM_BASE, PRESETS, CausalConfig, Config, make_config
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.adaptive_softmax import grow_network, merge_words
from rnnlm_tui.lm.mixture import MixedModel
from rnnlm_tui.lm.model import Arrays
from rnnlm_tui.store.card import LEAST_BASE_WEIGHT
from rnnlm_tui.store.files import parse_json
from rnnlm_tui.store.languages import LEAST_KNOWN, shares_known, words_of
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import (
    CONVENTIONS,
    KNOWN,
    UNSEEN,
    VOCABULARY,
    open_stored,
    parse_vocabulary,
    read_base,
)
from rnnlm_tui.store.run_files import HELD_OUT, Tensors
from rnnlm_tui.store.trained_lines import IS_BUILT_IN, TrainedLines, language_has_learned
from rnnlm_tui.text.held_out import sample_mask
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.prepare import Prepared, prepare
from rnnlm_tui.text.reading import Corpus, Report
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary, special_tokens_of
from rnnlm_tui.training.job import Base
from rnnlm_tui.training.request import TrainingRequest

Settings = Mapping[str, Any]
NONE = "none"
"""The value of `--on` and `--from` for no model."""
AUTO = "auto"
"""The value of `--on` for the built-in model of the text's language."""
FIXED_WITH_PARENT = frozenset({"tokenizer"})
"""Settings of the text that a training with a parent cannot change. The parent's words depend on
them."""
FIXED_IN_UPDATES = FIXED_WITH_PARENT | {"lines", "held_out", "seed"}
"""Settings of the text that an update cannot change. They decide which lines the model has seen."""
SHAPELESS = frozenset({"dropout", "l2", "order"})
"""Settings of a model on which the shapes of its network's weights do not depend."""
LEAST_KNOWN_TO_TRY = 0.33
"""The least share of a text's words that are frequent in a language for its built-in model to be
tried as base. No text in another language has so many (see `LISTED_WORDS`)."""
SAMPLED_WORDS = 20_000
"""The number of words of a text that are looked up to tell its language."""


def open_parent(library: Library, request: TrainingRequest) -> OpenedModel | None:
    """Opens the model of `--from` or `--update`, or returns None without one. Raises RnnlmError if
    the training cannot start from the model."""
    is_update = request.update is not None
    name = request.update if is_update else request.start_from
    if name is None or (name == NONE and not is_update):
        return None
    parent = library.open(name)
    own_preset = parent.card.config.preset
    if not is_update and not parent.card.config.has_network:
        raise UsageError(
            f"{name} is an n-gram model, which cannot be trained on another text",
            f"train on all the texts at once: {APP_NAME} --train FILE FILE",
        )
    if request.preset not in (None, own_preset):
        raise UsageError(
            f"{name} is of the preset {own_preset}", "leave {preset} out", field="preset"
        )
    if parent.card.metrics is None:
        raise ModelError(
            f"the training of {name} has not finished its first epoch",
            f"resume it first: {APP_NAME} --train --resume --name {name}",
        )
    return parent


class BaseChoice(NamedTuple):
    """The base of a new model.

    Attributes:
        base: The built-in model to mix with, or None.
        known: The share of the text's words that are frequent in the language of the base. None if
            the mixture always keeps the base.
        notes: Sentences for the data card.
        parent: The opened base if the new network starts from its network, else None.
    """

    base: Base | None = None
    known: float | None = None
    notes: Sequence[str] = ()
    parent: OpenedModel | None = None


def choose_base(
    library: Library, text: Corpus, config: Config, request: TrainingRequest
) -> BaseChoice:
    """Chooses the base of a new model of this text: the one of `--on`, or by default that of the
    text's language. Raises UsageError if the base of `--on` cannot be mixed."""
    if request.on == NONE:
        return BaseChoice()
    if request.on in (None, AUTO):
        return _base_by_language(library, text, config, request)
    opened = library.open(request.on)
    own = opened.card.config
    if not config.is_mixed or own.tokenizer != config.tokenizer:
        raise UsageError(
            f"this model cannot be mixed with {opened.name}",
            f"that takes {{mixture}} on and {{tokenizer}} {own.tokenizer}; or leave {{on}} out",
            field="on",
        )
    return _with_parent(BaseChoice(Base(opened.name, opened.model)), opened, text, config, request)


def _base_by_language(
    library: Library, text: Corpus, config: Config, request: TrainingRequest
) -> BaseChoice:
    """Chooses the model of the language that has most of the text's words. If these are few, the
    base is only tried, and if they are fewer, there is none."""
    shares = language_shares(text) if config.is_mixed else {}
    if not shares:
        return BaseChoice()
    name, known = next(iter(shares.items()))
    share = f"{known:.0%} of its words are common in {name.capitalize()}"
    if known < LEAST_KNOWN_TO_TRY:
        return BaseChoice(notes=[f"it has no base model ({share}, too few)"])
    opened = library.open(name)
    if opened.card.config.tokenizer != config.tokenizer:
        return BaseChoice()
    base = Base(name, opened.model)
    if known < LEAST_KNOWN:
        kept = f"kept if its weight in the mixture is {LEAST_BASE_WEIGHT:.0%} or more"
        return BaseChoice(base, known, [f"{name} is tried ({share}), and {kept}"])
    choice = BaseChoice(base, known, [f"its base model is {name} ({share})"])
    return _with_parent(choice, opened, text, config, request)


def _with_parent(
    choice: BaseChoice, opened: OpenedModel, text: Corpus, config: Config, request: TrainingRequest
) -> BaseChoice:
    """Returns the choice with the `opened` base as parent of the new network, unless the text is
    long (MAX_FROM_BASE), the user has chosen another start or a size, or the presets differ. Adds
    notes on this, and on whether the base has learned the text."""
    notes, parent = [*choice.notes], None
    with open_stored(opened.path) as stored:
        lines = compress(text, sample_mask(text, SAMPLED_WORDS))
        if language_has_learned(lines, opened.model.tokenizer, stored.lines().known):
            notes.append(IS_BUILT_IN)
    if config.has_network and text.words <= MAX_FROM_BASE and request.start_from is None:
        preset, starts = opened.card.config.preset, "its network starts from nothing"
        given_sizes = sorted(shape_settings(config) & request.settings.keys())
        if preset != config.preset:
            notes.append(f"{starts}: that of {opened.name} is of the preset {preset}")
        elif given_sizes:
            notes.append(f"{starts}: its {given_sizes[0].replace('_', ' ')} is given")
        else:
            parent = opened
    return choice._replace(notes=notes, parent=parent)


def base_of_update(library: Library, parent: OpenedModel, text: Corpus) -> BaseChoice:
    """Returns the base that an updated model is mixed with. A base that was left out of its mixture
    is tried again on the text as it is now. Raises ModelError."""
    card = parent.card
    if card.base is not None and isinstance(parent.model, MixedModel):
        return BaseChoice(Base(card.base, parent.model.models["base"]))
    name = card.mixture.left_out if card.mixture else None
    if name is None or not library.is_built_in(name):
        return BaseChoice()
    return BaseChoice(Base(name, read_base(name)), language_shares(text).get(name, 0.0))


def language_shares(text: Corpus) -> dict[str, float]:
    """Returns the share of a text's words that are frequent in each built-in language, by the name
    of its model. The largest share comes first."""
    return shares_known(words_of("\n".join(compress(text, sample_mask(text, SAMPLED_WORDS)))))


def shape_settings(config: Config) -> frozenset[str]:
    """Returns the names of the settings on which the shapes of a network depend."""
    return frozenset(config.model.__struct_fields__) - SHAPELESS


def config_from(parent: OpenedModel, given: Settings, words: int, *, is_update: bool) -> Config:
    """Returns the settings of a training with a parent, for a text with this number of words.

    The training keeps the sizes of the parent's network and the settings on which its words depend.
    An update keeps all settings. They are overridden by those of the preset for a training with a
    parent, and by those `given`. Raises UsageError for a given setting that would change one that
    has to stay.
    """
    config = parent.card.config
    own = kept = config.settings
    fixed = shape_settings(config) | (FIXED_IN_UPDATES if is_update else FIXED_WITH_PARENT)
    if refused := sorted(name for name in fixed & given.keys() if given[name] != own.get(name)):
        raise UsageError(
            f"{{{refused[0]}}} cannot be changed: the network and its words are those of"
            f" {parent.name}",
            "leave it out, or train a new model",
            field=refused[0],
        )
    if not is_update:
        names = {"lines", *FIXED_WITH_PARENT, *config.model.__struct_fields__}
        kept = {name: value for name, value in own.items() if name in names}
    epochs = {"epochs": 1} if is_update and config.has_network else {}
    with_parent = PRESETS[config.preset].with_parent
    return make_config(config.preset, (kept, with_parent, epochs, given), words)


class PreparedStart(NamedTuple):
    """The settings and the text of a training, and what it takes from its parent, as in a `Job`."""

    config: Config
    prepared: Prepared
    network: Arrays | None = None
    new_words: Sequence[int] = ()
    trained_lines: TrainedLines = TrainedLines()


def prepare_start(
    parent: OpenedModel | None, text: Corpus, config: Config, report: Report
) -> PreparedStart:
    """Prepares a text for a model that starts from nothing, or from a parent.

    A network with a parent knows the words of the parent and of the text. Lines that the parent was
    trained on are not held out, and lines that it held out are held out again. With a built-in
    language as parent, lines are held out as without one, since it stores too few of its own.
    """
    if parent is None:
        return PreparedStart(config, prepare(text, config, report=report))
    with open_stored(parent.path) as stored:
        known = stored.vocabulary()
        lines = TrainedLines() if parent.card.is_language else stored.lines()
        network = stored.network() if parent.card.has_network else None
    held_out = None
    if not parent.card.is_language:
        hashes = hash_lines(text, parent.model.tokenizer)
        held_out = lines.hold_out_again(hashes, config.train.held_out, config.train.seed)

    def vocabulary_for(own: Vocabulary) -> Vocabulary:
        if network is None:  # n-grams are counted anew
            return own
        # The output layer of the lesson's network cannot grow.
        return known if config.is_lesson else merge_words(known, own, network)

    prepared = prepare(
        text,
        config,
        window=parent.card.window,
        known=None if network is None else known,
        held_out=held_out,
        vocabulary_for=vocabulary_for,
        report=report,
    )
    new_words: Sequence[int] = ()
    if isinstance(config.model, CausalConfig) and network is not None:
        vocabulary = prepared.vocabulary
        counts = prepared.train.word_counts(vocabulary.total_words)
        model, network = grow_network(config.model, known, vocabulary, counts, network)
        config = structs.replace(config, model=model)
        new_words = [vocabulary.id_by_word[word] for word in vocabulary.words if word not in known]
        more = plural(len(new_words), "word")
        note = f"its network starts from {parent.name}, with {more} more"
        prepared = replace(prepared, notes=(*prepared.notes, note))
    return PreparedStart(config, prepared, network, new_words, lines)


def prepare_resumed(
    config: Config, window: int, state: Tensors, text: Corpus, report: Report
) -> tuple[Prepared, TrainedLines]:
    """Prepares a text with the words and the held-out lines that the saved state of a run has.

    Returns it, and the lines that the parent of the run was trained on. Raises ModelError for a
    state that lacks something.
    """
    try:
        raw = {name: state[name].tobytes() for name in (VOCABULARY, CONVENTIONS)}
        lines, held_out = TrainedLines(state[KNOWN], state[UNSEEN]), state[HELD_OUT] != 0
    except KeyError as error:
        raise ModelError(f"the saved state lacks {error}", "train with {force}") from error
    vocabulary = parse_vocabulary(raw[VOCABULARY], special_tokens_of(config))
    conventions = parse_json(raw[CONVENTIONS], Conventions, CONVENTIONS)
    prepared = prepare(
        text,
        config,
        window=window,
        tokenizer=make_tokenizer(config.tokenizer, conventions, vocabulary),
        held_out=held_out,
        vocabulary_for=lambda own: vocabulary,
        report=report,
    )
    return prepared, lines
