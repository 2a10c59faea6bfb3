"""The command line but for training: what a person or a script gets back."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui import __version__
from rnnlm_tui.cli import main
from rnnlm_tui.errors import ModelError
from tests.helpers.commands import POSIX, VERSES, Command, command_line, on_terminal, refused

Ask = Callable[..., subprocess.CompletedProcess[str]]

LESSON = ["--preset", "lesson"]
HOSTILE = "the \x1bevil \x9bworse \x07cat\n"
"""Words that would steer a terminal; the tokenizer keeps control characters."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one small model called verses. Do not change it."""
    folder = tmp_path_factory.mktemp("trained")
    corpus = folder / "verses.txt"
    corpus.write_text(VERSES + HOSTILE, encoding="utf-8")
    sizes = [
        "--preset=lesson",
        "--embedding-size=4",
        "--bidirectional-size=4",
        "--recurrent-size=4",
        "--threads=1",
        "--device=cpu",
    ]
    arguments = ["--train", str(corpus), *sizes, "--epochs=2", "--name=verses", "--json"]
    arguments += ["--data-dir", str(folder / "data")]
    done = subprocess.run(
        command_line(*arguments), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "data"


@pytest.fixture
def ask(command: Command, trained: Path) -> Ask:
    """Runs the command with the trained model's data folder."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return command(*arguments, "--data-dir", str(trained), stdin=stdin)

    return run


@pytest.fixture
def copied(trained: Path, data_dir: Path) -> Path:
    """The models folder of this test's own data folder, with a copy of the model in it."""
    shutil.copytree(trained, data_dir)
    return data_dir / "models"


def raw(arguments: list[str], trained: Path, stdin: bytes, **environment: str) -> bytes:
    """Standard output of a run that must end well, bytes in and bytes out."""
    done = subprocess.run(
        command_line(*arguments, "--data-dir", str(trained)),
        input=stdin,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


# Help, modes and options


def test_version(command: Command) -> None:
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"rnnlm-tui {__version__}\n")


def test_without_a_screen_the_app_is_one_sentence(command: Command) -> None:
    for arguments in ([], ["verses"]):
        message = refused(command(*arguments))
        assert "the terminal app needs a terminal, and standard input is not one" in message
        assert "rnnlm-tui --help" in message


class Screen(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, terminal: bool = True) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def on_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """All standard streams are terminals that can move their cursor. Not a fixture: pytest puts its
    own streams in place after those."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Screen())
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, Path]]:
    """What the app was opened with; it ends with exit code 7."""
    calls: list[tuple[str | None, Path]] = []

    def start(model: str | None, data_dir: Path) -> int:
        calls.append((model, data_dir))
        return 7

    module = types.ModuleType("rnnlm_tui.tui.start")
    module.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rnnlm_tui.tui.start", module)
    return calls


@pytest.mark.parametrize(
    ("arguments", "model", "folder"),
    [
        ([], None, "data"),
        (["verses"], "verses", "data"),
        (["verses", "--debug"], "verses", "data"),
        (["--data-dir", "other", "verses"], "verses", "other"),
        (["verses", "--data-dir=other"], "verses", "other"),
        (["--debug"], None, "data"),
    ],
)
def test_no_mode_opens_the_app(
    arguments: list[str],
    model: str | None,
    folder: str,
    opened: list[tuple[str | None, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_screen(monkeypatch)
    monkeypatch.setenv("RNNLM_DATA_DIR", "data")
    monkeypatch.chdir(tmp_path)
    assert main.main(arguments) == 7
    assert opened == [(model, Path(folder))]


def test_an_error_of_the_app_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    on_screen(monkeypatch)

    def fail(model: str | None, data_dir: Path) -> int:
        raise ModelError(f"there is no model {model}", "take another")

    module = types.ModuleType("rnnlm_tui.tui.start")
    module.start = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rnnlm_tui.tui.start", module)
    assert main.main(["\x1b[2J"]) == 1
    assert isinstance(sys.stderr, Screen)
    shown = sys.stderr.getvalue()
    assert shown == "rnnlm-tui: there is no model \ufffd[2J\n  take another\n"
    with pytest.raises(ModelError):
        main.main(["verses", "--debug"])


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_the_app_needs_three_terminals(
    name: str, opened: list[tuple[str | None, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_screen(monkeypatch)
    assert main.screen_problem() is None
    monkeypatch.setattr(sys, name, Screen(terminal=False))
    full = {"stdin": "standard input", "stdout": "standard output", "stderr": "standard error"}
    assert f"{full[name]} is not one" in (main.screen_problem() or "")
    assert main.main([]) == 2
    assert opened == []


@pytest.mark.parametrize(
    ("term", "platform", "fits"),
    [
        ("dumb", "linux", False),
        ("", "linux", False),
        (None, "darwin", False),
        (None, "win32", True),
        ("dumb", "win32", False),
        ("linux", "linux", True),
    ],
)
def test_the_app_needs_a_terminal_that_can_move_its_cursor(
    term: str | None,
    platform: str,
    fits: bool,
    opened: list[tuple[str | None, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_screen(monkeypatch)
    monkeypatch.setattr(sys, "platform", platform)
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    assert (main.screen_problem() is None) == fits
    assert main.main([]) == (7 if fits else 2)
    assert len(opened) == fits


@POSIX
def test_a_dumb_terminal_gets_one_sentence_and_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    code, shown = on_terminal("verses")
    assert code == 2
    assert len(shown.splitlines()) == 2
    assert shown.startswith("rnnlm-tui: the terminal app needs a terminal that can move its cursor")
    assert "\x1b" not in shown


# --suggest


def test_suggest_prints_a_table(ask: Ask) -> None:
    done = ask("--suggest", "the zzz cat ", "--top", "3")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "next words, by verses"
    assert all(re.fullmatch(r"  \S+ +\d+\.\d%( +█+)?", line) for line in lines[1:4]), lines
    assert lines[4].startswith("continuation: ")
    assert lines[5:] == ["seen: the cat", "unknown: zzz"]


def test_suggest_tells_a_half_typed_word_from_the_next(ask: Ask) -> None:
    lines = ask("--suggest", "the s").stdout.splitlines()
    assert lines[0] == 'words that begin with "s", by verses'
    assert {line.split()[0] for line in lines[2:6]} == {"sat", "sang", "song"} | {"continuation:"}
    assert "  none\n" in ask("--suggest", "the q").stdout


def test_suggest_json_keeps_its_contract(ask: Ask) -> None:
    done = ask("--suggest", "the zzz cat S", "--json")
    (line,) = done.stdout.splitlines()
    answer = json.loads(line)
    assert list(answer) == [
        "line",
        "prefix",
        "suggestions",
        "continuation",
        "seen",
        "unknown",
        "model",
    ]
    assert (answer["line"], answer["prefix"], answer["model"]) == ("the zzz cat S", "s", "verses")
    assert (answer["seen"], answer["unknown"]) == (["the", "cat"], ["zzz"])
    words = [suggestion["word"] for suggestion in answer["suggestions"]]
    probabilities = [suggestion["probability"] for suggestion in answer["suggestions"]]
    assert sorted(words) == ["sang", "sat", "song"]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert answer["continuation"][0] == words[0]
    assert all(set(suggestion) == {"word", "probability"} for suggestion in answer["suggestions"])


def test_suggest_answers_every_line_of_standard_input_in_order(ask: Ask) -> None:
    lines = ["the cat ", "", "zzz ", "the s", "q"]
    done = ask("--suggest", "--json", stdin="\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["line"] for answer in answers] == lines
    for answer, line in zip(answers, lines, strict=True):
        assert answer == json.loads(ask("--suggest", line, "--json").stdout)
    text = ask("--suggest", stdin="\n".join(lines)).stdout.split("\n")
    assert re.fullmatch(r"(\S+ \d+\.\d%, ){4}\S+ \d+\.\d%", text[0])
    assert len(text) == len(lines) + 1
    assert (text[4], text[5]) == ("", "")


def test_suggest_answers_a_line_before_the_next_one_comes(trained: Path) -> None:
    arguments = command_line("--suggest", "--json", "--data-dir", str(trained))
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in ("the ", "a "):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["line"] == line
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_suggest_takes_text_that_is_not_utf8_as_unknown_words(trained: Path) -> None:
    output = raw(["--suggest", "--json"], trained, b"\xff\xfe the \ncat ")
    first, second = (json.loads(line) for line in output.splitlines())
    assert (first["seen"], first["unknown"]) == (["the"], ["\ufffd\ufffd"])
    assert second["seen"] == ["cat"]


@POSIX
def test_an_argument_that_is_not_utf8_still_gives_json_in_utf8(trained: Path) -> None:
    argument = os.fsdecode(b"caf\xe9 the ")
    answer = json.loads(raw(["--suggest", argument, "--json"], trained, b"").decode())
    assert answer["seen"] == ["the"]
    generated = json.loads(raw(["--generate", argument, "--json"], trained, b"").decode())
    assert generated["text"].startswith("caf? the ")


@pytest.mark.parametrize("top", [1, 4, 10_000])
def test_top_says_how_many_words(ask: Ask, top: int) -> None:
    answer = json.loads(ask("--suggest", "the ", "--json", "--top", str(top)).stdout)
    known = 24
    assert len(answer["suggestions"]) == min(top, known)


def test_no_text_still_has_a_likeliest_first_word(ask: Ask) -> None:
    answer = json.loads(ask("--suggest", "", "--json").stdout)
    assert (answer["seen"], len(answer["suggestions"])) == ([], 5)


def test_a_terminal_without_unicode_gets_plain_bars(trained: Path) -> None:
    output = raw(["--suggest", "the s"], trained, b"", PYTHONIOENCODING="ascii").decode("ascii")
    assert re.search(r"  s\w+ +\d+\.\d%  #+", output)


def test_json_is_utf8_whatever_the_locale(trained: Path) -> None:
    output = raw(["--suggest", "é ", "--json"], trained, b"", PYTHONIOENCODING="ascii")
    assert json.loads(output.decode())["unknown"] == ["é"]


def test_asking_without_a_model_says_how_to_get_one(command: Command) -> None:
    for mode in ("--suggest", "--generate"):
        message = refused(command(mode, "the "), code=1)
        assert "there is no model yet" in message
        assert "train one: rnnlm-tui --train" in message


def test_asking_an_unknown_model_names_those_there_are(ask: Ask) -> None:
    message = refused(ask("--suggest", "the ", "--model", "nosuch"), code=1)
    assert message == "rnnlm-tui: there is no model nosuch\n  models: verses\n"


# --generate


def test_generate_continues_by_ten_words_greedily(ask: Ask) -> None:
    first, second = ask("--generate", "the cat"), ask("--generate", "the cat")
    assert first.stdout == second.stdout
    assert re.fullmatch(r"the cat( \S+){10}\n", first.stdout)


def test_generate_words_says_how_many(ask: Ask) -> None:
    answer = json.loads(ask("--generate", "The Cat,", "--words", "3", "--json").stdout)
    assert list(answer) == ["text", "words", "model", "copied"]
    assert len(answer["words"]) == 3
    assert answer["text"] == "The Cat, " + " ".join(answer["words"])


def test_generate_goes_on_from_what_it_generated(ask: Ask) -> None:
    three = json.loads(ask("--generate", "the", "--words", "3", "--json").stdout)
    two = json.loads(ask("--generate", "the", "--words", "2", "--json").stdout)
    one_more = json.loads(ask("--generate", two["text"], "--words", "1", "--json").stdout)
    assert one_more["text"] == three["text"]


def test_generate_leaves_one_space_before_its_first_word(ask: Ask) -> None:
    assert ask("--generate", "the cat ").stdout == ask("--generate", "the cat").stdout
    assert re.fullmatch(r"\S+( \S+){9}\n", ask("--generate", "").stdout)


def test_generate_answers_every_line_of_standard_input(ask: Ask) -> None:
    done = ask("--generate", "--words", "1", stdin="the cat\na bird\n")
    first, second = done.stdout.splitlines()
    assert first.startswith("the cat ")
    assert second.startswith("a bird ")


def test_generate_draws_the_same_words_for_the_same_seed(ask: Ask) -> None:
    def draw(seed: int) -> str:
        return ask("--generate", "the", "--temperature", "2", "--seed", str(seed)).stdout

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in (1, 2, 3)}) > 1


def test_generate_from_the_single_likeliest_word_is_greedy(ask: Ask) -> None:
    drawn = ask("--generate", "the", "--temperature", "5", "--top-k", "1").stdout
    assert drawn == ask("--generate", "the").stdout


def test_generate_top_k_without_temperature_is_refused(ask: Ask) -> None:
    assert "--temperature" in refused(ask("--generate", "the", "--top-k", "3"))


# --summary


def test_summary_of_the_sonnets_is_the_lessons(command: Command) -> None:
    done = command("--summary", "--json")
    (line,) = done.stdout.splitlines()
    card = json.loads(line)
    assert (card["total_words"], card["examples"], card["window"]) == (3211, 15462, 10)
    assert card["parameters"] == 5_755_471
    figures = [layer["parameters"] for layer in card["layers"] if layer["parameters"]]
    assert figures == [321_100, 75_300, 40_100, 162_105, 5_156_866]
    assert set(card["layers"][0]) == {"name", "type", "output_shape", "parameters"}
    assert card["layers"][0]["output_shape"] == [None, 10, 100]
    assert card["layers"][-1]["output_shape"] == [None, 3211]
    assert 60 < card["estimated_s"] < 24 * 3600
    assert card["corpus"]["name"] == "sonnets.txt"
    assert len(card["corpus"]["sha256"]) == 64
    assert len(card["first_pairs"]) == 10
    assert card["first_pairs"][:2] == [["from", "fairest"], ["from fairest", "creatures"]]


def test_summary_of_the_sonnets_reads_like_the_lesson(command: Command) -> None:
    done = command("--summary")
    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        r"  from ---> fairest\n",
        r"total words +3,211 ",
        r"pairs +15,462\n",
        r"window +10 words\n",
        r"Embedding +\(None, 10, 100\) +321,100\n",
        r"Bidirectional\(SimpleRNN\) +\(None, 10, 300\) +75,300\n",
        r"SimpleRNN +\(None, 100\) +40,100\n",
        r"Dense \(relu\) +\(None, 1605\) +162,105\n",
        r"Dense \(softmax\) +\(None, 3211\) +5,156,866\n",
        r"5,755,471 parameters in all; training takes about 515\.8 MB of memory\n",
        r"  training 130 epochs takes about \d+ (min|h \d\d min) here\n",
    ):
        assert re.search(expected, done.stdout), expected


def test_summary_reads_several_files_and_standard_input(
    command: Command, corpus_file: Path
) -> None:
    both = command("--summary", str(corpus_file), "-", *LESSON, "--json", stdin="a new line\n")
    card = json.loads(both.stdout)
    assert card["corpus"]["name"] == "verses.txt and 1 more"
    alone = json.loads(command("--summary", "-", *LESSON, "--json", stdin=VERSES).stdout)
    assert alone["corpus"]["name"] == "stdin"
    assert card["total_words"] == alone["total_words"] + 2


def test_summary_estimates_more_time_for_more_work(command: Command) -> None:
    def seconds(*settings: str) -> float:
        card = json.loads(command("--summary", "--json", *settings).stdout)
        estimate: float = card["estimated_s"]
        return estimate

    few = seconds("--epochs", "1")
    assert 5 * few < seconds("--epochs", "50")
    assert seconds("--epochs", "1", "--max-vocabulary", "200") < few
    shown = command("--summary", "--epochs", "1").stdout
    assert re.search(r"  training 1 epoch takes about [\d.]+ (s|min) here\n", shown)


def test_summary_writes_nothing(command: Command, corpus_file: Path, data_dir: Path) -> None:
    assert command("--summary", str(corpus_file)).returncode == 0
    assert not data_dir.exists()


def test_summary_says_what_is_left_out_held_out_and_capped(
    command: Command, corpus_file: Path
) -> None:
    settings = [*LESSON, "--max-vocabulary", "5", "--held-out", "0.3", "--max-window", "2"]
    done = command("--summary", str(corpus_file), *settings)
    assert "5 words are kept" in done.stdout
    assert re.search(r"held out +\d lines, \d+ pairs", done.stdout)
    assert re.search(r"window +2 words, capped", done.stdout)


# The library


def test_models_is_empty_at_first_and_says_so(command: Command, data_dir: Path) -> None:
    done = command("--models")
    assert (done.returncode, done.stdout) == (0, "")
    assert "train one: rnnlm-tui --train" in done.stderr
    assert json.loads(command("--models", "--json").stdout) == {"models": [], "unfinished_runs": []}
    assert not data_dir.exists()


def test_models_lists_a_damaged_model_with_its_reason(command: Command, copied: Path) -> None:
    shutil.copytree(copied / "verses", copied / "broken")
    (weights,) = (copied / "broken").glob("weights-*.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    done = command("--models")
    header, broken, verses, note = done.stdout.splitlines()
    assert header.split()[:3] == ["name", "preset", "corpus"]
    assert broken.split()[:2] == ["broken", "damaged"]
    assert verses.split()[:5] == ["verses", "lesson", "verses.txt", "24", "2"]
    assert note.startswith("broken is damaged: ")
    first, second = json.loads(command("--models", "--json").stdout)["models"]
    assert (first["name"], first["preset"]) == ("broken", None)
    assert first["damaged"] in note
    assert (second["name"], second["preset"], second["damaged"]) == ("verses", "lesson", None)
    assert second["metrics"]["epoch"] == second["epochs_done"] == 2
    assert second["corpus"]["name"] == "verses.txt"


def test_a_renamed_model_answers_under_its_new_name_alone(command: Command, copied: Path) -> None:
    done = command("--rename", "verses", "poems")
    assert (done.returncode, done.stdout) == (0, "verses is now poems\n")
    assert command("--suggest", "the ", "--model", "poems").returncode == 0
    assert "there is no model verses" in refused(command("--suggest", "x", "--model", "verses"), 1)
    shutil.copytree(copied / "poems", copied / "other")
    assert "already" in refused(command("--rename", "poems", "other"), 1)
    assert "cannot be a model's name" in refused(command("--rename", "poems", "../up"))


def test_delete_needs_a_yes_where_nobody_can_be_asked(command: Command, copied: Path) -> None:
    assert "pass --yes" in refused(command("--delete", "verses", stdin="y\n"))
    assert (copied / "verses").exists()
    done = command("--delete", "verses", "--yes")
    assert (done.returncode, done.stdout) == (0, "deleted verses\n")
    assert not (copied / "verses").exists()
    assert "there is no model verses" in refused(command("--delete", "verses", "--yes"), 1)


@POSIX
@pytest.mark.parametrize("answer", ["n", "", "nonsense"])
def test_delete_keeps_the_model_unless_the_answer_is_yes(copied: Path, answer: str) -> None:
    code, output = on_terminal("--delete", "verses", typed=f"{answer}\n")
    assert code == 1
    assert "Delete the model verses? [y/N] " in output
    assert "nothing was deleted" in output
    assert (copied / "verses" / "model.json").exists()


@POSIX
@pytest.mark.parametrize("answer", ["y", "YES"])
def test_delete_obeys_a_yes(copied: Path, answer: str) -> None:
    code, output = on_terminal("--delete", "verses", typed=f"{answer}\n")
    assert code == 0
    assert "deleted verses" in output
    assert not (copied / "verses").exists()


def test_an_exported_model_can_be_imported_and_answers_the_same(
    command: Command, copied: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "sent.zip"
    done = command("--export", "verses", str(archive))
    assert done.stdout == f"wrote verses to {archive}\n"
    assert set(zipfile.ZipFile(archive).namelist()) == {
        "model.json",
        "vocabulary.json",
        "history.jsonl",
        *(path.name for path in (copied / "verses").glob("weights-*")),
    }
    assert command("--import", str(archive)).stdout == f"{archive} is now the model sent\n"
    assert "already" in refused(command("--import", str(archive)), 1)
    assert command("--import", str(archive), "--name", "again").returncode == 0
    answers = {
        command("--generate", "the", "--model", name).stdout for name in ("verses", "sent", "again")
    }
    assert len(answers) == 1


def test_export_without_a_file_writes_beside_you(
    command: Command, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(main.__file__).parent.parent))
    monkeypatch.chdir(tmp_path)
    assert copied.exists()
    assert command("--export", "verses").returncode == 0
    assert (tmp_path / "verses.zip").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_importing_what_is_no_model_is_refused_in_a_sentence(
    command: Command, tmp_path: Path, data_dir: Path, content: bytes | None
) -> None:
    archive = tmp_path / "sent.zip"
    if content is not None:
        archive.write_bytes(content)
    assert str(archive) in refused(command("--import", str(archive)), 1)
    assert [path for path in (data_dir / "models").iterdir() if path.name[0] != "."] == []


def test_importing_a_file_with_an_odd_name_points_to_name(
    command: Command, copied: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "my model.zip"
    assert command("--export", "verses", str(archive)).returncode == 0
    assert "name it with --name" in refused(command("--import", str(archive)))
    assert command("--import", str(archive), "--name", "mine").returncode == 0
    assert (copied / "mine").exists()


# What reaches the terminal


def controls(text: str) -> set[str]:
    """The control characters of `text` but for its line ends."""
    return {c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n"}


def test_control_characters_in_words_never_reach_the_terminal(ask: Ask, tmp_path: Path) -> None:
    corpus = tmp_path / "hostile.txt"
    corpus.write_text(HOSTILE)
    shown = [
        ask("--suggest", "the \x1bevil ", "--top", "100"),
        ask("--suggest", "the \x1b"),
        ask("--suggest", "--top", "100", stdin="the \x1b[2J\x9b31m\n"),
        ask("--suggest", "\x9b \u2028 the ", "--top", "100", "--json"),
        ask("--generate", "\x1b]0;title\x07"),
        ask("--generate", "\x9b31m the", "--json"),
        ask("--summary", str(corpus)),
        ask("--summary", str(corpus), "--json"),
        ask("--suggest", "the", "--model", "\x1b[2J"),
        ask("--delete", "\x1b[2J", "--yes"),
        ask("--import", "\x1b[2J.zip", "--name", "x"),
        ask("--\x1b[2J"),
    ]
    for done in shown:
        assert controls(done.stdout + done.stderr) == set(), done.args
    answer = json.loads(shown[3].stdout)
    assert {"\x1bevil", "\x9bworse"} <= {s["word"] for s in answer["suggestions"]}
    assert "\ufffdevil" in shown[0].stdout


def test_spaces_and_joiners_that_spell_words_stay(ask: Ask) -> None:
    words = "10\u00a0000 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert ask("--generate", words, "--words", "1").stdout.startswith(words + " ")


@POSIX
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--suggest", "the "], ["--suggest", "--json"], ["--models"]]
)
def test_a_reader_that_has_gone_is_no_error(trained: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        command_line(*arguments, "--data-dir", str(trained)),
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writing)
        _, errors = process.communicate(b"the \n" * 1000, timeout=60)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("arguments", [["--models"], ["--suggest", "the ", "--json"]])
def test_a_disk_too_full_for_the_result_is_a_sentence(trained: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command_line(*arguments, "--data-dir", str(trained)),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "rnnlm-tui: cannot write the result: no space left on device\n"


@POSIX
def test_closed_standard_streams_are_no_error(trained: Path) -> None:
    for closing in ("<&-", "2>&-", "<&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" "$@" {closing}', *command_line("--suggest", "the ", "--json")],
            env={**os.environ, "RNNLM_DATA_DIR": str(trained)},
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0
        assert json.loads(done.stdout)["seen"] == ["the"]


def test_an_error_shows_its_traceback_only_with_debug(command: Command) -> None:
    assert "Traceback" not in refused(command("--suggest", "x", "--model", "nosuch"), 1)
    assert "Traceback" in command("--suggest", "x", "--model", "nosuch", "--debug").stderr


def test_running_out_of_memory_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def parse(_: Any) -> int:
        raise MemoryError

    monkeypatch.setattr(main, "parse", parse)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main.main(["--models"]) == 1
    assert capsys.readouterr().err == "rnnlm-tui: there is not enough memory for this\n"


def test_export_keeps_a_file_that_is_there(ask: Ask, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("dear diary")
    done = ask("--export", "verses", str(diary))
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert diary.read_text() == "dear diary"
    assert ask("--export", "verses", str(diary), "--force").returncode == 0
    assert diary.read_bytes().startswith(b"PK")
