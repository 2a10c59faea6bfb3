"""The Python interface: opens models, queries them, and trains them. Loads PyTorch only to train.

An argument of a wrong type is a TypeError, such as one string where several are wanted. A number
that is out of its range is an RnnlmError, and so is what cannot be opened or trained.
"""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from html import escape
from itertools import chain
from os import fspath
from pathlib import Path
from reprlib import repr as short_repr
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeAlias,
    TypedDict,
    Unpack,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

import numpy as np
from msgspec import Meta

from rnnlm_tui import paths
from rnnlm_tui.config import ALL_SETTINGS, Amount, check_value, parts_of
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import Evaluation, Event, Finished
from rnnlm_tui.notebook import History, table
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.corpora import MeasuredText, text_for, trained_on, warning_of
from rnnlm_tui.store.files import SUFFIX, copy
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import read_card
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.suggesting.accepting import LISTED, Suggestion
from rnnlm_tui.suggesting.evaluate import ScoredLine, score, summarize
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.suggesting.suggest import split_last_line, suggest
from rnnlm_tui.wording.model_rows import facts_of

if TYPE_CHECKING:
    from rnnlm_tui.suggesting.explain import Explanation
    from rnnlm_tui.training.plan import Plan

File: TypeAlias = str | Path
TYPE_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "True or False",
    Path: "a path",
    type(None): "None",
}
"""How messages name the types of arguments."""


class TrainingOptions(TypedDict, total=False):
    """The options of `train` and `train_events`, as `rnnlm-tui --train --help` explains them.

    Settings come last; which of them a preset has, and their defaults, is in `rnnlm_tui.config`. A
    dictionary of this type can be passed on: `train("diary.txt", **options)`.
    """

    data_dir: str | Path | None
    name: str | None
    preset: str | None
    on: Literal["english", "none"] | None
    start_from: str | None
    update: str | None
    add: Sequence[str | Path]
    written: Sequence[str]
    encoding: str | None
    seed_line: str | None
    resume: bool
    force: bool

    embedding_size: int
    bidirectional_size: int
    recurrent_size: int
    hidden_size: int
    layers: int
    order: int
    dropout: float
    l2: float
    max_window: int
    softmax: Literal["auto", "full", "adaptive"]
    held_out: float
    max_vocabulary: int | None
    seed: int
    tokenizer: Literal["prose", "lesson", "whitespace"]
    lines: Literal["auto", "paragraphs", "each"]
    mixture: Literal["on", "off"]
    epochs: int
    batch_size: int
    bptt: int
    learning_rate: float
    warmup: float
    weight_decay: float
    grad_clip: float
    precision: Literal["float32", "bf16"]
    unk_rate: float
    patience: int
    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: int | None


def load(name_or_file: str | Path | None = None, *, data_dir: str | Path | None = None) -> Model:
    """Opens a model by its name or from its file; by default the one that RNNLM_MODEL names, or
    else the one in use in the app, which `rnnlm-tui --use NAME` sets: "english" at first.

    >>> import rnnlm_tui
    >>> rnnlm_tui.load("shakespeare")
    <Model shakespeare: gru, 3,076 words>

    `models` lists the names; what is none, but a file or a path, is opened as a file. The models
    are in `data_dir`, by default the user's. Raises RnnlmError if there is no such model or it
    cannot be read; if the one in use is gone, warns and opens "english".
    """
    _check("name_or_file", name_or_file, File | None)
    library = _library(data_dir)
    warn = partial(warnings.warn, stacklevel=4)
    name = library.default_model(warn) if name_or_file is None else str(name_or_file)
    path = Path(name)
    is_path = path.is_file() or path.suffix == SUFFIX or path.name != name
    if isinstance(name_or_file, Path) or (is_path and name not in library.names()):
        return _open_file(path.absolute(), path.parent.absolute())
    return Model(library.open(name))


def _open_file(path: Path, folder: Path, card: ModelCard | None = None) -> Model:
    """Opens the model in a file, with the folder of its run. Raises ModelError, also for a model
    with another card than this one, by which a pickled model is known."""
    try:
        found = _library(None).open_file(path, folder)
    except ModelError as error:
        hint = f'to train on a text: rnnlm_tui.train("{path}")' if path.is_file() else ""
        raise ModelError(f"{path}: {error.message}", error.hint or hint) from error
    _check_card(path, found.card, card or found.card)
    return Model(found)


def _check_card(path: Path, found: ModelCard, expected: ModelCard) -> None:
    if found != expected:
        raise ModelError(f"{path} has changed since the model was opened", "open it again")


def models(*, data_dir: str | Path | None = None) -> dict[str, ModelCard]:
    """The cards of all models by their names, the most recently saved first.

    >>> import rnnlm_tui
    >>> rnnlm_tui.models()["shakespeare"]
    <ModelCard: gru, 3,076 words of sonnets.txt>

    The fields of a card say what the model learned and how good it is. Damaged models are left out.
    Raises RnnlmError if the folder cannot be read.
    """
    library, found = _library(data_dir), dict[str, ModelCard]()
    for name in library.newest_first():
        with suppress(ModelError):
            found[name] = read_card(library.path(name))
    return found


def train(
    *texts: str | Path,
    on_event: Callable[[Event], object] | None = None,
    **options: Unpack[TrainingOptions],
) -> Model:
    """Trains a model, and opens it. The arguments are those of `train_events`; each event
    of the training is given to `on_event`. The `history` of the model has its epochs.

    >>> import rnnlm_tui
    >>> rnnlm_tui.train("diary.txt", name="mine", epochs=3)  # doctest: +SKIP
    <Model mine: gru, 3,182 words>

    An update whose suggestions are not better leaves the old model, which is opened then. Ctrl+c
    stops and saves, then raises KeyboardInterrupt. Raises RnnlmError.
    """
    from rnnlm_tui.training.session import check_end

    if on_event is not None and not callable(on_event):
        raise TypeError(f"on_event must be a function or None, not {short_repr(on_event)}")
    running = train_events(*texts, **options)
    first = last = next(running)  # while the text is read there is nothing to save
    with _interrupts() as interrupts, closing(running):
        for last in chain([first], running):
            if on_event is not None:
                on_event(last)
            if interrupts:
                raise KeyboardInterrupt
    assert isinstance(last, Finished)
    check_end(last)
    return load(Path(last.path).stem, data_dir=options.get("data_dir"))


def train_events(
    *texts: str | Path, **options: Unpack[TrainingOptions]
) -> Generator[Event, None, None]:
    """Trains a model, and yields the events of the training, as `rnnlm-tui --train --json` prints
    them.

    `texts` are files and folders of .txt and .md files, by default the sonnets. The `options` are
    those of `TrainingOptions`: options of the command line, such as `name` or `update`, and
    settings, such as `epochs=3`. `written` are titles of texts written in the app.

    To stop, leave the loop: what a network has learned is saved, and `resume=True` continues it.
    Raises RnnlmError.
    """
    from rnnlm_tui.training.plan import plan
    from rnnlm_tui.training.request import TrainingRequest

    given: dict[str, Any] = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in options.items()
    }
    kinds = get_type_hints(TrainingOptions)
    for name in given.keys() & kinds.keys():
        _check(name, given[name], kinds[name])
    library = _library(given.pop("data_dir", None))
    fields = {name: given.pop(name) for name in (kinds.keys() & given.keys()) - ALL_SETTINGS.keys()}
    for name in {"add", "written"} & fields.keys():
        fields[name] = tuple(map(fspath, fields[name]))
    request = TrainingRequest(sources=_paths(texts), settings=given, **fields)
    return _run(library, plan(library, request))


def _run(library: Library, planned: Plan) -> Generator[Event, None, None]:
    """The events of a training, which is stopped and saved if the generator is closed."""
    from rnnlm_tui.training.control import Control
    from rnnlm_tui.training.session import training_events

    control = Control()
    running = training_events(library, planned, control)
    for event in running:
        try:
            yield event
        except GeneratorExit:
            control.stop()
            for _ in running:
                pass
            raise


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collects ctrl+c, in the main thread, in place of a KeyboardInterrupt."""
    found, is_main = list[int](), threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if is_main:
        signal.signal(signal.SIGINT, lambda number, _: found.append(number))
    try:
        yield found
    finally:
        if is_main:
            signal.signal(signal.SIGINT, before)


class Model:
    """A model that is ready to predict. Only one thread at a time may use it.

    `above` are the lines before the text, in order. They are context for a model that was trained
    on running text; other models ignore them. Of a text of several lines the last one is meant, and
    the others stand above it.

    `card` says what the model is, and `path` is its file, by which a model is pickled: RnnlmError
    is raised where that is opened again if the file is gone or has changed. `history` are the
    epochs of the last training of its name here, none for a file from elsewhere.
    """

    def __init__(self, opened: OpenedModel) -> None:
        self.name, self.card, self.path = opened.name, opened.card, opened.path
        self.preset = opened.card.config.preset
        self.history = History(read_epochs(opened.folder))
        self._opened, self._model = opened, opened.model
        opened.unwanted()  # what is wrong with their file is told now
        self._contexts = opened.contexts

    def __repr__(self) -> str:
        return f"<Model {self.name}: {self.preset}, {len(self.words):,} words>"

    def _repr_html_(self) -> str:
        return table(self.name, ([escape(part) for part in row] for row in facts_of(self.card)))

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[Path, Path, ModelCard]]:
        return _open_file, (self.path, self._opened.folder, self.card)

    @property
    def metrics(self) -> Evaluation | None:
        """How good the model is on the lines that it held out; None if it held out none."""
        return self.card.evaluation

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary, most frequent words first.

        >>> import rnnlm_tui
        >>> rnnlm_tui.load("shakespeare").words[:4]
        (',', 'and', 'the', 'to')
        """
        return self._model.vocabulary.words

    def save(self, file: str | Path) -> Path:
        """Copies the model to a file, which it replaces, or into a folder; returns its path. The
        name of the file gets the ending `.safetensors` if it has another.

        `load` opens it, on any machine. Raises RnnlmError if it cannot be written, or if the model
        has been trained anew since it was opened.
        """
        _check("file", file, File)
        target = Path(file) / self.path.name if Path(file).is_dir() else Path(file)
        if target.suffix != SUFFIX:
            target = target.with_name(target.name + SUFFIX)
        self._check_unchanged()
        copy(self.path, target)
        return target

    def _check_unchanged(self) -> None:
        """Raises ModelError if the file is that of another training by now."""
        _check_card(self.path, read_card(self.path), self.card)

    @overload
    def evaluate(
        self, *texts: str | Path, encoding: str | None = None, limit: int | None = None
    ) -> Evaluation: ...
    @overload
    def evaluate(
        self,
        *texts: str | Path,
        encoding: str | None = None,
        limit: int | None = None,
        against: Sequence[Model],
    ) -> tuple[Evaluation, ...]: ...
    def evaluate(
        self,
        *texts: str | Path,
        encoding: str | None = None,
        limit: int | None = None,
        against: Sequence[Model] | None = None,
    ) -> Evaluation | tuple[Evaluation, ...]:
        """Measures the model on files and folders: on the first `limit` lines, by default on a
        sample of 20,000 words, if they have more. The models `against` are measured on the same
        lines, and a tuple is returned then: the figures of this model, and of each of these.

        Of the text that it was trained on, which is the default, only the lines are measured that
        it held out. Warns if it has learned others of these lines. A line or a few, as a string,
        are for `score`. Raises RnnlmError if there is nothing to measure on, or if a model has been
        trained anew since it was opened.
        """
        _check("encoding", encoding, str | None)
        _check("limit", limit, Amount | None)
        _check("against", against, Sequence[Model] | None)
        measured = [self, *(against or ())]
        for model in measured:
            model._check_unchanged()
        text = text_for(self._opened, _paths(texts), encoding, limit)
        figures = list[Evaluation]()
        for model in measured:
            figures.append(model._measure(text))
        return figures[0] if against is None else tuple(figures)

    def _measure(self, text: MeasuredText) -> Evaluation:
        """The figures on these lines. Warns if the model has learned them."""
        if warning := warning_of(self.name, trained_on(self._opened, text), text):
            warnings.warn(warning, stacklevel=3)
        scored = (score(self._model, lines, above) for above, lines in text.excerpts)
        return summarize(chain.from_iterable(scored))

    def suggest(
        self,
        text: str,
        top: int = LISTED,
        above: Sequence[str] = (),
        *,
        cursor: int | None = None,
    ) -> tuple[Suggestion, ...]:
        """The `top` most likely next words, or ways to complete a half-typed word.

        >>> import rnnlm_tui
        >>> for suggestion in rnnlm_tui.load("shakespeare").suggest("shall i c", top=2):
        ...     print(suggestion.word, f"{suggestion.probability:.2f}", suggestion.text)
        compare 0.12 ompare
        could 0.09 ould

        Probabilities are relative to all words that fit, and those of all of them sum to 1. A word
        that `corrects` begins in another way than the text ends, which may be a slip. To accept a
        suggestion, remove `replaces_before` characters from the end and append its `text`;
        `space_after` says whether a space follows. With a `cursor` (in characters, by default the
        end) within a word, its `replaces_after` characters after the cursor go. A word that is
        complete already is not listed. Raises RnnlmError if `top` is less than 1 or the cursor is
        not in the text.
        """
        _check("text", text, str)
        _check("top", top, Amount)
        _check("cursor", cursor, Annotated[int, Meta(ge=0, le=len(text))] | None)
        above, line = self._last_line(text[:cursor], above)
        rest = "" if cursor is None else text[cursor:].partition("\n")[0]
        found = suggest(self._model, line + rest, len(line), top + 1, above, self._contexts)
        return found.insertable(top)

    def generate(
        self,
        text: str,
        words: int | None = None,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        seed: int | None = None,
        above: Sequence[str] = (),
    ) -> list[str]:
        """Generates the next words. Punctuation marks are words, if the model has them.

        >>> import rnnlm_tui
        >>> rnnlm_tui.load("shakespeare").generate("thy sweet", words=3, temperature=0)
        ['self', ',', 'and']

        With a `temperature` of 0 each word is the most likely one; with a higher one words are
        sampled, from the `top_k` most likely ones if given. The same `seed` gives the same words.
        By default a model with punctuation samples at 0.7 from the top 40 up to the end of the
        sentence; other models give ten words at 0. Raises RnnlmError for invalid numbers.
        """
        above, line = self._last_line(text, above)
        _check("words", words, Amount | None)
        _check("top_k", top_k, Amount | None)
        _check("seed", seed, Annotated[int, Meta(ge=0)] | None)
        _check("temperature", temperature, Annotated[float, Meta(ge=0, le=100)] | None)
        return generate_words(
            self._model,
            line,
            words,
            temperature,
            top_k,
            rng=np.random.default_rng(seed),
            previous_lines=above,
            contexts=self._contexts,
        )

    def join(self, text: str, words: Sequence[str]) -> str:
        """`text` followed by words of `generate`, as they are written.

        >>> import rnnlm_tui
        >>> rnnlm_tui.load("shakespeare").join("Look in thy ", ["love", "is", "my"])
        'Look in thy love is my'

        A model with punctuation puts capitals and spaces where they belong.
        """
        _check("text", text, str)
        _check("words", words, Sequence[str])
        return continue_text(self._model.tokenizer, text, words)

    def score(self, text: str, above: Sequence[str] = ()) -> ScoredLine:
        """The probability of each word of a line, and its rank among all suggestions.

        >>> import rnnlm_tui
        >>> line = rnnlm_tui.load("shakespeare").score("Shall I compare thee")
        >>> [(word.word, word.rank) for word in line.words]
        [('shall', 33), ('I', 1), ('compare', 30), ('thee', 2)]

        `line.loss` is the mean negative log-likelihood, in nats per word.
        """
        above, line = self._last_line(text, above)
        return next(score(self._model, [line], above))

    def explain(self, text: str, above: Sequence[str] = ()) -> Explanation:
        """What the model does with a line: the arrays that it computes, stage by stage, what each
        part of it contributes to the suggestions, and what each word of the line does for them.

        >>> import rnnlm_tui
        >>> found = rnnlm_tui.load("shakespeare").explain("shall I compare ")
        >>> for stage in found.parts[0].stages[:3]:
        ...     print(stage.name, stage.values.shape)
        words (3,)
        ids (4,)
        embedding (4, 256)
        >>> for part in found.parts:  # the probability of the first suggestion comes from
        ...     print(f"{part.name} {part.contributions[0]:.3f}")
        network 0.082
        n-grams 0.032
        recent words 0.000

        Each stage has a `sentence` on what it does.
        """
        from rnnlm_tui.suggesting.explain import explain  # other queries do not need it

        above, line = self._last_line(text, above)
        return explain(self._model, line, above, self._contexts)

    def neighbours(self, word: str) -> tuple[tuple[str, float], ...]:
        """The words whose embeddings in the network are most like that of a word, with the cosine.

        >>> import rnnlm_tui
        >>> [other for other, _ in rnnlm_tui.load("shakespeare").neighbours("a")][:2]
        ['the', 'your']

        None at all for a word that the network does not know, and for a model without a network.
        """
        from rnnlm_tui.suggesting.explain import neighbours

        _check("word", word, str)
        return neighbours(self._model, word)

    def _last_line(self, text: str, above: Sequence[str]) -> tuple[list[str], str]:
        """The lines above the last line of a text, and that line. Raises TypeError."""
        _check("text", text, str)
        _check("above", above, Sequence[str])
        of_text, line = split_last_line(self._model, text)
        return [*above, *of_text], line


def _library(folder: str | Path | None) -> Library:
    """The models in this data folder, by default the user's."""
    _check("data_dir", folder, File | None)
    return Library(paths.data_dir(folder))


def _paths(texts: Sequence[str | Path]) -> tuple[str, ...]:
    """The paths of text files. Raises TypeError."""
    for each in texts:
        _check("each of the texts", each, File)
    return tuple(fspath(each) for each in texts)


def _check(name: str, value: Any, kind: Any) -> None:
    """Checks an argument. Raises TypeError if it is of another kind, and RnnlmError, which names
    the range, if it is out of that. A number may be one of numpy's."""
    value = value.item() if isinstance(value, np.generic) else value
    if not _is_of(kind, value):
        raise TypeError(f"{name} must be {_words_of(kind)}, not {short_repr(value)}")
    if parts_of(kind)[1]:
        check_value(value, name, kind)


def _is_of(kind: Any, value: Any) -> bool:
    """Whether the value is of the type `kind`. No bool is a number, and no string is several."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _is_of(parts[0], value)
    if origin is Literal:
        return isinstance(value, str)
    if origin is Sequence:
        several = isinstance(value, Collection) and not isinstance(value, str | bytes)
        return several and all(_is_of(parts[0], each) for each in value)
    if parts:  # a union
        return any(_is_of(part, value) for part in parts)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _words_of(kind: Any) -> str:
    """What a message calls a type, such as "a string or None"."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words_of(parts[0])
    if origin is Sequence:
        several = get_args(parts[0]) or parts
        return f"a list of {' or '.join(_words_of(each)[2:] + 's' for each in several)}"
    if origin is Literal:
        return " or ".join(parts)
    return " or ".join(map(_words_of, parts)) or TYPE_WORDS.get(kind, f"a {kind.__name__}")
