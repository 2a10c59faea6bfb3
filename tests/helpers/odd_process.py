"""The command as a process of torchrun. Process 1 differs in what the first argument names:
`missing` lacks the text, `other` has another text, `version` is another version."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest import mock

from rnnlm_tui.cli import ranks
from rnnlm_tui.cli.main import main

if __name__ == "__main__":
    how, *arguments = sys.argv[1:]
    if os.environ["RANK"] == "1":
        if how == "version":
            mock.patch.object(ranks, "__version__", "0.0.1").start()
        text = Path(arguments[1])
        mine = text.with_name(f"{how}.txt")
        if how == "other":
            mine.write_text(text.read_text() + "and one line more\n")
        if how != "version":
            arguments[1] = str(mine)
    sys.exit(main(arguments))
