"""Starts the app from the command line."""

from __future__ import annotations

import gc
import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rnnlm_tui.errors import StorageError, os_reason
from rnnlm_tui.paths import config_dir, log_dir
from rnnlm_tui.session.text_file import read_text_file
from rnnlm_tui.threads import use_one_thread

FRAMES_A_SECOND = "500"
"""The rate at which Textual paints changes. A letter is painted at once, its suggestion up to two
frames later: 33 ms at Textual's 60 frames a second, 17 ms at 120, 4 ms at 500."""
LOG_BYTES = 1_000_000
"""The size at which a new log is begun. One older log is kept."""


def start(model: str | None, data_dir: Path, file: str | None, encoding: str | None) -> int:
    """Runs the app and returns the exit code. `model` is the name of the model to load first, or
    None for the one in use. `file` is the path of the text to open, or None for the last one.

    Raises RnnlmError if the file cannot be read, StorageError if the log cannot be written.
    """
    read = read_text_file(Path(file), encoding) if file is not None else None
    use_one_thread()
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_A_SECOND)  # read when textual is imported
    log_path = log_to_file()
    gc.disable()  # imports make no garbage, and looking for some takes 40 ms
    from rnnlm_tui.tui.app import RnnlmApp

    gc.enable()
    gc.freeze()  # later collections skip the imported modules
    app = RnnlmApp(data_dir, config_dir(), log_path, model, read)
    app.run()
    return app.return_code or 0


def log_to_file() -> Path:
    """Sends the app's log to a file in the user's log folder. Returns its path. Raises StorageError
    if it cannot be written."""
    path = log_dir() / "app.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write the log {path}: {os_reason(error)}", "RNNLM_LOG_DIR names another folder"
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("rnnlm_tui", "asyncio"):  # asyncio logs errors in callbacks
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
    logging.getLogger("rnnlm_tui").setLevel(logging.INFO)
    return path
