"""Fixtures of the language server's tests: models of a few sentences, and an editor."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from tests.cli.conftest import trained
from tests.helpers.commands import PATIENCE_S, command_line

URI = "file:///letter.txt"
LETTER = """\
The old café in Zürich was closed, and we went home by train.
Anna said that the Übung was over, and we went home by train.
We are looking forward to the summer, and we went home by train.
"""
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@pytest.fixture(scope="session")
def letter_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the models `letter` and `other`. Do not change it."""
    folder = tmp_path_factory.mktemp("letter")
    for name, text in (("other", LETTER.replace("home", "away")), ("letter", LETTER)):
        corpus = folder / f"{name}.txt"
        corpus.write_text(text * 4, encoding="utf-8")
        trained(corpus, "--preset=ngram", f"--name={name}", "--held-out=0")
    return folder / "data"


@pytest.fixture
def models(letter_data: Path, data_dir: Path) -> Path:
    """The folder of this test's own copies of the models."""
    shutil.copytree(letter_data, data_dir)
    return data_dir / "models"


class Editor:
    """An editor that has one document, which it changes and asks about. A | in a text is the
    cursor."""

    def __init__(self, client: LanguageClient, encoding: str) -> None:
        self.client, self._codec = client, CODECS[encoding]
        self.lines: list[str] = []
        self.place = lsp.Position(0, 0)

    def units(self, text: str) -> int:
        codec, size = self._codec
        return len(text.encode(codec)) // size

    def open(self, text: str) -> None:
        """Opens a document, and puts the cursor where the text has it."""
        before, after = text.split("|")
        self.lines, row = (before + after).split("\n"), before.count("\n")
        self.place = lsp.Position(row, self.units(before.rpartition("\n")[2]))
        item = lsp.TextDocumentItem(URI, "plaintext", 1, before + after)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def type(self, letter: str) -> None:
        """Types a letter at the cursor."""
        self.client.text_document_did_change(self.changed(self.place, letter))
        (row, column), (codec, size) = (self.place.line, self.place.character), self._codec
        raw = self.lines[row].encode(codec)
        before, after = raw[: column * size].decode(codec), raw[column * size :].decode(codec)
        self.lines[row : row + 1] = (before + letter + after).split("\n")
        is_end = letter == "\n"
        self.place = lsp.Position(row + is_end, 0 if is_end else column + self.units(letter))

    def changed(self, place: lsp.Position, text: str) -> lsp.DidChangeTextDocumentParams:
        """The change that inserts a text."""
        change = lsp.TextDocumentContentChangePartial(lsp.Range(place, place), text)
        document = lsp.VersionedTextDocumentIdentifier(2, URI)
        return lsp.DidChangeTextDocumentParams(document, [change])

    async def run(self, command: str, *arguments: Any) -> Any:
        """The answer to a command."""
        asked = lsp.ExecuteCommandParams(command, arguments=arguments or None)
        return await self.client.workspace_execute_command_async(asked)

    async def message(self) -> lsp.ShowMessageParams:
        """The next message to the user."""
        coming = self.client.wait_for_notification(lsp.WINDOW_SHOW_MESSAGE)
        said = await asyncio.wait_for(coming, PATIENCE_S)
        assert isinstance(said, lsp.ShowMessageParams)
        return said

    async def complete(self) -> lsp.CompletionList:
        """The list at the cursor, checked for what every list has."""
        document = lsp.TextDocumentIdentifier(URI)
        asked = lsp.CompletionParams(document, self.place)
        answer = await self.client.text_document_completion_async(asked)
        assert isinstance(answer, lsp.CompletionList) and answer.is_incomplete
        orders = [item.sort_text or "" for item in answer.items]
        assert orders == sorted(set(orders))
        for item in answer.items:
            assert isinstance(item.text_edit, lsp.TextEdit)
            assert (item.filter_text or "").startswith(self.replaced(item.text_edit.range))
        return answer

    async def words(self, text: str) -> list[str]:
        """The line of the cursor as each word of the list makes it."""
        self.open(text)
        edits = [item.text_edit for item in (await self.complete()).items]
        return [self.edited(e.range, e.new_text) for e in edits if isinstance(e, lsp.TextEdit)]

    async def ghost(self, text: str) -> list[str]:
        """The line of the cursor as the ghost makes it."""
        self.open(text)
        context = lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Invoked)
        document = lsp.TextDocumentIdentifier(URI)
        asked = lsp.InlineCompletionParams(context, document, self.place)
        items = await self.client.text_document_inline_completion_async(asked)
        assert isinstance(items, list)
        return [self.edited(i.range, str(i.insert_text)) for i in items if i.range]

    def _parts(self, where: lsp.Range) -> tuple[str, str, str]:
        """The line before the range up to the cursor, in it, and after it."""
        assert where.start.line == where.end.line == self.place.line
        codec, size = self._codec
        raw = self.lines[where.start.line].encode(codec)
        ends = [size * place.character for place in (where.start, self.place, where.end)]
        return (
            raw[: ends[0]].decode(codec),
            raw[ends[0] : ends[1]].decode(codec),
            raw[ends[2] :].decode(codec),
        )

    def replaced(self, where: lsp.Range) -> str:
        """The text before the cursor in a range."""
        return self._parts(where)[1]

    def edited(self, where: lsp.Range, text: str) -> str:
        before, _, after = self._parts(where)
        return before + text + after


@asynccontextmanager
async def editing(data_dir: Path, encoding: str = "utf-16") -> AsyncIterator[Editor]:
    """An editor with a server, which ends with it."""
    command = command_line("--lsp", f"--data-dir={data_dir}", "--model=letter")
    client: Any = await ClientServerConfig(command).start()
    capabilities = client_capabilities("neovim")
    capabilities.general = lsp.GeneralClientCapabilities(position_encodings=[encoding])
    params = lsp.InitializeParams(capabilities, process_id=os.getpid())
    started = await client.initialize_session(params)
    assert started.capabilities.position_encoding == encoding
    yield Editor(client, encoding)
    await client.shutdown_session()
    await client.stop()
