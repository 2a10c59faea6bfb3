"""The languages of the built-in models: that of the locale, and those of words."""

from __future__ import annotations

import ctypes
import plistlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

import rnnlm_tui
from rnnlm_tui.store.languages import (
    WORDS_JUDGED,
    language_of_locale,
    model_of_locale,
    shares_known,
    words_of,
)
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import change_card
from rnnlm_tui.wording.model_rows import card_facts
from tests.helpers.languages import LATIN, lines_in, ship
from tests.helpers.models import put_saved_model


@pytest.fixture
def shipped(built_in_dir: Path) -> Path:
    """The folder of two small languages that stand in for those that ship."""
    ship(built_in_dir, "english", "german")
    return built_in_dir


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LC_CTYPE": "fr_CA", "LANG": "de_DE.UTF-8"}, "fr"),
        ({"LC_CTYPE": "UTF-8", "LANG": "de"}, "de"),  # what macOS sends to a server
        ({"LC_CTYPE": "C.UTF-8", "LANG": "de_AT@euro"}, "de"),  # set by Python: no such locale here
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, ""),
        ({"LC_ALL": "es_ES.UTF-8", "LANG": "de_DE.UTF-8"}, "es"),
        ({}, ""),
    ],
)
def test_the_language_of_the_locale(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], code: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.setenv(name, variables.get(name, ""))
    assert language_of_locale() == code


def test_the_language_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LC_ALL", "")
    swiss_german = SimpleNamespace(GetUserDefaultUILanguage=lambda: 0x0807)
    windll = SimpleNamespace(kernel32=swiss_german)
    monkeypatch.setattr(ctypes, "windll", windll, raising=False)
    for name in ("LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert language_of_locale() == "de"


def test_the_language_of_macos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "")
    monkeypatch.setenv("LC_CTYPE", "UTF-8")
    monkeypatch.setenv("LANG", "")
    settings = tmp_path / "Library/Preferences/.GlobalPreferences.plist"
    assert language_of_locale() == ""
    settings.parent.mkdir(parents=True)
    settings.write_bytes(plistlib.dumps({"AppleLanguages": ["de-CH", "en-US"]}))
    assert language_of_locale() == "de"


@pytest.mark.usefixtures("shipped")
def test_at_first_the_model_of_the_locales_language_is_in_use(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use() -> str:
        return library.in_use(pytest.fail)

    for locale, name in (("de_DE", "german"), ("en_GB", "english"), ("tr_TR", "english")):
        monkeypatch.setenv("LC_ALL", locale)
        assert in_use() == name
    put_saved_model(library, "gru")
    library.use("gru")
    monkeypatch.setenv("LC_ALL", "de_DE")
    assert in_use() == "gru", "a choice stays"
    library.delete("gru")
    assert in_use() == "german"


def test_the_models_in_the_folder_are_built_in(library: Library, shipped: Path) -> None:
    assert library.newest_first()[-2:] == ["english", "german"] and library.is_built_in("german")
    model = rnnlm_tui.load("german")
    assert ("language", "German") in card_facts(model.card)
    assert model.suggest("der alte ", top=1)[0].word == "Mann"
    (shipped / "german.safetensors").rename(shipped / "dutch.safetensors")
    assert library.newest_first()[-2:] == ["dutch", "english"]
    assert not library.is_built_in("german")


@pytest.mark.usefixtures("shipped")
def test_words_tell_their_language() -> None:
    for language, other in (("german", "english"), ("english", "german")):
        for count in (1, 50):
            words = words_of("\n".join(lines_in(language, count, seed=1)).upper())
            shares = shares_known(words)
            assert [*shares] == [language, other]
            assert shares[language] > 0.9 and shares[other] < 0.1
    assert max(shares_known(words_of(LATIN)).values()) < 0.1
    half = shares_known(words_of(" ".join([*lines_in("german", 9), *lines_in("english", 9)])))
    assert all(0.3 < share < 0.7 for share in half.values())
    assert set(shares_known(words_of("1, 2 ... 34!")).values()) == {0}


def test_a_damaged_model_and_one_without_a_language_are_left_out(shipped: Path) -> None:
    (shipped / "english.safetensors").write_bytes(b"damaged")
    change_card(shipped / "german.safetensors", lambda card: replace(card, language=""))
    assert shares_known(["das", "the"]) == {}
    assert model_of_locale() == "english"


@pytest.mark.usefixtures("shipped")
def test_a_line_is_judged_in_less_than_a_millisecond() -> None:
    words = words_of(" ".join(lines_in("german", 9)))[:WORDS_JUDGED]
    assert shares_known(words)
    begin = time.process_time()
    for _ in range(100):
        shares_known(words)
    assert time.process_time() - begin < 0.1
