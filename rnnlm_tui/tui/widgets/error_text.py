"""The command line's errors in the words of the app, which has fields in place of options."""

from __future__ import annotations

import re

COMMAND_LINE_ONLY = re.compile(r" \(--[^)]*\)| with --force")
"""The parts of a message that help only on the command line."""
COMMAND = re.compile(r"(?<!-tui )(?=--(?:train|evaluate|models) )")
"""The begin of a command without the program's name."""
FLAG = re.compile(r"--([a-z][a-z-]*)")


def error_sentence(message: str, hint: str) -> str:
    """The message, and the hint as a sentence of its own if there is one."""
    if not hint:
        return without_flags(message)
    advice = without_flags(hint)
    return f"{without_flags(message)}. {advice[:1].upper()}{advice[1:]}"


def without_flags(sentence: str) -> str:
    """The sentence with `--batch-size` as "batch size", the label of the field in the form.

    A command in it stays one.
    """
    sentence = COMMAND.sub("rnnlm-tui ", sentence)
    if "rnnlm-tui --" in sentence:
        return sentence
    words = COMMAND_LINE_ONLY.sub("", sentence)
    return FLAG.sub(lambda flag: f'"{flag[1].replace("-", " ")}"', words)
