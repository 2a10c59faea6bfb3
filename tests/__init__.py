"""Tests of rnnlm-tui; `tests.helpers` holds what test modules share."""

import pytest

pytest.register_assert_rewrite("tests.helpers")
