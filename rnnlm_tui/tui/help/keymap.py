"""The user's keymap, held against the app's own keys."""

from __future__ import annotations

from pathlib import Path

from textual.dom import DOMNode

from rnnlm_tui.errors import RnnlmError
from rnnlm_tui.tui.help.bindings import all_ids, clashes, is_key
from rnnlm_tui.tui.preferences import load_keymap


def checked_keymap(app: type[DOMNode], config_dir: Path) -> tuple[dict[str, str], list[RnnlmError]]:
    """The keys of the user's own by the bindings' ids, and what is wrong with some of them.

    Raises UsageError for a file that cannot be used at all.
    """
    wanted = load_keymap(config_dir, all_ids(app))
    keymap = {id_: keys for id_, keys in wanted.items() if all(map(is_key, keys.split(",")))}
    faults = []
    if unknown := ", ".join(wanted[id_] for id_ in wanted.keys() - keymap.keys()):
        faults.append(
            RnnlmError(
                f"the keymap names keys that no keyboard has: {unknown}",
                "their actions keep their own keys",
            )
        )
    if found := ", ".join(dict.fromkeys(clashes(app, keymap))):
        faults.append(RnnlmError(f"the keymap gives one key to several actions: {found}"))
    return keymap, faults
