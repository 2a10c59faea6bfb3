"""Where a run starts: from nothing, from a parent, or from its own saved state.

The parent of a training is the model that it starts from: its base, the model of `--from`, or the
model that it updates. A training takes over the parent's network and words, and adds the words of
its text. Lines that the parent was trained on are never held out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any, NamedTuple

from msgspec import structs

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import MAX_FROM_BASE, PRESETS, CausalConfig, Config, make_config
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.adaptive_softmax import grow_network, merge_words
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
)
from rnnlm_tui.store.run_files import HELD_OUT, RunFacts, Tensors
from rnnlm_tui.store.trained_lines import IS_BUILT_IN, TrainedLines, is_of_language
from rnnlm_tui.text.held_out import sample_mask
from rnnlm_tui.text.line_hashes import hash_lines
from rnnlm_tui.text.prepare import Prepared, prepare
from rnnlm_tui.text.reading import Corpus, Report
from rnnlm_tui.text.tokenizer import Conventions
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary, special_tokens_of

Settings = Mapping[str, Any]
NONE = "none"
"""The value of `--on` and `--from` for no model."""
AUTO = "auto"
"""The value of `--on` for the built-in model of the text's language."""
FIXED_WITH_PARENT = frozenset({"tokenizer"})
"""Settings of the text that a training from a model cannot change: its words depend on them."""
FIXED_IN_UPDATES = FIXED_WITH_PARENT | {"lines", "held_out", "seed"}
"""Settings that an update cannot change: also those that decide which lines the model has seen."""
SHAPELESS = frozenset({"dropout", "l2", "order"})
"""Settings of a model on which the shapes of its network's weights do not depend."""
LEAST_KNOWN_TO_TRY = 0.33
"""The least share of words that are common in a language with which its model is tried at all. See
`LISTED_WORDS`: no text in another language has so many."""
SAMPLED_WORDS = 20_000
"""Words of a text that are looked up to tell its language."""


def open_parent(
    library: Library, start_from: str | None, update: str | None, preset: str | None
) -> OpenedModel | None:
    """The model that a training starts from, or that it updates; None without one. `preset` is the
    one asked for. Raises UsageError if a training cannot start from it."""
    name = start_from if update is None else update
    if name is None or (update is None and name == NONE):
        return None
    parent = library.open(name)
    own_preset = parent.card.config.preset
    if update is None and not parent.card.config.has_network:
        raise UsageError(
            f"{name} is an n-gram model, which cannot be trained on another text",
            f"train on all the texts at once: {APP_NAME} --train FILE FILE",
        )
    if preset not in (None, own_preset):
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
    """The use that a new model makes of a built-in one.

    `opened` is the base, which is mixed with the new model. If it `is_start`, the new network
    starts from its network. `known` is the share of the text's words that are common in its
    language, None if the mixture always keeps it. `notes` are for the data card.
    """

    opened: OpenedModel | None = None
    is_start: bool = False
    known: float | None = None
    notes: Sequence[str] = ()


def choose_base(
    library: Library, text: Corpus, config: Config, given: Collection[str] | None, asked: str | None
) -> BaseChoice:
    """Decides on the base of a new model of this text: the built-in model that the user has
    `asked` for, or else that of the language of which it has the most words, if they are enough.

    The network starts from that of the base, unless the text is long or in another language, a size
    of the network is among the settings `given`, or `given` is None: the user has chosen another
    start. Raises UsageError if the base that is asked for cannot be mixed.
    """
    if asked is None and not config.is_mixed:
        return BaseChoice()
    notes, name, known = list[str](), asked, None
    if name is None:
        name, known = next(iter(language_shares(text).items()), ("", 0.0))
        what = f"{known:.0%} of its words are common in {name.capitalize()}"
        if known < LEAST_KNOWN_TO_TRY:
            return BaseChoice(notes=[f"it has no base model ({what}, too few)"] if name else [])
    base = library.open(name)
    own, model = base.card.config, base.model
    if not config.is_mixed or own.tokenizer != config.tokenizer:
        if asked:
            raise UsageError(
                f"this model cannot be mixed with {name}",
                f"that takes {{mixture}} on and {{tokenizer}} {own.tokenizer}; or leave {{on}} out",
                field="on",
            )
        return BaseChoice()
    if known is not None:
        if known < LEAST_KNOWN:
            kept = f"kept if its weight in the mixture is {LEAST_BASE_WEIGHT:.0%} or more"
            return BaseChoice(base, False, known, [f"{name} is tried ({what}), and {kept}"])
        notes.append(f"its base model is {name} ({what})")
    with open_stored(base.path) as stored:
        lines = compress(text, sample_mask(text, SAMPLED_WORDS))
        if is_of_language(lines, model.tokenizer, stored.lines().known):
            notes.append(IS_BUILT_IN)
    is_start = config.has_network and text.words <= MAX_FROM_BASE and given is not None
    why_not = ""
    if own.preset != config.preset:
        why_not = f"that of {name} is of the preset {own.preset}"
    elif sizes := sorted(shape_settings(config) & {*(given or ())}):
        why_not = f"its {sizes[0].replace('_', ' ')} is given"
    if is_start and why_not:
        notes.append(f"its network starts from nothing: {why_not}")
    return BaseChoice(base, is_start and not why_not, known, notes)


def language_shares(text: Corpus) -> dict[str, float]:
    """The share of the words of a text that are common in each built-in language, by the name of
    its model, the largest share first."""
    return shares_known(words_of("\n".join(compress(text, sample_mask(text, SAMPLED_WORDS)))))


def shape_settings(config: Config) -> frozenset[str]:
    """The names of the settings on which the shapes of a network depend."""
    return frozenset(config.model.__struct_fields__) - SHAPELESS


def config_from(parent: OpenedModel, given: Settings, words: int, *, is_update: bool) -> Config:
    """The settings of a training that starts from a model, for a text of so many words. They keep
    the sizes of the model's network and the settings that its words depend on, in an update all
    settings but those `given`. Raises UsageError for a given one that cannot be changed."""
    config = parent.card.config
    fixed = shape_settings(config) | (FIXED_IN_UPDATES if is_update else FIXED_WITH_PARENT)
    if refused := sorted(fixed & given.keys()):
        raise UsageError(
            f"{{{refused[0]}}} cannot be changed: the network and its words are those of"
            f" {parent.name}",
            "leave it out, or train a new model",
            field=refused[0],
        )
    own = {**structs.asdict(config.train), **structs.asdict(config.model)}
    names = {*own} if is_update else {"lines", *FIXED_WITH_PARENT, *config.model.__struct_fields__}
    kept = {name: value for name, value in own.items() if name in names}
    once = {"epochs": 1} if is_update and config.has_network else {}
    return make_config(
        config.preset, (kept, PRESETS[config.preset].with_parent, once, given), words
    )


class PreparedStart(NamedTuple):
    """The settings of a training, its text, the weights that its network starts from with the ids
    of the words that are new to it, and the lines that their model was trained on."""

    config: Config
    prepared: Prepared
    network: Arrays | None
    new_words: Sequence[int]
    trained_lines: TrainedLines


def prepare_start(
    parent: OpenedModel | None, text: Corpus, config: Config, report: Report
) -> PreparedStart:
    """Prepares a text for a model that starts from nothing, or from the model `parent`.

    A network that starts from a model knows the words of both texts. Lines that the parent was
    trained on are not held out, and those that it held out are held out again, except for a
    built-in language, whose lines are not known.
    """
    if parent is None:
        return PreparedStart(config, prepare(text, config, report=report), None, (), TrainedLines())
    with open_stored(parent.path) as stored:
        known = stored.vocabulary()
        lines = TrainedLines() if parent.card.is_language else stored.lines()
        network = stored.network() if parent.card.has_network else None
    held_out = None
    if not parent.card.is_language:
        hashes = hash_lines(text, parent.model.tokenizer)
        held_out = lines.hold_out_again(hashes, config.train.held_out, config.train.seed)

    def vocabulary_for(own: Vocabulary) -> Vocabulary:
        if network is None:
            return own
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
    facts: RunFacts, state: Tensors, text: Corpus, report: Report
) -> tuple[Prepared, TrainedLines]:
    """Prepares a text with the words and the held-out lines that the run started with.

    Returns it with the lines that the models before it were trained on. Raises ModelError if they
    do not fit together.
    """
    config = facts.config
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
        window=facts.window,
        tokenizer=make_tokenizer(config.tokenizer, conventions, vocabulary),
        held_out=held_out,
        vocabulary_for=lambda own: vocabulary,
        report=report,
    )
    return prepared, lines
