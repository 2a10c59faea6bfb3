"""What a search takes as equal, besides small and capital letters. Does not import textual."""

from __future__ import annotations

STRAIGHT = str.maketrans(dict.fromkeys("‘’‚‛ʼ", "'") | dict.fromkeys("“”„‟", '"'))


def straight_quotes(text: str) -> str:
    """Returns a text of the same length in which all quotes and apostrophes are straight, as they
    are typed. Models and word processors write curly ones."""
    return text.translate(STRAIGHT)
