"""settings.json: what it stores, with one app or with two, and what happens to a damaged one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.tui import preferences
from rnnlm_tui.tui.preferences import Preferences, SettingsFile


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_settings_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    settings = SettingsFile(folder)
    assert (settings.preferences, settings.problem) == (Preferences(), "")
    settings.preferences.theme, settings.preferences.ghost = "nord", False
    settings.preferences.digits = "inside words"
    assert settings.store() == ""
    kept = Preferences(theme="nord", ghost=False, digits="inside words")
    assert SettingsFile(folder).preferences == kept
    assert names(folder) == ["settings.json"]
    (folder / "settings.json").write_text('{"theme": "nord", "of_a_later_version": 1}')
    assert SettingsFile(folder).problem == ""


def test_of_two_apps_each_stores_only_what_was_changed_in_it(tmp_path: Path) -> None:
    first, second = SettingsFile(tmp_path), SettingsFile(tmp_path)
    first.preferences.theme = "nord"
    first.store()
    second.preferences.files = "a.txt"
    second.store()
    first.preferences.alt_told = True
    first.store()
    expected = Preferences(theme="nord", files="a.txt", alt_told=True)
    assert SettingsFile(tmp_path).preferences == expected


DAMAGED = [
    *("", "{", "[]", "null", '{"ghost": "yes"}', "[" * 10**5, "\xff"),
    '{"theme": "' + "x" * 101 + '"}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_settings_are_kept_under_another_name(text: str, tmp_path: Path) -> None:
    """At the start of an app, and while it runs."""
    settings, path = SettingsFile(tmp_path), tmp_path / "settings.json"
    settings.preferences.theme = "nord"
    path.write_text(text, "latin-1")
    started = SettingsFile(tmp_path)
    assert started.preferences == Preferences() and not path.exists()
    path.write_text(text, "latin-1")
    settings.preferences.ghost = False
    for problem, end in ((started.problem, "damaged"), (settings.store(), "damaged-2")):
        kept = tmp_path / f"settings.json.{end}"
        assert problem.endswith(str(kept)) and kept.read_text("latin-1") == text
    assert SettingsFile(tmp_path).preferences == Preferences(theme="nord", ghost=False)


def test_settings_that_cannot_be_read_once_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "settings.json").write_text('{"theme": "nord", "files": "a.txt"}')
    settings = SettingsFile(tmp_path)
    settings.preferences.files = "b.txt"
    with monkeypatch.context() as patch:
        patch.setattr(preferences, "read_bytes", fail)
        started = SettingsFile(tmp_path)
        assert "input/output error" in started.problem
        with pytest.raises(StorageError, match="stays as it is"):
            settings.store()
    started.preferences.files = "b.txt"
    assert started.store() == ""
    assert SettingsFile(tmp_path).preferences == Preferences(theme="nord", files="a.txt")
    assert names(tmp_path) == ["settings.json"]


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
