"""What a run starts from: nothing, the English, a model, or its own saved state.

A model that a training starts from gives its network and its words, to which those of the text are
added, and the lines that it was trained on, of which none is held out. A training that starts from
the English, one that starts from a model (`--from`) and one that updates it (`--update`) are the
same but for what they keep of the settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from msgspec import structs

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.config import (
    LESSON_PRESET,
    MACHINE_SETTINGS,
    CausalConfig,
    Config,
    make_config,
)
from rnnlm_tui.errors import ModelError, UsageError
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.adaptive_softmax import ADAPTIVE_FROM, add_words
from rnnlm_tui.lm.kinds import KINDS
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.files import parse_json
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import (
    CONVENTIONS,
    KNOWN,
    UNSEEN,
    VOCABULARY,
    open_stored,
    parse_vocabulary,
    read_card,
)
from rnnlm_tui.store.run_files import HELD_OUT, RunFacts, Tensors
from rnnlm_tui.store.trained_lines import OF_ENGLISH, TrainedLines, is_of_english
from rnnlm_tui.store.training_text import ancestors_of
from rnnlm_tui.text.held_out import sample_lines
from rnnlm_tui.text.overlap import hash_lines
from rnnlm_tui.text.prepare import Prepared, prepare
from rnnlm_tui.text.reading import Report, Text
from rnnlm_tui.text.tokenizer import Conventions, Tokenizer
from rnnlm_tui.text.tokenizers import make_tokenizer
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.job import Start

Settings = Mapping[str, Any]
NOTHING = "none"
"""What `--on` and `--from` call no model."""
USUAL_IF_FROM: Settings = MappingProxyType({"epochs": 3, "learning_rate": 1e-3})
"""The defaults of a training that starts from a model, the English and updates included."""
FIXED = ("tokenizer",)
"""Settings of the text that a training from a model cannot change: its words depend on them."""
FIXED_IN_UPDATES = ("tokenizer", "lines", "held_out", "seed")
"""Those that determine which lines the model has seen, too."""
SHAPELESS = ("dropout", "l2")
"""Settings of a network that may differ from those of the model that it starts from: the shapes of
its weights do not depend on them."""
MAX_FROM_ENGLISH = 1_000_000
"""A text with more words has enough to learn English from: by default its network starts from
nothing, with the size for such a text."""
ENOUGH_ENGLISH = 0.7
"""Least share of known words for a text to count as English. Measured: 0.94 to 0.98 for four
English texts, 0.45 for a Spanish and 0.32 for a German one, 0 in other scripts."""
SAMPLED_WORDS = 20_000
"""Words of a text that are looked up to tell whether it is English."""


def open_source(
    library: Library, source_model: str | None, update: str | None, preset: str | None
) -> OpenedModel | None:
    """The model that a training starts from, or that it updates; None without one. `preset` is the
    one asked for. Raises UsageError if a training cannot start from it."""
    name = source_model if update is None else update
    if name is None or (update is None and name == NOTHING):
        return None
    source = library.opened_model(name)
    of_source = source.card.config.preset
    if update is None and of_source == "ngram":
        raise UsageError(
            f"{name} is an n-gram model, which cannot be trained on another text",
            f"train on all the texts at once: {APP_NAME} --train FILE FILE",
        )
    if preset not in (None, of_source):
        raise UsageError(
            f"{name} is of the preset {of_source}", "leave {preset} out", field="preset"
        )
    if source.card.metrics is None or (source.card.epochs_done == 0 and library.can_resume(name)):
        raise ModelError(
            f"the training of {name} has not finished its first epoch",
            f"resume it first: {APP_NAME} --train --resume --name {name}",
        )
    return source


def has_english_base_by_default(
    library: Library, text: Text, config: Config
) -> tuple[bool, list[str]]:
    """Whether a model of this text is built on the English by default, and sentences for the data
    card: why, and whether the English has learned the text."""
    if not (config.is_mixed and library.is_built_in(ENGLISH)):
        return False, []
    with open_stored(library.path(ENGLISH)) as english:
        if english.card.tokenizer != config.tokenizer:
            return False, []
        vocabulary, known = english.vocabulary(), english.lines().known
        tokenizer = make_tokenizer(config.tokenizer, english.conventions(), vocabulary)
    lines = sample_lines(text, SAMPLED_WORDS)
    fraction = known_fraction(lines, tokenizer, vocabulary)
    what = f"{fraction:.0%} of its words are English"
    if fraction < ENOUGH_ENGLISH:
        return False, [f"it has no base model ({what}, too few for {ENGLISH})"]
    notes = [f"its base model is {ENGLISH} ({what})"]
    return True, [*notes, OF_ENGLISH] if is_of_english(lines, tokenizer, known) else notes


def known_fraction(lines: Iterable[str], tokenizer: Tokenizer, vocabulary: Vocabulary) -> float:
    """The fraction of the words of a text, without punctuation and numbers, in a vocabulary."""
    counts = Counter(word for line in lines for word in tokenizer.words(line) if word[:1].isalpha())
    known = sum(
        count for word, count in counts.items() if word in vocabulary or word.lower() in vocabulary
    )
    return known / max(1, counts.total())


def english_to_start_from(
    library: Library, config: Config, settings: Sequence[Settings], words: int
) -> tuple[OpenedModel | None, str]:
    """The English if the network of a text of so many words starts from it by default: if it is of
    the same preset, and no setting asks for a network of another shape. If one does, a sentence
    says so. `config` are the settings of a network of its own."""
    if words > MAX_FROM_ENGLISH or config.preset == "ngram":
        return None, ""
    card = read_card(library.path(ENGLISH))
    why = "its network starts from nothing: "
    if card.config.preset != config.preset:
        return None, f"{why}that of {ENGLISH} is of the preset {card.config.preset}"
    given = {name: value for layer in settings for name, value in layer.items()}
    for name, (wanted, own) in _differing(card, given).items():
        what = f"{name.replace('_', ' ')} {wanted}"
        return None, f"{why}{what} does not fit the network of {ENGLISH}, which has {own}"
    return library.opened_model(ENGLISH), ""


def config_from(
    source: OpenedModel, settings: Sequence[Settings], words: int, *, is_update: bool
) -> Config:
    """The settings of a training of a text of so many words that starts from a model: the sizes of
    its network and what its words depend on; an update keeps all its settings. Raises UsageError
    for settings of the request that differ."""
    of_source, given = source.card.config, settings[-1]
    fixed: tuple[str, ...] = FIXED_IN_UPDATES if is_update else FIXED
    if of_source.preset == LESSON_PRESET:
        fixed += ("max_vocabulary", "min_count")
    if differing := _differing(source.card, given, fixed):
        names = " and ".join(f"{{{name}}}" for name in sorted(differing))
        them = "them" if len(differing) > 1 else "it"
        instead = "train it again with {force}" if is_update else "leave {start_from} out"
        raise UsageError(
            f"{names} cannot be changed: the network and its words are those of {source.name}",
            f"leave {them} out, or {instead}",
            field=min(differing),
        )
    own = of_source.to_json()["train"]
    names = own.keys() if is_update else {*FIXED, "lines"} & own.keys()
    kept = {name: own[name] for name in names if name not in MACHINE_SETTINGS}
    usual = USUAL_IF_FROM if of_source.preset != "ngram" else {}
    made = make_config(of_source.preset, [kept, usual, *settings], words)
    shapeless = {name for layer in settings for name in layer if name in SHAPELESS}
    changed: Any = {name: getattr(made.model, name) for name in shapeless}
    fixed_values: Any = {name: own[name] for name in fixed if name in own}
    return structs.replace(
        made,
        model=structs.replace(of_source.model, **changed),
        train=structs.replace(made.train, **fixed_values),
    )


def _differing(
    card: ModelCard, given: Settings, also: Sequence[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """The settings given that ask for a network of other shapes than a model's, and those `also`
    named that differ from the model's: each with its value and the model's."""
    own, wanted = card.config.to_json(), make_config(card.config.preset, [given]).to_json()
    if own["model"].get("softmax") == "auto":
        own["model"]["softmax"] = "adaptive" if card.total_words >= ADAPTIVE_FROM else "full"
    values = {**wanted["model"], **wanted["train"]}
    of_model = {**own["model"], **own["train"]}
    names = given.keys() & {*own["model"], *also} - {*SHAPELESS}
    return {
        name: (values[name], of_model[name])
        for name in sorted(names)
        if values[name] not in (of_model[name], "auto")
    }


def begin(source: OpenedModel | None, text: Text, config: Config, report: Report) -> Start:
    """A text for a model that starts from nothing, or from the model `source`: then the network
    knows the words of both. Lines that the source was trained on are not held out, and those that
    it held out are again; of the English this is not known."""
    kind = KINDS[config.preset]
    if source is None:
        window_for = partial(kind.window, config)
        return Start(config, prepare(text, config, kind.special_tokens, window_for, report=report))
    with open_stored(source.path) as stored:
        conventions, known = stored.conventions(), stored.vocabulary()
        lines = TrainedLines() if source.name == ENGLISH else stored.lines()
        network = stored.network() if source.card.has_network else None
    tokenizer, held_out = make_tokenizer(config.tokenizer, conventions, known), None
    if source.name != ENGLISH:
        hashes = hash_lines(text, tokenizer)
        held_out = lines.hold_out_again(hashes, config.train.held_out, config.train.seed)
    grown = config.model, known, network

    def vocabulary_for(own: Vocabulary) -> Vocabulary:
        nonlocal grown
        if network is None:
            return own
        if isinstance(config.model, CausalConfig):
            grown = add_words(config.model, known, own, network)
        return grown[1]

    prepared = prepare(
        text,
        config,
        kind.special_tokens,
        lambda longest: source.card.window,
        tokenizer=tokenizer if config.preset == LESSON_PRESET else None,
        known=None if network is None else known,
        held_out=held_out,
        vocabulary_for=vocabulary_for,
        report=report,
    )
    model, vocabulary, network = grown
    if isinstance(model, CausalConfig):
        new = plural(len(vocabulary.words) - len(known.words), "word")
        note = f"its network starts from {source.name}, with {new} more"
        prepared = replace(prepared, notes=(*prepared.notes, note))
    return Start(
        structs.replace(config, model=model),
        prepared,
        network,
        lines,
        ancestors_of(source.name, source.card),
        _still_blocked(source.card.blocked_words, prepared),
    )


def _still_blocked(words: Sequence[str], prepared: Prepared) -> list[str]:
    """The `words` that do not occur in the text."""
    vocabulary = prepared.vocabulary
    counts = prepared.train.word_counts(vocabulary.total_words)
    return [w for w in words if w in vocabulary and counts[vocabulary.ranks[w]] == 0]


def resume(facts: RunFacts, state: Tensors, text: Text, config: Config, report: Report) -> Start:
    """A text with the words and the held-out lines that the run started with, and its state. Raises
    ModelError if they do not fit together."""
    kind = KINDS[config.preset]
    try:
        raw = {name: state[name].tobytes() for name in (VOCABULARY, CONVENTIONS)}
        lines, held_out = TrainedLines(state[KNOWN], state[UNSEEN]), state[HELD_OUT] != 0
    except KeyError as error:
        raise ModelError(f"the saved state lacks {error}", "train with {force}") from error
    vocabulary = parse_vocabulary(raw[VOCABULARY], kind.special_tokens)
    conventions = parse_json(raw[CONVENTIONS], Conventions, CONVENTIONS)
    prepared = prepare(
        text,
        config,
        kind.special_tokens,
        lambda longest: facts.window,
        tokenizer=make_tokenizer(config.tokenizer, conventions, vocabulary),
        held_out=held_out,
        vocabulary_for=lambda own: vocabulary,
        report=report,
    )
    return Start(config, prepared, lines=lines, state=state)
