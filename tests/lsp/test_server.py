"""The language server as an editor sees it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from rnnlm_tui.lsp import server
from rnnlm_tui.lsp.server import CHOOSE, Suggester
from rnnlm_tui.paths import NEVER_SUGGEST, config_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.suggest import suggest
from tests.helpers.commands import PATIENCE_S, Command, refused, running
from tests.helpers.languages import lines_in, ship
from tests.helpers.models import put
from tests.lsp.conftest import URI, editing, framed

LONG = "We went home by train and we are all looking forward to the"


@pytest.mark.parametrize(
    "encoding",
    ["utf-16", *(pytest.param(each, marks=pytest.mark.slow) for each in ("utf-8", "utf-32"))],
)
async def test_words_are_inserted_as_the_model_writes_them(
    letter_data: Path, encoding: str
) -> None:
    async with editing(letter_data, encoding) as editor:
        for text, first, ghost in (
            ("We are look|", "We are looking", ["We are looking forward to the"]),
            ("“🙂 é” We are look|", "“🙂 é” We are looking", None),
            ("🙂 The old cafe|", "🙂 The old café", ["🙂 The old café in Zürich was"]),
            ("We are looking to the summer |", "We are looking to the summer,", None),
            ("🙂 we ask grossm|", "🙂 we ask Großmutter", None),
            ("🙂 we are zurich| now", "🙂 we are Zürich now", []),
            ("🙂 the ca|fé is", "🙂 the café is", []),
            (f"{LONG}\nsum|", "summer", ["summer, and we"]),
            ("> The old ca|", "> The old café", None),
            ("and we went hmo|", "and we went home", []),  # a slip
        ):
            assert (await editor.words(text))[0] == first
            assert ghost is None or await editor.ghost(text) == ghost
        assert "," not in await editor.words(f"{LONG} summer\n|")
        for text in ("```\nThe old |\n```", "see https://x.org/we|", "Dear Mr. Blen|"):
            assert (await editor.words(text), await editor.ghost(text)) == ([], [])
        for text in ("Mr. Blen|\n\nDear Mr. Blenkinsop,", "Dear Mr. Blenkinsop,\n\nMr. Blen|"):
            assert await editor.words(text) == ["Mr. Blenkinsop"]


async def test_unwanted_words_are_not_listed(letter_data: Path) -> None:
    config_dir().mkdir()
    (config_dir() / NEVER_SUGGEST).write_text("home\n")
    async with editing(letter_data) as editor:
        for text in ("and we went |", "and we went ho|", "We went home. and we went |"):
            assert not [line for line in await editor.words(text) if "went home" in line[-9:]]
            assert not [line for line in await editor.ghost(text) if "went home" in line[-9:]]


async def test_a_model_that_was_trained_anew_is_loaded_anew(models: Path) -> None:
    async with editing(models.parent) as editor:
        assert (await editor.words("and we went |"))[0] == "and we went home"
        (models / "other.safetensors").replace(models / "letter.safetensors")
        assert (await editor.words("and we went |"))[0] == "and we went away"
        (models / "letter.safetensors").unlink()
        assert (await editor.words("and we went |"))[0] == "and we went away"


async def test_a_model_in_use_that_is_gone_is_told(models: Path, built_in_dir: Path) -> None:
    Library(models.parent).use("gone")
    put(built_in_dir, {"english.safetensors": (models / "letter.safetensors").read_bytes()})
    async with editing(models.parent, model=None) as editor:
        told = await editor.message()
        assert told.type == lsp.MessageType.Warning
        assert told.message.startswith("the model in use, gone, is gone; english suggests")
        assert (await editor.words("and we went |"))[0] == "and we went home"


async def test_a_document_gets_the_model_of_its_language_if_none_is_chosen(
    data_dir: Path, built_in_dir: Path
) -> None:
    ship(built_in_dir, "english", "german")
    german, english = (" ".join(lines_in(language, 9)) for language in ("german", "english"))
    async with editing(data_dir, model=None) as editor:
        for text, word in ((german, "Der"), (english, "The"), ("", "The"), (german, "Der")):
            assert word in await editor.words(f"{text}\n\n|")
        code = f"```\n{english}\n{english}\n```"
        assert "Der" in await editor.words(f"{code}\n\n{german}\n\n|")
        await editor.run(CHOOSE, "english")
        assert "The" in await editor.words(f"{german}\n\n|")


async def test_a_document_that_is_saved_gets_the_model_of_its_language_by_then(
    data_dir: Path, built_in_dir: Path
) -> None:
    ship(built_in_dir, "english", "german")
    quoted = "> " + " ".join(lines_in("english", 9)) + "\n\n"
    german = quoted + " ".join(lines_in("german", 60)) + "\n\n"
    async with editing(data_dir, model=None) as editor:
        assert "The" in await editor.words(f"{quoted}|")
        document, whole = (
            lsp.TextDocumentIdentifier(URI),
            lsp.TextDocumentContentChangeWholeDocument,
        )
        changed = lsp.VersionedTextDocumentIdentifier(2, URI)
        editor.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(changed, [whole(german)])
        )
        editor.client.text_document_did_save(lsp.DidSaveTextDocumentParams(document))
        end = lsp.CompletionParams(document, lsp.Position(german.count("\n"), 0))
        answer = await editor.client.text_document_completion_async(end)
        assert isinstance(answer, lsp.CompletionList)
        assert "Der" in [item.label for item in answer.items]


async def test_a_command_chooses_a_model(letter_data: Path) -> None:
    async with editing(letter_data) as editor:
        for arguments, said in (
            (["nobody"], "there is no model nobody. Models: letter, other"),
            ([], "takes the name of a model"),
            ([{"x": 1}], "cannot be a model's name"),
        ):
            with pytest.raises(JsonRpcException, match=said):
                await editor.run(CHOOSE, *arguments)
        assert await editor.run(CHOOSE, "other") == "other"
        assert (await editor.words("and we went |"))[0] == "and we went away"


async def test_stale_requests_are_cancelled_and_not_computed(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, answers, release = list[str](), asyncio.Queue[dict[str, Any]](), threading.Event()

    def write(data: bytes) -> None:
        answers.put_nowait(json.loads(data.partition(b"\r\n\r\n")[2]))

    def counted(model: Any, line: str, *others: Any, **more: Any) -> Any:
        computed.append(line)
        return suggest(model, line, *others, **more)

    monkeypatch.setattr(server, "suggest", counted)
    make = partial(Suggester, Library(models.parent), "letter", True, [])
    protocol: Any = LanguageServer("server", "1", protocol_cls=make).protocol
    protocol.set_writer(SimpleNamespace(write=write))

    async def send(method: str, number: int | None = None, **params: Any) -> None:
        content: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        content |= {} if number is None else {"id": number}
        protocol.receive(content)
        await asyncio.sleep(0)  # as the server's loop does between two messages

    await send("initialize", 0, capabilities={})
    protocol._thread.submit(release.wait)
    for name in ("a", "b"):
        item = {"uri": name, "languageId": "", "version": 1, "text": f"the {name} "}
        await send("textDocument/didOpen", textDocument=item)
    kinds = ("completion a", "inlineCompletion a", "completion b", "completion a")
    for number, (kind, uri) in enumerate(map(str.split, kinds), start=1):
        place = {"line": 0, "character": 6}
        where: dict[str, Any] = {"textDocument": {"uri": uri}, "position": place}
        await send(f"textDocument/{kind}", number, **where, context={"triggerKind": 1})
    await send("$/cancelRequest", id=3)
    release.set()
    found = dict[int, int | None]()
    while len(found) < 5:
        answer = await asyncio.wait_for(answers.get(), PATIENCE_S)
        found[answer["id"]] = answer.get("error", {}).get("code")
    assert found == {0: None, 1: -32800, 2: None, 3: -32800, 4: None}
    assert computed == ["the a ", "the a "]


def message(method: str, number: int | None = None, params: object = None) -> str:
    """A message as it is sent."""
    content = {"jsonrpc": "2.0", "method": method, "params": params}
    return framed(json.dumps(content if number is None else {**content, "id": number}))


BEGIN = message("initialize", 0, {"processId": None, "capabilities": {}})


def session(command: Command, *messages: str, code: int = 0) -> list[tuple[object, Any]]:
    """The ids of the answers of a session, each with the result or the code of the error."""
    done = command("--lsp", stdin="".join(messages))
    assert (done.returncode, done.stderr) == (code, "")
    answers = [*map(json.loads, re.findall(r"^({.*?})(?:Content|$)", done.stdout, re.M))]
    return [
        (a["id"], a.get("result", a.get("error", {}).get("code"))) for a in answers if "id" in a
    ]


def test_a_bad_request_gets_an_error_and_the_next_an_answer(models: Path, command: Command) -> None:
    opened = {"uri": "a", "languageId": "", "version": 1, "text": "```\n"}
    place = {"textDocument": {"uri": "a"}, "position": {"line": 7, "character": 7}}
    other = {**place, "textDocument": {"uri": "b"}}
    change = {"textDocument": {"uri": "b", "version": 1}, "contentChanges": [{"text": "x"}]}
    found = session(
        command,
        BEGIN,
        message("textDocument/didOpen", params={"textDocument": opened}),
        message("textDocument/didChange", params=change),
        message("textDocument/didChange", params={"contentChanges": 3}),
        message("textDocument/completion", 1, {"position": {}}),
        message("textDocument/completion", 2, "nonsense"),
        message("textDocument/completion", 3, other),
        message("textDocument/nothing", 4, {}),
        message("workspace/executeCommand", 5, {"command": "nothing"}),
        framed("{"),
        framed("[1]"),
        framed('{"jsonrpc": "1.0", "method": "shutdown", "id": "old"}'),
        framed('{"jsonrpc": "2.0", "method": "shutdown", "id": [1]}'),
        message("textDocument/didSave", 8, {"textDocument": {"uri": "a"}}),  # takes no id
        framed('{"jsonrpc": "2.0", "result": null, "id": 77}'),  # to no question
        message("textDocument/completion", 6, place),
        message("shutdown", 7),
        message("exit"),
    )
    codes = [(identity, code) for identity, code in found if isinstance(code, int)]
    params, unreadable, request, method = -32602, -32700, -32600, -32601
    assert [code for identity, code in codes if identity is None] == [unreadable, request, request]
    assert dict(codes[:-5]) == dict.fromkeys((1, 2, 3, 5), params) | {4: method}
    assert ("old", request) in codes and (8, request) in codes
    (_, capabilities), *_, (number, words), end = found
    assert capabilities and (number, words["items"]) == (6, []) and end == (7, None)


@pytest.mark.slow
def test_requests_are_answered_between_initialize_and_shutdown(
    models: Path, command: Command
) -> None:
    asked = "textDocument/completion"
    found = session(
        command,
        message(asked, 1),
        message("workspace/didChangeConfiguration", params={"settings": {}}),
        BEGIN,
        BEGIN,
        message("shutdown", 2),
        message(asked, 3),
        message("shutdown", 4),
        message("exit"),
    )
    (before, (_, capabilities), *after) = found
    assert before == (1, -32002) and capabilities
    assert after == [(0, -32600), (2, None), (3, -32600), (4, -32600)]


@pytest.mark.slow
def test_a_message_behind_a_broken_header_is_answered(models: Path, command: Command) -> None:
    kind = "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n"
    broken = (
        *(framed("{}").replace(": 2", f": {n}") for n in ("x", -2, 1, 9, "9" * 12, "9" * 5000)),
        framed("{}").replace("\r\n", "\n"),
        "Content-Length: 2\r\n",
        "Content-Length: 0\r\n\r\n",
        "{}" * 100_000,
        kind,  # which is not broken
    )
    good = [message("textDocument/nothing", number) for number, _ in enumerate(broken, start=1)]
    good[-1] = good[-1].replace("\r\n", f"\r\n{kind}", 1)
    pairs = zip(broken, good, strict=True)
    sent = [BEGIN, *chain.from_iterable(pairs), message("shutdown", 0), message("exit")]
    found = session(command, *sent)
    answered = [identity for identity, code in found if code == -32601]
    assert answered == [*range(1, len(broken) + 1)]


STUCK = """
import threading
from rnnlm_tui.cli.main import main
from rnnlm_tui.lsp import server
server.suggest = lambda *_, **more: threading.Event().wait()
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [("", 1), ("exit", 1), ("shutdown exit", 0)])
def test_the_server_ends_while_the_model_is_asked(models: Path, end: str, code: int) -> None:
    opened = {"uri": "a", "languageId": "", "version": 1, "text": "The old "}
    place = {"textDocument": {"uri": "a"}, "position": {"line": 0, "character": 8}}
    sent = [
        BEGIN,
        message("textDocument/didOpen", params={"textDocument": opened}),
        message("textDocument/completion", 1, place),
        *(message(method, 2 if method == "shutdown" else None) for method in end.split()),
    ]
    done = subprocess.run(
        [sys.executable, "-c", STUCK, "--lsp"],
        input="".join(sent),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.slow
def test_the_server_ends_with_its_editor(models: Path, command: Command) -> None:
    assert len(session(command, BEGIN, code=1)) == 1  # at the end of its input
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with running("--lsp") as run:  # whose input stays open
        stdin = run.process.stdin
        assert stdin is not None
        stdin.write(message("initialize", 0, {"processId": editor.pid, "capabilities": {}}))
        stdin.write(message("initialized", params={}))
        stdin.write(message("textDocument/nothing", 1, {}))
        stdin.flush()
        for _ in range(2):  # of both answers
            run.line("Content-Length")
        editor.communicate()
        assert run.end() == 1


@pytest.mark.slow
def test_the_server_ends_when_nothing_reads_its_answers(models: Path) -> None:
    with running("--lsp", stream="stderr") as run:  # whose input stays open
        stdin, stdout = run.process.stdin, run.process.stdout
        assert stdin is not None and stdout is not None
        stdout.close()
        stdin.write(BEGIN)
        stdin.flush()
        assert run.end() == 1


def test_what_is_missing_is_said_in_a_sentence(
    models: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no model nobody" in refused(run("--lsp", "--model=nobody", code=1))
    assert "--lsp takes no text, not 'x'" in refused(run("--lsp", "x", code=2))
    monkeypatch.delitem(sys.modules, server.__name__)
    monkeypatch.setitem(sys.modules, "pygls.exceptions", None)
    said = refused(run("--lsp", code=2))
    assert "the language server needs pygls, which is not installed" in said
    assert "in the folder of the source: pip install '.[lsp]'" in said
