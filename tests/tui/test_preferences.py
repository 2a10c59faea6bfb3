"""settings.json: what it stores, with one app or with two, and what happens to a damaged one."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import filelock
import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui import preferences
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.preferences import Preferences, SettingsFile
from tests.helpers.app import toasts, wait_until

FILES = {"settings.json", "settings.lock"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_settings_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    settings = SettingsFile(folder)
    assert (settings.preferences, settings.problem) == (Preferences(), "")
    settings.preferences.theme, settings.preferences.ghost = "nord", False
    settings.preferences.digits = "always"
    assert settings.store() == ""
    kept = Preferences(theme="nord", ghost=False, digits="always")
    assert SettingsFile(folder).preferences == kept
    assert names(folder) == FILES


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


def test_two_apps_that_store_at_once_lose_nothing(tmp_path: Path) -> None:
    lost = list[str]()

    def change(field: str) -> None:
        settings = SettingsFile(tmp_path)
        for number in range(25):
            setattr(settings.preferences, field, f"{field} {number}")
            settings.store()
            if getattr(SettingsFile(tmp_path).preferences, field) != f"{field} {number}":
                lost.append(f"{field} {number}")

    apps = [threading.Thread(target=change, args=(field,)) for field in ("theme", "model")]
    for app in apps:
        app.start()
    for app in apps:
        app.join()
    assert not lost


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
def test_damaged_settings_are_kept_under_another_name(text: str, tmp_path: Path) -> None:
    for name in ("settings.json.damaged", "settings.json.damaged-2"):
        (tmp_path / "settings.json").write_text(text, "latin-1")
        settings = SettingsFile(tmp_path)
        assert settings.preferences == Preferences()
        assert settings.problem.endswith(str(tmp_path / name))
        assert (tmp_path / name).read_text("latin-1") == text
        assert not (tmp_path / "settings.json").exists()


@pytest.mark.parametrize("text", DAMAGED)
def test_settings_that_are_damaged_later_are_not_replaced(text: str, tmp_path: Path) -> None:
    settings = SettingsFile(tmp_path)
    settings.preferences.theme = "nord"
    settings.store()
    (tmp_path / "settings.json").write_text(text, "latin-1")
    settings.preferences.ghost = False
    assert settings.store().endswith(str(tmp_path / "settings.json.damaged"))
    assert (tmp_path / "settings.json.damaged").read_text("latin-1") == text
    assert SettingsFile(tmp_path).preferences == Preferences(theme="nord", ghost=False)


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


def test_a_folder_in_place_of_the_settings_stays(tmp_path: Path) -> None:
    (tmp_path / "settings.json").mkdir()
    assert "is a directory" in SettingsFile(tmp_path).problem
    assert names(tmp_path) == {"settings.json"}


async def test_damaged_settings_are_reported(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    app = RnnlmApp(tmp_path / "data", tmp_path, tmp_path / "app.log")
    async with app.run_test(notifications=True) as pilot:
        await wait_until(pilot, lambda: any("settings.json.damaged" in t for t in toasts(app)))
        (tmp_path / "settings.json").write_text("[")
        app.preferences.ghost = False
        app.store_preferences()
        await wait_until(pilot, lambda: any("settings.json.damaged-2" in t for t in toasts(app)))


def test_settings_that_cannot_be_saved_are_an_error_with_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.write_text("a file")
    with pytest.raises(StorageError, match=r"settings\.json"):
        SettingsFile(folder).store()


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
    assert names(tmp_path) == FILES
    settings.store()
    assert SettingsFile(tmp_path).preferences.theme == "gruvbox", "it is stored the next time"


def test_the_temporary_file_of_a_killed_app_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".settings.json.4711.tmp").write_text("{")
    (tmp_path / ".mine.tmp").write_text("kept")
    SettingsFile(tmp_path).store()
    assert names(tmp_path) == {*FILES, ".mine.tmp"}


def test_settings_that_another_app_is_saving_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preferences, "PATIENCE_S", 0.01)
    settings = SettingsFile(tmp_path)
    settings.preferences.theme = "nord"
    with (
        filelock.FileLock(tmp_path / "settings.lock"),
        pytest.raises(StorageError, match="another app"),
    ):
        settings.store()
    assert names(tmp_path) == {"settings.lock"}
