"""`--csv` and `--plot`: the epochs of a training as a table and a picture."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from rnnlm_tui.cli import history
from rnnlm_tui.cli.history import csv_of, svg_of
from rnnlm_tui.events import EpochEnded, Metrics
from rnnlm_tui.store.library import Library
from rnnlm_tui.store.run_files import read_epochs
from tests.helpers.commands import TINY, Command
from tests.helpers.events import ended
from tests.helpers.training import stopped_after

LONG = [ended(n, 9 / n**0.5, 4 + abs(n - 12) / 100, best=n <= 12) for n in range(1, 31)]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def test_a_run_that_is_stopped_and_resumed_loses_no_row(
    run: Command, corpus_file: Path, tmp_path: Path, library: Library
) -> None:
    table, picture = tmp_path / "m.csv", tmp_path / "m.svg"
    link = tmp_path / "link.csv"
    link.symlink_to(table)
    files = ["--csv", str(link), "--plot", str(picture), "--quiet", "--name=m"]
    with stopped_after(2):
        run("--train", str(corpus_file), *TINY, "--held-out=0.2", "--epochs=3", *files, code=130)
    assert [row["epoch"] for row in rows_of(table)] == ["1", "2"]
    done = run("--train", "--resume", *files)
    rows = rows_of(table)
    assert done.stderr == "" and link.is_symlink()
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    last = read_epochs(library.runs.folder("m"))[-1]
    assert last.held_out is not None and last.train.loss is not None
    assert float(rows[-1]["train_loss"]) == pytest.approx(last.train.loss)
    assert float(rows[-1]["held_out_top5"]) == pytest.approx(last.held_out.top5)
    before = picture.read_text(), table.read_text()
    run("--models", "m", *files[:4])
    assert (picture.read_text(), table.read_text()) == before


def test_no_table_replaces_a_text(run: Command, corpus_file: Path) -> None:
    text = corpus_file.with_suffix(".csv")
    text.write_text(before := corpus_file.read_text())
    for file, said in ((corpus_file, "must end in .csv"), (text, "is also a text to read")):
        done = run("--train", str(text), f"--csv={file}", "--preset=ngram", code=2)
        assert said in done.stderr
    assert corpus_file.read_text() == text.read_text() == before


def test_a_table_that_cannot_be_written_any_more_is_told_after_the_training(
    run: Command, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    away.mkdir()

    def removed(folder: Path) -> list[EpochEnded]:
        shutil.rmtree(away, ignore_errors=True)
        return read_epochs(folder)

    monkeypatch.setattr(history, "read_epochs", removed)
    table = f"--csv={away / 'a.csv'}"
    done = run("--train", str(corpus_file), *TINY, "--epochs=2", table, "--quiet", code=1)
    assert f"make the folder {away} first" in done.stderr
    assert done.stdout.startswith("verses-lesson: trained for 2 epochs")
    run("--models", "verses-lesson")


def test_what_was_not_measured_is_an_empty_cell() -> None:
    head, first, last = csv_of([ended(1, 5.25), replace(ended(2), train=Metrics())]).splitlines()
    names = head.split(",")
    assert names[:3] == ["epoch", "best", "elapsed_s"] and "train_loss" in names
    row = dict(zip(names, first.split(","), strict=True))
    assert (row["epoch"], row["best"], row["train_loss"]) == ("1", "1", "5.25")
    assert dict(zip(names, last.split(","), strict=True))["train_loss"] == ""


@pytest.mark.parametrize(
    ("epochs", "shown", "curves"),
    [
        (LONG, {"training", "held out", "best: epoch 12", "0", "30"}, 2),
        (LONG[:1], {"held out", "best: epoch 1"}, 2),
        ([ended(n, 5.0) for n in range(1, 131)], {"training", "5", "140"}, 1),
        ([replace(ended(1), train=Metrics())], {"training: none", "held out: none"}, 0),
    ],
)
def test_a_picture_has_its_curves_and_the_best_epoch(
    epochs: list[EpochEnded], shown: set[str], curves: int
) -> None:
    root = ElementTree.fromstring(svg_of("a<&b", "network alone", epochs))
    texts = {re.sub(r" \d+\.\d{3}$", "", element.text or "") for element in root.iter()}
    assert {"a<&b", *shown} <= texts
    lines = [each.get("points", "").split() for each in root.iter() if "polyline" in each.tag]
    assert sum(len(line) == len(epochs) for line in lines) >= curves
    places = [float(n) for line in lines for point in line for n in point.split(",")]
    assert min(places) >= 0 and max(places) <= 640
