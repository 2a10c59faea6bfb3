"""Where the golden data lie."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(os.environ.get("RNNLM_GOLDEN") or Path(__file__).parents[1] / "golden")
"""The folder of golden data; RNNLM_GOLDEN puts another of the same form in its place."""
