"""Leaving the app: what becomes of a training that is running."""

from __future__ import annotations

from rnnlm_tui.tui.runs.follower import FollowedRun
from rnnlm_tui.tui.runs.manager import Runs
from rnnlm_tui.tui.widgets.dialogs import Choice
from rnnlm_tui.tui.widgets.host import Host


async def end_training(host: Host, runs: Runs, run: FollowedRun) -> str | None:
    """Stops the app's own training or leaves it to itself, as the user chooses.

    Returns what to print once the app is closed, or None if the user stays. For workers only.
    """
    choice = Choice(
        "Stop the training?",
        f"{run.name} is still training.",
        (
            ("stop", "Stop and save", "you can use it, and resume the training later"),
            ("detach", "Train in the background", "it goes on after the app is closed"),
        ),
        cancel="Stay in the app",
    )
    match "detach" if run.detached else await host.ask(choice):
        case "stop":
            host.notify_user("saving the training ...")
            await runs.close(detach=False)
            resume = f"rnnlm-tui --train --resume --name {run.name}"
            return f"{run.name} was stopped and saved. To resume it:\n  {resume}"
        case "detach":
            await runs.close(detach=True)
            return f"{run.name} trains in the background. Its progress is on the Train screen."
    return None
