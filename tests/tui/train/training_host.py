"""A tiny program that owns a training as the app does, for tests that end it in every way.

`python -m tests.tui.train.training_host JSON`, where JSON is an object of

    arguments   those of the training, after --train
    name        the model's name
    command     what stands in the place of `python -m rnnlm_tui`, or null for the real one
    after_save  what to do after the first save: "wait" for the end of the training, "detach" and
                wait, "let_go" and end, or "leave": end without a word to the training

It prints the number of the training's process, then `ready` when it has done what `after_save` says
(before it ends).
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from rnnlm_tui.paths import data_dir
from rnnlm_tui.store.library import Library
from rnnlm_tui.tui.runs.child import TrainingProcess, TrainingRequest


async def host(facts: dict[str, Any]) -> None:
    """Owns the training until it ends, or until `after_save` says to end."""
    request = TrainingRequest(tuple(facts["arguments"]), facts["name"])
    run = TrainingProcess(request, Library(data_dir()), command=facts["command"])
    saved = asyncio.Event()
    run.on_saved = lambda event: saved.set()
    await run.start()
    print(run.pid, flush=True)
    await saved.wait()
    match facts["after_save"]:
        case "detach":
            await run.detach()
        case "let_go":
            await run.let_go()
    print("ready", flush=True)
    if facts["after_save"] in ("wait", "detach"):
        await run.wait()


if __name__ == "__main__":
    asyncio.run(host(json.loads(sys.argv[1])))
