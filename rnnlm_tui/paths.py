"""The folders of the user's data, settings and logs. Nothing is created here.

pathlib is loaded where it is needed: 3 ms that --help need not wait for.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

APP_NAME = "rnnlm-tui"


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
    from pathlib import Path

    if folder := os.environ.get(f"RNNLM_{kind.upper()}_DIR"):
        return Path(folder).expanduser()
    import platformdirs  # 5 ms that --help does not need

    own: Path = getattr(platformdirs, f"user_{kind}_path")(APP_NAME, appauthor=False)
    return own


def built_in_models() -> Path:
    """The folder of the models that ship with the package: RNNLM_BUILT_IN_DIR, else its own."""
    from pathlib import Path

    own = _package() / "data" / "models"
    return Path(os.environ.get("RNNLM_BUILT_IN_DIR") or own)


def bundled_corpus() -> Path:
    """Shakespeare's sonnets, as they ship with the package."""
    return _package() / "data" / "sonnets.txt"


def _package() -> Path:
    """The folder of the package."""
    from pathlib import Path

    return Path(__file__).parent


def headless_command() -> tuple[str, ...]:
    """The command that runs this program in a child process of the app.

    -P keeps a user's folder that happens to hold a `types.py` off the path. A program that is run
    from its own sources needs them there.
    """
    sources = _package().parent
    return (sys.executable, *(() if sources == sources.cwd() else ("-P",)), "-m", "rnnlm_tui")
