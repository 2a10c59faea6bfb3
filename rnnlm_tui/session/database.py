"""The connection to session.db, which stores what was typed. Does not import textual.

All open apps share one SQLite file, which provides locks and atomic writes; each text is open in
one of them. It is used in a thread
of its own, so that no key press waits for the disk.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.session.damaged import put_aside
from rnnlm_tui.session.tables import STRICT, TABLES

T = TypeVar("T")
VERSION = 3
ENDINGS = ("-wal", "-shm", "")
"""Of the names of the files of a database. The log comes first: a new database would take it for
its own."""
OF_THE_SURROUNDINGS = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
)

OF_THE_FILE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR_SHORT_READ)
"""Two codes of those classes that are of the file: it was opened for writing, so that only its own
header can say that it is read-only; and it ends within a page."""
BUSY_TIMEOUT_S = 2.0
"""How long a write waits for one of another app, which takes less than a millisecond."""


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database, or creates one that other users cannot read. Raises sqlite3.Error and
    OSError, also if an existing one is damaged or of another version."""
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
        (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if result != "ok":
            raise sqlite3.DatabaseError(str(result))
        purge(connection)  # what a killed app has left
    except (sqlite3.Error, OSError):
        connection.close()
        raise
    except UnicodeDecodeError as error:  # in a message on a schema that is not UTF-8
        connection.close()
        raise sqlite3.DatabaseError("its schema is not UTF-8") from error
    return connection


def decoded(raw: bytes) -> str:
    """Text in the database. A line with a damaged byte is readable but for that."""
    return raw.decode("utf-8", "replace")


def _create(connection: sqlite3.Connection) -> None:
    """Creates the tables in a new database."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError("another version of this program has written it")
        for statement in () if version else TABLES:
            connection.execute(statement + STRICT * statement.startswith("CREATE TABLE"))
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        if not {*TABLES} <= {sql.removesuffix(" STRICT") for (sql,) in found}:
            raise sqlite3.DatabaseError("its tables are damaged")
        # Of an existing one, raises an error if the header says that the file is read-only.
        connection.execute(f"PRAGMA user_version = {VERSION}")


def purge(connection: sqlite3.Connection) -> None:
    """Removes the deleted texts from the disk."""
    if connection.execute("DELETE FROM text WHERE deleted").rowcount:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def is_damage(error: sqlite3.Error) -> bool:
    """Returns whether an error lies in the contents of the file, not in its surroundings: a lock,
    the disk, the permissions. Errors of Python's module have no code, such as broken UTF-8."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is None or code in OF_THE_FILE or code & 0xFF not in OF_THE_SURROUNDINGS


def reason_of(error: Exception) -> str:
    """Returns the message of an error, without the user's text."""
    return str(error).partition(" with text ")[0]


def stats_of(path: Path) -> dict[str, os.stat_result]:
    """Returns the state of each file of a database that there is, by its ending. Raises OSError."""
    found = dict[str, os.stat_result]()
    for ending in ENDINGS:
        with suppress(FileNotFoundError):
            found[ending] = Path(f"{path}{ending}").stat()
    return found


def uri_of(path: Path, query: str) -> str:
    """Returns the name of a database for SQLite, which accepts no host: that of a folder shared by
    Windows begins with four slashes."""
    posix = path.absolute().as_posix()
    return f"file://{'' if posix.startswith('/') else '/'}{quote(posix, safe='/:')}?{query}"


class SessionDatabase:
    """The connection of one app to session.db. A file that cannot be read is put aside when it is
    opened, and a new one is used.

    Before each use the files are compared with those that were opened: SQLite goes on to write to
    files that are deleted or replaced, which nobody will find.
    """

    def __init__(self, folder: Path, failed: Callable[[StorageError], None]) -> None:
        """`failed` is called on the event loop when a write fails or the file is put aside."""
        self._failed = failed
        self._path = folder / "session.db"
        self._connection: sqlite3.Connection | None = None
        self._files = dict[str, os.stat_result]()
        """The files of the connection, at its last use."""
        self._thread = ThreadPoolExecutor(1, "session")
        self._is_closed = False
        self._put_aside: StorageError | None = None
        """Says that the file was put aside, until that is reported."""
        self.problem: StorageError | None = None
        """Why a read or a write has failed, the last one; None if none has."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Calls `work` in the thread and returns its result. Raises StorageError."""
        try:
            return await self._in_thread(self._run, work)
        finally:
            self._report_put_aside()

    async def read_anew(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Like `read`, on a connection of its own, which finds what a later app would find: the
        one that writes has parts of the file in memory."""

        def work_anew(_: sqlite3.Connection) -> T:
            name = uri_of(self._path, "mode=ro")
            with closing(sqlite3.connect(name, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
                return work(connection)

        return await self.read(work_anew)

    def write(self, work: Callable[[sqlite3.Connection], object], wait_s: float = 0.0) -> None:
        """Calls `work` in the thread, after all earlier calls. Waits for it at most `wait_s`
        seconds, in which the event loop stands still."""
        if not self._is_closed:
            written = self._thread.submit(self._run, work)
            asyncio.wrap_future(written).add_done_callback(self._written)
            if wait_s:
                wait([written], wait_s)

    async def close(self) -> None:
        """Waits until everything is written, and ends the thread."""
        self._is_closed = True
        await self._in_thread(self._disconnect)
        self._thread.shutdown()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error, OSError):
                self._check_files(self._connection)
                row = (os.getpid(),)
                self._connection.execute("UPDATE text SET pid = NULL WHERE pid = ?", row)
                purge(self._connection)
            self._connection.close()

    def _in_thread(self, work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _written(self, done: asyncio.Future[object]) -> None:
        try:
            done.result()
        except StorageError as error:
            self._failed(error)
        self._report_put_aside()

    def _report_put_aside(self) -> None:
        if (error := self._put_aside) is not None:
            self._put_aside = None
            self._failed(error)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Raises StorageError with the same message each time, so that it is shown only once."""
        try:
            if self._connection is None:
                self._connection = self._connect()
                self._files = stats_of(self._path)
            self._check_files(self._connection)
            return work(self._connection)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            where, reason = self._path, reason_of(error)
            if isinstance(error, OSError):
                where, reason = error.filename or where, os_reason(error)
            self.problem = StorageError(
                f"could not store what you write in {where}: {reason}",
                "F5 saves your text to a file; otherwise it will be lost when you quit",
            )
            raise self.problem from error

    def _check_files(self, connection: sqlite3.Connection) -> None:
        """Raises OSError or sqlite3.Error if another program has moved, replaced or cut a file."""
        now, before = stats_of(self._path), self._files
        same = {end for end in before if end in now and os.path.samestat(before[end], now[end])}
        cut = {end for end in same if now[end].st_size < before[end].st_size}
        if "-shm" in cut:
            # It is mapped into memory: the next access beyond its end would kill the process. Its
            # contents are an index, which SQLite makes again if they are zeros.
            os.truncate(f"{self._path}-shm", before["-shm"].st_size)
            now["-shm"] = before["-shm"]
        is_whole = len(same) == len(before) and "" not in cut
        if is_whole and "-wal" in cut:  # by SQLite itself, or else this is an error
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        if not is_whole:
            reason = "another program has moved, replaced or emptied it"
            raise FileNotFoundError(errno.ENOENT, reason, str(self._path))
        self._files = now

    def _connect(self) -> sqlite3.Connection:
        """Opens the database. Puts the file aside and creates a new one if it is damaged."""
        try:
            return connect(self._path)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            kept = put_aside(self._path, ENDINGS)
            self._put_aside = StorageError(
                f"what you wrote before cannot be read: {reason_of(error)}", f"it is now in {kept}"
            )
        return connect(self._path)
