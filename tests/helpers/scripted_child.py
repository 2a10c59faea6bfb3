"""Replaces this program as a child process of the app: takes orders and does what a test says.

    python scripted_child.py FOLDER --train --name=NAME --data-dir=DATA ...
    python scripted_child.py FOLDER --summary ...

A training writes down its arguments in FOLDER. At the order `stop` it adds FOLDER/last-words to its
history and ends. It also ends as the test says in FOLDER/NAME.exit. A question about a text is
answered by FOLDER/summary.json, with the name that it gives, unless it names a missing file. Its
arguments are added to FOLDER/asked.

The tests themselves write the events: see `tests.helpers.runs.Script`.
"""

import json
import os
import sys
import time
from pathlib import Path

STAGE, MODE, *ARGUMENTS = sys.argv[1:]


def value_of(flag: str) -> str:
    """The value of a flag, given as `--flag=value` or as `--flag value`."""
    pairs = (argument.partition("=") for argument in ARGUMENTS)
    given = [value if equals else "" for name, equals, value in pairs if name == flag]
    return given[-1] or ARGUMENTS[ARGUMENTS.index(flag) + 1]


def train(stage: Path, name: str, history: Path) -> None:
    """Obeys orders until it is told to end."""
    history.parent.mkdir(parents=True, exist_ok=True)
    stage.joinpath(f"{name}.pid").write_text(str(os.getpid()))
    stage.joinpath(f"{name}.arguments").write_text(json.dumps([MODE, *ARGUMENTS]))
    how, control = stage / f"{name}.exit", history.with_name("control")
    while not how.exists():
        if control.is_file() and "stop" in control.read_text().splitlines():
            with history.open("a") as file:
                file.write(stage.joinpath("last-words").read_text())
            sys.exit(0)
        time.sleep(0.005)
    code, said = json.loads(how.read_text())
    how.unlink()
    stream = sys.stdout if said.startswith("{") else sys.stderr
    stream.write(said)
    stream.flush()
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def summarise(stage: Path) -> None:
    """Answers a question about a text."""
    with stage.joinpath("asked").open("a") as asked:
        asked.write(json.dumps(ARGUMENTS) + "\n")
    if any("missing" in argument for argument in ARGUMENTS):
        failed = {"v": 1, "event": "failed", "time": 0, "kind": "corpus"}
        print(
            json.dumps(
                {**failed, "message": "no such file", "hint": 'give "encoding" or another file'}
            )
        )
        sys.exit(3)
    summary = json.loads(stage.joinpath("summary.json").read_text())
    if any(argument.startswith("--name=") for argument in ARGUMENTS):
        summary["name"] = "-".join(value_of("--name").split())
    print(json.dumps(summary))


if MODE == "--train":
    name = value_of("--update" if "--update" in ARGUMENTS else "--name")
    train(Path(STAGE), name, Path(value_of("--data-dir"), "runs", name, "history.jsonl"))
else:
    summarise(Path(STAGE))
