"""A training as a child process of the app: the command line's own `--train`.

The child outlives the screen that started it, and saves and ends when the app is gone, however it
went: its standard input ends then. asyncio's own subprocesses cannot do that: they kill a child
that runs still when the event loop is closed. So this is a `Popen`, and a thread that reads its
events and hands them to the event loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import rnnlm_tui
from rnnlm_tui.errors import os_reason
from rnnlm_tui.events import Event, Failed, Saved
from rnnlm_tui.paths import log_dir
from rnnlm_tui.tui.runs.event_lines import EventLines
from rnnlm_tui.tui.runs.history import past_epochs
from rnnlm_tui.tui.runs.log import RunLog
from rnnlm_tui.tui.runs.state import Phase, RunProgress

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library
    from rnnlm_tui.store.run_state import RunStatus

QUIT_PATIENCE_S = 30.0
"""How long a run may take to save when the app is left; then it gets SIGTERM."""
SIGTERM_PATIENCE_S = 5.0
DETACH_PATIENCE_S = 1.0
LONGEST_SAMPLE = 1000
"""Characters. A control line of at most 4096 bytes goes into the pipe whole or not at all."""
CONTROLS = frozenset({"pause", "resume", "stop", "sample", "detach"})


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train: the command line's arguments after `--train`, among them `--name`."""

    arguments: tuple[str, ...]
    name: str

    @classmethod
    def resuming(cls, name: str, *changed: str) -> TrainingRequest:
        """Goes on with the saved run `name`; `changed` may be such as ("--epochs", "200")."""
        return cls(("--resume", "--name", name, *changed), name)

    @classmethod
    def lengthening(cls, name: str, stand: RunStatus, epochs: int) -> TrainingRequest:
        """Goes on with the saved run `name` up to `epochs` epochs in all. One that would end early
        at once waits as long as it takes to do them all."""
        patience = str(epochs - (stand.best_epoch or 0))
        waiting = ("--patience", patience) if stand.patience_exhausted else ()
        return cls.resuming(name, "--epochs", str(epochs), *waiting)


def own_command() -> tuple[str, ...]:
    """This program, headless. -P keeps a user's folder that happens to hold a `types.py` off the
    path, which only a program that is run from its own sources needs."""
    sources = Path(rnnlm_tui.__file__).parents[1]
    return (sys.executable, *(() if sources == Path.cwd() else ("-P",)), "-m", "rnnlm_tui")


class TrainingProcess:
    """A run that the app owns. All methods are for the event loop's own thread.

    `on_saved` is called there with each save, after `progress` has taken it; `on_end` once, when
    the process is gone. `detached`: the run was told to go on when the app has ended.
    `is_deleted`: what it has left was deleted since.
    """

    owned = True
    controls = CONTROLS

    def __init__(
        self,
        request: TrainingRequest,
        library: Library,
        *,
        command: Sequence[str] | None = None,
        log_folder: Path | None = None,
    ) -> None:
        self.request = request
        self.name = request.name
        self.progress = RunProgress()
        self.detached = self.is_deleted = False
        self.on_saved: Callable[[Saved], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._library = library
        self._command = (
            *(own_command() if command is None else command),
            *("--train", *request.arguments, f"--data-dir={library.folder.parent}"),
            *("--json", "--control", "stdin"),
        )
        self._log = RunLog((log_folder or log_dir()) / f"train-{request.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: list[str] = []
        """Control lines from before there was a process to read them."""
        self._begun = False
        self._done = asyncio.Event()
        self._came = asyncio.Event()

    @property
    def log_path(self) -> Path:
        """What the process says beside its events, such as errors."""
        return self._log.path

    @property
    def pid(self) -> int | None:
        """The number of the process, or None where it could not be started."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """From `start` until the process is gone and its events are taken."""
        return self._begun and not self._done.is_set()

    def log_tail(self, lines: int = 5) -> list[str]:
        """The last lines that the process has said beside its events."""
        return self._log.tail(lines)

    async def start(self) -> None:
        """Starts the process. Where that fails, the phase is FAILED and says why."""
        self._begun = True
        try:
            log = await asyncio.to_thread(self._prepare)
            self._spawn(log)
        finally:
            if self._process is None:
                self._finish()

    def _prepare(self) -> IO[bytes] | None:
        """Reads what a run that goes on has behind it, and opens the log."""
        if "--resume" in self.request.arguments:
            self.progress.remember(past_epochs(self._library.path(self.name)))
        try:
            return self._log.open(self._command)
        except OSError as error:
            text = f"no log of this run can be written: {os_reason(error)}"
            self.progress.note(text, "warning")
            return None

    def _spawn(self, log: IO[bytes] | None) -> None:
        try:
            self._process = subprocess.Popen(
                self._command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log or subprocess.DEVNULL,
                # Torch's threads that spin make training up to 100 times slower beside the app.
                env={"OMP_WAIT_POLICY": "PASSIVE", "PYTHONFAULTHANDLER": "1", **os.environ},
                **_apart_from_the_terminal(),
            )
        except (OSError, ValueError) as error:  # ValueError: an argument with a null character
            why = os_reason(error) if isinstance(error, OSError) else str(error)
            message = f"could not start the training, {self._command[0]}: {why}"
            hint = "see that rnnlm-tui and its Python are still installed"
            failed = Failed(0.0, "start", message, hint)
            self.progress.take(failed, time.monotonic())
            return
        finally:
            if log is not None:
                log.close()
        assert self._process.stdin is not None
        if sys.platform != "win32":
            os.set_blocking(self._process.stdin.fileno(), False)
        loop = asyncio.get_running_loop()
        reader = threading.Thread(
            target=self._read, args=(self._process, loop), name=f"train-{self.name}", daemon=True
        )
        reader.start()
        for line in self._kept:
            self._send(line)

    def _read(self, process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: hands the events to the loop until the process is gone."""
        assert process.stdout is not None
        lines, told = EventLines(), False
        while piece := os.read(process.stdout.fileno(), 1 << 16):
            _post(loop, self._take, list(lines.feed(piece)), time.monotonic())
            if lines.dropped and not told:
                self._log.add(f"lines that are no events are left out: {lines.dropped[0]}")
                told = True
        _post(loop, self._take, list(lines.end()), time.monotonic())
        process.stdout.close()
        _post(loop, self._ended, process.wait())

    def _take(self, events: list[Event], now: float) -> None:
        for event in events:
            self.progress.take(event, now)
            if isinstance(event, Saved) and self.on_saved is not None:
                self.on_saved(event)
        if events:
            self._came.set()

    def _ended(self, code: int) -> None:
        self._close_stdin()
        self.progress.lost(how_it_went(code), time.monotonic())
        self._finish()

    def _finish(self) -> None:
        self._done.set()
        self._came.set()
        if self.on_end is not None:
            self.on_end()

    async def wait(self) -> None:
        """Returns when the process is gone and its last event is taken."""
        await self._done.wait()

    async def pause(self) -> None:
        """Asks the run to wait after its current step; the phase is PAUSED when it does."""
        self._send("pause")

    async def resume(self) -> None:
        """Lets a paused run go on."""
        self._send("resume")

    async def stop(self) -> None:
        """Asks the run to save and end."""
        if self._send("stop"):
            self.progress.stopping()

    async def sample(self, text: str) -> bool:
        """Gives another line to continue after each epoch; an empty one changes nothing. Whether
        the run was told of it."""
        line = " ".join(text[:LONGEST_SAMPLE].split())
        return bool(line) and self._send(f"sample {line}")

    async def detach(self) -> None:
        """Lets the run go on when the app has ended. It cannot be taken back."""
        if self._send("detach"):
            self.detached = True

    async def let_go(self) -> None:
        """Detaches before the app ends: nobody can let a paused run go on then, so it goes on now.

        Returns once the run has surely heard of it, else it would save and end as soon as nobody
        reads its events any more; a run that starts up reads the line before it says a word.
        """
        await self.resume()
        await self.detach()
        if self.is_running and self.progress.phase is not Phase.STARTING:
            with suppress(TimeoutError):
                async with asyncio.timeout(DETACH_PATIENCE_S):
                    for _ in range(2):
                        self._came.clear()
                        await self._came.wait()
        self._close_stdin()

    async def end(self) -> None:
        """Stops the run and waits until it has saved, but not for ever."""
        await self.stop()
        if await self._gone_within(QUIT_PATIENCE_S) or self._process is None:
            return
        if sys.platform != "win32":  # where it would end without saving
            self._process.terminate()
            await self._gone_within(SIGTERM_PATIENCE_S)

    async def _gone_within(self, seconds: float) -> bool:
        if self.is_running:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._done.wait()
        return not self.is_running

    def _send(self, line: str) -> bool:
        """Sends a control line, or keeps it until there is a process. False where it gets none: it
        is gone, or reads so little that its input is full."""
        if not self.is_running:
            return False
        if self._process is None:
            self._kept.append(line)
            return True
        assert self._process.stdin is not None
        raw = f"{line}\n".encode(errors="replace")
        with suppress(OSError, ValueError):  # ValueError: closed
            return self._process.stdin.write(raw) == len(raw)
        return False

    def _close_stdin(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


def how_it_went(code: int) -> str:
    """An exit code in a sentence, for a process that said nothing of its end."""
    if code >= 0:
        return f"the training process has ended with exit code {code}, without a word"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return f"the training process was killed ({name}), by hand or for lack of memory"
    return f"the training process has crashed or was killed ({name})"


def _apart_from_the_terminal() -> dict[str, Any]:
    """What keeps the terminal's ctrl+c and its closing away from the child."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": flags}
    return {"start_new_session": True}


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    """Calls in the loop's thread; not at all once the loop is closed, as the app ends."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)
