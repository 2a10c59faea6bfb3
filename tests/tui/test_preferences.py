"""Settings and the user's own keys, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlm_tui.errors import RnnlmError, StorageError, UsageError
from rnnlm_tui.tui.app import RnnlmApp
from rnnlm_tui.tui.help.bindings import all_ids, keymap_lines
from rnnlm_tui.tui.preferences import (
    Preferences,
    load_keymap,
    load_preferences,
    save_preferences,
    write_keymap,
)


def test_settings_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    assert load_preferences(folder) == Preferences()
    kept = Preferences(theme="nord", ghost=False, model="sonnets")
    save_preferences(folder, kept)
    assert load_preferences(folder) == kept
    assert [path.name for path in folder.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"theme": 5, "ghost": "yes", "model": null}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_settings_that_make_no_sense_are_as_at_first(text: str, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(text, "latin-1")
    assert load_preferences(tmp_path) == Preferences()


def test_one_wrong_setting_does_not_spoil_the_others(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"theme": "nord", "ghost": 1, "other": []}')
    assert load_preferences(tmp_path) == Preferences(theme="nord")


def test_settings_that_cannot_be_saved_are_an_error_with_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.write_text("a file")
    with pytest.raises(StorageError, match=r"settings\.json"):
        save_preferences(folder, Preferences())


def test_a_keymap_in_every_way_of_writing_it(tmp_path: Path) -> None:
    assert load_keymap(tmp_path, []) == {}
    text = '"line.send" = "ctrl+s, f9"\napp.keys = "f10"\n[autocomplete]\nanother = "ctrl+n"\n'
    (tmp_path / "keymap.toml").write_text(text)
    assert load_keymap(tmp_path, ["line.send", "app.keys", "autocomplete.another"]) == {
        "line.send": "ctrl+s,f9",
        "app.keys": "f10",
        "autocomplete.another": "ctrl+n",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("line.send = ", "not valid TOML"),
        ("\udcff", "not valid TOML"),
        ("a" + ".a" * 2000 + "= 1", "must be text|not valid TOML"),
        ("line.send = 5", r"line\.send must be text"),
        ('line.sned = "enter"', r"no action line\.sned"),
        (
            '"line.send" = 5\n"line.sned" = "x"',
            r"send must .*; there is no action line\.sned",
        ),
    ],
)
def test_a_keymap_that_cannot_be_used_says_why(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "keymap.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=reason) as caught:
        load_keymap(tmp_path, ["line.send"])
    assert "keymap.toml" in caught.value.message


def test_a_keymap_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "keymap.toml").mkdir()
    with pytest.raises(UsageError, match="cannot read"):
        load_keymap(tmp_path, [])


def test_the_keymap_that_is_written_changes_nothing_until_it_is_edited(tmp_path: Path) -> None:
    path = write_keymap(tmp_path / "config", keymap_lines(RnnlmApp))
    assert load_keymap(path.parent, all_ids(RnnlmApp)) == {}
    uncommented = [
        line.removeprefix("# ") for line in path.read_text().splitlines() if " = " in line
    ]
    path.write_text("\n".join(uncommented))
    everything = load_keymap(path.parent, all_ids(RnnlmApp))
    assert everything.keys() == all_ids(RnnlmApp)
    assert everything["line.accept_word"] == "tab"


def test_a_keymap_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "keymap.toml").write_text("mine")
    with pytest.raises(RnnlmError, match="is there already"):
        write_keymap(tmp_path, [])
    assert (tmp_path / "keymap.toml").read_text() == "mine"
    (tmp_path / "config").write_text("a file")
    with pytest.raises(StorageError):
        write_keymap(tmp_path / "config", [])
