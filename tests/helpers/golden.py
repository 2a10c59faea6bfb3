"""Where the golden data are."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(os.environ.get("RNNLM_GOLDEN") or Path(__file__).parents[1] / "golden")
"""The folder of golden data. RNNLM_GOLDEN names another one of the same form."""
