"""`--suggest` and `--generate`: the next words for a person, for a script, and for an editor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rnnlm_tui.cli.protocol import ANSWER, EVERY_LINE, FAILURE, SUGGESTION
from rnnlm_tui.formatting import sanitize
from tests.helpers.commands import Command, running


def answers(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON lines of a run, after checking that it succeeded."""
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def words_of(answer: dict[str, Any]) -> list[str]:
    return [suggestion["word"] for suggestion in answer["suggestions"]]


def test_suggest_json_keeps_its_contract(ask: Command) -> None:
    (answer,) = answers(ask("--suggest", "--json", "the zzz cat S"))
    assert list(answer) == [*EVERY_LINE, *ANSWER]
    assert (answer["v"], answer["event"], answer["id"]) == (1, "suggestions", None)
    assert all([*suggestion] == [*SUGGESTION] for suggestion in answer["suggestions"])
    assert (answer["line"], answer["prefix"], answer["model"]) == ("the zzz cat S", "s", "verses")
    assert (answer["seen"], answer["unknown"]) == (["the", "cat"], ["zzz"])
    probabilities = [suggestion["probability"] for suggestion in answer["suggestions"]]
    assert sorted(words_of(answer)) == ["sang", "sat", "song"]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert answer["continuation"][0] == words_of(answer)[0]


def test_a_word_that_corrects_a_slip_is_marked(ask: Command) -> None:
    (answer,) = answers(ask("--suggest", "--json", "the snog"))
    assert [(word["word"], word["corrects"]) for word in answer["suggestions"]] == [("song", True)]
    assert (answer["continuation"], answer["ghost"]["text"], answer["unknown"]) == ([], "", [])
    for table in (ask("--suggest", "the snog"), ask("--suggest", stdin="the snog")):
        assert "≈song" in table.stdout


@pytest.mark.usefixtures("with_shipped_models")
def test_words_are_listed_as_they_will_stand_in_the_line(run: Command) -> None:
    asked = ["--suggest", "--model=german", "--top=1"]
    assert re.search(r"^  „ +\d", run(*asked, "Er sagte: ").stdout, re.MULTILINE)
    assert run(*asked, stdin="„Ich weiß nicht.\nGern\n").stdout.split()[::2] == ["“", "Gerne"]
    table = run(*asked, "„Sehr geehrte D").stdout
    assert "continuation: Damen“, sagte\nseen: „ Sehr geehrte\n" in table


def test_suggest_answers_every_line_of_standard_input_in_order(ask: Command) -> None:
    lines = ["the cat ", "", "zzz ", "the s", "q", "\udcff\udcfe the "]
    told = answers(ask("--suggest", "--json", stdin="\n".join(lines)))
    assert [answer["line"] for answer in told] == [*lines[:-1], "\ufffd\ufffd the "]
    for answer, line in zip(told[:-1], lines, strict=False):
        assert [answer] == answers(ask("--suggest", line, "--json"))
    assert (told[-1]["seen"], told[-1]["unknown"]) == (["the"], ["\ufffd\ufffd"])


@pytest.mark.usefixtures("with_shipped_models")
def test_the_lines_above_are_context_where_that_is_asked_for(run: Command) -> None:
    arguments = ["--suggest", "--json", "--model=shakespeare"]
    alone = answers(run(*arguments, stdin="i am\nshall i "))[1]
    (two_lines,) = answers(run(*arguments, "i am\nshall i "))
    request = json.dumps({"text": "shall i ", "above": ["i am"]})
    (asked,) = answers(run(*arguments, stdin=request))
    assert asked["suggestions"] == two_lines["suggestions"] != alone["suggestions"]
    request = json.dumps({"text": "i am\nshall x\nmore", "cursor": 8})
    (asked,) = answers(run(*arguments, stdin=request))
    assert (asked["line"], asked["prefix"]) == ("shall x", "sha")
    assert run("--generate", "i am\nshall i", "--words=1").stdout.startswith("i am\nshall i")


def ask_requests(ask: Command, *asked: dict[str, Any] | str) -> list[dict[str, Any]]:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in asked]
    return answers(ask("--suggest", "--json", stdin="\n".join(lines)))


def test_a_request_is_answered_as_its_text_would_be(ask: Command) -> None:
    (text,) = answers(ask("--suggest", "the cat s", "--json", "--top", "2"))
    asked = {"text": "the cat s", "top": 2, "id": 7, "model": "verses"}
    as_sent = json.dumps(asked)
    nulls = {**asked, "above": None, "cursor": None}
    odd, inside = {**asked, "id": "\ud800"}, {"text": "the cat sat", "cursor": 5}
    requests = (f"\ufeff{as_sent}", f"  {as_sent}", nulls, odd, inside)
    marked, spaces, no_fields, surrogate, within = ask_requests(ask, *requests)
    assert marked == spaces == no_fields == {**text, "id": 7}
    assert surrogate == {**text, "id": "?"}
    assert (within["line"], within["prefix"], within["id"]) == ("the cat sat", "c", None)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.usefixtures("with_shipped_models")
def test_places_are_counted_as_the_request_says(run: Command, encoding: str) -> None:
    """😀 is one character and two UTF-16 code units."""
    width = 2 if encoding == "utf-16" else 1

    def asked(text: str, cursor: int) -> dict[str, Any]:
        request = {"text": text, "cursor": cursor, "encoding": encoding}
        arguments = ["--suggest", "--json", "--model=shakespeare"]
        (answer,) = answers(run(*arguments, stdin=json.dumps(request)))
        return answer

    answer = asked("😀 shall i comparing thee", width + len(" shall i comp"))
    assert (answer["prefix"], words_of(answer)[0]) == ("comp", "compare")
    assert answer["suggestions"][0]["replaces_after"] == len("aring")
    assert answer["suggestions"][0]["replaces_before"] == 0
    after_space = asked("😀 thou art more lovely ", width + len(" thou art more lovely "))
    assert {word["word"]: word["replaces_before"] for word in after_space["suggestions"]}[","] == 1
    beyond = asked("😀", width + 1)
    unit = "2 code units" if width == 2 else "1 character"
    assert beyond["message"] == f"the cursor is {width + 1}, and the text has {unit}"
    assert asked("😀\ud800", width + 1)["unknown"]  # half of a pair is no word, and no error
    if encoding == "utf-16":
        assert asked("😀", 1)["message"] == "the cursor 1 is within a character"


def test_a_request_that_cannot_be_answered_gets_one_line_and_the_next_an_answer(
    ask: Command,
) -> None:
    for request_line, said, same_id in (
        ("{", "not a request: ", None),
        ('{"id": 3}', 'the request has no "text"', 3),
        ('{"text": 5, "id": "x"}', '"text" is 5', "x"),
        ('{"text": "a", "top": "3", "id": 1}', "\"top\" is '3'", 1),
        ('{"text": "a", "above": "b", "id": 1}', "\"above\" is 'b'", 1),
        ('{"text": "a", "top": "\\ud800", "id": 1}', "\"top\" is '\\ud800'", 1),
        ('{"text": "a", "encoding": "utf", "id": 1}', "\"encoding\" is 'utf'", 1),
        ('{"text": "a", "cursor": 2, "id": 1}', "the cursor is 2, and the text has 1 char", 1),
        ('{"text": "a", "cursr": 1, "id": 1}', "a request has no field 'cursr'", 1),
        ('{"text": "a", "id": [1]}', '"id" is wrong', None),
        ('{"text": "a", "id": true}', '"id" is wrong', None),
        ("{" + '"a":[' * 5000, "not a request: ", None),
        ('{"text": "a", "id": 4, "model": "nobody"}', "there is no model nobody", 4),
        ('{"text": "a", "id": 4, "model": "../up"}', "'../up' cannot be a model's name", 4),
    ):
        error, answer = ask_requests(ask, request_line, {"text": "the ", "id": 2})
        assert {*error} == {*EVERY_LINE, *FAILURE} and [*error][:3] == [*answer][:3] == [
            *EVERY_LINE
        ]
        assert (error["event"], error["message"][: len(said)]) == ("failed", said)
        assert error["hint"] and "`" not in error["message"] + error["hint"]
        assert (error["id"], answer["id"]) == (same_id, 2)


def test_an_editor_types_a_line_against_a_process_that_stays(copied: Path) -> None:
    with running("--suggest", "--json") as process:
        stdin = process.process.stdin
        assert stdin is not None

        def asked(**request: Any) -> dict[str, Any]:
            """The answer to one request, which comes before the next is sent."""
            print(json.dumps(request), file=stdin, flush=True)
            answer: dict[str, Any] = json.loads(process.line("{"))
            return answer

        line = "the cat sat"
        for end in range(1, len(line) + 1):
            answer = asked(text=line, cursor=end, id=end, above=["and the dog"])
            assert (answer["id"], answer["prefix"]) == (end, line[:end].rpartition(" ")[2])
        assert asked(text="the ", model="new")["message"] == "there is no model new"
        shutil.copyfile(copied / "verses.safetensors", copied / "new.safetensors")
        assert asked(text="the ", model="new")["model"] == "new"
        stdin.close()
        assert process.end() == 0


def test_generate_continues_greedily_by_ten_words_or_draws_them_by_a_seed(ask: Command) -> None:
    text = ask("--generate", "the cat").stdout
    assert re.fullmatch(r"the cat( \S+){10}\n", text)
    assert ask("--generate", "the cat ").stdout == text
    (answer,) = answers(ask("--generate", "the cat", "--json"))
    assert list(answer) == ["text", "words", "model"]
    assert sanitize(answer["text"]) == text.rstrip("\n")
    assert answer["text"] == f"the cat {' '.join(answer['words'])}"
    (start,) = answers(ask("--generate", f"the cat {answer['words'][0]}", "--words=9", "--json"))
    assert start["text"] == answer["text"]
    assert ask("--generate", "the cat", "--temperature=5", "--top-k=1").stdout == text
    drawn = [
        ask("--generate", "the", "--temperature=2", f"--seed={seed}").stdout for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
