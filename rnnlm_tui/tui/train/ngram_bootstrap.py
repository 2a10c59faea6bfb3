"""An n-gram model of a text that a network is trained on: it is ready in a second, and suggests
while the network learns. No textual here."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from rnnlm_tui import paths
from rnnlm_tui.config import ENVIRONMENT_PREFIX, Setting, all_settings
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.runs.processes import ended, start_unheard
from rnnlm_tui.tui.train.plan import Plan, all_settings_of, corpus_stem
from rnnlm_tui.tui.train.summary import CorpusSummary

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

PRESET = "ngram"
SHARED = ("held_out", "seed", "max_vocabulary", "min_count", "tokenizer")
"""The settings that the n-gram model takes over from the network, so that one can be compared with
the other: both hold out the same lines and know the same words."""
NETWORK_VARIABLES = {
    ENVIRONMENT_PREFIX + name.upper() for name in all_settings().keys() - all_settings_of(PRESET)
}
"""Settings in the environment that `--preset ngram` would refuse."""


async def bootstrap_ngram(
    plan: Plan, files: tuple[str, ...], summary: CorpusSummary, library: Library
) -> str | None:
    """Returns the name of an n-gram model of the plan's text, trained now unless there is one.

    `summary` is what the command line says of the network of this plan. None if the plan is that of
    an n-gram model itself, or if training it fails: the network's run tells what is wrong with the
    text. Cancelling this coroutine kills the process that trains.
    """
    if plan.preset == PRESET:
        return None
    of_network, of_ngram = all_settings_of(plan.preset), all_settings_of(PRESET)
    shared = {
        name: summary.settings.get(name)
        for name in SHARED
        if name in of_network and name in of_ngram
    }
    try:
        if name := await asyncio.to_thread(_existing, summary.corpus.sha256, shared, library):
            return name
        name = await asyncio.to_thread(_free_name, plan, library)
    except RnnlmError:
        return None
    return name if await _train(name, plan, files, shared, library) else None


def _existing(sha256: str, settings: dict[str, Setting], library: Library) -> str | None:
    """The name of an n-gram model of this text with these settings, if there is one."""
    for entry in library.entries():
        card = entry.card
        if card is None or card.config.preset != PRESET or card.corpus.get("sha256") != sha256:
            continue
        if all(getattr(card.config.train, name) == value for name, value in settings.items()):
            return entry.name
    return None


def _free_name(plan: Plan, library: Library) -> str:
    from rnnlm_tui.store.library import free_name

    return free_name(library, f"{corpus_stem(plan)}-{PRESET}")


async def _train(
    name: str,
    plan: Plan,
    files: tuple[str, ...],
    settings: dict[str, Setting],
    library: Library,
) -> bool:
    """Trains the model in a process of its own; returns whether that worked."""
    flags = [f"--{s.replace('_', '-')}={v}" for s, v in settings.items() if v is not None]
    if plan.encoding and plan.source == "files":
        flags.append(f"--encoding={plan.encoding}")
    command = [
        *paths.headless_command(),
        *("--train", *files, f"--preset={PRESET}", f"--name={name}", *flags),
        f"--data-dir={library.folder.parent}",
    ]
    environment = {k: v for k, v in os.environ.items() if k not in NETWORK_VARIABLES}
    try:
        process = start_unheard(command, environment)
    except (OSError, ValueError):  # ValueError: a NUL in a path
        return False
    return await ended(process, process.wait) == 0
