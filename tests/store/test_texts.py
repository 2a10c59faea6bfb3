"""The texts that the app keeps as files to train on."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from rnnlm_tui.errors import StorageError
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.texts import not_learned, save_text, save_written, texts_folder
from rnnlm_tui.store.training_text import write_origin
from tests.helpers.models import make_model


def test_a_text_is_kept_and_never_put_in_the_place_of_another(data_dir: Path) -> None:
    folder = texts_folder(Library(data_dir))
    first = save_text(folder, "mine", "the cat\nsät")
    assert first == data_dir / "texts" / "mine.txt"
    assert first.read_text(encoding="utf-8-sig") == "the cat\nsät"
    assert save_text(folder, "mine", "the cat\nsät") == first
    assert save_text(folder, "mine", "the dog").name == "mine-2.txt"
    if sys.platform != "win32":
        modes = (stat.S_IMODE(path.stat().st_mode) for path in (first, first.parent))
        assert [*modes] == [0o600, 0o700]


def test_a_text_that_cannot_be_kept_is_an_error(data_dir: Path) -> None:
    data_dir.mkdir(exist_ok=True)
    (data_dir / "texts").write_text("a file")
    with pytest.raises(StorageError, match="cannot store the text"):
        save_text(data_dir / "texts", "mine", "a")


def test_what_a_model_has_learned_is_not_offered_again(data_dir: Path, tmp_path: Path) -> None:
    library = Library(data_dir)
    make_model(library.path("mine"))
    library.run_folder("mine").mkdir(parents=True)
    diary = tmp_path / "diary.txt"
    diary.write_text("The cat sat.")
    write_origin(library.run_folder("mine"), [str(diary)], None)
    sent = ["The cat sat.", "Two\n\nlines.", "Well.", " \n "]
    new = not_learned(library, "mine", sent)
    assert new == ["The cat sat.", "Two\nlines.", "Well."]
    written = save_written(texts_folder(library), "mine", new)
    assert not_learned(library, "mine", sent) == new, "it is not one of the model's files yet"
    write_origin(library.run_folder("mine"), [str(diary), str(written)], None)
    assert not_learned(library, "mine", sent) == []
    assert not_learned(library, "mine", [*sent, "Well.", "More."]) == ["Well.", "More."]
    library.rename("mine", "ours")
    assert not_learned(library, "ours", sent) == []
    write_origin(library.run_folder("ours"), ["a\0b"], None)
    assert not_learned(library, "ours", sent) == new, "no file can have the name in its origin"
    write_origin(library.run_folder("ours"), [str(written)], None)
    written.unlink()
    with pytest.raises(StorageError, match="cannot read"):
        not_learned(library, "ours", sent)
