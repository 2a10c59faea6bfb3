"""`--suggest` and `--generate`: the next words for a person, for a script, and for an editor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.cli.main import main
from rnnlm_tui.cli.suggest import opened
from rnnlm_tui.formatting import sanitize
from rnnlm_tui.store.library import Library
from tests.cli.conftest import trained
from tests.helpers.commands import Command, Run, refused, running

CONTRACT = ["line", "prefix", "suggestions", "continuation", "ghost", "seen", "unknown", "model"]


def answers(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON lines of a run, after checking that it succeeded."""
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def words_of(answer: dict[str, Any]) -> list[str]:
    return [suggestion["word"] for suggestion in answer["suggestions"]]


# One text


def test_suggest_prints_a_table(ask: Command) -> None:
    lines = ask("--suggest", "the zzz cat ", "--top", "3").stdout.splitlines()
    assert lines[0] == "next words, by verses"
    assert all(re.fullmatch(r"  \S+ +\d+\.\d%( +█+)?", line) for line in lines[1:4]), lines
    assert lines[4].startswith("continuation: ")
    assert lines[5:] == ["seen: the cat", "unknown: zzz"]


def test_suggest_tells_a_half_typed_word_from_the_next(ask: Command) -> None:
    lines = ask("--suggest", "the s").stdout.splitlines()
    assert lines[0] == 'words that begin with "s", by verses'
    assert {line.split()[0] for line in lines[2:6]} == {"sat", "sang", "song"} | {"continuation:"}
    assert "  none\n" in ask("--suggest", "the q").stdout


def test_suggest_json_keeps_its_contract(ask: Command) -> None:
    (answer,) = answers(ask("--suggest", "--json", "the zzz cat S"))
    assert list(answer) == CONTRACT
    assert (answer["line"], answer["prefix"], answer["model"]) == ("the zzz cat S", "s", "verses")
    assert (answer["seen"], answer["unknown"]) == (["the", "cat"], ["zzz"])
    probabilities = [suggestion["probability"] for suggestion in answer["suggestions"]]
    assert sorted(words_of(answer)) == ["sang", "sat", "song"]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert answer["continuation"][0] == words_of(answer)[0]


# Lines of standard input


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file that cannot be read")
def test_standard_input_that_cannot_be_read_is_a_sentence(
    verses_data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/proc/self/mem").open() as unreadable:
        monkeypatch.setattr(sys, "stdin", unreadable)
        assert main(["--generate", "--data-dir", str(verses_data)]) == 3
    said = "rnnlm-tui: cannot read standard input: input/output error\n"
    assert capsys.readouterr().err == said


def test_suggest_answers_every_line_of_standard_input_in_order(ask: Command) -> None:
    lines = ["the cat ", "", "zzz ", "the s", "q"]
    told = answers(ask("--suggest", "--json", stdin="\n".join(lines)))
    assert [answer["line"] for answer in told] == lines
    for answer, line in zip(told, lines, strict=True):
        assert [answer] == answers(ask("--suggest", line, "--json"))
    text = ask("--suggest", stdin="\n".join(lines)).stdout.split("\n")
    assert re.fullmatch(r"(\S+ \d+\.\d%, ){4}\S+ \d+\.\d%", text[0])
    assert text[4:] == ["", ""]


def test_text_that_is_not_utf8_is_an_unknown_word(ask: Command) -> None:
    first, second = answers(ask("--suggest", "--json", stdin="\udcff\udcfe the \ncat "))
    assert (first["seen"], first["unknown"]) == (["the"], ["\ufffd\ufffd"])
    assert second["seen"] == ["cat"]


@pytest.fixture(scope="module")
def stream_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the model `stream`, which predicts the start of a line from the line
    above; `one two` and `three four` alternate."""
    corpus = tmp_path_factory.mktemp("stream") / "text.txt"
    corpus.write_text("one two\nthree four\n" * 60)
    sizes = ["--preset=gru", "--embedding-size=12", "--hidden-size=8", "--batch-size=4", "--bptt=6"]
    settings = ["--epochs=12", "--learning-rate=0.03", "--dropout=0", "--held-out=0", "--threads=1"]
    trained(corpus, "--name=stream", "--on=none", *sizes, *settings)
    return corpus.parent / "data"


def test_the_lines_above_are_context_where_that_is_asked_for(
    run: Command, stream_data: Path
) -> None:
    arguments = ["--suggest", "--json", f"--data-dir={stream_data}"]
    lines = "one two\n\none two\nthree four\n\n"
    told = answers(run(*arguments, "--lines-above", stdin=lines.replace("\n\n", "\n \n")))
    assert words_of(told[1])[0] == "three"
    alone = answers(run(*arguments, stdin="one two\n \nthree four\n \n"))
    assert words_of(alone[1]) == words_of(alone[3])
    for above, expected in (("one two", "three"), ("three four", "one")):
        (one_text,) = answers(run(*arguments, f"{above}\n"))
        assert words_of(one_text)[0] == expected
        request = json.dumps({"text": "", "above": [above]})
        (asked,) = answers(run(*arguments, stdin=request))
        assert words_of(asked)[0] == expected
    generated = run("--generate", "one two\nthree", "--words=1", f"--data-dir={stream_data}")
    assert generated.stdout == "one two\nthree four\n"


# Requests


def ask_requests(ask: Command, *asked: dict[str, Any] | str) -> list[dict[str, Any]]:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in asked]
    return answers(ask("--suggest", "--json", stdin="\n".join(lines)))


def test_a_word_that_is_typed_letter_by_letter_passes_over_what_was_listed(ask: Command) -> None:
    asked = {"text": "the cat s", "top": 5}
    once, typed = ask_requests(ask, asked, {**asked, "typed": True})
    assert {s["word"] for s in once["suggestions"]} == {s["word"] for s in typed["suggestions"]}
    assert once["suggestions"] != typed["suggestions"]


def test_a_request_is_answered_as_its_text_would_be(ask: Command) -> None:
    (text,) = answers(ask("--suggest", "the cat s", "--json", "--top", "2"))
    asked = {"text": "the cat s", "top": 2, "id": 7, "model": "verses"}
    assert ask_requests(ask, asked, f"  {json.dumps(asked)}") == [{**text, "id": 7}] * 2


def test_the_cursor_says_where_in_the_text(ask: Command) -> None:
    (answer,) = ask_requests(ask, {"text": "the cat sat", "cursor": 5, "id": "a"})
    assert (answer["line"], answer["prefix"], answer["id"]) == ("the cat sat", "c", "a")


def test_the_cursor_may_be_in_any_line_of_a_text(run: Command, stream_data: Path) -> None:
    request = json.dumps({"text": "one two\nthr x\nmore", "cursor": 11})
    (answer,) = answers(run("--suggest", "--json", f"--data-dir={stream_data}", stdin=request))
    assert (answer["line"], answer["prefix"]) == ("thr x", "thr")


@pytest.mark.parametrize(
    ("request_line", "said", "same_id"),
    [
        ("{", "not a request: ", None),
        ('{"id": 3}', "not a request: Object missing required field `text`", 3),
        ('{"text": 5, "id": "x"}', "not a request: Expected `str`, got `int`", "x"),
        ('{"text": "a", "cursor": -1, "id": 1}', "not a request: ", 1),
        ('{"text": "a", "cursor": 2, "id": 1}', "the cursor is 2, and the text has 1 char", 1),
        ('{"text": "a", "cursr": 1, "id": 1}', "not a request: Object contains unknown field", 1),
        ('{"text": "a", "top": 1e400, "id": 1}', "not a request: ", 1),
        ('{"text": "a", "id": [1]}', "not a request: ", None),
        ('{"text": "a", "id": 1' + "0" * 400 + "}", "not a request: ", None),
        ("{" + '"a":[' * 5000, "not a request: ", None),
        ('{"text": "a", "id": 4, "model": "nobody"}', "there is no model nobody", 4),
        ('{"text": "a", "id": 4, "model": "../up"}', "'../up' cannot be a model's name", 4),
    ],
)
def test_a_request_that_cannot_be_answered_gets_one_line_and_the_next_an_answer(
    ask: Command, request_line: str, said: str, same_id: object
) -> None:
    error, answer = ask_requests(ask, request_line, {"text": "the ", "id": 2})
    assert set(error) == {"error", "hint", "id"}
    assert error["error"].startswith(said)
    assert error["hint"]
    assert (error["id"], answer["id"]) == (same_id, 2)


def test_a_word_that_is_complete_is_not_suggested(ask: Command) -> None:
    (answer,) = ask_requests(ask, {"text": "a bird", "top": 1})
    assert (answer["suggestions"], answer["continuation"][:1]) == ([], ["bird"])
    assert "bird" not in ask("--suggest", stdin="a bird").stdout
    assert "\n  none\n" in ask("--suggest", "a bird").stdout


def test_without_json_a_line_that_begins_with_a_brace_is_a_text(ask: Command) -> None:
    assert "%" in ask("--suggest", stdin='{"text": "the "}').stdout


@pytest.fixture
def editor(copied: Path) -> Iterator[Run]:
    """A long-lived process, as an editor's plugin would keep one."""
    with running("--suggest", "--json") as process:
        yield process


def ask_editor(editor: Run, **request: Any) -> dict[str, Any]:
    """The answer to one request, which comes before the next is sent."""
    editor.send(json.dumps(request) + "\n")
    answer: dict[str, Any] = json.loads(editor.line("{"))
    return answer


def test_an_editor_types_a_line_against_a_process_that_stays(editor: Run, copied: Path) -> None:
    line = "the cat sat"
    for end in range(1, len(line) + 1):
        answer = ask_editor(editor, text=line, cursor=end, id=end, above=["and the dog"])
        assert answer["id"] == end
        assert answer["prefix"] == line[:end].rpartition(" ")[2]
    assert ask_editor(editor, text="the ", model="new", id="b")["error"] == "there is no model new"
    shutil.copyfile(copied / "verses.safetensors", copied / "new.safetensors")
    assert ask_editor(editor, text="the ", model="new", id="c")["model"] == "new"
    editor.send("the cat \n")
    assert json.loads(editor.line("{"))["seen"] == ["the", "cat"]
    editor.hang_up()
    assert editor.end() == 0


def test_a_model_that_was_saved_again_is_opened_again(copied: Path, data_dir: Path) -> None:
    library = Library(data_dir)
    first = opened(library, "verses")
    assert opened(library, "verses") is first
    path = copied / "verses.safetensors"
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").replace(path)
    assert opened(library, "verses") is not first


# --generate


def test_generate_continues_greedily_by_ten_words(ask: Command) -> None:
    text = ask("--generate", "the cat").stdout
    assert re.fullmatch(r"the cat( \S+){10}\n", text)
    assert ask("--generate", "the cat ").stdout == text
    (answer,) = answers(ask("--generate", "the cat", "--json"))
    assert list(answer) == ["text", "words", "model", "copied"]
    assert sanitize(answer["text"]) == text.rstrip("\n")
    assert answer["text"] == f"the cat {' '.join(answer['words'])}"
    (start,) = answers(ask("--generate", f"the cat {answer['words'][0]}", "--words=9", "--json"))
    assert start["text"] == answer["text"]
    assert ask("--generate", "the cat", "--temperature=5", "--top-k=1").stdout == text


def test_generate_answers_every_line_of_standard_input(ask: Command) -> None:
    first, second = ask("--generate", "--words", "1", stdin="the cat\na bird\n").stdout.splitlines()
    assert first.startswith("the cat")
    assert second.startswith("a bird")


def test_generate_draws_the_same_words_for_the_same_seed(ask: Command) -> None:
    drawn = [
        ask("--generate", "the", "--temperature=2", f"--seed={seed}").stdout for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert "--temperature" in refused(ask("--generate", "the", "--top-k", "3", code=2))


def test_a_copied_continuation_says_where_it_is(run: Command, tmp_path: Path) -> None:
    corpus, rest = tmp_path / "rote.txt", "three four five six seven eight nine ten"
    corpus.write_text(f"\none two {rest}\n" * 3)
    trained(corpus, "--preset=ngram", "--held-out=0", "--name=rote", "--on=none")
    likeliest = ("--generate", "--temperature=0", "--words=8")
    told = run(*likeliest, "one two")
    assert told.stdout == f"one two {rest}\n"
    assert told.stderr == f'copied: "{rest}" is in rote.txt, line 2\n'
    by_stdin = run(*likeliest, "--json", stdin="one two")
    span = {"start": 0, "length": 8, "line_number": 2}
    assert answers(by_stdin)[0]["copied"] == [span]
    assert answers(run("--generate", "one two", "--words=4", "--json"))[0]["copied"] == []
    corpus.write_text("another text")
    assert answers(run(*likeliest, "one two", "--json"))[0]["copied"] is None
