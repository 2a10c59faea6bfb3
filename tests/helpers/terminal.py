"""A program in a pseudo-terminal, and what its screen shows. POSIX alone."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pyte

from tests.helpers.commands import kill_family

STDIN = 0
READ_BYTES = 1 << 16
LOOKS = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TERM_PROGRAM", "COLUMNS", "LINES")
"""Variables that change how the app looks. All that begin with TEXTUAL do so too."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The bytes of one read, and when they arrived by time.perf_counter."""

    time: float
    data: bytes


class Terminal:
    """A program running in a pseudo-terminal. It and its child processes are killed at the end of
    the `with` block."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        env: Mapping[str, str | None] | None = None,
    ) -> None:
        """Its screen has 24 rows. `env` is merged into the environment of this process, without
        the variables in `LOOKS`. None removes a variable."""
        self.screen = pyte.Screen(columns, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.chunks: list[Chunk] = []
        """All output so far, oldest first. Clear it in long sessions."""
        self._is_closed = self._is_over = False
        self._master, slave = os.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.started = time.perf_counter()
        """When the program was started, in the time of time.perf_counter."""
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=_environment(env or {}),
            start_new_session=True,
            preexec_fn=_own_terminal,  # noqa: PLW1509 - it takes no lock, and runs one call
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill_family(self._process)
        self._process.wait()
        if not self._is_closed:
            self.hang_up()

    @property
    def pid(self) -> int:
        """The number of the program's process."""
        return self._process.pid

    # Output

    @property
    def text(self) -> str:
        """The rows of the screen, without the spaces at their ends."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def output(self) -> bytes:
        """All bytes so far."""
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def echoes(self) -> bool:
        """Whether the terminal echoes what is typed, as it does for a shell."""
        local_modes: int = termios.tcgetattr(self._master)[3]
        return bool(local_modes & termios.ECHO and local_modes & termios.ICANON)

    # Input

    def send(self, keys: str | bytes) -> None:
        """Types."""
        data = keys.encode() if isinstance(keys, str) else keys
        while data:  # a write is short if the program does not read and the buffer is full
            data = data[os.write(self._master, data) :]

    def kill(self, number: signal.Signals) -> None:
        """Sends a signal to the program alone."""
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Closes the window."""
        os.close(self._master)
        self._is_closed = self._is_over = True

    # Waiting

    def receive(self, timeout: float) -> Chunk | None:
        """The next output, not yet painted; None if none arrives within `timeout` seconds."""
        if self._is_over:
            time.sleep(timeout)  # nothing to wait on: keeps a polling caller from spinning
            return None
        if not select.select([self._master], [], [], timeout)[0]:
            return None
        try:
            data = os.read(self._master, READ_BYTES)
        except OSError:  # how Linux reports the end
            data = b""
        if not data:
            self._is_over = True
            return None
        chunk = Chunk(time.perf_counter(), data)
        self.chunks.append(chunk)
        return chunk

    def paint(self, chunk: Chunk) -> None:
        """Puts output on the screen."""
        self._stream.feed(chunk.data)

    def wait_for(self, what: str | Callable[[], object], timeout: float = 10.0) -> None:
        """Paints output until the screen shows this text or the condition holds. Fails, showing
        the screen, after `timeout` seconds or as soon as the program ends without it."""
        condition = (lambda: what in self.text) if isinstance(what, str) else what
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            chunk = self.receive(min(0.02, max(0.0, left)))
            if chunk is not None:
                self.paint(chunk)
            elif self._is_over and self._process.poll() is not None:
                assert condition(), f"it ended with {self._process.returncode}:\n{self.text}"
            elif left <= 0:
                raise AssertionError(f"timed out; the screen shows\n{self.text}")

    def wait_for_exit(self, timeout: float = 10.0) -> int:
        """The exit code, once the program has ended and all its output is on the screen; negative
        for the signal that ended it. Fails after `timeout` seconds."""
        self.wait_for(lambda: self._process.poll() is not None, timeout)
        while chunk := self.receive(0.0):
            self.paint(chunk)
        return self._process.returncode


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in LOOKS and not name.startswith("TEXTUAL")
    }
    wanted = {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def _own_terminal() -> None:
    """Makes this the controlling terminal, so that the process gets SIGWINCH and SIGHUP."""
    fcntl.ioctl(STDIN, termios.TIOCSCTTY, 0)
