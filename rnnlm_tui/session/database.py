"""The connection to session.db, which stores what was typed. Does not import textual.

All open apps share one SQLite file, which provides locks and atomic writes. A text is open in one
app at most. The connection has a thread of its own, so that no key press waits for the disk.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.session.tables import STRICT, TABLES
from rnnlm_tui.session.texts import purge
from rnnlm_tui.store.files import put_aside

Result = TypeVar("Result")
VERSION = 7
"""The version of the tables, which the database stores as its `user_version`."""
ENDINGS = ("-wal", "-shm", "")
"""The endings of the names of a database's files. They are put aside in this order, the log first.
If the log stayed, a new database would read it."""
DAMAGE_CODES = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""The codes of errors that mean that the contents of the file are damaged. All their extended codes
mean this, too. Other errors have other causes, such as a lock or a full disk."""
EXACT_DAMAGE_CODES = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR_SHORT_READ)
"""Two more such codes, but their extended codes do not mean damage. The file is opened for writing,
so it is read-only only if its header says so. A short read means that it ends within a page."""
BUSY_TIMEOUT_S = 2.0
"""Seconds that a write waits while another app writes, which takes less than a millisecond."""


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database, or creates one that other users cannot read. Removes texts that were
    deleted long ago. Raises sqlite3.Error or OSError, also if the existing database is damaged or
    has another version."""
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.text_factory = decoded
    try:
        for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA secure_delete = on")  # overwrites what is deleted
        _create(connection)
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise sqlite3.DatabaseError(str(result))
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            connection.execute("REINDEX")  # the quick check read all rows, so an index is damaged
        purge(connection)
    except (sqlite3.Error, OSError):
        connection.close()
        raise
    except UnicodeDecodeError as error:  # from a message that cites a schema that is not UTF-8
        connection.close()
        raise sqlite3.DatabaseError("its schema is not UTF-8") from error
    return connection


def connect_to_read(path: Path, query: str = "mode=ro") -> sqlite3.Connection:
    """Opens a database only to read it. Raises sqlite3.Error."""
    name = f"{path.absolute().as_uri()}?{query}"
    connection = sqlite3.connect(name, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.text_factory = decoded
    return connection


def decoded(raw: bytes) -> str:
    """Decodes text of the database. A damaged byte is replaced, and the line stays."""
    return raw.decode("utf-8", "replace")


def _create(connection: sqlite3.Connection) -> None:
    """Creates the tables in a new database, and checks those of an existing one."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not version:
            for statement in TABLES:
                is_table = statement.startswith("CREATE TABLE")
                connection.execute(statement + (STRICT if is_table else ""))
        elif version != VERSION:
            raise sqlite3.DatabaseError("another version of this program has written it")
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        if not {*TABLES} <= {sql.removesuffix(" STRICT") for (sql,) in found}:
            raise sqlite3.DatabaseError("its tables are damaged")
        # Writing the version fails if the header of an existing file says that it is read-only.
        connection.execute(f"PRAGMA user_version = {VERSION}")


def is_damage(error: sqlite3.Error) -> bool:
    """Returns True if the error means that the contents of the file are damaged."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    # Errors that this module raises have no code. The last byte of a code is its primary code.
    return code is None or code in EXACT_DAMAGE_CODES or code & 0xFF in DAMAGE_CODES


class SessionDatabase:
    """The connection of one app to session.db. If the file is damaged when it is opened, it is put
    aside, and a new one is created.

    Before each use the files are compared with those that were opened. Otherwise SQLite would go on
    writing to a file that was deleted or replaced, and what is written would be lost.
    """

    def __init__(self, folder: Path, failed: Callable[[StorageError], None]) -> None:
        """`failed` is called on the event loop when a write fails or the file is put aside."""
        self._failed = failed
        self._path = folder / "session.db"
        self._connection: sqlite3.Connection | None = None
        self._files = dict[Path, os.stat_result]()
        """The database and its log, as they were at the last use."""
        self._thread = ThreadPoolExecutor(1, "session")
        self._is_closed = False
        self.problem: StorageError | None = None
        """The error of the last read or write that failed; None if none has failed."""

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Calls `work` in the thread and returns its result. Raises StorageError."""
        return await asyncio.wrap_future(self._submit(work))

    async def read_anew(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Does what `read` does, but on a new connection, which reads the file as the next app to
        start will. The connection that is open has parts of the file in memory."""

        def work_anew(_: sqlite3.Connection) -> Result:
            with closing(connect_to_read(self._path)) as connection:
                return work(connection)

        return await self.read(work_anew)

    def write(
        self, work: Callable[[sqlite3.Connection], object], wait_s: float = 0.0
    ) -> Future[object] | None:
        """Calls `work` in the thread, after all earlier calls, and returns its future, or None if
        the database is closed. The event loop is blocked until it is done, but for at most `wait_s`
        seconds."""
        if self._is_closed:
            return None
        written = self._submit(work)
        asyncio.wrap_future(written).add_done_callback(self._written)
        if wait_s:
            wait([written], wait_s)
        return written

    async def close(self) -> None:
        """Waits until everything is written, and ends the thread."""
        self._is_closed = True
        await asyncio.wrap_future(self._thread.submit(self._disconnect))
        self._thread.shutdown()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error, OSError):
                self._check_files()
                row = (os.getpid(),)
                self._connection.execute("UPDATE text SET pid = NULL WHERE pid = ?", row)
            self._connection.close()

    def _submit(self, work: Callable[[sqlite3.Connection], Result]) -> Future[Result]:
        return self._thread.submit(self._run, work, asyncio.get_running_loop())

    def _written(self, done: asyncio.Future[object]) -> None:
        try:
            done.result()
        except StorageError as error:
            self._failed(error)

    def _run(
        self, work: Callable[[sqlite3.Connection], Result], loop: asyncio.AbstractEventLoop
    ) -> Result:
        """Calls `work`. This runs in the thread. Raises StorageError. A fault that lasts has the
        same message each time, so that the app shows it only once."""
        try:
            if self._connection is None:
                self._connection = self._connect(loop)
                files = (self._path, Path(f"{self._path}-wal"))
                self._files = {path: path.stat() for path in files}
            self._check_files()
            return work(self._connection)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            where, reason = self._path, str(error)
            if isinstance(error, OSError):
                where, reason = error.filename or where, os_reason(error)
            self.problem = StorageError(
                f"could not store what you write in {where}: {reason}",
                "save your text to a file; otherwise it will be lost when you quit",
            )
            raise self.problem from error

    def _check_files(self) -> None:
        """Raises OSError if another program has moved, replaced or cut a file."""
        for path, before in self._files.items():
            now = path.stat() if path.exists() else None
            if now is None or not os.path.samestat(before, now) or now.st_size < before.st_size:
                reason = "another program has moved, replaced or emptied it"
                raise FileNotFoundError(errno.ENOENT, reason, str(self._path))
            self._files[path] = now

    def _connect(self, loop: asyncio.AbstractEventLoop) -> sqlite3.Connection:
        """Opens the database. If it is damaged, puts it aside and creates a new one."""
        try:
            return connect(self._path)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            kept = put_aside(self._path, ENDINGS)
            problem = f"what you wrote before cannot be read: {error}"
            loop.call_soon_threadsafe(self._failed, StorageError(problem, f"it is now in {kept}"))
        return connect(self._path)
