"""The settings of a run, from flags, the environment, a TOML file and the preset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnlm_tui.cli.options import RunRequest
from rnnlm_tui.config import (
    QUERY_SETTINGS,
    make_config,
    preset_named,
    settings_from_environment,
    settings_from_toml,
    settings_of,
    variable_of,
)
from rnnlm_tui.errors import UsageError

LESSON_PRESET, OWN_TEXT_PRESET = "lesson", "gru"
"""The default presets, for the sonnets and for the user's texts."""
MACHINE_SETTINGS = frozenset({"threads", "device"})
"""Settings of where to compute, ignored by presets that do not have them."""


def resolve_settings(
    request: RunRequest, source_preset: str | None = None
) -> tuple[str, list[Mapping[str, Any]]]:
    """The preset of a run, and the settings that override its defaults, in the order that
    `make_config` takes: the TOML file, the environment, flags.

    `source_preset` is that of the model that the run starts from, which takes precedence. Raises
    UsageError, naming the source of an invalid value.
    """
    file = settings_from_toml(Path(request.config)) if request.config else {}
    default = OWN_TEXT_PRESET if request.sources else LESSON_PRESET
    preset = file.pop("preset", default)
    preset = source_preset or request.preset or os.environ.get("RNNLM_PRESET") or preset
    known = settings_of(preset_named(preset)).keys()
    # Variables apply to all runs, so a preset ignores those that it does not have.
    environment = {n: v for n, v in settings_from_environment().items() if n in known}
    file, flags = (
        {
            name: value
            for name, value in given.items()
            if name in known or name not in (*MACHINE_SETTINGS, *QUERY_SETTINGS)
        }
        for given in (file, request.flags)
    )
    make_config(preset, [flags])
    for name, value in file.items():
        _check_value(f"in {request.config}", preset, name, value)
    for name, value in environment.items():
        _check_value(f"from {variable_of(name)}", preset, name, value)
    return preset, [file, environment, flags]


def _check_value(source: str, preset: str, name: str, value: object) -> None:
    """Raises UsageError, naming the source, for an invalid value."""
    try:
        make_config(preset, [{name: value}])
    except UsageError as error:
        raise UsageError(f"{error.message} ({source})", error.hint) from error
