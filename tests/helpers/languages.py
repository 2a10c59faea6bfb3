"""Two small languages: texts, and n-gram models that stand in for those that ship."""

from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from rnnlm_tui.store.library import Library
from rnnlm_tui.store.model_file import change_card
from tests.helpers.models import put
from tests.helpers.training import made, run

CODES = {"english": "en", "german": "de"}
SENTENCES = {
    "english": (
        "the old man|my sister|a young woman|our neighbour|the little dog|his friend|nobody",
        "saw|found|bought|forgot|looked for|brought|wanted",
        "the house|a new hat|some bread|the letter|her garden|this book|the door|an apple",
        "yesterday|in the morning|without a word|after the rain|for his mother|again",
    ),
    "german": (
        "der alte Mann|meine Schwester|eine junge Frau|unser Nachbar|der kleine Hund|niemand",
        "sah|fand|kaufte|vergaß|suchte|brachte|wollte",
        "das Haus|einen neuen Hut|etwas Brot|den Brief|ihren Garten|dieses Buch|die Tür",
        "gestern|am Morgen|ohne ein Wort|nach dem Regen|für seine Mutter|wieder",
    ),
}
LATIN = "Gallia est omnis divisa in partes tres, quarum unam incolunt Belgae, aliam Aquitani"


def lines_in(language: str, count: int, seed: int = 0) -> list[str]:
    """Sentences in a language, drawn by chance."""
    draw = random.Random(seed)
    parts = [part.split("|") for part in SENTENCES[language]]
    lines = (" ".join(map(draw.choice, parts)) for _ in range(count))
    return [f"{line[0].upper()}{line[1:]}." for line in lines]


@cache
def base(language: str) -> bytes:
    """The file of a model of a language."""
    with tempfile.TemporaryDirectory() as folder:
        library, text = Library(Path(folder) / "data"), Path(folder) / "text.txt"
        text.write_text("\n".join(lines_in(language, 400)), "utf-8")
        settings = {"mixture": "off", "lines": "each"}
        [*run(made(library, text, name="base", preset="ngram", on="none", settings=settings))]
        path = library.path("base")
        change_card(path, lambda card: replace(card, language=CODES[language]))
        return path.read_bytes()


def ship(folder: Path, *languages: str) -> None:
    """Puts the models of these languages in a folder, such as `built_in_dir`."""
    put(folder, {f"{name}.safetensors": base(name) for name in languages})
