"""The start of a run: from nothing, from its base, from a model, or from its own saved state.

A model that a training starts from gives it the network and the words, to which those of the text
are added. The lines that the model was trained on are never held out. `begin` serves a training
that starts from its base, one that starts from another model (`--from`) and one that updates a
model (`--update`).
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
from rnnlm_tui.store.languages import shares_known, words_of
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
from rnnlm_tui.training.job import ENOUGH_KNOWN

Settings = Mapping[str, Any]
NONE = "none"
"""The value of `--on` and `--from` for no model."""
AUTO = "auto"
"""The value of `--on` for the built-in model of the text's language."""
FIXED_IF_FROM = frozenset({"tokenizer"})
"""Settings of the text that a training from a model cannot change: its words depend on them."""
FIXED_IN_UPDATES = FIXED_IF_FROM | {"lines", "held_out", "seed"}
"""Settings that an update cannot change: also those that decide which lines the model has seen."""
SHAPELESS = frozenset({"dropout", "l2", "order"})
"""Settings of a model on which the shapes of its network's weights do not depend."""
LEAST_TRIED = 0.33
"""The least share of words that are common in a language with which its model is tried at all. See
`LISTED_WORDS`: no text in another language has so many."""
SAMPLED_WORDS = 20_000
"""Words of a text that are looked up to tell its language."""


def open_source(
    library: Library, start_from: str | None, update: str | None, preset: str | None
) -> OpenedModel | None:
    """The model that a training starts from, or that it updates; None without one. `preset` is the
    one asked for. Raises UsageError if a training cannot start from it."""
    name = start_from if update is None else update
    if name is None or (update is None and name == NONE):
        return None
    source = library.open(name)
    own_preset = source.card.config.preset
    if update is None and not source.card.config.has_network:
        raise UsageError(
            f"{name} is an n-gram model, which cannot be trained on another text",
            f"train on all the texts at once: {APP_NAME} --train FILE FILE",
        )
    if preset not in (None, own_preset):
        raise UsageError(
            f"{name} is of the preset {own_preset}", "leave {preset} out", field="preset"
        )
    if source.card.metrics is None:
        raise ModelError(
            f"the training of {name} has not finished its first epoch",
            f"resume it first: {APP_NAME} --train --resume --name {name}",
        )
    return source


class UseOfBase(NamedTuple):
    """The use that a new model makes of a built-in one.

    `opened` is the base, which is mixed with the new model. If it `is_start`, the new network
    starts from its network. `known` is the share of the text's words that are common in its
    language, None if the mixture always keeps it. `notes` are for the data card.
    """

    opened: OpenedModel | None = None
    is_start: bool = False
    known: float | None = None
    notes: Sequence[str] = ()


def use_of_base(
    library: Library, text: Corpus, config: Config, given: Collection[str] | None, asked: str | None
) -> UseOfBase:
    """Decides on the base of a new model of this text: the built-in model that the user has
    `asked` for, or else that of the language of which it has the most words, if they are enough.

    The network starts from that of the base, unless the text is long or in another language, a size
    of the network is among the settings `given`, or `given` is None: the user has chosen another
    start. Raises UsageError if the base that is asked for cannot be mixed.
    """
    if asked is None and not config.is_mixed:
        return UseOfBase()
    notes, name, known = list[str](), asked, None
    if name is None:
        name, known = next(iter(shares_of(text).items()), ("", 0.0))
        what = f"{known:.0%} of its words are common in {name.capitalize()}"
        if known < LEAST_TRIED:
            return UseOfBase(notes=[f"it has no base model ({what}, too few)"] if name else [])
    base = library.open(name)
    own, model = base.card.config, base.model
    if not config.is_mixed or own.tokenizer != config.tokenizer:
        if asked:
            raise UsageError(
                f"this model cannot be mixed with {name}",
                f"that takes {{mixture}} on and {{tokenizer}} {own.tokenizer}; or leave {{on}} out",
                field="on",
            )
        return UseOfBase()
    if known is not None:
        if known < ENOUGH_KNOWN:
            kept = f"kept if its weight in the mixture is {LEAST_BASE_WEIGHT:.0%} or more"
            return UseOfBase(base, False, known, [f"{name} is tried ({what}), and {kept}"])
        notes.append(f"its base model is {name} ({what})")
    with open_stored(base.path) as stored:
        lines = compress(text, sample_mask(text, SAMPLED_WORDS))
        if is_of_language(lines, model.tokenizer, stored.lines().known):
            notes.append(IS_BUILT_IN)
    is_start = config.has_network and text.words <= MAX_FROM_BASE and given is not None
    why_not = ""
    if own.preset != config.preset:
        why_not = f"that of {name} is of the preset {own.preset}"
    elif sizes := sorted(sizes_of(config) & {*(given or ())}):
        why_not = f"its {sizes[0].replace('_', ' ')} is given"
    if is_start and why_not:
        notes.append(f"its network starts from nothing: {why_not}")
    return UseOfBase(base, is_start and not why_not, known, notes)


def shares_of(text: Corpus) -> dict[str, float]:
    """The share of the words of a text that are common in each built-in language, by the name of
    its model, the largest share first."""
    return shares_known(words_of("\n".join(compress(text, sample_mask(text, SAMPLED_WORDS)))))


def sizes_of(config: Config) -> frozenset[str]:
    """The names of the settings on which the shapes of a network depend."""
    return frozenset(config.model.__struct_fields__) - SHAPELESS


def config_from(source: OpenedModel, given: Settings, words: int, *, is_update: bool) -> Config:
    """The settings of a training that starts from a model, for a text of so many words. They keep
    the sizes of the model's network and the settings that its words depend on, in an update all
    settings but those `given`. Raises UsageError for a given one that cannot be changed."""
    config = source.card.config
    fixed = sizes_of(config) | (FIXED_IN_UPDATES if is_update else FIXED_IF_FROM)
    if refused := sorted(fixed & given.keys()):
        raise UsageError(
            f"{{{refused[0]}}} cannot be changed: the network and its words are those of"
            f" {source.name}",
            "leave it out, or train a new model",
            field=refused[0],
        )
    own = {**structs.asdict(config.train), **structs.asdict(config.model)}
    names = {*own} if is_update else {"lines", *FIXED_IF_FROM, *config.model.__struct_fields__}
    kept = {name: value for name, value in own.items() if name in names}
    once = {"epochs": 1} if is_update and config.has_network else {}
    return make_config(config.preset, (kept, PRESETS[config.preset].if_from, once, given), words)


class Beginning(NamedTuple):
    """The settings of a training, its text, the weights that its network starts from with the ids
    of the words that are new to it, and the lines that their model was trained on."""

    config: Config
    prepared: Prepared
    network: Arrays | None
    new_words: Sequence[int]
    trained_lines: TrainedLines


def begin(source: OpenedModel | None, text: Corpus, config: Config, report: Report) -> Beginning:
    """Prepares a text for a model that starts from nothing, or from the model `source`.

    A network that starts from a model knows the words of both texts. Lines that the source was
    trained on are not held out, and those that it held out are held out again, except for a
    built-in language, whose lines are not known.
    """
    if source is None:
        return Beginning(config, prepare(text, config, report=report), None, (), TrainedLines())
    with open_stored(source.path) as stored:
        known = stored.vocabulary()
        lines = TrainedLines() if source.card.is_language else stored.lines()
        network = stored.network() if source.card.has_network else None
    held_out = None
    if not source.card.is_language:
        hashes = hash_lines(text, source.model.tokenizer)
        held_out = lines.hold_out_again(hashes, config.train.held_out, config.train.seed)

    def vocabulary_for(own: Vocabulary) -> Vocabulary:
        if network is None:
            return own
        return known if config.is_lesson else merge_words(known, own, network)

    prepared = prepare(
        text,
        config,
        window=source.card.window,
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
        note = f"its network starts from {source.name}, with {more} more"
        prepared = replace(prepared, notes=(*prepared.notes, note))
    return Beginning(config, prepared, network, new_words, lines)


def resume(
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
