"""The options of a benchmark that choose the model."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnnlm_tui.paths import data_dir
from rnnlm_tui.store.library import Library


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Library]:
    """Parses the command line. Returns the options and the library with the model."""
    parser.add_argument("--model", help="by default the one in use")
    parser.add_argument("--data-dir", type=Path)
    asked = parser.parse_args()
    library = Library(data_dir(asked.data_dir))
    asked.model = asked.model or library.default_model()
    return asked, library
