"""The Python interface: opens models, queries them, and trains them. Loads PyTorch only to train.

An argument of a wrong type raises TypeError, such as a string in place of a list of strings. A
number out of its range raises RnnlmError, and so does a model that cannot be opened or trained.
"""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from html import escape
from os import fspath, sep
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypedDict,
    Unpack,
    overload,
)

import numpy as np
from msgspec import Meta

from rnnlm_tui import paths
from rnnlm_tui.arguments import checks_arguments
from rnnlm_tui.config import ALL_SETTINGS, Amount, Seed, Temperature, check_value
from rnnlm_tui.errors import ModelError
from rnnlm_tui.events import Evaluation, Event, Finished
from rnnlm_tui.notebook import History, table
from rnnlm_tui.store.card import ModelCard
from rnnlm_tui.store.corpora import MeasuredText, count_trained_on, text_to_measure, warning_of
from rnnlm_tui.store.files import SUFFIX, copy
from rnnlm_tui.store.library import Library, OpenedModel
from rnnlm_tui.store.model_file import read_card
from rnnlm_tui.store.run_files import read_epochs
from rnnlm_tui.suggesting.accepting import LISTED, Suggestion
from rnnlm_tui.suggesting.evaluate import ScoredLine, score, summarize
from rnnlm_tui.suggesting.generate import continue_text, generate_words
from rnnlm_tui.suggesting.suggest import split_last_line, suggest
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.threads import one_numpy_thread, shorten_spinning
from rnnlm_tui.wording.model_rows import card_facts

if TYPE_CHECKING:
    from rnnlm_tui.suggesting.explain import Explanation
    from rnnlm_tui.training.control import Control


class TrainingOptions(TypedDict, total=False):
    """The options of `train` and `train_events`, as `rnnlm-tui --train --help` explains them.

    The settings come last. `rnnlm_tui.config` has their defaults, and which of them a preset has. A
    dictionary of this type can be passed on: `train("diary.txt", **options)`.
    """

    data_dir: str | Path | None
    name: str | None
    preset: str | None
    on: str | None
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
    optimizer: Literal["adamw", "sgd"]
    learning_rate: float
    warmup: float
    weight_decay: float
    grad_clip: float
    precision: Literal["float32", "bf16"]
    unk_rate: float
    patience: int
    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: int | None


@checks_arguments
def load(name_or_file: str | Path | None = None, *, data_dir: str | Path | None = None) -> Model:
    """Opens a model by its name or from its file.

    By default this is the model that RNNLM_MODEL names, or else the one in use in the app. At first
    that is the one of the locale's language or "english", later the one of `rnnlm-tui --use NAME`.

    >>> import rnnlm_tui
    >>> rnnlm_tui.load("shakespeare")
    <Model shakespeare: gru, 3,076 words>

    `models` lists the names. Anything else that is a file or looks like a path is opened as a file.
    `data_dir` is the folder of the models, by default the user's. Raises RnnlmError if there is no
    such model or it cannot be read. If the model in use is gone, warns and opens that of the
    locale's language.
    """
    library = Library(paths.data_dir(data_dir))
    warn = partial(warnings.warn, stacklevel=5)  # names the line that calls `load`
    name = library.default_model(warn) if name_or_file is None else str(name_or_file)
    path = Path(name)
    is_path = path.is_file() or path.suffix == SUFFIX or path.name != name
    if isinstance(name_or_file, Path) or (is_path and name not in library.names()):
        return _open_file(path.absolute(), path.parent.absolute())
    return Model(library.open(name))


def _open_file(path: Path, folder: Path, card: ModelCard | None = None) -> Model:
    """Opens the model in a file, whose run is in `folder`. Unpickling passes the `card` that the
    model had. Raises ModelError if the file has no model, or a model with another card."""
    try:
        found = Library(paths.data_dir()).open_file(path, folder)
    except ModelError as error:
        hint = f'to train on a text: rnnlm_tui.train("{path}")' if path.is_file() else ""
        raise ModelError(f"{path}: {error.message}", error.hint or hint) from error
    if card is not None:
        _check_card(path, found.card, card)
    return Model(found)


def _check_card(path: Path, found: ModelCard, expected: ModelCard) -> None:
    if found != expected:
        raise ModelError(f"{path} has changed since the model was opened", "open it again")


@checks_arguments
def models(*, data_dir: str | Path | None = None) -> dict[str, ModelCard]:
    """Returns the cards of all models by their names, the most recently saved first.

    >>> import rnnlm_tui
    >>> rnnlm_tui.models()["shakespeare"]
    <ModelCard: gru, 3,076 words of sonnets.txt>

    The fields of a card say what the model learned and how good it is. Damaged models are left out.
    Raises RnnlmError if the folder cannot be read.
    """
    library = Library(paths.data_dir(data_dir))
    found = dict[str, ModelCard]()
    for name in library.newest_first():
        with suppress(ModelError):
            found[name] = read_card(library.path(name))
    return found


@checks_arguments
def train(
    *texts: str | Path,
    on_event: Callable[[Event], object] | None = None,
    **options: Unpack[TrainingOptions],
) -> Model:
    """Trains a model and opens it.

    Takes the arguments of `train_events`. Calls `on_event` with each event of the training. The
    `history` of the model has the epochs.

    >>> import rnnlm_tui
    >>> rnnlm_tui.train("diary.txt", name="mine", epochs=3)  # doctest: +SKIP
    <Model mine: gru, 3,182 words>

    If the suggestions of an update are not better, the old model stays and is opened. Ctrl+c stops
    and saves the training, then raises KeyboardInterrupt. Raises RnnlmError.
    """
    from rnnlm_tui.training.session import check_end

    with closing(train_events(*texts, **options)) as running:
        for event in running:
            if on_event is not None:
                on_event(event)
    assert isinstance(event, Finished)
    check_end(event)
    return load(Path(event.path).stem, data_dir=options.get("data_dir"))


@checks_arguments
def train_events(
    *texts: str | Path, **options: Unpack[TrainingOptions]
) -> Generator[Event, None, None]:
    """Trains a model and yields the events that `rnnlm-tui --train --json` prints.

    `texts` are files and folders of .txt and .md files, by default the sonnets. The `options` are
    listed in `TrainingOptions`: options of the command line, such as `name` or `update`, and
    settings, such as `epochs=3`. `written` are titles of texts written in the app.

    Leave the loop or press ctrl+c to stop: a network is saved, and `resume=True` continues. If the
    generator has a name, call its `close` after leaving the loop. Raises RnnlmError.
    """
    from rnnlm_tui.training.control import Control
    from rnnlm_tui.training.request import TrainingRequest
    from rnnlm_tui.training.session import training_events

    shorten_spinning()
    given: dict[str, Any] = {**options}
    library = Library(paths.data_dir(given.pop("data_dir", None)))
    other_options = TrainingOptions.__annotations__.keys() - ALL_SETTINGS.keys()
    fields = {name: given.pop(name) for name in other_options & given.keys()}
    for name in {"add", "written"} & fields.keys():
        fields[name] = _paths(fields[name])
    request = TrainingRequest(sources=_paths(texts), settings=given, **fields)
    control = Control()
    return _saved_if_left(training_events(library, request, control), control)


def _saved_if_left(running: Iterator[Event], control: Control) -> Generator[Event, None, None]:
    """Yields the events of a training. Closing the generator or ctrl+c stops and saves it."""
    with one_numpy_thread():
        event: Event | None = next(running)  # until then there is nothing to save
    try:
        while event is not None:
            yield event
            with _interrupts(control) as interrupts, one_numpy_thread():
                event = next(running, None)
            if interrupts:
                raise KeyboardInterrupt
    except (GeneratorExit, KeyboardInterrupt):
        control.stop()
        with _interrupts(control), one_numpy_thread():
            for _ in running:
                pass
        raise


@contextmanager
def _interrupts(control: Control) -> Iterator[list[int]]:
    """Makes ctrl+c stop a training where it would raise KeyboardInterrupt. Yields a list to which
    each press is added. Only the main thread receives them. A handler of the user's stays."""
    found = list[int]()

    def stop(number: int, frame: object) -> None:
        found.append(number)
        control.stop()

    is_main = threading.current_thread() is threading.main_thread()
    usual = signal.default_int_handler
    is_caught = is_main and signal.getsignal(signal.SIGINT) is usual
    if is_caught:
        signal.signal(signal.SIGINT, stop)
    try:
        yield found
    finally:
        if is_caught:
            signal.signal(signal.SIGINT, usual)


class Model:
    """A model that is ready to predict. Only one thread at a time may use it.

    The argument `text` of its methods may have several lines. The methods are about the last one.
    The others, and before them the lines `above`, are context for a model that was trained on
    running text. Other models ignore them.

    `card` describes the model, and `path` is its file. A pickled model names this file: unpickling
    raises RnnlmError if the file is gone or has changed. `history` has the epochs of the last
    training of this name on this machine; it is empty for a file from elsewhere.
    """

    def __init__(self, opened: OpenedModel) -> None:
        self.name, self.card, self.path = opened.name, opened.card, opened.path
        self.preset = opened.card.config.preset
        self.history = History(read_epochs(opened.folder))
        self._opened, self._model = opened, opened.model
        opened.unwanted()  # raises an error about the file of unwanted words now, not at a query

    def __repr__(self) -> str:
        return f"<Model {self.name}: {self.preset}, {len(self.words):,} words>"

    def _repr_html_(self) -> str:
        return table(self.name, ([escape(part) for part in row] for row in card_facts(self.card)))

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[Path, Path, ModelCard]]:
        return _open_file, (self.path, self._opened.folder, self.card)

    @property
    def metrics(self) -> Evaluation | None:
        """The metrics of the model on the lines that it held out; None if it held out none."""
        return self.card.evaluation

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary, the most frequent words first.

        >>> import rnnlm_tui
        >>> rnnlm_tui.load("shakespeare").words[:4]
        (',', 'and', 'the', 'to')
        """
        return self._model.vocabulary.words

    @checks_arguments
    def save(self, file: str | Path) -> Path:
        """Copies the model to a file or into a folder, and returns the path of the copy.

        Replaces the file. The name gets the ending `.safetensors` if it has another one. `load`
        opens the copy on any machine. Raises RnnlmError if it cannot be written, or if the model
        was trained anew since it was opened.
        """
        is_folder = fspath(file).endswith(("/", sep)) or Path(file).is_dir()
        target = Path(file) / self.path.name if is_folder else Path(file)
        if target.suffix != SUFFIX:
            target = target.with_name(target.name + SUFFIX)
        self._check_unchanged()
        copy(self.path, target)
        return target

    def _check_unchanged(self) -> None:
        """Raises ModelError if the file is gone or has another model by now."""
        try:
            found = read_card(self.path)
        except ModelError as error:
            raise ModelError(f"{self.path}: {error.message}", error.hint) from error
        _check_card(self.path, found, self.card)

    @overload
    def evaluate(
        self, *texts: str | Path, encoding: str | None = None, limit: Amount | None = None
    ) -> Evaluation: ...
    @overload
    def evaluate(
        self,
        *texts: str | Path,
        encoding: str | None = None,
        limit: Amount | None = None,
        against: Sequence[Model],
    ) -> tuple[Evaluation, ...]: ...
    @checks_arguments
    def evaluate(
        self,
        *texts: str | Path,
        encoding: str | None = None,
        limit: Amount | None = None,
        against: Sequence[Model] | None = None,
    ) -> Evaluation | tuple[Evaluation, ...]:
        """Measures the model on files and folders, by default on the lines that it held out.

        Measures the first `limit` lines, or a sample of 20,000 words if a text has more. Of a text
        that the model was trained on, only the lines that it held out are measured; warns if it has
        learned some of the lines. Measures the models `against` on the same lines, and then returns
        a tuple: the figures of this model and of each of them. Use `score` for a line in a string.
        Raises RnnlmError if there is nothing to measure on, or if a model was trained anew since it
        was opened.
        """
        measured = [self, *(against or ())]
        for model in measured:
            model._check_unchanged()
        text = text_to_measure(self._opened, _paths(texts), encoding, limit)
        figures = list[Evaluation]()
        for model in measured:  # a comprehension would add a frame to `stacklevel` in Python 3.11
            figures.append(model._measure(text))
        return figures[0] if against is None else tuple(figures)

    def _measure(self, text: MeasuredText) -> Evaluation:
        """Measures the model on these lines. Warns if it has learned them."""
        if warning := warning_of(self.name, count_trained_on(self._opened, text), text):
            warnings.warn(warning, stacklevel=4)  # names the line that calls `evaluate`
        return summarize(score(self._model, text.excerpts))

    @checks_arguments
    def suggest(
        self,
        text: str,
        top: Amount = LISTED,
        above: Sequence[str] = (),
        *,
        cursor: int | None = None,
    ) -> tuple[Suggestion, ...]:
        """Returns the `top` most likely next words, or completions of a half-typed word.

        >>> import rnnlm_tui
        >>> for suggestion in rnnlm_tui.load("shakespeare").suggest("shall i c", top=2):
        ...     print(suggestion.word, f"{suggestion.probability:.2f}", suggestion.text)
        compare 0.12 ompare
        could 0.09 ould

        The probabilities of all words that fit sum to 1. A word that `corrects` begins with other
        letters than the typed ones, which are likely to be a slip of the fingers. A word that is
        typed in full is not listed. To accept a suggestion, remove `replaces_before` characters
        before the cursor and insert its `text`. If the cursor is within a word, also remove
        `replaces_after` characters after it. `space_after` is True if a space follows. `cursor` is
        a number of characters, by default the end of the text. Raises RnnlmError for a `top` below
        1, or a `cursor` outside the text.
        """
        if cursor is not None:
            check_value(cursor, "cursor", Annotated[int, Meta(ge=0, le=len(text))])
        above, line = self._last_line(text[:cursor], above)
        after = "" if cursor is None else text[cursor:].partition("\n")[0]
        contexts = self._opened.contexts
        found = suggest(
            self._model, line + after, len(line), top, above, contexts, looks_ahead=False
        )
        return found.insertable

    @checks_arguments
    def generate(
        self,
        text: str,
        words: Amount | None = None,
        *,
        temperature: Temperature | None = None,
        top_k: Amount | None = None,
        seed: Seed | None = None,
        above: Sequence[str] = (),
    ) -> list[str]:
        """Generates the next words. Punctuation marks are words, if the model has them.

        >>> import rnnlm_tui
        >>> rnnlm_tui.load("shakespeare").generate("thy sweet", words=3, temperature=0)
        ['self', ',', 'and']

        At a `temperature` of 0 each word is the most likely one. At a higher one words are sampled,
        from the `top_k` most likely ones if given. The same `seed` gives the same words. By default
        a model with punctuation samples at 0.7 from the top 40 up to the end of the sentence, and
        other models give ten words at 0. Raises RnnlmError for invalid numbers.
        """
        above, line = self._last_line(text, above)
        return generate_words(
            self._model,
            line,
            words,
            temperature,
            top_k,
            rng=np.random.default_rng(seed),
            above=above,
            contexts=self._opened.contexts,
        )

    @checks_arguments
    def join(self, text: str, words: Sequence[str]) -> str:
        """Returns `text` followed by the words that `generate` returned.

        >>> import rnnlm_tui
        >>> rnnlm_tui.load("shakespeare").join("Look in thy ", ["love", "is", "my"])
        'Look in thy love is my'

        A model with punctuation puts capitals and spaces where they belong.
        """
        return continue_text(self._model.tokenizer, text, words)

    @checks_arguments
    def score(self, text: str, above: Sequence[str] = ()) -> ScoredLine:
        """Returns the probability of each word of a line, and its rank among all suggestions.

        >>> import rnnlm_tui
        >>> line = rnnlm_tui.load("shakespeare").score("Shall I compare thee")
        >>> [(word.word, word.rank) for word in line.words]
        [('shall', 33), ('I', 1), ('compare', 30), ('thee', 2)]

        `line.loss` is the mean negative log-likelihood, in nats per word.
        """
        above, line = self._last_line(text, above)
        return next(score(self._model, [Excerpt(above, [line])]))

    @checks_arguments
    def explain(self, text: str, above: Sequence[str] = ()) -> Explanation:
        """Explains what the model does with a line.

        Returns the arrays that each part of the model computes, stage by stage, the share of each
        part in the suggestions, and the influence of each word of the line on them. Each stage has
        a `sentence` that describes it, its `layer` in Keras, the `formula` and the number of its
        `parameters`.

        >>> import rnnlm_tui
        >>> found = rnnlm_tui.load("shakespeare").explain("shall I compare ")
        >>> for stage in found.parts[0].stages[:3]:
        ...     print(stage.name, stage.values.shape)
        words (3,)
        ids (4,)
        embedding (4, 256)
        >>> for part in found.parts:  # what each part adds to the first suggestion
        ...     print(f"{part.name} {part.contributions[0]:.3f}")
        network 0.082
        n-grams 0.032
        recent words 0.000
        """
        from rnnlm_tui.suggesting.explain import explain  # other queries do not need it

        above, line = self._last_line(text, above)
        return explain(self._model, line, above, self._opened.contexts)

    @checks_arguments
    def neighbours(self, word: str) -> tuple[tuple[str, float], ...]:
        """Returns the words whose embeddings are most like that of a word, with their cosines.

        >>> import rnnlm_tui
        >>> [other for other, _ in rnnlm_tui.load("shakespeare").neighbours("a")][:2]
        ['the', 'your']

        Returns none if the network does not know the word, or if the model has no network.
        """
        from rnnlm_tui.suggesting.explain import neighbours

        return neighbours(self._model, word)

    def _last_line(self, text: str, above: Sequence[str]) -> tuple[list[str], str]:
        """Returns all lines above the last line of a text, and the last line."""
        of_text, line = split_last_line(self._model, text)
        return [*above, *of_text], line


def _paths(texts: Sequence[str | Path]) -> tuple[str, ...]:
    return tuple(fspath(each) for each in texts)
