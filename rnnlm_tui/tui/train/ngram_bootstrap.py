"""Counts of a text that is trained on: ready in a second, they suggest while its network learns.
No textual here."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlm_tui.config import ENVIRONMENT_PREFIX, Setting, all_settings
from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.paths import bundled_corpus
from rnnlm_tui.tui.runs.child import own_command
from rnnlm_tui.tui.runs.processes import ended, start_unheard
from rnnlm_tui.tui.train.plan import Plan, all_settings_of, corpus_stem, default_of, setting_value

if TYPE_CHECKING:
    from rnnlm_tui.store.library import Library

PRESET = "ngram"
SHARED = ("held_out", "seed", "max_vocabulary", "min_count", "tokenizer")
"""The settings that counts take over from the network, so that one can be compared with the
other: both see the same lines and know the same words."""
NETWORK_SETTINGS = {
    ENVIRONMENT_PREFIX + name.upper() for name in all_settings().keys() - all_settings_of(PRESET)
}
SAME_LINES = ("held_out", "seed")


async def counts_of(
    plan: Plan,
    paths: tuple[str, ...],
    library: Library,
    command: Sequence[str] | None = None,
) -> str | None:
    """The name of a model of counts of the plan's text: one that is there, or one that is trained
    now, by a process of its own. None where the plan is one of counts itself, or they fail: the
    network's run tells what is wrong with the text. Whoever is cancelled here gives the counts up.
    `command` stands in the place of this program, headless."""
    if plan.preset == PRESET:
        return None
    try:
        name, arguments = await asyncio.to_thread(_wanted, plan, paths, library)
    except RnnlmError:
        return None
    if not arguments:
        return name
    data = ("--data-dir", str(library.folder.parent))
    program = own_command() if command is None else command
    try:
        # A setting of a network's there would be refused.
        environment = {k: v for k, v in os.environ.items() if k not in NETWORK_SETTINGS}
        process = start_unheard([*program, "--train", *arguments, *data], environment)
    except (OSError, ValueError):  # ValueError: a NUL in a path
        return None
    return name if await ended(process, process.wait) == 0 else None


def _wanted(plan: Plan, paths: tuple[str, ...], library: Library) -> tuple[str, tuple[str, ...]]:
    """The name of the counts, and the arguments to train them, none where they are there. Raises
    RnnlmError for a text that cannot be read."""
    from rnnlm_tui.store.library import free_name
    from rnnlm_tui.text.corpus import read_corpus

    corpus = read_corpus(paths or [bundled_corpus()], plan.encoding or None, io.BytesIO())
    settings = _settings(plan)
    for entry in library.entries():
        card = entry.card
        if card is None or card.config.preset != PRESET:
            continue
        same_lines = all(getattr(card.config.train, s) == settings[s] for s in SAME_LINES)
        if card.corpus.get("sha256") == corpus.sha256 and same_lines:
            return entry.name, ()
    name = free_name(library, f"{corpus_stem(plan)}-counts")
    flags = [f"--{s.replace('_', '-')}={v}" for s, v in settings.items() if v is not None]
    encoding = [f"--encoding={plan.encoding}"] if plan.encoding and plan.source == "files" else []
    return name, (*paths, f"--preset={PRESET}", f"--name={name}", *flags, *encoding)


def _settings(plan: Plan) -> dict[str, Setting]:
    """The network's values of the settings that counts have too. Raises UsageError."""
    known, own = all_settings_of(plan.preset), all_settings_of(PRESET)
    return {
        name: setting_value(known[name], plan.settings[name])
        if name in plan.settings
        else default_of(plan.preset, name)
        for name in SHARED
        if name in known and name in own
    }
