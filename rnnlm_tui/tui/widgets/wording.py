"""The command line's sentences in the words of the app."""

from __future__ import annotations

import re

ASIDE = re.compile(r" \(--[^)]*\)| with --force")
"""What only the command line needs to be told."""
FLAG = re.compile(r"--([a-z][a-z-]*)")


def in_sentences(message: str, hint: str) -> str:
    """What is wrong, and where there is a hint a full stop and what to do, in the app's words."""
    if not hint:
        return in_own_words(message)
    advice = in_own_words(hint)
    return f"{in_own_words(message)}. {advice[:1].upper()}{advice[1:]}"


def in_own_words(sentence: str) -> str:
    """A sentence of the command line, with the form's words for its options. One that gives a whole
    command stays as it is."""
    if "rnnlm-tui --" in sentence:
        return sentence
    words = ASIDE.sub("", sentence)
    return FLAG.sub(lambda flag: f'"{flag[1].replace("-", " ")}"', words)
