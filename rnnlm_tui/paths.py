"""The folders of the user's data, settings and logs. No function here creates one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

import platformdirs

from rnnlm_tui._version import APP_NAME
from rnnlm_tui.errors import UsageError

NEVER_SUGGEST = "never-suggest.txt"
"""The file in the config folder with the words that are never suggested."""
PACKAGE = Path(__file__).parent


def data_dir(override: str | Path | None = None) -> Path:
    """Returns the user's data folder: `override`, RNNLM_DATA_DIR, or the platform's default."""
    return _expanded(override) if override else _folder("data")


def config_dir() -> Path:
    """Returns the user's config folder: RNNLM_CONFIG_DIR, or the platform's default."""
    return _folder("config")


def log_dir() -> Path:
    """Returns the user's log folder: RNNLM_LOG_DIR, or the platform's default."""
    return _folder("log")


def _folder(kind: Literal["data", "config", "log"]) -> Path:
    if folder := os.environ.get(f"RNNLM_{kind.upper()}_DIR"):
        return _expanded(folder)
    own: Path = getattr(platformdirs, f"user_{kind}_path")(APP_NAME, appauthor=False)
    return own


def _expanded(folder: str | Path) -> Path:
    """Replaces ~ by the home folder. Raises UsageError."""
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{folder} is no folder: there is no such user") from error


def built_in_models() -> Path:
    """Returns the folder of the built-in models: RNNLM_BUILT_IN_DIR, or that of the package."""
    return Path(os.environ.get("RNNLM_BUILT_IN_DIR") or PACKAGE / "data" / "models")


def bundled_corpus() -> Path:
    """Returns the file with Shakespeare's sonnets in the package."""
    return PACKAGE / "data" / "sonnets.txt"


def current_dir() -> Path:
    """Returns the current folder. If it was deleted, the home folder becomes the current folder, so
    that relative paths have a meaning."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        os.chdir(Path.home())
        return Path.home()


def headless_command() -> tuple[str, ...]:
    """Returns the command that runs this program in a child process of the app.

    -P keeps the current folder, which may contain a `types.py`, off the import path. It is left out
    if the current folder has the sources of the program, which are imported from there.
    """
    is_here = PACKAGE.parent == current_dir()
    return (sys.executable, *(() if is_here else ("-P",)), "-m", "rnnlm_tui")
