"""Rewords the command line's error messages for the app, which has fields instead of options."""

from __future__ import annotations

import re

COMMAND_LINE_ONLY = re.compile(r" \(--[^)]*\)| with --force")
"""The parts of a message that help only on the command line."""
COMMAND = re.compile(r"(?<!-tui )(?=--(?:train|evaluate|models) )")
"""The start of a command without the program's name."""
FLAG = re.compile(r"--([a-z][a-z-]*)")


def error_sentence(message: str, hint: str) -> str:
    """Returns the message, followed by the hint, if any, as a sentence of its own."""
    if not hint:
        return without_flags(message)
    advice = without_flags(hint)
    return f"{without_flags(message)}. {advice[:1].upper()}{advice[1:]}"


def without_flags(sentence: str) -> str:
    """Replaces `--batch-size` by "batch size", the label of the field in the form, except in a
    command."""
    sentence = COMMAND.sub("rnnlm-tui ", sentence)
    if "rnnlm-tui --" in sentence:
        return sentence
    words = COMMAND_LINE_ONLY.sub("", sentence)
    return FLAG.sub(lambda flag: f'"{flag[1].replace("-", " ")}"', words)
