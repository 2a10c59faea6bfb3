"""What the tests of the store share."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.models import make_model


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A library of two models, one of three epochs and two of one."""
    library = Library(data_dir)
    make_model(library.path("one"), epoch=3, seed=1)
    make_model(library.path("two"), seed=2)
    return library
