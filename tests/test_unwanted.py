"""The words that the user wants never suggested: their file, and what every way of asking makes of
it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import rnnlm_tui
from rnnlm_tui.errors import StorageError
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.paths import NEVER_SUGGEST, config_dir
from rnnlm_tui.store.unwanted import UnwantedWords
from rnnlm_tui.suggesting.generate import generate_words
from rnnlm_tui.suggesting.suggest import suggest, word_of_list
from rnnlm_tui.text.prose_learning import learn_prose
from rnnlm_tui.text.tokenizers import LessonTokenizer, WhitespaceTokenizer
from rnnlm_tui.text.vocabulary import SPECIAL_TOKENS
from tests.helpers.commands import Command, trained
from tests.helpers.scripted import ScriptedModel

WORDS = ("will", "Will", "we", "Oskar", "don't", "damn", "Damn", "rose", "café", ".", ",")
TEXT = ["We said that Will and Oskar don't go.", "Then we will go, and the rose was there."] * 8
PROSE = learn_prose(TEXT)


@pytest.fixture
def file() -> Path:
    """The file, which does not exist yet, in a folder that does."""
    config_dir().mkdir()
    return config_dir() / NEVER_SUGGEST


def prose_model(after: dict[str, dict[str, float]] | None = None) -> ScriptedModel:
    return ScriptedModel(after or {}, 9, SPECIAL_TOKENS, WORDS, PROSE)


def listed(line: str, *unwanted: str, above: tuple[str, ...] = ()) -> set[str]:
    """The words of the list, as they are written, of a model that finds all equally likely."""
    model = prose_model()
    contexts = Contexts(model, lambda: frozenset(unwanted))
    answer = suggest(model, line, k=50, above=above, contexts=contexts)
    return {
        (line[len(line) - len(answer.prefix) :] + c.text).strip()[c.replaces_before :]
        if answer.prefix
        else c.text.strip()
        for c in answer.candidates
    }


@pytest.mark.parametrize(
    ("raw", "word", "added"),
    [
        (b"", "one", b"one\n"),
        (b"two\n\n  three \n", "one", b"two\n\n  three \none\n"),
        (b"two", "one", b"two\none\n"),
        (b"two\r\nthree\r\n", "one", b"two\r\nthree\r\none\r\n"),
        (b"\xef\xbb\xbftwo\n", "one", b"\xef\xbb\xbftwo\none\n"),
        (b"\xef\xbb\xbfone\n", "one", b"\xef\xbb\xbfone\n"),
        (b"  one\t\n", "one", b"  one\t\n"),
        (b"# mine\nOne\n", "one", b"# mine\nOne\none\n"),
    ],
)
def test_a_word_is_added_and_removed_and_the_other_lines_stay(
    file: Path, raw: bytes, word: str, added: bytes
) -> None:
    file.write_bytes(raw)
    unwanted = UnwantedWords()
    unwanted.add(word)
    assert file.read_bytes() == added
    assert word in unwanted.words() == UnwantedWords().words()
    unwanted.remove(word)
    assert word not in unwanted.words()
    assert [line for line in raw.split() if b"one" not in line] == file.read_bytes().split()
    assert [*file.parent.iterdir()] == [file], "nothing is left beside it"


def test_lines_are_read_as_models_spell_words(file: Path) -> None:
    lines = ["\ufeff cafe\u0301 ", "", "don’t", "’", "no word at all", "\tzzz\r", "a\u2028b"]
    file.write_text("\n".join(lines), encoding="utf-8")
    words = {"café", "don't", "’", "no word at all", "zzz", "a\u2028b"}
    assert UnwantedWords().words() == words
    assert not listed("they ", "no word at all", "zzz") ^ listed("they ")


def test_a_file_that_is_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.txt"
    elsewhere.write_text("two\n")
    file.symlink_to(elsewhere)
    UnwantedWords().add("one")
    assert file.is_symlink()
    assert elsewhere.read_text() == "two\none\n"


def test_the_folder_is_made_for_the_first_word() -> None:
    assert UnwantedWords().words() == frozenset()
    assert not config_dir().exists()
    UnwantedWords().add("one")
    assert UnwantedWords().words() == {"one"}


@pytest.mark.parametrize("raw", [b"two\nM\xfcller\n", "two\n".encode("utf-16"), None])
def test_a_file_that_cannot_be_read_is_told_and_left_alone(file: Path, raw: bytes | None) -> None:
    file.mkdir() if raw is None else file.write_bytes(raw)
    unwanted = UnwantedWords()
    with pytest.raises(StorageError, match=r"never-suggest\.txt"):
        unwanted.words()
    assert unwanted.words() == frozenset(), "once is enough"
    for change in (unwanted.add, unwanted.remove):
        with pytest.raises(StorageError):
            change("two")
    assert raw is None or file.read_bytes() == raw


@pytest.mark.parametrize(
    ("unwanted", "line", "gone"),
    [
        # In small letters: all writings.
        ("damn", "they ", {"damn", "Damn"}),
        ("damn", "", {"Damn"}),
        ("damn", "they da", {"damn", "Damn"}),
        ("damn", "They left. Da", {"Damn"}),
        ("oskar", "they ", {"Oskar"}),
        # With a capital: that one alone, which begins a sentence as the other does.
        ("Will", "they ", {"Will"}),
        ("Will", "", set()),
        ("will", "", {"Will"}),
        ("Oskar", "they os", {"Oskar"}),
        ("OSKAR", "they ", set()),
        # Marks and apostrophes are words as others are.
        (",", "they ", {","}),
        ("don't", "they don", {"don't"}),
    ],
)
def test_a_word_is_not_listed_in_any_writing_that_its_line_stands_for(
    unwanted: str, line: str, gone: set[str]
) -> None:
    assert listed(line) - listed(line, unwanted) == gone
    assert listed(line, unwanted) <= listed(line)


def test_a_word_that_only_the_page_has_is_not_listed_either() -> None:
    above = ("They saw Zenobia and the Xylophon there.",)
    assert {"Zenobia", "Xylophon"} <= listed("they ", above=above)
    assert "Zenobia" not in listed("they ", "Zenobia", above=above)
    assert "Xylophon" not in listed("they xy", "xylophon", above=above)


def test_a_model_of_small_letters_follows_a_line_with_a_capital() -> None:
    words = ("oskar", "Oskar", "will")
    for tokenizer, gone in (
        (LessonTokenizer(), {"oskar", "Oskar"}),
        (WhitespaceTokenizer(), {"Oskar"}),
    ):
        model = ScriptedModel({}, words=words, tokenizer=tokenizer)
        contexts = Contexts(model, lambda: frozenset({"Oskar", "Will Smith"}))
        answer = suggest(model, "will ", contexts=contexts)
        assert {*words} - {c.word for c in answer.candidates} == gone


def test_neither_the_ghost_nor_a_continuation_has_an_unwanted_word() -> None:
    model = prose_model({"we": {"will": 0.9, "rose": 0.1}, "will": {"Oskar": 0.9, "rose": 0.1}})
    for unwanted, continuation, generated in (
        ("zzz", ("will", "Oskar"), ["will", "Oskar"]),
        ("Oskar", ("will",), ["will", "rose"]),
        ("will", ("rose",), ["rose"]),
    ):
        contexts = Contexts(model, partial(frozenset, {unwanted}))
        assert suggest(model, "we ", contexts=contexts).continuation[:2] == continuation
        words = generate_words(model, "we ", len(generated), 0, contexts=contexts)
        assert words == generated
        rng = np.random.default_rng(0)
        drawn = [generate_words(model, "we ", 2, 1.0, rng=rng, contexts=contexts) for _ in range(9)]
        assert unwanted not in {word for words in drawn for word in words}


def test_a_slip_of_the_fingers_is_not_corrected_to_an_unwanted_word() -> None:
    model = prose_model()
    for unwanted, found in (("zzz", ["Oskar"]), ("Oskar", [])):
        contexts = Contexts(model, partial(frozenset, {unwanted}))
        answer = suggest(model, "they oksa", contexts=contexts)
        assert [word.word for word in answer.candidates] == found


def test_an_unwanted_word_stays_known_and_comes_back_when_it_is_wanted() -> None:
    model, unwanted = prose_model(), {"Oskar"}
    contexts = Contexts(model, lambda: frozenset(unwanted))
    for line in ("they Osk", "they Oskar", "they Oskar we"):
        answer = suggest(model, line, contexts=contexts)
        assert "Oskar" not in [c.word for c in answer.candidates]
        assert answer.unknown == ("they",)
    unwanted.clear()
    assert suggest(model, "they Osk", contexts=contexts).candidates[0].word == "Oskar"


@pytest.mark.parametrize(
    ("before", "word", "meant", "seen"),
    [
        ("they ", "Will", "Will", "Will"),
        ("", "Will", "will", "Will"),
        ("They left. Wi", "Will", "will", "Will"),
        ("", "will", "will", "Will"),
        ("", "Oskar", "Oskar", "Oskar"),
        ("", "rose", "rose", "Rose"),
        ("THEY ARE ", "Will", "will", "WILL"),
    ],
)
def test_where_writings_look_alike_the_word_in_small_letters_is_meant(
    before: str, word: str, meant: str, seen: str
) -> None:
    assert word_of_list(prose_model(), before, word) == meant
    assert seen in listed(before)
    assert seen not in listed(before, meant)


@pytest.fixture
def verses(corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model that answers."""
    monkeypatch.setenv("RNNLM_MODEL", "verses")
    trained(corpus_file, "--preset=ngram", "--name=verses", "--held-out=0", "--on=none")


@pytest.mark.usefixtures("verses")
def test_commands_and_python_follow_the_file(run: Command, file: Path) -> None:
    asked = '{"text": "the c"}\n{"text": "the "}\n'
    evaluated = run("--evaluate", "--json", "--model=verses", str(file.parents[1] / "verses.txt"))
    score = rnnlm_tui.load("verses").score("the cat")
    assert "cat" in run("--suggest", "the ").stdout
    file.write_text("Cat\ncat\n")
    for arguments, stdin in (
        (("--suggest", "the "), ""),
        (("--suggest", "the c"), ""),
        (("--suggest", "--json"), asked),
        (("--generate", "the "), ""),
    ):
        done = run(*arguments, stdin=stdin)
        assert done.stderr == ""
        assert "cat" not in done.stdout, arguments
        assert "unknown:" not in done.stdout, "it stays known"
    explained = json.loads(run("--explain", "--json", "the ").stdout)
    assert "cat" not in [each["word"] for each in explained["suggestions"]]
    model = rnnlm_tui.load("verses")
    assert "cat" not in [s.word for s in model.suggest("the ")]
    assert "cat" not in model.generate("the ", words=5)
    # Figures are those of the model, whatever its user wants.
    again = run("--evaluate", "--json", "--model=verses", str(file.parents[1] / "verses.txt"))
    assert again.stdout == evaluated.stdout
    assert model.score("the cat") == score


@pytest.mark.usefixtures("verses")
def test_commands_and_python_tell_of_a_file_that_they_cannot_read(run: Command, file: Path) -> None:
    file.write_bytes(b"M\xfcller\n")
    for arguments in (("--suggest", "the "), ("--suggest", "--json"), ("--generate", "the ")):
        done = run(*arguments, stdin='{"text": "the "}\n', code=1)
        assert f"{file} is not UTF-8: byte 1" in done.stderr
        assert "Traceback" not in done.stderr
    with pytest.raises(StorageError, match="is not UTF-8"):
        rnnlm_tui.load("verses")
    run("--models")


def test_the_help_names_the_file(run: Command, file: Path) -> None:
    for mode in ("--suggest", "--generate", "--explain", "--lsp"):
        assert str(file) in run(mode, "--help").stdout.replace("\n", "")
    assert NEVER_SUGGEST in run("--help").stdout
