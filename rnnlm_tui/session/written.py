"""Reads what was written in the app, by the titles of texts, for a training started outside it."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from rnnlm_tui.errors import CorpusError, UsageError, os_reason
from rnnlm_tui.session.database import VERSION, connect_to_read
from rnnlm_tui.session.texts import Listed, find_texts, lines_of_texts, title_of

ALL = "all"
"""The title that stands for all texts. A single text with this title can be named "All"."""
MOST_SHOWN = 5
"""The number of titles that a message names."""


def read_written(data_dir: Path, titles: Sequence[str]) -> list[str]:
    """Returns the lines of the texts with these titles, the oldest first. The database is only
    read, and an app may be open. Raises UsageError for a title that no text or several texts have,
    and CorpusError if nothing was written or the database cannot be read."""
    path = data_dir / "session" / "session.db"
    try:
        lines = _lines_written(path, titles) if path.exists() else None
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else str(error)
        raise CorpusError(
            f"cannot read what was written in the app, in {path}: {reason}",
            "name files to train on",
        ) from error
    if lines is None:
        raise CorpusError("no text was written in the app yet", f"it would be in {path}")
    if not any(map(str.strip, lines)):
        raise CorpusError(
            "nothing was written in these texts yet",
            "write a line in the app, where Enter keeps it, or name other texts",
        )
    return lines


def _lines_written(path: Path, titles: Sequence[str]) -> list[str] | None:
    """Returns the lines, or None if there is no text at all."""
    # No app is open if there is no log. Then `immutable` keeps SQLite from creating a log.
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    with closing(connect_to_read(path, mode)) as connection:
        connection.execute("BEGIN")  # so that all statements see the same contents
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not version:  # an app is creating it
            return None
        if version != VERSION:
            message = f"another version of this program has written {path}"
            raise CorpusError(message, "name files to train on")
        listed = find_texts(connection, "")
        if not listed:
            return None
        numbers = None if ALL in titles else [_number_of(title, listed) for title in titles]
        return lines_of_texts(connection, numbers)


def _number_of(title: str, listed: Sequence[Listed]) -> int:
    """Returns the number of the text with this title, or else with this title in another case, or
    else with a title that begins with it. The app passes #NUMBER instead of a title, since other
    users can read the arguments of a process. Raises UsageError unless exactly one text fits."""
    if number := next((text.number for text in listed if title == f"#{text.number}"), None):
        return number
    wanted = title_of(title) if title.strip() else ""
    folded = wanted.casefold()
    found = (
        [text for text in listed if text.title == wanted]
        or [text for text in listed if text.title.casefold() == folded]
        or [text for text in listed if folded and text.title.casefold().startswith(folded)]
    )
    if len(found) == 1:
        return found[0].number
    if found:
        raise UsageError(
            f"{len(found)} texts fit the title {title!r}",
            f"name one in full, or rename one in the app: {_shown(text.title for text in found)}",
            field="written",
        )
    titles = [text.title for text in listed]
    near = [each for each in titles if folded and folded in each.casefold()]
    near += difflib.get_close_matches(wanted, titles, MOST_SHOWN)
    which = "the closest" if near else "the newest"
    raise UsageError(
        f"no text has the title {title!r}",
        f"{which} titles are {_shown(near or titles)}",
        field="written",
    )


def _shown(titles: Iterable[str]) -> str:
    """Returns a few of these titles."""
    return ", ".join(map(repr, [*dict.fromkeys(titles)][:MOST_SHOWN]))
