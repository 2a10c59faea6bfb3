"""Text from a model, a corpus or a file, so that it cannot steer a terminal."""

from __future__ import annotations

import json
import unicodedata

JOINERS = "\u200c\u200d"
"""Invisible, and part of the spelling of many languages' words and of emoji."""


def escaped(json_line: str) -> str:
    """The same JSON with escapes for the characters that could steer a terminal or end a line."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json_line)


def printable(text: str) -> str:
    """`text` with every control character, which could steer a terminal, made visible."""
    return "".join(c if c.isprintable() or _harmless(c) else "\ufffd" for c in text)


def _harmless(character: str) -> bool:
    return character in JOINERS or unicodedata.category(character) == "Zs"
