"""The draft is written off the event loop, the latest line last, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui.session.draft import DraftKeeper

LIMIT_S = 10.0


class Disk:
    """Takes lines, each only when it is let go on."""

    def __init__(self, error: StorageError | None = None) -> None:
        self.lines: list[str] = []
        self.failures: list[StorageError] = []
        self.failed = asyncio.Event()
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self._error = error

    def write(self, line: str) -> None:
        self.begun.set()
        assert self.go_on.wait(LIMIT_S)
        if self._error is not None:
            raise self._error
        self.lines.append(line)

    def fail(self, error: StorageError) -> None:
        self.failures.append(error)
        self.failed.set()


async def test_the_latest_line_replaces_those_that_wait() -> None:
    disk = Disk()
    keeper = DraftKeeper(disk.write, disk.fail)
    keeper.keep("a")
    assert await asyncio.to_thread(disk.begun.wait, LIMIT_S)
    for line in ("a b", "a bi", "a bir"):
        keeper.keep(line)
    disk.go_on.set()
    keeper.close()
    assert disk.lines == ["a", "a bir"]


async def test_a_line_is_written_though_no_other_follows() -> None:
    disk = Disk()
    disk.go_on.set()
    keeper = DraftKeeper(disk.write, disk.fail)
    keeper.keep("a")
    keeper.keep("a bird")
    async with asyncio.timeout(LIMIT_S):
        while disk.lines[-1:] != ["a bird"]:
            await asyncio.sleep(0)
    keeper.close()
    assert disk.lines[-1] == "a bird"


async def test_a_failure_is_told_and_the_next_line_tried() -> None:
    disk = Disk(StorageError("the disk is full"))
    disk.go_on.set()
    keeper = DraftKeeper(disk.write, disk.fail)
    for line in ("a", "a b"):
        disk.failed.clear()
        keeper.keep(line)
        async with asyncio.timeout(LIMIT_S):
            await disk.failed.wait()
    assert [error.message for error in disk.failures] == ["the disk is full"] * 2
    keeper.keep("a bi")
    keeper.keep("a bir")
    with pytest.raises(StorageError):
        keeper.close()
