"""settings.json: what it stores, with one app or with two, and what happens to a damaged one."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui import preferences
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import Preferences, SettingsFile
from tests.helpers.app import toasts, wait_until


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_settings_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    settings = SettingsFile(folder)
    assert (settings.preferences, settings.problem) == (Preferences(), "")
    settings.preferences.theme, settings.preferences.ghost = "nord", False
    settings.preferences.digits = "always"
    assert settings.store() == ""
    kept = Preferences(theme="nord", ghost=False, digits="always")
    assert SettingsFile(folder).preferences == kept
    assert names(folder) == ["settings.json"]


def test_settings_of_another_version_are_read_and_kept(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"theme": "nord", "other": [1]}')
    settings = SettingsFile(tmp_path)
    assert (settings.preferences, settings.problem) == (Preferences(theme="nord"), "")
    settings.preferences.ghost = False
    settings.store()
    assert json.loads((tmp_path / "settings.json").read_text()) == {
        "theme": "nord",
        "other": [1],
        "ghost": False,
    }


def test_of_two_apps_each_stores_only_what_was_changed_in_it(tmp_path: Path) -> None:
    first, second = SettingsFile(tmp_path), SettingsFile(tmp_path)
    first.preferences.theme = "nord"
    first.store()
    second.preferences.files = "a.txt"
    second.store()
    first.preferences.model = "mine"
    first.store()
    expected = Preferences(theme="nord", files="a.txt", model="mine")
    assert SettingsFile(tmp_path).preferences == expected


def test_a_setting_of_the_digits_that_there_is_no_more_becomes_the_default(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"theme": "nord", "digits": "never"}')
    settings = SettingsFile(tmp_path)
    assert (settings.preferences, settings.problem) == (Preferences(theme="nord"), "")
    settings.preferences.ghost = False
    assert settings.store() == ""
    assert SettingsFile(tmp_path).preferences.digits == "with alt"


DAMAGED = [
    *("", "{", "[]", "null", '{"ghost": "yes"}', "[" * 10**5, "\xff"),
    '{"theme": "' + "x" * 101 + '"}',
]


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("when", ["at the start", "later"])
def test_damaged_settings_are_kept_under_another_name(text: str, when: str, tmp_path: Path) -> None:
    settings = SettingsFile(tmp_path)
    settings.preferences.theme = "nord"
    (tmp_path / "settings.json").write_text(text, "latin-1")
    if when == "later":
        settings.preferences.ghost = False
        problem = settings.store()
        assert SettingsFile(tmp_path).preferences == Preferences(theme="nord", ghost=False)
    else:
        settings = SettingsFile(tmp_path)
        problem = settings.problem
        assert settings.preferences == Preferences()
        assert not (tmp_path / "settings.json").exists()
    assert problem.endswith(str(tmp_path / "settings.json.damaged"))
    assert (tmp_path / "settings.json.damaged").read_text("latin-1") == text


def test_settings_that_can_be_neither_read_nor_renamed_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    (tmp_path / "settings.json").write_text("{")
    monkeypatch.setattr(preferences, "put_aside", refuse)
    settings = SettingsFile(tmp_path)
    assert "permission denied" in settings.problem
    settings.preferences.ghost = False
    settings.store()
    assert (tmp_path / "settings.json").read_text() == "{"


@pytest.mark.parametrize("when", ["at the start", "later"])
def test_settings_that_cannot_be_read_once_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "settings.json"
    path.write_text('{"theme": "nord", "model": "mine"}')
    before = path.read_text()
    if when == "at the start":
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", fail)
            settings = SettingsFile(tmp_path)
        assert "input/output error" in settings.problem and "stays as it is" in settings.problem
        settings.preferences.model = "english"  # which is then active
        assert settings.store() == ""
    else:
        settings = SettingsFile(tmp_path)
        settings.preferences.model = "english"
        with monkeypatch.context() as patch, pytest.raises(StorageError, match="stays as it is"):
            patch.setattr(Path, "read_bytes", fail)
            settings.store()
    assert path.read_text() == before
    assert not list(tmp_path.glob("*.damaged*"))
    assert SettingsFile(tmp_path).preferences.model == "mine"


async def test_damaged_settings_are_reported(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    app = RnnlmApp(tmp_path / "data", tmp_path, tmp_path / "app.log")
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: any("settings.json.damaged" in t for t in toasts(app)))
        (tmp_path / "settings.json").write_text("[")
        app.preferences.ghost = False
        app.store_preferences()
        await wait_until(pilot, lambda: any("settings.json.damaged-2" in t for t in toasts(app)))


def test_a_full_disk_leaves_the_settings_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings = SettingsFile(tmp_path)
    settings.preferences.theme = "nord"
    settings.store()
    settings.preferences.theme = "gruvbox"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError, match=r"settings\.json.*no space"):
            settings.store()
    assert SettingsFile(tmp_path).preferences.theme == "nord"
    assert names(tmp_path) == ["settings.json"]
    settings.store()
    assert SettingsFile(tmp_path).preferences.theme == "gruvbox", "it is stored the next time"
