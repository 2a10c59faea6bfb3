"""The contents of session.db."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def drafts(data_dir: Path) -> list[str]:
    """The unfinished last lines of all texts in a data folder, sorted."""
    path = data_dir / "session" / "session.db"
    if not path.exists() or not path.stat().st_size:
        return []
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            return []  # it is being created
        statement = "SELECT draft FROM text WHERE draft != '' ORDER BY draft"
        return [line for (line,) in connection.execute(statement)]
