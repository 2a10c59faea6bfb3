"""Where the user's data lies. Nothing is created here."""

from __future__ import annotations

import os
from pathlib import Path

APP_NAME = "rnnlm-tui"


def data_dir(override: Path | None = None) -> Path:
    """The user data folder: `override`, else RNNLM_DATA_DIR, else the platform's own."""
    if override is not None:
        return override.expanduser()
    if from_environment := os.environ.get("RNNLM_DATA_DIR"):
        return Path(from_environment).expanduser()
    import platformdirs  # 5 ms that --help does not need

    return platformdirs.user_data_path(APP_NAME, appauthor=False)


def bundled_corpus() -> Path:
    """Shakespeare's sonnets, as they ship with the package."""
    return Path(__file__).parent / "data" / "sonnets.txt"
