"""The folders of the user's data, settings and logs. Nothing is created here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

APP_NAME = "rnnlm-tui"


def data_dir(override: Path | None = None) -> Path:
    """The user data folder: `override`, else RNNLM_DATA_DIR, else the platform's own."""
    if override is not None:
        return override.expanduser()
    if folder := _from_environment("RNNLM_DATA_DIR"):
        return folder
    import platformdirs  # 5 ms that --help does not need

    return platformdirs.user_data_path(APP_NAME, appauthor=False)


def config_dir() -> Path:
    """The user config folder: RNNLM_CONFIG_DIR, else the platform's own."""
    if folder := _from_environment("RNNLM_CONFIG_DIR"):
        return folder
    import platformdirs

    return platformdirs.user_config_path(APP_NAME, appauthor=False)


def log_dir() -> Path:
    """The user log folder: RNNLM_LOG_DIR, else the platform's own."""
    if folder := _from_environment("RNNLM_LOG_DIR"):
        return folder
    import platformdirs

    return platformdirs.user_log_path(APP_NAME, appauthor=False)


def _from_environment(variable: str) -> Path | None:
    """The folder that an environment variable names, None if it is empty or not set."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def built_in_model() -> Path:
    """The folder of the model that ships with the package: RNNLM_BUILT_IN_DIR, else its own."""
    return _from_environment("RNNLM_BUILT_IN_DIR") or Path(__file__).parent / "data" / "model"


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
