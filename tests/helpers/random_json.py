"""Random texts, JSON and bytes, as no client would send them."""

from __future__ import annotations

import json
import random
from typing import Any

PIECES = (
    *("word ", "The old café ", " ", "a", "'", '"', "``", "\n", "\r", "\r\n", "\t", "\0", "\x0c"),
    *("🙂", "👩\u200d🚀", "e\u0301", "字", "ß", "\u2028", "\ufeff", "\ud800", "1.5"),
    *("http://", "> - "),
)
LONG = 100_000
"""Characters of a long text."""
NUMBERS = (0, 1, -1, 2, 1.5, 2**31, 2**63, -(2**31), 10**40, float("nan"), float("inf"), True)


def random_text(chance: random.Random) -> str:
    """A text of a few pieces, now and then one of `LONG` characters."""
    if chance.random() < 0.01:
        few = "".join(chance.choices(PIECES, k=chance.choice((1, 3, 50))))
        return (few * LONG)[:LONG]
    return "".join(chance.choices(PIECES, k=chance.randrange(12)))


def random_json(chance: random.Random, depth: int = 3) -> Any:
    """A value of any type."""
    kind = chance.randrange(7 if depth else 5)
    if kind == 0:
        return None
    if kind <= 2:
        return chance.choice(NUMBERS)
    if kind <= 4:
        return random_text(chance)
    values = [random_json(chance, depth - 1) for _ in range(chance.randrange(4))]
    return values if kind == 5 else {random_text(chance)[:20]: value for value in values}


def other_fields(chance: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    """Changes an object at any depth: removes fields, adds some, and gives some another type."""
    changed = dict[str, Any]()
    for name, value in fields.items():
        if (fate := chance.random()) < 0.1:
            continue
        if fate < 0.3:
            changed[name] = random_json(chance)
        else:
            changed[name] = other_fields(chance, value) if isinstance(value, dict) else value
    if chance.random() < 0.1:
        changed[random_text(chance)[:20]] = random_json(chance)
    return changed


def broken_bytes(chance: random.Random, data: bytes) -> bytes:
    """Changes a few bytes: removes, repeats, replaces or inserts some."""
    broken = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at, length = chance.randrange(len(broken) + 1), chance.choice((1, 1, 5, 50))
        new = chance.choice((b"", chance.randbytes(length), broken[at : at + length] * 2))
        broken[at : at + length] = new
    return bytes(broken)


def no_json(chance: random.Random) -> bytes:
    """A line that is no JSON object, or one that is too deep or too large for readers."""
    values: list[bytes] = [
        json.dumps(random_json(chance, 2)).encode(),
        b'{"id":' * chance.choice((1, 5000, 100_000)),
        b'{"id": ' + b"9" * chance.choice((50, 5000)) + b"}",
        chance.randbytes(chance.randrange(1, 300)),
        b"{" + chance.randbytes(20),
        b"",
    ]
    return chance.choice(values)
