"""Fixtures of the tests of the store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnlm_tui.store.library import Library
from tests.helpers.models import make_model


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips flushing to the disk, which takes most of the time and matters only in a power cut."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def library(data_dir: Path) -> Library:
    """A library of two models, one of three epochs and two of one."""
    library = Library(data_dir)
    make_model(library.path("one"), epoch=3, seed=1)
    make_model(library.path("two"), seed=2)
    return library
