"""An n-gram model of a text that a network is trained on: it is ready in a second, and suggests
while the network learns. No textual here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rnnlm_tui.config import Setting
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.runs.headless import run_headless
from rnnlm_tui.tui.train.plan import Plan, all_settings_of, corpus_stem
from rnnlm_tui.tui.train.summary import CorpusSummary

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

PRESET = "ngram"
SHARED = ("held_out", "seed", "max_vocabulary", "min_count", "tokenizer")
"""The settings that the n-gram model takes over from the network, so that one can be compared with
the other: both hold out the same lines and know the same words."""


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
    has = all_settings_of(plan.preset).keys() & all_settings_of(PRESET).keys()
    settings = {name: summary.settings.get(name) for name in SHARED if name in has}
    try:
        name, is_there = await asyncio.to_thread(
            _name_for, plan, summary.corpus.sha256, settings, library
        )
        if not is_there:
            arguments = ("--train", *files, f"--preset={PRESET}", f"--name={name}")
            arguments += tuple(
                f"--{s.replace('_', '-')}={v}" for s, v in settings.items() if v is not None
            )
            if plan.encoding and plan.source == "files":
                arguments += (f"--encoding={plan.encoding}",)
            arguments += (f"--data-dir={library.folder.parent}",)
            await run_headless(arguments)
    except RnnlmError:
        return None
    return name


def _name_for(
    plan: Plan, sha256: str, settings: dict[str, Setting], library: Library
) -> tuple[str, bool]:
    """The name of the model of this text with these settings, and whether it is there."""
    from rnnlm_tui.store.library import free_name

    for entry in library.entries():
        card = entry.card
        if card is None or card.config.preset != PRESET or card.corpus["sha256"] != sha256:
            continue
        if all(getattr(card.config.train, name) == value for name, value in settings.items()):
            return entry.name, True
    return free_name(library, f"{corpus_stem(plan)}-{PRESET}"), False
