"""The texts in progress in session.db: the tables `draft` and `pasted`. No textual here."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from rnnlm_tui.tui.session.turns import storable

if TYPE_CHECKING:
    import sqlite3


def put_text(
    connection: sqlite3.Connection, table: str, app: str, text: str, pid: int | None = None
) -> None:
    """Stores the text of an app in place of the one before, or deletes it if `text` is empty. `pid`
    is the id of the app's process, None if it is gone."""
    if text:
        connection.execute(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",
            (app, pid, time.time(), storable(text)),
        )
    else:
        connection.execute(f"DELETE FROM {table} WHERE app = ?", (app,))


def left_texts(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """The apps that have ended, however they did, and their texts, the newest last."""
    rows = connection.execute(f"SELECT app, pid, changed, text FROM {table} ORDER BY changed")
    return [(app, text) for app, pid, changed, text in rows if not is_running(pid, changed)]


def is_running(pid: int | None, then: float) -> bool:
    """Whether the process that had this id at the time `then` (seconds since the epoch) still runs,
    and is another than this one."""
    if pid is None or pid == os.getpid():
        return False
    import psutil  # 20 ms, for a start after a crash alone

    try:
        return bool(psutil.Process(pid).create_time() <= then)
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False
