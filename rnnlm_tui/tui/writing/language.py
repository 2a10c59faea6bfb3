"""Judges in which language a text is written, by its last words. Does not import textual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlm_tui.store.languages import WORD, WORDS_JUDGED, better_known, shares_known
from rnnlm_tui.text.reading import WITHOUT_SPACES, lacks_spaces

if TYPE_CHECKING:
    from rnnlm_tui.store.library import OpenedModel

LAST_CHARACTERS = 30
"""Last characters by which the script of a text is judged."""
WELL_KNOWN = 0.9
"""The share of known words from which on a text is in the language of the model. A model of a diary
in German and English, built on `english`, knows both. In 99 of 100 samples of 30 words, `english`
knows at most 57 % of German, and 83 % of French."""
ENOUGH_KNOWN = 0.3
"""The share of common words of a language below which a text is not in that language. In 21 texts
in five languages all samples of 30 words have more, except quotations in another language."""
NOT_KNOWN = "these words are not {0}: Train learns yours, Models lists others"


@dataclass(frozen=True, slots=True)
class LanguageNote:
    """Says that a text is in a language that the active model does not know. `model` is the name of
    the built-in model that does, and `text` what to say if there is none."""

    model: str = ""
    text: str = ""


NO_NOTE = LanguageNote()


def note_on_language(
    opened_model: OpenedModel, lines: Sequence[str], is_asked: bool = False
) -> LanguageNote:
    """Returns a note on the last WORDS_JUDGED words of these lines, or NO_NOTE. Unless the writer
    has asked (`is_asked`), the words before them must give the same note if there are as many: a
    quotation is no reason to leave a model. Takes 20 ms the first time, which reads the lists of
    frequent words, then 0.2 ms."""
    if lacks_spaces("".join(lines[-2:])[-LAST_CHARACTERS:]):
        return LanguageNote(text=WITHOUT_SPACES)
    words = list[str]()
    for line in reversed(lines):
        words[:0] = WORD.findall(line)
        if len(words) >= 2 * WORDS_JUDGED:
            break
    note = _judge(opened_model, words[-WORDS_JUDGED:])
    before = words[-2 * WORDS_JUDGED : -WORDS_JUDGED]
    if is_asked or len(before) < WORDS_JUDGED or note == NO_NOTE:
        return note
    return note if _judge(opened_model, before) == note else NO_NOTE


def _judge(opened_model: OpenedModel, words: Sequence[str]) -> LanguageNote:
    ids = opened_model.model.vocabulary.id_by_word
    known = sum(word in ids or word.lower() in ids for word in words)
    if len(words) < WORDS_JUDGED or known >= WELL_KNOWN * WORDS_JUDGED:
        return NO_NOTE
    language = opened_model.card.base or opened_model.name
    lowered = [word.lower() for word in words]
    if other := better_known(lowered, language, known / WORDS_JUDGED):
        return LanguageNote(other)
    is_unknown = shares_known(lowered).get(language, 1.0) < ENOUGH_KNOWN
    return LanguageNote(text=NOT_KNOWN.format(language.capitalize())) if is_unknown else NO_NOTE
