"""The top row in windows of any width."""

from __future__ import annotations

import pytest

from rnnlm_tui.tui.widgets.header import Header
from tests.helpers.app import rows_of, wait_until
from tests.helpers.host import HostApp

TEXT = "english · you saved 58% (of your keys)"


@pytest.mark.parametrize(
    ("width", "shown"),
    [(140, TEXT), (80, "english · you saved 58%"), (66, "english · you…")],
)
async def test_what_is_in_brackets_goes_first(width: int, shown: str) -> None:
    app = HostApp(Header)
    async with app.run_test(size=(width, 16)) as pilot:
        app.query_one(Header).show(TEXT)
        await wait_until(pilot, lambda: "english" in rows_of(app)[0])
        assert rows_of(app)[0].rpartition("Inside ")[2].strip() == shown
