"""Models that were saved once, one of each preset, and those that ship: they open, suggest what
they did, and have the figures that they have."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from rnnlm_tui.cli.main import main
from rnnlm_tui.errors import ModelError
from rnnlm_tui.lm.causal import DIRECTIONS, PROJECTION, START, CausalModel, key_directions
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.paths import PACKAGE
from rnnlm_tui.store.files import SUFFIX
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import (
    STATES,
    TEXT_TENSORS,
    open_stored,
    read_card,
    read_model,
    write_model,
    write_stored,
)
from rnnlm_tui.suggesting.evaluate import score, summarize
from rnnlm_tui.suggesting.suggest import apply_insertion, suggest
from rnnlm_tui.text.held_out import Excerpt
from rnnlm_tui.text.reading import read_corpus
from rnnlm_tui.text.vocabulary import BEGIN_ID
from tests.helpers.models import SAVED_MODELS, held_out_lines, put, put_saved_model, saved_model

DATA = PACKAGE / "data"
PRESETS = ("lesson", "rnn", "gru", "lstm", "ngram")
ANSWERS: dict[str, list[tuple[str, float]]] = json.loads(
    (SAVED_MODELS / "answers.json").read_text()
)
MAX_BYTES = {"shakespeare": 2 << 20}
"""In the wheel, which is a zip. A language has at most 9 MB."""
SHIPPED = sorted(path.stem for path in (DATA / "models").iterdir())


@pytest.mark.parametrize("preset", PRESETS)
def test_a_saved_model_suggests_what_it_did_and_has_the_figures_that_it_had(
    library: Library, preset: str
) -> None:
    put_saved_model(library, preset)
    opened = library.open(preset)
    card, model = opened.card, opened.model
    candidates, expected = suggest(model, "shall i ").candidates, ANSWERS[preset]
    assert [each.word for each in candidates] == [word for word, _ in expected]
    probabilities = [probability for _, probability in expected]
    assert [each.probability for each in candidates] == pytest.approx(probabilities, rel=1e-4)
    unseen = held_out_lines(library, preset, read_corpus([SAVED_MODELS / "verses.txt"]))
    assert card.evaluation is not None and len(unseen) == card.evaluation.lines
    figures = structs.asdict(card.evaluation)
    for name, value in structs.asdict(summarize(score(model, [Excerpt((), unseen)]))).items():
        assert value == pytest.approx(figures[name], rel=1e-5), name


@pytest.mark.parametrize(
    ("models", "name", "text"),
    [
        *((SAVED_MODELS, preset, [SAVED_MODELS / "verses.txt"]) for preset in PRESETS),
        (DATA / "models", "shakespeare", []),
    ],
)
def test_a_card_counts_the_words_and_lines_of_the_text_as_a_person_does(
    models: Path, name: str, text: list[Path]
) -> None:
    facts, found = read_card(models / f"{name}{SUFFIX}").corpus, read_corpus(text)
    assert (facts.lines, facts.words) == (found.lines, found.words)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "shakespeare"])
def test_a_language_has_a_code_and_a_page_with_the_numbers_of_its_card(name: str) -> None:
    card = read_card(DATA / "models" / f"{name}{SUFFIX}")
    page = (DATA / f"{name}.md").read_text("utf-8")
    assert f"{card.corpus.words:,} words on {card.corpus.lines:,} lines" in page
    assert card.is_language and len(card.language) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("with_shipped_models")
@pytest.mark.parametrize("name", SHIPPED)
def test_the_models_that_ship_are_small_and_whole(library: Library, name: str) -> None:
    assert len(zlib.compress(library.path(name).read_bytes())) <= MAX_BYTES.get(name, 9 << 20)
    opened = library.open(name)
    card, model = opened.card, opened.model
    assert card.config.tokenizer == "prose" and card.evaluation is not None
    with open_stored(library.path(name)) as stored:
        assert len(stored.lines().known) > 1000
    headings = {"XVIII", "xviii", "XVIII."} & {*model.vocabulary.words}
    assert headings <= {*card.blocked_words}
    assert name != "english" or {"beleive", "haveing", "didnt", "whores"} <= {*card.blocked_words}
    contexts = Contexts(model)
    for word in card.blocked_words:
        assert word in model.vocabulary
        line = f"He said {word[:-1]}"
        suggested = suggest(model, line, k=100, contexts=contexts, looks_ahead=False).candidates
        assert word not in [candidate.word for candidate in suggested]


@pytest.mark.parametrize(
    ("name", "line", "written"),
    [
        ("german", "Ich glaube, das", "Ich glaube, dass"),
        ("german", "Meine Fuess", "Meine Füße"),
        ("german", "Er ist gros", "Er ist groß"),
        ("german", "Ich habe keine zei", "Ich habe keine Zeit"),
        ("german", "Guten Tag! wett", "Guten Tag! Wetter"),
        ("french", "Tu viens ? ", "Tu viens ? Je"),
        ("french", "S'il te plai", "S'il te plaî"),
        ("french", "Il va a l'eco", "Il va a l'école"),
        ("french", "Qu'est-ce que tu veux ", "Qu'est-ce que tu veux ?"),
        ("french", "Elle a dit : «", "Elle a dit : « "),
        ("spanish", "Hasta manana", "Hasta mañana"),
        ("spanish", "Es muy facil", "Es muy fácil"),
        ("spanish", "El ano", "El año"),
        ("spanish", "Muchas gracais", "Muchas gracias"),
        ("spanish", "El 3 de ener", "El 3 de enero"),
        ("italian", "Andiamo all'univ", "Andiamo all'università"),
        ("italian", "Non so perche", "Non so perché"),
        ("italian", "E'", "È"),
        ("italian", "Vieni? ", "Vieni? N"),
        ("italian", "Bevo un po' d", "Bevo un po' di"),
        ("italian", "Che gio", "Che gioia"),
    ],
)
@pytest.mark.usefixtures("with_shipped_models")
def test_a_language_is_written_as_it_is_today(
    library: Library, name: str, line: str, written: str
) -> None:
    suggested = suggest(library.open(name).model, line, looks_ahead=False)
    lines = [apply_insertion(line, word) for word in suggested.insertable]
    assert any(each.startswith(written) for each in lines), lines


@pytest.mark.usefixtures("with_shipped_models")
def test_german_quotes_are_those_of_today(library: Library) -> None:
    tokenizer = library.open("german").model.tokenizer
    quoted = ["“", "Ja", ",", "‘", "so", "’", "?", "”", "sagte", "er", "."]
    for before in ("", "Wie geht’s?", "Er sagte: „Nur ‚so‘.“"):
        assert tokenizer.in_style_of(before, ()).join(quoted) == "„Ja, ‚so‘?“ sagte er."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spanish", "—¿Sí? —dijo Ana—. “¡Sí!”"),
        ("italian", "«L'amico di Luca? È al 30% – così pare», disse."),
    ],
)
@pytest.mark.usefixtures("with_shipped_models")
def test_marks_and_their_spaces_are_those_of_today(library: Library, name: str, text: str) -> None:
    tokenizer = library.open(name).model.tokenizer
    assert tokenizer.join(tokenizer.words(text)) == text


def test_a_model_that_ships_is_always_there_and_nobody_can_change_it(
    data_dir: Path, built_in_dir: Path, tmp_path: Path
) -> None:
    put(built_in_dir, {"shakespeare.safetensors": saved_model("ngram")})
    library, name = Library(data_dir), "shakespeare"
    assert library.runs.all() == []
    (entry,) = library.entries()
    assert (entry.name, entry.built_in, entry.damaged) == (name, True, None)
    assert not data_dir.exists(), "nothing is made before something is saved"
    library.import_(library.export(name, tmp_path), "mine")
    exported = tmp_path / f"{name}.safetensors"
    changes: list[Callable[[], object]] = [
        lambda: library.lock(name),
        lambda: library.delete(name),
        lambda: library.rename(name, "other"),
        lambda: library.rename("mine", name),
        lambda: library.import_(exported, name),
    ]
    for change in changes:
        with pytest.raises(ModelError):
            change()
    assert library.path(name).read_bytes() == saved_model("ngram")
    os.utime(library.path("mine"), (0, 0))
    assert library.newest_first() == ["mine", name], "models of the user's own come first"


@pytest.mark.slow
@pytest.mark.usefixtures("with_shipped_models")
def test_the_figures_of_a_model_that_ships_are_those_of_its_text(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = library.open("shakespeare").card.evaluation
    assert kept is not None and kept.keystroke_savings is not None
    assert main(["--evaluate", "--model", "shakespeare", "--all", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert (found["lines"], found["words"]) == (kept.lines, kept.words)
    # numpy differs between processors, and the stored weights of the mixture are rounded.
    assert found["loss"] == pytest.approx(kept.loss, rel=1e-3)
    saved = structs.asdict(kept.keystroke_savings)
    assert found["keystroke_savings"] == pytest.approx(saved, abs=2e-3)


def test_a_file_has_the_directions_of_its_keys(tmp_path: Path) -> None:
    """That of the English, and one that is written now. Their signs do not matter."""
    english = DATA / "models" / f"english{SUFFIX}"
    with open_stored(english) as stored:
        card, tensors, network = stored.card, stored.tensors(), stored.network()
    of_text = {name: tensors[name] for name in TEXT_TENSORS}
    write_model(tmp_path / "model", card, of_text, network)
    for path in (english, tmp_path / "model"):
        with open_stored(path) as stored:
            weights = stored.network(to_predict=True)
        directions, expected = weights[DIRECTIONS], key_directions(weights[PROJECTION])
        assert directions @ directions.T == pytest.approx(expected @ expected.T, abs=1e-3)


def test_a_text_begins_from_the_state_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with open_stored(SAVED_MODELS / f"gru{SUFFIX}") as stored:
        card, tensors, usual = stored.card, stored.tensors(), stored.model()
    assert isinstance(usual, CausalModel)
    state = np.full_like(usual.start, 0.5)
    write_stored(path, card, tensors | {STATES + START: state})
    _, model = read_model(path)
    before, after = (each.next_word_probabilities([BEGIN_ID]) for each in (usual, model))
    assert not np.allclose(before, after)
    write_stored(path, card, tensors | {STATES + START: state[:, :, 1:]})
    with pytest.raises(ModelError, match="its tensors are not those of its card"):
        read_model(path)
