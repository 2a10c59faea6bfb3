"""Trainings that start from a model: `--from` trains a new model on another text, `--update` trains
a model further and replaces it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlm_tui.config import (
    LESSON_PRESET,
    MACHINE_SETTINGS,
    CausalConfig,
    Config,
    LineTextConfig,
    ModelConfig,
    NetworkTrainConfig,
    make_config,
)
from rnnlm_tui.errors import CorpusError, ModelError, Sentence, UsageError
from rnnlm_tui.formatting import plural
from rnnlm_tui.lm.adaptive_softmax import ADAPTIVE_FROM, add_words
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import APP_NAME, bundled_corpus
from rnnlm_tui.store.card import ENGLISH, ModelCard
from rnnlm_tui.store.files import RESUME
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import open_stored, read_card
from rnnlm_tui.store.run_state import TextOrigin
from rnnlm_tui.store.trained_lines import hashes_of
from rnnlm_tui.store.training_text import ancestors_of, find_origin, is_corpus_of
from rnnlm_tui.text.corpus import Corpus, join_paragraphs
from rnnlm_tui.text.overlap import Hashes
from rnnlm_tui.text.prepare import PreparedLines, PreparedText
from rnnlm_tui.text.streams import Mask
from rnnlm_tui.text.vocabulary import Vocabulary
from rnnlm_tui.training.base_model import ChosenBase
from rnnlm_tui.training.evaluation import loss_of_update
from rnnlm_tui.training.run import TrainingRun

FROM_NOTHING = "none"
TEXT_SETTINGS, WORD_SETTINGS = ("tokenizer",), ("max_vocabulary", "min_count")
"""Settings that cannot be combined with `--from`, since the model's words depend on them; the
second ones only if it learns no new words."""
SHAPELESS = ("dropout", "l2")
"""Settings of a network that may differ from those of the model that it starts from: the shapes of
its weights do not depend on them."""
USUAL_IF_FROM: Mapping[str, Any] = MappingProxyType({"epochs": 3, "learning_rate": 1e-3})
"""The defaults of a training that starts from a model, updates included."""
MAX_FROM_ENGLISH = 1_000_000
"""A text with more words has enough to learn English from: by default its network starts from
nothing, with the size for such a text."""
FIXED_IN_UPDATES = ("tokenizer", "lines", "held_out", "seed")
"""Settings that determine which lines the model has seen."""
NOTHING_TO_COMPARE = (
    "nothing is held out, so it is not known whether the update is better: it will replace {name}"
    " when it finishes"
)


def open_source(
    library: Library, source_model: str | None, update: str | None, preset: str | None
) -> OpenedModel | None:
    """The model that a training starts from, or that it updates; None without one. `preset` is the
    one asked for. Raises UsageError if a training cannot start from it."""
    name = source_model if update is None else update
    if name is None or (update is None and name == FROM_NOTHING):
        return None
    source = library.opened_model(name)
    of_source = source.card.config.preset
    if update is None and not ARCHITECTURES[of_source].can_start_from_a_model:
        raise UsageError(
            f"{name} is an {ARCHITECTURES[of_source].name}, which cannot be trained on another"
            " text",
            f"train on all the texts at once: {APP_NAME} --train FILE FILE",
        )
    if preset not in (None, of_source):
        raise UsageError(
            f"{name} is of the preset {of_source}", Sentence("leave {preset} out"), field="preset"
        )
    if source.card.metrics is None:
        raise _no_epoch(name)
    return source


def starts_from_english(
    library: Library,
    base: ChosenBase,
    config: Config,
    settings: Sequence[Mapping[str, Any]],
    words: int,
) -> tuple[OpenedModel | None, str]:
    """The built-in English if the network of a text of so many words starts from it by default: if
    it is the base by default, of the same preset, and no setting asks for a network of another
    shape. If one does, a sentence says so. `config` are the settings of a network of its own."""
    if base.open is None or words > MAX_FROM_ENGLISH or config.preset == "ngram":
        return None, ""
    card = read_card(library.path(ENGLISH))
    if card.config.preset != config.preset:
        why = f"that of {ENGLISH} is of the preset {card.config.preset}"
        return None, f"its network starts from nothing: {why}"
    given = {name: value for layer in settings for name, value in layer.items()}
    for name, (wanted, own) in _differing(card, given).items():
        what = f"{name.replace('_', ' ')} {wanted}"
        why = f"{what} does not fit the network of {ENGLISH}, which has {own}"
        return None, f"its network starts from nothing: {why}"
    return library.opened_model(ENGLISH), ""


def _differing(
    card: ModelCard, given: Mapping[str, Any], also: Sequence[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """The settings given that ask for a network of other shapes than a model's, and those `also`
    named that differ from the model's: each with its value and the model's."""
    preset, own = card.config.preset, card.config.to_json()
    wanted = make_config(preset, [given]).to_json()
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


def run_from(
    source: OpenedModel,
    name: str,
    path: Path,
    folder: Path,
    corpus: Corpus,
    origin: TextOrigin,
    config: Config,
    base: Hashes,
) -> TrainingRun:
    """The run of a new model that starts from the weights and the words of `source`, and learns the
    words of the corpus.

    Of the source's own text the same lines are held out as before; of another one, lines that it
    was not trained on. Lines of the base model, whose hashes are `base`, are not held out.
    """
    corpus = join_paragraphs(corpus, config.lines)
    with open_stored(source.path) as stored:
        trained, vocabulary = stored.lines(), stored.vocabulary()
        weights = dict(stored.weights("network"))
    train, tokenizer = config.train, source.model.tokenizer
    if is_corpus_of(source.card, corpus):
        held_out = trained.held_out_of(corpus.lines)
        held_out &= ~np.isin(hashes_of(corpus.lines, tokenizer), base)
    else:
        held_out = trained.hold_out_again(corpus.lines, tokenizer, train.held_out, train.seed, base)
    if isinstance(config.model, CausalConfig):
        config, prepared, weights = _with_own_words(
            source, corpus, config, held_out, vocabulary, weights
        )
        new = plural(len(prepared.vocabulary.words) - len(vocabulary.words), "word")
        note = f"its network starts from {source.name}, with {new} more"
        prepared = dataclasses.replace(prepared, notes=(*prepared.notes, note))
    else:
        known = vocabulary, tokenizer.conventions, source.card.window
        prepared = prepare_corpus(corpus, config, known, held_out)
    return TrainingRun(
        name,
        path,
        folder,
        config,
        prepared,
        origin | _of_source(source, prepared),
        weights=weights,
        ancestor_lines=trained.trained_hashes,
    )


def _with_own_words(
    source: OpenedModel,
    corpus: Corpus,
    config: Config,
    held_out: Mask,
    known: Vocabulary,
    weights: Mapping[str, NDArray[np.float32]],
) -> tuple[Config, PreparedText, dict[str, NDArray[np.float32]]]:
    """The corpus prepared with the `known` words of the source and with its own, and a network of
    these words."""
    assert isinstance(config.model, CausalConfig)
    prepared = prepare_corpus(corpus, config, held_out=held_out)
    model, vocabulary, weights = add_words(config.model, known, prepared.vocabulary, weights)
    config = dataclasses.replace(config, model=model)
    words = vocabulary, prepared.tokenizer.conventions, source.card.window
    del prepared  # the arrays of a large text are written again
    return config, prepare_corpus(corpus, config, words, held_out), weights


def _of_source(source: OpenedModel, prepared: PreparedText) -> TextOrigin:
    """What the saved state of a run keeps of the model that it starts from."""
    return {
        "words": list(prepared.vocabulary.words),
        "window": source.card.window,
        "conventions": prepared.tokenizer.conventions,
        "ancestors": ancestors_of(source.name, source.card),
        "blocked_words": _still_blocked(source.card.blocked_words, prepared),
    }


def _still_blocked(words: Sequence[str], prepared: PreparedText) -> list[str]:
    """The `words` that do not occur in the text."""
    if not words or not isinstance(prepared, PreparedLines):
        return []
    vocabulary = prepared.vocabulary
    counts = prepared.examples.word_counts(vocabulary.total_words)
    known = (word for word in words if word in vocabulary)
    return [word for word in known if counts[vocabulary.encode([word])[0]] == 0]


def _with_warning(prepared: PreparedText, warning: str) -> PreparedText:
    return dataclasses.replace(prepared, warnings=(*prepared.warnings, warning))


def config_from(
    source: OpenedModel, corpus: Corpus, settings: Sequence[Mapping[str, Any]]
) -> Config:
    """The settings with the sizes and the tokenizer of the model, and for the model's own text also
    its split, since it has seen the other lines. Raises UsageError for flags that differ."""
    of_source, given = source.card.config, settings[-1]
    config = make_config(of_source.preset, [USUAL_IF_FROM, *settings], corpus.words)
    train = config.train
    learns_words = isinstance(of_source.model, CausalConfig)
    fixed = TEXT_SETTINGS if learns_words else (*TEXT_SETTINGS, *WORD_SETTINGS)
    _check_given(source, given, fixed, Sentence("train a new model without {start_from}"))
    taken: dict[str, Any] = {}
    is_own_text = is_corpus_of(source.card, corpus)
    if isinstance(train, LineTextConfig):
        taken["tokenizer"] = source.card.tokenizer
        if is_own_text or not any("lines" in layer for layer in settings):
            taken["lines"] = source.card.config.lines
    if is_own_text:
        names = [name for name in ("held_out", "seed", "lines") if hasattr(train, name)]
        split = {name: getattr(of_source.train, name) for name in names}
        if other := {name for name in given.keys() & split if getattr(train, name) != split[name]}:
            raise UsageError(
                f"{source.name} was trained on this text, and has seen the lines that would be"
                " held out",
                Sentence(
                    "leave {names} out, or train a new model without {start_from}",
                    names=joined_names(other),
                ),
            )
        taken |= split
    model = _network_of(of_source, config, settings)
    return Config(config.preset, model, dataclasses.replace(train, **taken))


def _network_of(
    source: Config, config: Config, settings: Sequence[Mapping[str, Any]]
) -> ModelConfig:
    """The network of the model that a run starts from, with what the settings say that changes no
    shape: `config` has their values."""
    given = {name for layer in settings for name in layer if name in SHAPELESS}
    changed: Any = {name: getattr(config.model, name) for name in given}
    return dataclasses.replace(source.model, **changed)


def _check_given(
    source: OpenedModel, given: Mapping[str, Any], of_words: Sequence[str], instead: Sentence
) -> None:
    """Raises UsageError for settings of a request that the model determines."""
    if fixed := _differing(source.card, given, of_words):
        message = "{names} cannot be changed: the network and its words are those of {model}"
        raise UsageError(
            Sentence(message, names=joined_names(fixed), model=source.name),
            Sentence(
                "leave {them} out, or {instead}",
                them="them" if len(fixed) > 1 else "it",
                instead=instead,
            ),
            field=min(fixed),
        )


def joined_names(settings: Iterable[str], separator: str = " and ") -> Sentence:
    """The names of these settings, sorted."""
    return Sentence(separator.join(f"{{{name}}}" for name in sorted(settings)))


def texts_of_update(
    source: OpenedModel, given: Sequence[str], added: Sequence[str], encoding: str | None
) -> tuple[tuple[str, ...], str | None]:
    """All texts to read, those `given`, by default the model's, and those `added`; and their
    encoding. Raises CorpusError if the model's are unknown."""
    sources = [*given]
    if not sources:
        hint = f"give it: {APP_NAME} --train --update {source.name} FILE"
        origin = find_origin(source.name, source.folder, source.card, hint)
        sources, encoding = origin.sources or [str(bundled_corpus())], encoding or origin.encoding
    by_path = {Path(name).absolute(): name for name in (*added, *sources)}
    texts = {Path(name).absolute(): None for name in (*sources, *added)}
    return tuple(by_path[path] for path in texts), encoding


def run_of_update(
    source: OpenedModel,
    corpus: Corpus,
    origin: TextOrigin,
    config: Config,
    base: Hashes,
    is_longer: bool,
) -> TrainingRun:
    """The run that trains a model further on its changed text, or with `is_longer` on the same one,
    and replaces it if it gets better. `base` are the hashes of the lines that its base model was
    trained on.

    Raises CorpusError if the text has not changed, UsageError if it has and the model is a
    lesson's, ModelError if its own training has not finished an epoch.
    """
    _check_update(source, corpus, is_longer)
    with open_stored(source.path) as stored:
        trained, known = stored.lines(), stored.vocabulary()
        weights = dict(stored.weights("network")) if "network" in source.card.parts else None
    corpus = join_paragraphs(corpus, config.lines)
    held_out = trained.hold_out_again(
        corpus.lines, source.model.tokenizer, config.train.held_out, config.train.seed, base
    )
    if weights is None:
        prepared = prepare_corpus(corpus, config, held_out=held_out)
    elif not isinstance(config.model, CausalConfig):
        words = known, source.model.tokenizer.conventions, source.card.window
        prepared = prepare_corpus(corpus, config, words, held_out)
    else:
        config, prepared, weights = _with_own_words(
            source, corpus, config, held_out, known, weights
        )
    if not prepared.held_out_lines:
        prepared = _with_warning(prepared, NOTHING_TO_COMPARE.format(name=source.name))
    run = TrainingRun(
        source.name,
        source.path,
        source.folder,
        config,
        prepared,
        origin | _of_source(source, prepared),
        weights=weights,
        ancestor_lines=trained.trained_hashes,
        replaces=source.model,
    )
    run.origin["old_loss"] = loss_of_update(run, source.model)
    return run


def _check_update(source: OpenedModel, corpus: Corpus, is_longer: bool) -> None:
    """Raises CorpusError, UsageError or ModelError if the model cannot be updated with this
    corpus."""
    is_network = isinstance(source.card.config.train, NetworkTrainConfig)
    if not is_corpus_of(source.card, corpus):
        if source.card.config.preset == LESSON_PRESET:
            raise UsageError(
                f"{source.name} is of the preset lesson, which keeps to the text it has learned",
                Sentence("train it again on the whole text, with {force}"),
            )
    elif not (is_network and is_longer):
        more = f"to train it longer: {APP_NAME} --train --update {source.name} --epochs N"
        raise CorpusError(
            f"the text of {source.name} has not changed since it was trained",
            more if is_network else "",
        )
    if source.card.epochs_done == 0 and (source.folder / RESUME).exists():
        raise _no_epoch(source.name)


def _no_epoch(name: str) -> ModelError:
    return ModelError(
        f"the training of {name} has not finished its first epoch",
        f"resume it first: {APP_NAME} --train --resume --name {name}",
    )


def config_of_update(source: OpenedModel, settings: Sequence[Mapping[str, Any]]) -> Config:
    """The settings of the model with the epochs and the learning rate of a run from a model,
    overridden by those of the request."""
    of_source = source.card.config
    _check_given(source, settings[-1], FIXED_IN_UPDATES, Sentence("train it again with {force}"))
    kept = {
        name: value
        for name, value in of_source.to_json()["train"].items()
        if name not in MACHINE_SETTINGS
    }
    if isinstance(of_source.train, NetworkTrainConfig):
        kept |= USUAL_IF_FROM
    config = make_config(of_source.preset, [kept, *settings])
    fixed = {name: value for name, value in kept.items() if name in FIXED_IN_UPDATES}
    model = _network_of(of_source, config, settings)
    return Config(of_source.preset, model, dataclasses.replace(config.train, **fixed))
