"""Fixtures of the language server's tests: models of a few sentences, and an editor."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from rnnlm_tui.store.library import Library
from tests.helpers.commands import PATIENCE_S, command_line, trained

URI = "file:///letter.txt"
LETTER = """\
The old café in Zürich was closed, and we went home by train.
Anna said that the Übung was over, and we went home by train.
We are looking forward to the summer, and we went home by train.
We asked Großmutter, and we went home by train.
"""
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@pytest.fixture(scope="session")
def letter_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the models `letter`, which is in use, and `other`. Do not change it."""
    folder = tmp_path_factory.mktemp("letter")
    for name, text in (("other", LETTER.replace("home", "away")), ("letter", LETTER)):
        corpus = folder / f"{name}.txt"
        corpus.write_text(text * 4, encoding="utf-8")
        trained(corpus, "--preset=ngram", f"--name={name}", "--held-out=0")
    Library(folder / "data").use("letter")
    return folder / "data"


@pytest.fixture
def models(letter_data: Path, data_dir: Path) -> Path:
    """The folder of this test's own copies of the models."""
    shutil.copytree(letter_data, data_dir)
    return data_dir / "models"


def framed(text: str) -> str:
    """A text as it is sent."""
    return f"Content-Length: {len(text)}\r\n\r\n{text}"


class Editor:
    """An editor that opens texts, in which a | is the cursor, and asks about them."""

    def __init__(self, client: LanguageClient, encoding: str) -> None:
        self.client, (self._codec, self._size) = client, CODECS[encoding]

    def _open(self, text: str) -> dict[str, Any]:
        """Opens a text; returns the place of the cursor."""
        self._line = next(line for line in text.split("\n") if "|" in line).encode(self._codec)
        before, after = text.split("|")
        item = lsp.TextDocumentItem(URI, "plaintext", 1, before + after)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        column = len(before.rpartition("\n")[2].encode(self._codec)) // self._size
        place = lsp.Position(before.count("\n"), column)
        return {"text_document": lsp.TextDocumentIdentifier(URI), "position": place}

    def _changed(self, new: Any, where: lsp.Range | None, filtered: str | None) -> str:
        """The line of the cursor after the text `new` replaces the range `where`. Checks that the
        editor would show it: it compares `filtered` with the letters from the start of the range
        to the cursor."""
        assert where is not None and where.start.line == where.end.line
        before, after = self._line.split("|".encode(self._codec))
        start, end = where.start.character * self._size, where.end.character * self._size
        assert (filtered or "").startswith(before[start:].decode(self._codec))
        changed = before[:start] + str(new).encode(self._codec) + (before + after)[end:]
        return changed.decode(self._codec)

    async def words(self, text: str) -> list[str]:
        """The line of the cursor as each word of the list makes it."""
        asked = lsp.CompletionParams(**self._open(text))
        answer = await self.client.text_document_completion_async(asked)
        assert isinstance(answer, lsp.CompletionList) and answer.is_incomplete
        orders = [item.sort_text or "" for item in answer.items]
        assert orders == sorted(set(orders))
        lines = list[str]()
        for item in answer.items:
            edit: Any = item.text_edit
            for other in item.additional_text_edits or ():  # removes the space before a mark
                edit = lsp.TextEdit(lsp.Range(other.range.start, edit.range.end), edit.new_text)
                item.filter_text = " "
            lines.append(self._changed(edit.new_text, edit.range, item.filter_text))
        return lines

    async def ghost(self, text: str) -> list[str]:
        """The line of the cursor as the ghost makes it."""
        context = lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Invoked)
        asked = lsp.InlineCompletionParams(context, **self._open(text))
        items = await self.client.text_document_inline_completion_async(asked)
        assert isinstance(items, Sequence)
        return [self._changed(item.insert_text, item.range, item.filter_text) for item in items]

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


@asynccontextmanager
async def editing(
    data_dir: Path, encoding: str = "utf-16", model: str | None = "letter"
) -> AsyncIterator[Editor]:
    """An editor with a server, which ends with it."""
    named = [f"--model={model}"] if model else []
    command = command_line("--lsp", f"--data-dir={data_dir}", *named)
    client: Any = await ClientServerConfig(command).start()
    capabilities = client_capabilities("neovim")
    capabilities.general = lsp.GeneralClientCapabilities(position_encodings=[encoding])
    params = lsp.InitializeParams(capabilities, process_id=os.getpid())
    started = await client.initialize_session(params)
    assert started.capabilities.position_encoding == encoding
    try:
        yield Editor(client, encoding)
    finally:
        await client.shutdown_session()
        await client.stop()
