"""The languages of the built-in models.

The card of a built-in model has the ISO 639 code of its language, such as "de". The name of the
model, such as `german`, is what people read and type. A user's model has the code of the model that
it is built on.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

from rnnlm_tui.errors import ModelError
from rnnlm_tui.paths import built_in_models
from rnnlm_tui.store.names import built_in_names, built_in_path

FALLBACK_MODEL = "english"
"""The built-in model that is in use at first if none is of the locale's language."""
WORDS_JUDGED = 30
"""The number of words that are judged, the last ones of a text. Fewer do not tell its language."""
LEAST_KNOWN = 0.5
"""A text is in a language if at least this share of its words is among the LISTED_WORDS of the
language. A text that is half in one language and half in another has less."""
KNOWN_MORE = 0.25
"""A text is in another language than the model's if its share is at least this much larger there.
99 % of samples of 30 words from 21 test texts in five languages are found to be in their language,
and 3 of 10,000 in another, mostly letters and songs in that language."""
LISTED_WORDS = 3_000
"""The number of the most frequent words of a model, which tell its language. They are 67 to 87 % of
the words of 21 test texts in the five languages, and at most 32 % of those in another language."""
LISTED_BYTES = 48_000
"""The number of bytes at the start of a vocabulary that have LISTED_WORDS words in any language."""
WORD = re.compile(r"[^\W\d_]+")


def model_for_code(code: str) -> str | None:
    """Returns the name of the built-in model of the language with this ISO 639 code, or None."""
    names = built_in_names() if code else []
    return next((name for name in names if _code_of(built_in_path(name)) == code), None)


@cache
def _code_of(path: Path) -> str:
    """Returns the code of the language of a built-in model, or "" if it has none or is damaged."""
    from rnnlm_tui.store.model_file import read_card  # imports numpy

    with suppress(ModelError):
        return read_card(path).language
    return ""


def model_of_locale() -> str:
    """Returns the name of the built-in model of the locale's language, or FALLBACK_MODEL."""
    return model_for_code(language_of_locale()) or FALLBACK_MODEL


def language_of_locale() -> str:
    """Returns the ISO 639 code of the locale's language, or "" if it has none."""
    variables = ("LC_ALL",) if os.environ.get("LC_ALL") else ("LC_CTYPE", "LANG")
    locales = [os.environ.get(name, "") for name in variables]
    if sys.platform == "win32":
        import ctypes
        from locale import windows_locale

        locales.append(windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), ""))
    elif sys.platform == "darwin":
        import plistlib

        with suppress(OSError, ValueError, LookupError, TypeError):
            settings = Path("~/Library/Preferences/.GlobalPreferences.plist").expanduser()
            locales.append(plistlib.loads(settings.read_bytes())["AppleLanguages"][0])
    # `C` and `C.UTF-8` name no language, and neither does `UTF-8`, which macOS sends to a server.
    codes = (re.match(r"[a-z]{2,3}(?=[-_.@]|$)", each) for each in locales)
    return next((code[0] for code in codes if code), "")


def words_of(text: str) -> list[str]:
    """Returns the words of a text in small letters, for `shares_known`."""
    return WORD.findall(text.lower())


def shares_known(words: Collection[str]) -> dict[str, float]:
    """Returns for each built-in language the share of these words that are among its most frequent
    ones, by the name of its model. The largest share comes first. Repeated words count again."""
    shares = {
        name: sum(map(listed.__contains__, words)) / max(1, len(words))
        for name, listed in _word_lists(built_in_models()).items()
    }
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def better_known(words: Sequence[str], name: str, own_share: float = 1.0) -> str | None:
    """Returns the name of the built-in model in whose language these words are, or None unless it
    knows far more of them than the model `name`, or than `own_share` if that is not built in."""
    shares = shares_known(words)
    if len(words) < WORDS_JUDGED or not shares:
        return None
    best, known = next(iter(shares.items()))
    is_better = known >= max(LEAST_KNOWN, shares.get(name, own_share) + KNOWN_MORE)
    return best if is_better else None


@cache
def _word_lists(folder: Path) -> dict[str, frozenset[str]]:
    """Returns the most frequent words of the built-in languages by the names of their models.
    `folder`, that of the built-in models, is only the key of the cache. Takes 4 ms for each."""
    from rnnlm_tui.store.model_file import open_stored

    lists = dict[str, frozenset[str]]()
    for name in built_in_names():
        with suppress(ModelError), open_stored(built_in_path(name)) as stored:
            if stored.card.language:
                words = dict.fromkeys(words_of(stored.most_frequent(LISTED_BYTES)))
                lists[name] = frozenset(islice(words, LISTED_WORDS))
    return lists
