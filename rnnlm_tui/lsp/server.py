"""The language server: suggests words in the documents of an editor, over standard input and
output.

The loop of asyncio reads messages and changes the documents. One other thread asks the model, which
only one thread at a time may use.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import psutil
from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from rnnlm_tui._version import APP_NAME, __version__
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.formatting import SLIP_MARK
from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.lsp.document import MARKDOWN, CursorPlace, Document
from rnnlm_tui.lsp.messages import Messages
from rnnlm_tui.store.languages import WORDS_JUDGED, better_known, words_of
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.accepting import is_ghost_likely
from rnnlm_tui.suggesting.suggest import Suggestions, suggest
from rnnlm_tui.text.letters import begin_of
from rnnlm_tui.text.tokenizer import Insertion

WORDS_LISTED = 10
"""The most words in a list."""
LATIN = "".join(map(chr, range(0xC0, 0x180)))
"""The Latin letters with accents and other marks."""
CHOOSE = f"{APP_NAME}.model"
"""The command that chooses a model by its name."""


class Suggester(LanguageServerProtocol):
    """Suggests words in the open documents. Keeps the documents as lines, since pygls would split a
    whole document at each key."""

    def __init__(
        self, library: Library, model: str, is_chosen: bool, notices: list[str], *for_base: Any
    ) -> None:
        """`is_chosen` is True if the user has chosen the `model`. Otherwise a document gets the
        built-in model of its language, once that is known. The editor shows the `notices` once it
        has started. `for_base` are the arguments of the base class."""
        super().__init__(*for_base)
        self._notices = notices
        self._library = library
        self._name, self._is_chosen = model, is_chosen
        self._model = library.keep_open(model).model
        """The model that was asked last."""
        self._documents: dict[str, Document] = {}
        """The open documents by their URIs."""
        self._thread = ThreadPoolExecutor(1, "model")
        self._last_requests: dict[tuple[str, str], asyncio.Task[Any] | None] = {}
        """The last request for each document and kind, "list" or "ghost"."""
        self._watch: asyncio.Task[None] | None = None
        """The watch on the editor's process."""
        letters = "".join(self._model.vocabulary.id_by_word)
        # Some editors ask only after these characters.
        triggers = sorted({" ", "'", *filter(str.isalpha, letters + letters.upper() + LATIN)})
        options = self.fm.feature_options
        options[lsp.TEXT_DOCUMENT_COMPLETION] = lsp.CompletionOptions(triggers)
        options[lsp.TEXT_DOCUMENT_INLINE_COMPLETION] = lsp.InlineCompletionOptions()
        self.fm.commands[CHOOSE] = self.choose

    # Messages

    async def listen(self, stream: int) -> NoReturn:
        """Obeys the messages of a stream, given as a file descriptor, until `exit` or its end."""
        loop = asyncio.get_running_loop()
        messages = Messages(stream)
        while True:
            try:
                content = await loop.run_in_executor(None, messages.next)
            except ValueError:
                self._refuse(None, JsonRpcParseError())
            except OSError:
                self.lsp_exit()
            else:
                self.receive(content)

    def receive(self, content: Any) -> None:
        """Obeys a message. A wrong request is answered by an error. A wrong notification is
        ignored, and so is an answer that nothing waits for."""
        fields = content if isinstance(content, dict) else {}
        method, identity = fields.get("method"), fields.get("id")
        is_answer = method is None and not fields.keys().isdisjoint(("result", "error"))
        try:
            self._check(fields, is_answer)
            if is_answer and identity not in self._result_types:
                return
            message = self.structure_message({"params": None, **fields})  # pygls needs params
            if "id" in fields and not hasattr(message, "id"):
                raise JsonRpcInvalidRequest(f"{method} takes no id")
            self.handle_message(message)
        except JsonRpcException as error:
            if not is_answer and ("id" in fields or method is None):
                self._refuse(identity, error)

    def _check(self, fields: dict[str, Any], is_answer: bool) -> None:
        """Raises JsonRpcException for a message that is wrong or comes at a wrong time."""
        method, identity = fields.get("method"), fields.get("id")
        is_message = is_answer or isinstance(method, str)
        if not is_message or fields.get("jsonrpc") != self.VERSION:
            raise JsonRpcInvalidRequest
        if "id" in fields and not isinstance(identity, str | int):
            raise JsonRpcInvalidRequest("an id is a string or a number")
        if method == lsp.EXIT:
            return
        is_initialized = self._workspace is not None
        initializes = method == lsp.INITIALIZE
        if self._shutdown or (is_initialized and initializes):
            raise JsonRpcInvalidRequest(f"{method} comes too late")
        if not is_initialized and not initializes:
            raise JsonRpcServerNotInitialized

    def _refuse(self, identity: object, error: JsonRpcException) -> None:
        """Answers with an error. The id of the answer is null if that of the request is wrong."""
        valid = identity if isinstance(identity, str | int) else None
        answer = {"jsonrpc": self.VERSION, "id": valid, "error": error.to_response_error()}
        self._send_data(answer)

    def _send_data(self, data: object) -> None:
        """Sends a message. Ends the server if the editor reads no more."""
        try:
            super()._send_data(data)
        except BrokenPipeError:
            self.lsp_exit()

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *_: object) -> NoReturn:
        """Ends the server at once, without waiting for its threads. The exit code is 1 if no
        `shutdown` came before."""
        os._exit(0 if self._shutdown else 1)

    @lsp_method(lsp.INITIALIZED)
    def lsp_initialized(self, *_: object) -> None:
        for notice in self._notices:
            shown = lsp.ShowMessageParams(lsp.MessageType.Warning, notice)
            self._server.window_show_message(shown)
        editor = self._server.process_id
        if editor is not None and psutil.pid_exists(editor):  # else it runs in another container
            self._watch = asyncio.get_running_loop().create_task(self._end_with(editor))

    async def _end_with(self, process_id: int) -> None:
        """Ends the server once the editor's process is gone, even if the pipes are still open."""
        while psutil.pid_exists(process_id):
            await asyncio.sleep(5)
        self.lsp_exit()

    # Documents

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        encoding = self.workspace.position_encoding or "utf-16"
        document = Document(item.text, encoding, item.language_id in MARKDOWN)
        self._documents[item.uri] = document
        self._thread.submit(self._contexts_of, document, is_new_text=True)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        if document := self._documents.get(params.text_document.uri):
            for change in params.content_changes:
                document.change(change)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._documents.pop(params.text_document.uri, None)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(self, params: lsp.DidSaveTextDocumentParams) -> None:
        if document := self._documents.get(params.text_document.uri):
            self._thread.submit(self._contexts_of, document, is_new_text=True)

    def _contexts_of(self, document: Document, *, is_new_text: bool = False) -> Contexts:
        """Returns the contexts of a document's model. If that is another model than before, or with
        `is_new_text`, it first reads the new words of the document, also those below the cursor.
        `is_new_text` also finds the language again, since the first words may be a quotation."""
        if is_new_text:
            document.language = ""
        model, contexts = self._model_of(document), document.contexts
        if contexts is None or contexts.model is not model:
            contexts = document.contexts = Contexts(model, self._library.unwanted.words)
            is_new_text = True
        if is_new_text:
            contexts.read_new_words(document.lines)
        return contexts

    def _model_of(self, document: Document) -> LanguageModel:
        """Returns the model of a document: the chosen one, or that of its language, or else the
        default. A model that was saved anew is opened again. If it was deleted or damaged, the
        model that the document had stays."""
        if not (self._is_chosen or document.language):
            words = words_of(document.running_text)
            if len(words) >= WORDS_JUDGED:
                document.language = better_known(words, self._name) or self._name
        name = self._name if self._is_chosen else document.language or self._name
        with suppress(RnnlmError):
            self._model = self._library.keep_open(name).model
            return self._model
        return document.contexts.model if document.contexts else self._model

    # Suggestions

    @lsp_method(lsp.TEXT_DOCUMENT_COMPLETION)
    async def complete(self, params: lsp.CompletionParams) -> lsp.CompletionList:
        """Returns the words of the list. A word that corrects the typed letters is marked.

        All words replace the same range, as Neovim 0.11 needs it. A punctuation mark also removes
        the space before it, by an edit of its own.
        """
        items = list[lsp.CompletionItem]()
        if found := await self._suggest("list", params):
            document, place, answer = found
            words = [w for w in answer.insertable if w.replaces_before <= place.replaceable]
            for rank, word in enumerate(words):
                typed, new = place.edit(len(answer.prefix), word)
                after = place.line[place.cursor :][: word.replaces_after]
                item = lsp.CompletionItem(new.strip(), kind=lsp.CompletionItemKind.Text)
                item.sort_text = f"{rank:02}"
                item.filter_text = _filter_text(typed, new)
                if word.corrects:
                    item.label = SLIP_MARK + item.label
                    item.filter_text = typed
                item.text_edit = lsp.TextEdit(document.range_of(place.position, typed, after), new)
                if not typed and word.replaces_before:
                    space = document.range_of(place.position, " ")
                    item.additional_text_edits = [lsp.TextEdit(space, "")]
                items.append(item)
        return lsp.CompletionList(is_incomplete=True, items=items)

    @lsp_method(lsp.TEXT_DOCUMENT_INLINE_COMPLETION)
    async def complete_inline(
        self, params: lsp.InlineCompletionParams
    ) -> list[lsp.InlineCompletionItem]:
        """Returns the ghost where the app would show one: at the end of a line, if it is likely."""
        found = await self._suggest("ghost", params)
        if found is None:
            return []
        document, place, answer = found
        if not answer.ghost:
            return []
        text = "".join(word.text for word in answer.ghost)
        whole = Insertion(text, answer.ghost[0].replaces_before)
        # A punctuation mark also replaces the space before it, which is not part of the prefix.
        typed, new = place.edit(max(len(answer.prefix), whole.replaces_before), whole)
        is_likely = is_ghost_likely(answer.candidates[0].probability, answer.prefix)
        is_end = not place.line[place.cursor :].strip()
        if not is_likely or not is_end or len(typed) > place.replaceable or new == typed:
            return []
        replaced = document.range_of(place.position, typed)
        return [lsp.InlineCompletionItem(new, _filter_text(typed, new), replaced)]

    async def _suggest(
        self, kind: str, params: lsp.CompletionParams | lsp.InlineCompletionParams
    ) -> tuple[Document, CursorPlace, Suggestions] | None:
        """Returns the suggestions at a position, or None where no words are suggested. Cancels the
        last request of this kind for the document, unless the thread has begun with it."""
        uri = params.text_document.uri
        document = self._documents.get(uri)
        if document is None:
            raise JsonRpcInvalidParams(f"{uri} is not open")
        if earlier := self._last_requests.get((uri, kind)):
            earlier.cancel()
        self._last_requests[uri, kind] = asyncio.current_task()
        place = document.place(params.position)
        if place is None:
            return None

        def answer() -> Suggestions:
            contexts = self._contexts_of(document)
            return suggest(
                contexts.model,
                place.line,
                place.cursor,
                WORDS_LISTED,
                place.above,
                contexts,
                looks_ahead=kind == "ghost",
            )

        coming = asyncio.get_running_loop().run_in_executor(self._thread, answer)
        return document, place, await coming

    async def choose(self, *arguments: object) -> str:
        """Chooses the model for all documents by its name, and returns the name."""
        name = str(arguments[0]) if arguments else ""
        if not name:
            raise JsonRpcInvalidParams(f"{CHOOSE} takes the name of a model")
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._library.keep_open, name)
        except RnnlmError as error:  # its hint names the models
            raise JsonRpcException(error.sentence(), lsp.LSPErrorCodes.RequestFailed) from error
        self._name, self._is_chosen = name, True
        return name


def _filter_text(typed: str, new: str) -> str:
    """Returns the text that an editor compares with the typed letters: the word `new`, with its
    beginning as it is typed. An editor leaves out words that begin otherwise."""
    return typed + new[len(begin_of(new, typed)) :]


def serve(data_dir: Path, model: str | None) -> NoReturn:
    """Answers the editor until `exit` or the end of stdin. `model` is the name of the one that the
    user has chosen. Raises ModelError."""
    library = Library(data_dir)
    notices = list[str]()
    name = model or library.default_model(notices.append)
    is_chosen = model is not None or library.is_chosen()
    protocol = partial(Suggester, library, name, is_chosen, notices)
    server = LanguageServer(APP_NAME, __version__, protocol_cls=protocol)
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # errors are sent to the editor
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread reads from stdin
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints would break the messages
    gc.freeze()  # later collections skip the imported modules
    suggester = server.protocol
    assert isinstance(suggester, Suggester)
    suggester.set_writer(StdoutWriter(output))
    asyncio.run(suggester.listen(0))
