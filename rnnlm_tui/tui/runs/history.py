"""The history file in a model's folder, read while a training writes it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rnnlm_tui.events import EpochEnded, Event, Progress, Started
from rnnlm_tui.tui.runs.event_lines import EventLines

CHUNK = 1 << 20


class HistoryFile:
    """Reads the events that have been added since it was last read."""

    def __init__(self, folder: Path) -> None:
        from rnnlm_tui.store.files import HISTORY  # imports numpy

        self._path = folder / HISTORY
        self._place = 0
        self._file_number: int | None = None
        self._lines = EventLines()

    def read(self) -> tuple[list[Event], float]:
        """The new events, and seconds since the last was written, 0 where there is none.

        A training that begins anew puts a shorter file in place; that is read from its start. Of
        progress events in a row the last stands for all.
        """
        events: list[Event] = []
        try:
            with self._path.open("rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_ino != self._file_number or facts.st_size < self._place:
                    self._place, self._file_number = 0, facts.st_ino
                    self._lines = EventLines()
                file.seek(self._place)
                while piece := file.read(CHUNK):
                    self._place += len(piece)
                    for event in self._lines.feed(piece):
                        if events and isinstance(event, Progress) and type(events[-1]) is Progress:
                            events.pop()
                        events.append(event)
        except OSError:  # not there yet, or not readable just now
            return events, 0.0
        return events, max(0.0, time.time() - facts.st_mtime)


def past_epochs(folder: Path) -> list[EpochEnded]:
    """The epochs of the runs in the history that the next run may go on from."""
    epochs: list[EpochEnded] = []
    for event in HistoryFile(folder).read()[0]:
        match event:
            case Started():
                epochs = [epoch for epoch in epochs if epoch.epoch <= event.epochs_done]
            case EpochEnded():
                epochs = [epoch for epoch in epochs if epoch.epoch < event.epoch]
                epochs.append(event)
    return epochs
