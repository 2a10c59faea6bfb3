"""A scripted training: is_active the events of `--train --json --control stdin`, fast, always the
same, and without torch. Stands in for `python -m rnnlm_tui`:

    command = (sys.executable, scripted_child.PATH, *options)     # see `command()` below
    run = TrainingProcess(request, library, command=command)

Options, before the `--train` that the app adds:

    --steps N             progress events an epoch (4)
    --losses L,L,...      training loss of each epoch; the last one goes on (6 / sqrt(epoch))
    --accuracies A,A,...  training accuracy of each epoch (epoch / (epoch + 9))
    --held-out L,L,...    held-out loss of each epoch; without it nothing is held out
    --done N              epochs that were done before, where the app says --resume (0)
    --delay S             seconds between two progress events (0); control lines are obeyed at once
    --deaf                obeys no control line and no end of input
    --record              holds the model's lock and writes its history, as a real run does
    --model               as --record, and every best epoch puts a whole tiny model in place, and
                          every save the state to resume from
    --at POINT ACTION [ARGUMENT ...]
                          does something at a point of the run; may be given again and again

A POINT is `start` (before `started`), `EPOCH.STEP` (after that step's progress event; step 0 is
before the first), `EPOCH` (after the epoch's events) or `end` (before `finished`). The ACTIONs:

    wait                  waits for the next control line (or the end of input), and obeys it
    wait-file PATH        waits until this file is there; control lines are obeyed meanwhile
    stderr TEXT           writes a line to stderr
    line TEXT             writes any line to stdout
    long BYTES            writes a line of so many x to stdout
    warn TEXT             a `warning` event
    fail KIND TEXT [HINT] a `failed` event, and exit code 1
    finish REASON         ends as `early_stop` or `diverged`, in the latter case with exit code 4
    crash SIGNAL          ends by this signal, such as KILL or SEGV
    exit CODE             ends with this code, without a word

Taken from the app's own arguments: --name, --epochs (3), --patience (none), --seed-line, --resume,
--data-dir.
Times of events are made up: a step takes 0.1 s, an epoch's end 0.2 s. The accuracy and the
hit rates on held-out lines are 1/3 and 2/3 of what is held out well, that is exp(-loss / 5).
"""

from __future__ import annotations

import argparse
import math
import os
import queue
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rnnlm_tui.events import (
    EpochEnded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Paused,
    Progress,
    Resumed,
    Saved,
    Started,
    Warned,
    to_json_line,
)

PATH = str(Path(__file__).resolve())
STEP_S = 0.1
END_S = 0.2
LOOK_S = 0.005
END_OF_INPUT = None


def command(*options: str) -> tuple[str, ...]:
    """The scripted training in the place of `python -m rnnlm_tui`."""
    return (sys.executable, PATH, *options)


class Stop(Exception):  # noqa: N818 - it is no error
    """The run was asked to stop."""


class Script:
    """One run, from its options to its end."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = Path(options.data_dir) / "models" / options.name
        self.records = options.record or options.model
        self.seed_line = options.seed_line
        self.first = 1 + (options.done if options.resume else 0)
        self.time = 0.0
        self.elapsed = (self.first - 1) * (options.steps * STEP_S + END_S)
        self.best: int | None = None
        self.best_loss = math.inf
        self.epoch = self.first
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.stopped = self.paused = self.detached = self.signalled = False

    def run(self) -> int:
        """Plays the script; returns the exit code."""
        with ExitStack() as held:
            if self.records:
                from rnnlm_tui.store.library import Library

                library = Library(self.folder.parents[1])
                held.enter_context(library.lock(self.options.name))
                self.folder.mkdir(parents=True, exist_ok=True)
            self.at("start")
            self.say(self.started())
            if not self.options.resume:
                self.save_state(self.epoch)
            try:
                for epoch in range(self.first, self.options.epochs + 1):
                    self.epoch = epoch
                    self.train_epoch()
                    if self.patience_exhausted():
                        break
                self.at("end")
                reason: FinishReason = "completed"
                if self.epoch < self.options.epochs:
                    reason = "early_stop"
            except Stop:
                self.save_within_epoch()
                reason = "stopped"
            self.say(self.finished(reason))
        return 130 if self.signalled and reason == "stopped" else 0

    def train_epoch(self) -> None:
        """All events of an epoch."""
        self.at(f"{self.epoch}.0")
        for step in range(1, self.options.steps + 1):
            self.obey_for(self.options.delay)
            self.time += STEP_S
            self.elapsed += STEP_S
            self.say(self.progress(step))
            self.at(f"{self.epoch}.{step}")
            self.pause_if_asked()
        self.time += END_S
        self.elapsed += END_S
        train, held_out = self.figures()
        loss = held_out["loss"] if held_out else -self.epoch
        best = loss < self.best_loss
        if best:
            self.best, self.best_loss = self.epoch, loss
        sample = {"seed": self.seed_line, "text": f"{self.seed_line} and so on {self.epoch}"}
        self.say(EpochEnded(self.time, self.epoch, train, held_out, best, sample, self.elapsed))
        if best:
            self.save_model()
        self.save_state(self.epoch + 1)
        self.say(Saved(self.time, self.epoch, str(self.folder), best))
        self.at(str(self.epoch))
        self.pause_if_asked()

    def save_within_epoch(self) -> None:
        """What it has learned becomes the model only where no epoch has ended yet."""
        if self.best is None:
            self.save_model()
        self.save_state(self.epoch)
        self.say(Saved(self.time, self.epoch, str(self.folder), self.best is None))

    def save_model(self) -> None:
        """Puts a whole tiny model in place."""
        if self.options.model:
            from tests.helpers.models import make_model  # imports numpy, 0.3 s

            make_model(self.folder, self.epoch)

    def patience_exhausted(self) -> bool:
        """Whether the run ends early after this epoch."""
        patience = self.options.patience
        return patience is not None and self.epoch >= (self.best or 0) + patience

    def save_state(self, epoch: int) -> None:
        """Puts a state without weights in place, to go on with at this epoch."""
        if self.options.model:
            from tests.helpers.models import put_state  # imports numpy, 0.3 s

            options = self.options
            put_state(self.folder, epoch, options.epochs, self.best, options.patience)

    def started(self) -> Started:
        """The first event."""
        options = self.options
        epochs = options.epochs - self.first + 1
        return Started(
            time=self.time,
            name=options.name,
            preset="lesson",
            config={"preset": "lesson", "model": {}, "train": {"epochs": options.epochs}},
            seed=0,
            corpus={"name": "scripted.txt", "sha256": "00", "lines": 6, "words": 43},
            total_words=22,
            window=9,
            examples=37,
            held_out_lines=1 if options.held_out else 0,
            parameters=5_755_471,
            memory_bytes=120_000_000,
            estimated_s=epochs * (options.steps * STEP_S + END_S),
            epochs_done=self.first - 1,
            device="cpu",
            threads=1,
            versions={"rnnlm_tui": "0", "torch": "0", "numpy": "0", "python": "3"},
        )

    def progress(self, step: int) -> Progress:
        """How far the epoch is."""
        train, _ = self.figures()
        steps, epochs = self.options.steps, self.options.epochs
        left = (epochs - self.epoch) * steps + steps - step
        return Progress(
            time=self.time,
            epoch=self.epoch,
            epochs=epochs,
            step=step,
            steps=steps,
            loss=train["loss"],
            accuracy=train["accuracy"],
            examples_per_s=320.0,
            elapsed_s=self.elapsed,
            eta_s=left * STEP_S + (epochs - self.epoch + 1) * END_S,
        )

    def figures(self) -> tuple[dict[str, float], dict[str, float] | None]:
        """Training and held-out figures of the epoch."""
        options, epoch = self.options, self.epoch
        loss = nth(options.losses, epoch, 6 / math.sqrt(epoch))
        accuracy = nth(options.accuracies, epoch, epoch / (epoch + 9))
        train = {
            "loss": loss,
            "penalty": 0.1,
            "accuracy": accuracy,
            "perplexity": math.exp(loss),
        }
        if not options.held_out:
            return train, None
        loss = nth(options.held_out, epoch, 0.0)
        well = math.exp(-loss / 5)
        held_out = {
            "loss": loss,
            "perplexity": math.exp(loss),
            "top1": well / 3,
            "top5": well / 1.5,
        }
        return train, held_out

    def finished(self, reason: FinishReason) -> Finished:
        """The last event."""
        train, held_out = self.figures()
        epoch = self.best or self.epoch
        metrics: dict[str, Any] = {"epoch": epoch, "train": train, "held_out": held_out}
        return Finished(self.time, reason, self.best, metrics, str(self.folder), self.elapsed)

    def say(self, event: Event) -> None:
        """Writes the event to the history and to stdout."""
        if self.records:
            with (self.folder / "history.jsonl").open("a", encoding="utf-8") as file:
                file.write(to_json_line(event) + "\n")
        self.write(to_json_line(event))

    def write(self, line: str) -> None:
        """Writes a line to stdout. Where nobody reads it, the run goes on only if detached."""
        try:
            sys.stdout.buffer.write(line.encode() + b"\n")
            sys.stdout.buffer.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not self.detached:
                self.stop()

    def at(self, point: str) -> None:
        """Does what the script says for this point, in order."""
        for where, action, *arguments in self.options.at:
            if where == point:
                getattr(self, "do_" + action.replace("-", "_"))(*arguments)

    def do_wait(self) -> None:
        """Waits for a control line."""
        while not self.stopped:
            with suppress(queue.Empty):
                self.obey(self.lines.get(timeout=LOOK_S))
                break
        self.pause_if_asked()

    def do_wait_file(self, path: str) -> None:
        """Waits for a file."""
        while not Path(path).exists():
            self.obey_for(LOOK_S)

    def do_stderr(self, text: str) -> None:
        """Writes to stderr."""
        print(text, file=sys.stderr, flush=True)

    def do_line(self, text: str) -> None:
        """Writes to stdout what may be no event."""
        self.write(text)

    def do_long(self, count: str) -> None:
        """Writes a long line to stdout."""
        self.write("x" * int(count))

    def do_warn(self, text: str) -> None:
        """A warning event."""
        self.say(Warned(self.time, text))

    def do_fail(self, kind: str, message: str, hint: str = "") -> NoReturn:
        """The event of a run that fails, and its end."""
        self.say(Failed(self.time, kind, message, hint))
        raise SystemExit(1)

    def do_finish(self, reason: FinishReason) -> NoReturn:
        """Ends before all epochs are done, for this reason."""
        self.say(self.finished(reason))
        raise SystemExit(4 if reason == "diverged" else 0)

    def do_crash(self, name: str) -> None:
        """Ends by a signal."""
        number = getattr(signal, f"SIG{name}")
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def do_exit(self, code: str) -> NoReturn:
        """Ends without a word."""
        os._exit(int(code))

    def read_stdin(self) -> None:
        """In a thread: control lines into the queue, None at the end of input."""
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
            for raw in lines:
                if not self.options.deaf:
                    self.lines.put(raw.decode().strip())
        if not self.options.deaf:
            self.lines.put(END_OF_INPUT)

    def obey(self, line: str | None) -> None:
        """Does what a control line says; the end of input stops a run that is not detached."""
        word, _, rest = (line or "").partition(" ")
        match word:
            case "pause":
                self.paused = not self.stopped
            case "resume":
                self.paused = False
            case "detach":
                self.detached = True
            case "sample":
                self.seed_line = rest
        if word == "stop" or (line is END_OF_INPUT and not self.detached):
            self.stop()

    def stop(self) -> None:
        """Asks the run to stop at the next point where it looks."""
        self.stopped, self.paused = True, False

    def obey_for(self, seconds: float) -> None:
        """Obeys what has come, and what comes within the time. Raises Stop."""
        end = time.monotonic() + seconds
        self.pause_if_asked()
        while (left := end - time.monotonic()) > 0:
            with suppress(queue.Empty):
                self.obey(self.lines.get(timeout=min(left, LOOK_S)))
            self.pause_if_asked()

    def pause_if_asked(self) -> None:
        """Waits while paused. Raises Stop."""
        with suppress(queue.Empty):
            while True:
                self.obey(self.lines.get_nowait())
        if self.paused:
            self.say(Paused(self.time, "asked to"))
            while self.paused:
                with suppress(queue.Empty):
                    self.obey(self.lines.get(timeout=LOOK_S))
            self.say(Resumed(self.time, "asked to stop" if self.stopped else "asked to"))
        if self.stopped:
            raise Stop

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM and SIGINT stop the run."""
        self.signalled = True
        self.stop()


def nth(values: list[float], epoch: int, default: float) -> float:
    """The epoch's value; the last goes on."""
    return values[min(epoch, len(values)) - 1] if values else default


def numbers(text: str) -> list[float]:
    """Numbers between commas."""
    return [float(number) for number in text.split(",")]


def parse(arguments: list[str]) -> argparse.Namespace:
    """The script's own options, and those that it takes from the app's."""
    end = arguments.index("--train")
    own = argparse.ArgumentParser(allow_abbrev=False)
    own.add_argument("--steps", type=int, default=4)
    own.add_argument("--losses", type=numbers, default=[])
    own.add_argument("--accuracies", type=numbers, default=[])
    own.add_argument("--held-out", type=numbers, default=[])
    own.add_argument("--done", type=int, default=0)
    own.add_argument("--delay", type=float, default=0.0)
    for flag in ("--deaf", "--record", "--model"):
        own.add_argument(flag, action="store_true")
    own.add_argument("--at", nargs="+", action="append", default=[])
    options = own.parse_args(arguments[:end])
    app = argparse.ArgumentParser(allow_abbrev=False)
    app.add_argument("--name", required=True)
    app.add_argument("--epochs", type=int, default=3)
    app.add_argument("--patience", type=int)
    app.add_argument("--seed-line", default="the cat")
    app.add_argument("--resume", action="store_true")
    app.add_argument("--data-dir", required=True)
    app.parse_known_args(arguments[end + 1 :], options)
    return options


def main() -> int:
    """Runs the script."""
    sys.path.insert(0, str(Path(__file__).parents[2]))  # for `tests`, which --model needs
    script = Script(parse(sys.argv[1:]))
    threading.Thread(target=script.read_stdin, daemon=True).start()
    if not script.options.deaf:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, script.on_signal)
    return script.run()


if __name__ == "__main__":
    sys.exit(main())
