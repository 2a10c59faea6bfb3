"""The modes without a screen and without torch: results to stdout, messages to stderr."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnlm_tui.cli.memory import free_memory
from rnnlm_tui.config import (
    DEFAULT_PRESET,
    ENVIRONMENT_PREFIX,
    Range,
    RunConfig,
    all_settings,
    make_run_config,
    parse_number,
    preset_named,
    settings_from_environment,
    settings_from_toml,
)
from rnnlm_tui.errors import UsageError
from rnnlm_tui.events import json_safe
from rnnlm_tui.formatting import escape, format_bytes, format_duration, plural, sanitize
from rnnlm_tui.lm.model import LanguageModel, Layer
from rnnlm_tui.lm.registry import ARCHITECTURES, prepare_corpus
from rnnlm_tui.paths import bundled_corpus, data_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.training_text import copied_spans
from rnnlm_tui.suggest import CANDIDATES, Suggestions, generate_words, suggest
from rnnlm_tui.text.corpus import Corpus, check_files, read_corpus
from rnnlm_tui.text.overlap import Span
from rnnlm_tui.text.prepare import PreparedLines, PreparedText
from rnnlm_tui.text.vocabulary import UNKNOWN

FIRST_PAIRS = 10
CONTINUATION_WORDS = 10


def library_of(options: argparse.Namespace) -> Library:
    """The library in the data folder that the options name."""
    return Library(data_dir(options.data_dir))


def run_config(
    options: argparse.Namespace, of_model: str | None = None, corpus: Corpus | None = None
) -> RunConfig:
    """A run's settings: flags over the environment over the TOML file over the preset.

    `of_model` is the preset of the model that the run starts from, which decides then. Some
    defaults of a preset follow from the size of the corpus.
    """
    file = settings_from_toml(options.config) if options.config else {}
    environment = settings_from_environment()
    preset = (
        of_model
        or options.preset
        or os.environ.get(f"{ENVIRONMENT_PREFIX}PRESET")
        or file.get("preset", DEFAULT_PRESET)
    )
    file.pop("preset", None)
    for name, value in file.items():
        _check_setting_of(f"in {options.config}", preset, name, value)
    for name, value in environment.items():
        _check_setting_of(f"from {ENVIRONMENT_PREFIX}{name.upper()}", preset, name, value)
    words = corpus.whitespace_words if corpus else None
    return make_run_config(preset, [file, environment, given_settings(options)], words)


def _check_setting_of(source: str, preset: str, name: str, value: object) -> None:
    """Raises UsageError, naming the source, for a value that makes no sense."""
    try:
        make_run_config(preset, [{name: value}])
    except UsageError as error:
        raise UsageError(f"{error.message} ({source})", error.hint) from error


def given_settings(options: argparse.Namespace) -> dict[str, str]:
    """The settings that flags give."""
    return {name: value for name in all_settings() if (value := getattr(options, name)) is not None}


def corpus_of(sources: list[str], encoding: str | None) -> Corpus:
    """The corpus in these files, or the bundled one. Raises CorpusError."""
    check_files(sources, free_memory)
    corpus = read_corpus(sources or [bundled_corpus()], encoding, sys.stdin.buffer)
    return dataclasses.replace(corpus, name=as_unicode(corpus.name))


def print_json(data: Mapping[str, Any]) -> None:
    """One object on one line of stdout."""
    print(
        escape(json.dumps(json_safe(data), ensure_ascii=False, allow_nan=False)),
        flush=True,
    )


def as_unicode(argument: str) -> str:
    """An argument or a file's name with a question mark for each byte that is not UTF-8, which
    Python holds as a lone surrogate that no file can take."""
    return argument.encode("utf-8", "replace").decode("utf-8")


def number(value: str | None, flag: str, bounds: Range, default: float, *, whole: bool) -> float:
    """The number that an option gives, or the default. Raises UsageError, naming the range."""
    return default if value is None else parse_number(value, flag, bounds, whole=whole)


def show_suggestions(options: argparse.Namespace) -> int:
    """`--suggest`."""
    top = int(number(options.top, "--top", Range(1, 10_000), CANDIDATES, whole=True))
    name, model = opened_model(options)
    for text in lines_to_answer(options.suggest):
        earlier, line = lines_of(model, text)
        answer = suggest(model, line, k=top, previous_lines=earlier)
        if options.json:
            print_json(suggestions_json(answer, name))
        elif options.suggest is None:
            print(one_line(answer), flush=True)
        else:
            print("\n".join(table_of(answer, name)), flush=True)
    return 0


def opened_model(options: argparse.Namespace) -> tuple[str, LanguageModel]:
    """The model that the options name, or the newest. Raises ModelError."""
    library = library_of(options)
    name = library.newest() if options.model is None else options.model
    return name, library.open(name)[1]


def lines_to_answer(text: str | None) -> Iterable[str]:
    """The text given, or the lines of standard input as they come."""
    if text is not None:
        return [as_unicode(text)]
    return _lines_of_stdin()


def lines_of(model: LanguageModel, text: str) -> tuple[list[str], str]:
    """The lines above the last of a text, and the last; one line where a model knows no lines."""
    if model.vocabulary.begin_id is None:
        return [], text
    *earlier, line = text.split("\n")
    return earlier, line


def _lines_of_stdin() -> Iterator[str]:
    for raw in sys.stdin.buffer:
        yield raw.decode("utf-8", errors="replace").rstrip("\r\n")


def suggestions_json(answer: Suggestions, model: str) -> dict[str, Any]:
    """The contract of `--suggest --json`."""
    return {
        "line": answer.line,
        "prefix": answer.prefix,
        "suggestions": [asdict(candidate) for candidate in answer.candidates],
        "continuation": list(answer.continuation),
        "seen": list(answer.seen),
        "unknown": list(answer.unknown),
        "model": model,
    }


def one_line(answer: Suggestions) -> str:
    """An answer as one line, the likeliest word first."""
    return ", ".join(f"{sanitize(c.word)} {c.probability:.1%}" for c in answer.candidates)


def table_of(answer: Suggestions, model: str) -> Iterator[str]:
    """An answer for a person."""
    if answer.prefix:
        yield f'words that begin with "{sanitize(answer.prefix)}", by {model}'
        yield "(end the text with a space for the word after it)"
    else:
        yield f"next words, by {model}"
    width = max((len(sanitize(c.word)) for c in answer.candidates), default=0)
    for candidate in answer.candidates:
        bar = ("█" if prints_unicode() else "#") * round(20 * candidate.probability)
        yield f"  {sanitize(candidate.word):{width}}  {candidate.probability:6.1%}  {bar}".rstrip()
    if not answer.candidates:
        yield "  none"
    for label, words in (
        ("continuation", answer.continuation),
        ("seen", answer.seen),
        ("unknown", answer.unknown),
    ):
        if words:
            yield f"{label}: {sanitize(' '.join(words))}"


def prints_unicode() -> bool:
    """Whether stdout can take a block character."""
    return sys.stdout.encoding.lower().startswith("utf")


def generate(options: argparse.Namespace) -> int:
    """`--generate`."""
    count = int(number(options.words, "--words", Range(1, 100_000), CONTINUATION_WORDS, whole=True))
    temperature = number(options.temperature, "--temperature", Range(0, 100), 0, whole=False)
    top_k = int(number(options.top_k, "--top-k", Range(1, 10_000_000), 0, whole=True)) or None
    seed = number(options.seed, "--seed", Range(0, 2**32 - 1), -1, whole=True)
    if top_k is not None and temperature == 0:
        raise UsageError("--top-k draws words", "give a --temperature too, such as 0.8")
    rng = np.random.default_rng(int(seed) if seed >= 0 else None)
    library = library_of(options)
    name = library.newest() if options.model is None else options.model
    card, model = library.open(name)
    corpus = copied_spans(name, library.path(name), card)
    for given in lines_to_answer(options.generate):
        earlier, line = lines_of(model, given)
        words = generate_words(
            model,
            line,
            count,
            temperature=temperature,
            top_k=top_k,
            rng=rng,
            previous_lines=earlier,
        )
        text = f"{given.removesuffix(' ')}{' ' if line else ''}{' '.join(words)}"
        copied = None if corpus is None else corpus.find(words)
        if options.json:
            spans = None if copied is None else [asdict(span) for span in copied]
            print_json({"text": text, "words": words, "model": name, "copied": spans})
            continue
        print(sanitize(text), flush=True)
        for span in copied or ():
            print(copied_note(span, words, str(card.corpus.get("name"))), file=sys.stderr)
    return 0


def copied_note(span: Span, words: Sequence[str], corpus: str) -> str:
    """Says where words of a continuation were copied from."""
    text = " ".join(words[span.start : span.start + span.length])
    return sanitize(f'copied: "{text}" stands in {corpus}, line {span.line_number}')


def summary(options: argparse.Namespace) -> int:
    """`--summary`: what the lesson prints on the way to its network, without training."""
    corpus = corpus_of(options.summary, options.encoding)
    config = run_config(options, corpus=corpus)
    prepared = prepare_corpus(corpus, config)
    total = prepared.vocabulary.total_words
    architecture, examples = ARCHITECTURES[config.preset], prepared.examples.predictions
    sizes = architecture.sizes_of(config.model, prepared)
    layers = architecture.layers(config.model, total, prepared.window, sizes)
    parameters = architecture.parameters(config.model, total, sizes)
    memory = architecture.training_bytes(config, total, prepared.window, examples)
    seconds = architecture.training_seconds(config, total, prepared.window, examples)
    pairs = first_pairs(prepared)
    scale = preset_named(config.preset).scale_of(corpus.whitespace_words)
    if options.json:
        print_json(
            {
                "preset": config.preset,
                "size": None if scale is None else scale.name,
                "settings": {**asdict(config.train), **asdict(config.model)},
                "total_words": total,
                "examples": examples,
                "window": prepared.window,
                "parameters": parameters,
                "memory_bytes": memory,
                "estimated_s": seconds,
                "layers": [asdict(layer) for layer in layers],
                "corpus": {**prepared.card, "held_out_lines": prepared.held_out_lines},
                "first_pairs": pairs,
            }
        )
        return 0
    print("\n".join(data_card(prepared, config)))
    print("\nthe first pairs")
    print("\n".join(f"  {sanitize(features)} ---> {sanitize(label)}" for features, label in pairs))
    print(f"\nthe {architecture.name} ({config.preset})")
    print("\n".join(layer_table(layers, *architecture.table_heads)))
    epochs, units = config.epochs, architecture.table_heads[1]
    print(f"  {parameters:,} {units} in all; training takes about {format_bytes(memory)} of memory")
    duration = format_duration(seconds, roughly=True)
    print(f"  training {plural(epochs, 'epoch')} takes about {duration} here")
    return 0


def first_pairs(prepared: PreparedText) -> list[list[str]]:
    """The first examples as the words that the model sees before, and the word to predict."""
    word, window = prepared.vocabulary.word, prepared.window
    return [
        [" ".join(map(word, context[max(0, len(context) - window) :])), word(label)]
        for context, label in prepared.examples.first(FIRST_PAIRS)
    ]


def data_card(prepared: PreparedText, config: RunConfig) -> Iterator[str]:
    """What a person should know of a corpus before a training."""
    vocabulary = prepared.vocabulary
    kept, special_tokens = len(vocabulary.words), vocabulary.special_tokens
    yield f"corpus         {sanitize(prepared.corpus.name)}"
    yield f"lines          {prepared.corpus.line_count:,}"
    if prepared.held_out_lines:
        pairs = prepared.held_out.predictions
        yield f"held out       {plural(prepared.held_out_lines, 'line')}, {plural(pairs, 'pair')}"
    trained = " in the lines to train on" if prepared.held_out_lines else ""
    yield f"words          {prepared.words:,}; {prepared.distinct_words:,} different{trained}"
    if kept < prepared.distinct_words:
        fate = f"learned as {UNKNOWN}" if special_tokens else "left out of the lines"
        yield f"vocabulary     {kept:,} words are kept; the others are {fate}"
    if isinstance(prepared, PreparedLines) and prepared.held_out_lines:
        share = prepared.held_out_unknown / len(prepared.held_out.tokens)
        yield f"unknown        {share:.1%} of the words held out"
    beside = f"the padding, {', '.join(special_tokens)}" if special_tokens else "the padding"
    yield f"total words    {vocabulary.total_words:,} (with {beside})"
    yield f"longest line   {plural(prepared.longest_line, 'word')}"
    capped = "" if prepared.longest_line <= prepared.window + 1 else ", capped"
    yield f"window         {plural(prepared.window, 'word')}{capped}"
    ends = ", the ends of the lines among them" if special_tokens else ""
    yield f"pairs          {prepared.examples.predictions:,}{ends}"
    yield from _chosen_settings(prepared.corpus, config)


def _chosen_settings(corpus: Corpus, config: RunConfig) -> Iterator[str]:
    """The settings whose defaults follow from the corpus, with what they are in this run."""
    preset = preset_named(config.preset)
    scale = preset.scale_of(corpus.whitespace_words)
    if scale is None:
        return
    yield f"for a corpus of this size ({scale.name}), unless a flag says otherwise:"
    names = dict.fromkeys(name for each in preset.scales for name in each.settings)
    for part in (config.model, config.train):
        own = dataclasses.asdict(part).items()
        values = {n: v for n, v in own if n in names and v is not None}
        yield "  " + ", ".join(f"--{n.replace('_', '-')} {v}" for n, v in values.items())


def layer_table(layers: Iterable[Layer], first: str, last: str) -> Iterator[str]:
    """The layers with their output shapes and parameters, as Keras prints them; `first` and `last`
    stand above the first and the last column."""
    yield f"  {first:14} {'type':24} {'output shape':18} {last:>12}"
    for layer in layers:
        shape = str(layer.output_shape)
        yield f"  {layer.name:14} {layer.type:24} {shape:18} {layer.parameters:12,}"


MODES: dict[str, Callable[[argparse.Namespace], int]] = {
    "suggest": show_suggestions,
    "generate": generate,
    "summary": summary,
}
