"""The folders of the user's data, settings and logs. Nothing is created here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from rnnlm_tui import APP_NAME


def data_dir(override: Path | None = None) -> Path:
    """The user data folder: `override`, else RNNLM_DATA_DIR, else the platform's own."""
    return override.expanduser() if override is not None else _folder("data")


def config_dir() -> Path:
    """The user config folder: RNNLM_CONFIG_DIR, else the platform's own."""
    return _folder("config")


def log_dir() -> Path:
    """The user log folder: RNNLM_LOG_DIR, else the platform's own."""
    return _folder("log")


def _folder(kind: Literal["data", "config", "log"]) -> Path:
    if folder := os.environ.get(f"RNNLM_{kind.upper()}_DIR"):
        return Path(folder).expanduser()
    import platformdirs  # 5 ms that --help does not need

    own: Path = getattr(platformdirs, f"user_{kind}_path")(APP_NAME, appauthor=False)
    return own


def built_in_models() -> Path:
    """The folder of the models that ship with the package: RNNLM_BUILT_IN_DIR, else its own."""
    own = Path(__file__).parent / "data" / "models"
    return Path(os.environ.get("RNNLM_BUILT_IN_DIR") or own)


def bundled_corpus() -> Path:
    """Shakespeare's sonnets, as they ship with the package."""
    return Path(__file__).parent / "data" / "sonnets.txt"


def headless_command() -> tuple[str, ...]:
    """The command that runs this program in a child process of the app.

    -P keeps a user's folder that happens to hold a `types.py` off the path. A program that is run
    from its own sources needs them there.
    """
    sources = Path(__file__).parents[1]
    return (sys.executable, *(() if sources == Path.cwd() else ("-P",)), "-m", "rnnlm_tui")
