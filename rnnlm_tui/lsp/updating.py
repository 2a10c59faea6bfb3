"""Updates a model with a document, in a child process whose progress the editor shows."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from rnnlm_tui import paths
from rnnlm_tui.events import Failed, Finished, Progress, from_json_line
from rnnlm_tui.store.appended import OWNER
from rnnlm_tui.threads import users_environment
from rnnlm_tui.wording.results import ending, event_words


async def update(server: LanguageServer, name: str, path: Path, data_dir: Path) -> None:
    """Trains the model `name` further with a file, and says how that ended. The training lowers its
    own priority; it saves and stops when the server has ended."""
    process = await asyncio.create_subprocess_exec(
        *(*paths.headless_command(), "--train", "--update", name, f"--add={path}"),
        *("--json", f"--data-dir={data_dir}"),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**users_environment(), OWNER: str(os.getpid())},
        start_new_session=True,
    )
    assert process.stdout is not None
    token, window, last = f"update-{process.pid}", server.client_capabilities.window, None
    progress = server.work_done_progress if window and window.work_done_progress else None
    if progress:
        with suppress(JsonRpcException):  # an editor may refuse, and is sent it all the same
            await progress.create_async(token)
        title = f"updating {name} with {path.name}"
        progress.begin(token, lsp.WorkDoneProgressBegin(title, percentage=0))
    async for line in process.stdout:
        with suppress(ValueError):  # something else was printed
            last = from_json_line(line)
        if progress and isinstance(last, Progress):
            words, percent = f"epoch {last.epoch} of {last.epochs}", round(100 * last.share)
            progress.report(token, lsp.WorkDoneProgressReport(message=words, percentage=percent))
    if progress:
        progress.end(token, lsp.WorkDoneProgressEnd())
    kind, said = lsp.MessageType.Error, f"{name}: the training ended: {await process.wait()}"
    if isinstance(last, Finished):
        kind, said = lsp.MessageType.Info, f"{name}: {'; '.join(ending(last))}"
    elif isinstance(last, Failed):
        said = event_words(last)
    server.window_show_message(lsp.ShowMessageParams(kind, said))
