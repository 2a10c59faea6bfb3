"""How many words a text has, as a person counts them."""

from __future__ import annotations

import re

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""The characters of scripts without spaces: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""


def count_words(text: str) -> int:
    """The number of words: what stands between spaces and dashes and has a letter or a digit. In a
    script without spaces each letter is one."""
    if not text.isascii():
        text = UNSPACED.sub(r" \g<0> ", text.replace("—", " "))
    if "--" in text:
        text = text.replace("--", " ")
    return sum(chunk.isalnum() or any(map(str.isalnum, chunk)) for chunk in text.split())
