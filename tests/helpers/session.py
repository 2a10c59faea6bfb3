"""The contents of session.db."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def kept_texts(data_dir: Path, table: str) -> list[str]:
    """The texts in the table `draft` or `pasted` of a data folder."""
    path = data_dir / "session" / "session.db"
    if not path.exists() or not path.stat().st_size:
        return []
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            return []  # it is being created
        return [line for (line,) in connection.execute(f"SELECT line FROM {table} ORDER BY line")]
