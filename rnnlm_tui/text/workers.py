"""Worker processes for the parts of a large text."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeAlias, TypeVar, cast

from rnnlm_tui.errors import RnnlmError

Work = TypeVar("Work")
Result = TypeVar("Result")
Pipe: TypeAlias = "Connection[Any, Any]"
MAX_WORKERS = 8
"""About how many workers a single process can supply with blocks."""


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Worker processes, which end with this process however it ends: each waits on a pipe that no
    other process holds, and exits when it is closed.

    They are spawned on all platforms, since a process with threads must not be forked.
    """

    def __init__(self, count: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Pipe] = []
        for _ in range(count or min(MAX_WORKERS, _usable_cores())):
            here, there = context.Pipe()
            context.Process(target=_serve, args=(there,), daemon=True).start()
            there.close()
            self._pipes.append(here)

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()

    def map(self, task: Callable[[Work], Result], blocks: Iterable[Work]) -> Iterator[Result]:
        """Yields `task(block)` for each block, in order. `task` is sent to each process once, so
        that it may keep caches between blocks.

        Raises what a task raises, and RnnlmError if a process is gone.
        """
        idle, busy = [*self._pipes], dict[Pipe, int]()
        done, following = dict[int, Result](), 0
        try:
            for pipe in self._pipes:
                pipe.send(task)
            for number, block in enumerate(blocks):
                if not idle:
                    idle += self._collect(busy, done)
                pipe = idle.pop()
                pipe.send((block,))
                busy[pipe] = number
                while following in done:
                    yield done.pop(following)
                    following += 1
            while busy:
                self._collect(busy, done)
                while following in done:
                    yield done.pop(following)
                    following += 1
        except (EOFError, OSError) as error:
            raise RnnlmError(
                "a worker process is gone: it was killed, or ran out of memory",
                "try again when more memory is free",
            ) from error
        except KeyboardInterrupt:
            busy.clear()  # the command ends, and the processes with it
            raise
        finally:
            for pipe in busy:  # results that are not needed
                with suppress(EOFError, OSError):
                    pipe.recv()

    @staticmethod
    def _collect(busy: dict[Pipe, int], done: dict[int, Any]) -> list[Pipe]:
        """Waits for results; returns the pipes of the processes that are idle again."""
        ready = cast("list[Pipe]", wait(list(busy)))
        for pipe in ready:
            number = busy.pop(pipe)
            result, error = pipe.recv()
            if error is not None:
                raise error
            done[number] = result
        return ready


def _serve(pipe: Pipe) -> None:
    """The main loop of a worker. Receives tasks, and blocks in tuples of one."""
    # ctrl+c is handled by the parent process, with which this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task: Callable[[Any], Any] | None = None
    while True:
        try:
            received = pipe.recv()
            if not isinstance(received, tuple):
                task = received
                continue
            assert task is not None
            pipe.send(_result(task, received[0]))
        except (EOFError, OSError):
            return


def _result(task: Callable[[Any], Any], block: Any) -> tuple[Any, BaseException | None]:
    try:
        return task(block), None
    except (RnnlmError, MemoryError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return None, error
