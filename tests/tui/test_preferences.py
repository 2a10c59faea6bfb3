"""settings.json: what it stores, and what happens to a damaged one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import Preferences, load_preferences, save_preferences
from tests.helpers.app import toasts, wait_until


def test_settings_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    assert load_preferences(folder) == (Preferences(), "")
    kept = Preferences(theme="nord", ghost=False, digits="always", model="sonnets")
    save_preferences(folder, kept)
    assert load_preferences(folder) == (kept, "")
    assert [path.name for path in folder.iterdir()] == ["settings.json"]


def test_settings_of_another_version_are_read(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"theme": "nord", "other": [1]}')
    assert load_preferences(tmp_path) == (Preferences(theme="nord"), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"ghost": "yes"}',
        '{"digits": "sometimes"}',
        '{"theme": "' + "x" * 101 + '"}',
        "[" * 10**5,
        "\xff",
    ],
)
def test_damaged_settings_are_kept_under_another_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(text, "latin-1")
    preferences, problem = load_preferences(tmp_path)
    assert preferences == Preferences()
    assert "settings.json.damaged" in problem
    assert (tmp_path / "settings.json.damaged").read_text("latin-1") == text
    assert not (tmp_path / "settings.json").exists()


async def test_damaged_settings_are_reported(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    app = RnnlmApp(tmp_path / "data", tmp_path, tmp_path / "app.log")
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: any("settings.json.damaged" in t for t in toasts(app)))


def test_settings_that_cannot_be_saved_are_an_error_with_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.write_text("a file")
    with pytest.raises(StorageError, match=r"settings\.json"):
        save_preferences(folder, Preferences())
