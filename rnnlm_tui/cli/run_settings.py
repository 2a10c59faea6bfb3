"""The settings of a run: flags before the environment, before the TOML file, before the preset."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from rnnlm_tui.cli.options import RunSettings
from rnnlm_tui.config import (
    ENVIRONMENT_PREFIX,
    PRESETS,
    RENAMED_SETTINGS,
    RunConfig,
    all_settings,
    flag_of,
    make_run_config,
    preset_named,
    print_warning,
    settings_from_environment,
    settings_from_toml,
    settings_of,
    variable_of,
)
from rnnlm_tui.errors import UsageError

LESSON_PRESET, OWN_TEXT_PRESET = "lesson", "gru"
"""The default presets: for the sonnets, whose lesson it is, and for a text of one's own."""
MACHINE_SETTINGS = frozenset({"threads", "device"})
"""They say where to compute, so a preset that has no use for them ignores them."""
OTHER_VARIABLES = (
    "PRESET",
    "DATA_DIR",
    "CONFIG_DIR",
    "LOG_DIR",
    "BUILT_IN_DIR",
    "GOLDEN",
    "ONE_THREAD",
)


def run_config(
    settings: RunSettings,
    *,
    own_text: bool,
    source_preset: str | None = None,
    words: int | None = None,
) -> RunConfig:
    """The settings of a run. Raises UsageError, naming where a value that makes no sense is from.

    `own_text` says whether the text is not the bundled one, which decides the default preset;
    `source_preset` is that of the model that the run starts from, which goes before all others.
    `words` is the size of the corpus, from which some defaults of a preset follow.
    """
    warn_of_unknown_variables()
    file = settings_from_toml(Path(settings.file)) if settings.file else {}
    preset = (
        source_preset
        or settings.preset
        or os.environ.get(f"{ENVIRONMENT_PREFIX}PRESET")
        or file.get("preset", OWN_TEXT_PRESET if own_text else LESSON_PRESET)
    )
    file.pop("preset", None)
    parts = settings_of(preset_named(preset))
    known = parts["model"].keys() | parts["train"].keys()
    # Variables are for all runs of a user, so each preset takes those that it has.
    environment = {n: v for n, v in settings_from_environment().items() if n in known}
    file, flags = (
        {n: v for n, v in given.items() if n in known or n not in MACHINE_SETTINGS}
        for given in (file, settings.flags)
    )
    _check_are_of(preset, flags.keys() - known)
    for name, value in file.items():
        _check_value(f"in {settings.file}", preset, name, value)
    for name, value in environment.items():
        _check_value(f"from {variable_of(name)}", preset, name, value)
    return make_run_config(preset, [file, environment, flags], words)


def _check_are_of(preset: str, others: set[str]) -> None:
    """Raises UsageError for flags of settings that the preset does not have."""
    for name in sorted(others):
        having = [
            p.name for p in PRESETS.values() if any(name in s for s in settings_of(p).values())
        ]
        raise UsageError(
            f"the preset {preset} has no setting {flag_of(name)}",
            f"presets that have it: {', '.join(having)}, such as --preset {having[0]}",
        )


def _check_value(source: str, preset: str, name: str, value: object) -> None:
    """Raises UsageError, naming the source, for a value that makes no sense."""
    try:
        make_run_config(preset, [{name: value}])
    except UsageError as error:
        raise UsageError(f"{error.message} ({source})", error.hint) from error


def warn_of_unknown_variables() -> None:
    """Warns of RNNLM_... variables that mean nothing, such as a mistyped RNNLM_EPOCH."""
    names = [*all_settings(), *RENAMED_SETTINGS]
    known = [variable_of(name) for name in (*names, *OTHER_VARIABLES)]
    for variable in sorted(os.environ):
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, known, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            print_warning(f"{variable} is no setting{meant}")
