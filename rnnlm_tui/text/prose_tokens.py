"""Cuts text as people write it into tokens, by rules that hold for most European texts.

A token is a word with its apostrophes and hyphens, a number, an address, a run of one punctuation
mark, an emoji, or a character of a script without spaces. Text is first folded (`fold`), and then
split at white space into chunks. Each chunk is cut on its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

import regex

from rnnlm_tui.formatting import INVISIBLE
from rnnlm_tui.text.marks import (
    APOSTROPHE,
    BEFORE_OPENING,
    CLOSE_DOUBLE,
    CLOSE_SINGLE,
    DOUBLE_QUOTES,
    ELLIPSIS,
    EM_DASH,
    NO_SPACE_AFTER,
    NO_SPACE_BEFORE,
    OPEN_DOUBLE,
    OPEN_SINGLE,
    SINGLE_QUOTES,
    STANDALONE,
)

LINE_BEGIN = "^"
"""Stands for the start of a line among the marks before a word."""
NUMBER = "0"
"""Stands for a number of one or two digits among the marks before a word. A number with a full stop
may be an ordinal, as in `am 12. Mai`."""
MARKS_BEFORE = 3
"""The number of marks before a word that decide whether it begins a sentence."""
ABBREVIATIONS = frozenset([
    "Mr", "Mrs", "Ms", "Dr", "St", "Prof", "prof", "Rev", "Hon", "Capt", "capt", "Col", "Gen", "Lt",
    "Sgt", "Jr", "Sr", "vs", "etc", "Fig", "Mt", "Messrs", "MS", "MSS", "Sept", "Dept", "Inc",
    "Corp", "Co", "co", "Bro", "acct", "ft", "lbs", "oz", "yrs", "mo", "wk", "wks",
    "bzw", "usw", "Nr", "Hr", "Fr", "ca", "Sra", "Srta", "Ud", "Uds", "Mme", "Mlle", "MM",
    "bijv", "np", "tzn", "г", "др", "стр"
])  # fmt: skip
"""Words whose full stop mostly does not end a sentence, in several languages. Learning more of them
from each text changed no figure."""
SCRIPTS_WITHOUT_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
UNSPACED_CHARACTER = regex.compile(rf"[{SCRIPTS_WITHOUT_SPACES}]|[\u3000-\u303F\uFF00-\uFFEF]")
"""A letter or a mark of a script without spaces."""
FOLDED_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys(INVISIBLE),
        **dict.fromkeys("\u2010\u2011", "-"),
        **dict.fromkeys("\u02bc\uff07", "’"),
    }
)
"""Removes invisible characters, and gives some others a plainer form."""
FOLDABLE = regex.compile("[" + "".join(map(chr, FOLDED_CHARACTERS)) + "]")
MANY_ACCENTS = 1000
"""A text with this many accents in a row is not normalized. No language has such a text."""
ONLY_ACCENTS = regex.compile(rf"\p{{M}}{{{MANY_ACCENTS}}}")
CLIPPED_WORDS = frozenset([
    *["tis", "twas", "twere", "twill", "em", "cause", "till", "gainst", "neath", "tween", "bout"],
    *(f"{decade}0s" for decade in range(10)),
])  # fmt: skip
"""Words before which a straight quote is an apostrophe."""
# A letter, an accent or a digit, but none of a script without spaces.
LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{SCRIPTS_WITHOUT_SPACES}]]"
MAX_SCHEME = 32
"""The most characters of the scheme of an address, such as `https`."""
MAX_DOTS = 8
"""The most full stops of a file name before its ending."""


def token_pattern(elided_word: str = "(?!)") -> regex.Pattern[str]:
    """Returns the pattern of a token. `elided_word` is the pattern of elided words, which are
    tokens, too; by default it matches nothing. Addresses and file names are searched for only where
    they can start, and their parts have limits, so that the time does not grow quadratically."""
    return regex.compile(
        rf"""(?:\p{{L}}[\p{{L}}\p{{N}}+.-]{{0,{MAX_SCHEME}}}+://|www\.)\S*[^\s.,;:!?)\]}}”"'’]
        | (?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+         # name@example.com
        | \p{{L}}(?:\.\p{{L}})+\.?(?!{LETTER})          # p.m., U.S.
        | \p{{N}}+(?:[.,:/]\p{{N}}+)+{LETTER}*          # 3.14, 10:30, 1,000
        | (?<![\w-])[\w-]++(?:\.[\w-]++){{0,{MAX_DOTS}}}\.[a-z][a-z0-9]{{1,3}}(?!\w)  # notes.txt
        | (?<!{LETTER}|-){elided_word}
        | {LETTER}+(?:['’-]{LETTER}+)*                  # a word
        | \p{{Regional_Indicator}}{{1,2}}+[\p{{M}}\u200d]*   # a flag; \X would take quadratic time
        | (?=\p{{Emoji_Presentation}})\X
        | ([\p{{P}}\p{{S}}])\1*                         # a run of one mark
        | \X""",
        regex.VERSION1 | regex.VERBOSE,
    )


def is_elided(word: str) -> bool:
    """Returns True for an elided word, such as `l'`, which stands right before another word."""
    return word[-1:] == APOSTROPHE and word[:-1].isalpha()


def elision_pattern(elisions: Iterable[str]) -> str:
    """Returns the pattern of these elided words, such as `l'`, in small letters or capitals."""
    words = "|".join(elision.removesuffix(APOSTROPHE) for elision in elisions)
    return f"(?i:(?:{words})['’ʼ])"


TOKEN = token_pattern()
EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Regional_Indicator}")
FIRST_LETTERS = regex.compile(r"[\p{L}\p{N}]+")
LAST_LETTER = regex.compile(r"(?r)[\p{L}\p{N}]")
LONGEST_CHUNK = 48
"""The most characters of a chunk that is cached."""
MAX_CHUNKS = 1 << 18
"""The most chunks in the cache."""
Tokens = tuple[str, ...]


@lru_cache(1 << 12)
def usual_spaces(token: str) -> tuple[bool, bool]:
    """Returns two values for a token: True if most European texts have a space before it, and True
    if they have one after it."""
    if UNSPACED_CHARACTER.fullmatch(token[0]):
        return False, False
    if is_elided(token):
        return True, False
    category = unicodedata.category(token[0])
    if category[0] not in "PS":
        return True, True
    return token[0] not in NO_SPACE_BEFORE, token[0] not in NO_SPACE_AFTER and category != "Sc"


@lru_cache(1 << 10)
def usually_begins_sentence(marks: str) -> bool:
    """Returns True if a word after these marks mostly begins a sentence or speech. `marks` is "" if
    the word does not follow a mark."""
    closing = marks.rstrip(OPEN_DOUBLE + OPEN_SINGLE + "([{¿¡" + EM_DASH + "-*_#")
    if closing.endswith((LINE_BEGIN, ".", "!", "?", "." + CLOSE_DOUBLE, "。", "！", "？")):
        return True
    opens_quote = OPEN_DOUBLE in marks[len(closing) :]
    return opens_quote and closing.endswith((",", ":"))


def marks_after(marks: str, token: str) -> str:
    """Returns the marks before the word after `token`. `marks` are those before `token`."""
    if token[0].isalpha():  # most tokens
        return ""
    if is_mark(token):
        return (marks + token)[-MARKS_BEFORE:]
    if token.isdecimal() and len(token) <= 2:
        return (marks if marks == LINE_BEGIN else "") + NUMBER
    return ""


def is_abbreviation(word: str) -> bool:
    """Returns True if a full stop right after this word belongs to the word."""
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    return is_initial or word in ABBREVIATIONS


def fold(text: str) -> str:
    """Returns the text in NFC, without invisible characters."""
    if text.isascii():
        return text
    if FOLDABLE.search(text):  # rare, and the search is five times as fast as translate
        text = text.translate(FOLDED_CHARACTERS)
    if len(text) > MANY_ACCENTS and ONLY_ACCENTS.search(text):
        return text  # the time to sort so many accents grows with the square of their number
    return unicodedata.normalize("NFC", text)


def is_mark(word: str) -> bool:
    """Returns True for punctuation and other signs, but not for an emoji."""
    return not word[0].isalnum() and _is_sign(word)


@lru_cache(1 << 10)
def _is_sign(word: str) -> bool:
    """Returns True for a run of one sign that is not an emoji. Cached, since there are few."""
    is_sign = unicodedata.category(word[0])[0] in "PS" and not word.strip(word[0])
    return is_sign and not EMOJI.match(word)


def cut(chunk: str, pattern: regex.Pattern[str] = TOKEN) -> Tokens:
    """Returns the tokens of a chunk, in the case in which they are written."""
    word = chunk[:-1] if chunk[-1] in STANDALONE else chunk
    if word.isalpha() and word.isascii():  # most chunks need no pattern
        if word is chunk:
            return (word,)
        if chunk[-1] == "." and is_abbreviation(word):
            return (chunk,)
        return word, chunk[-1]
    tokens = list[str]()
    for match in pattern.finditer(chunk):
        form, token = match[0], token_of(chunk, match)
        if form[0] in DOUBLE_QUOTES or form[0] in SINGLE_QUOTES:
            tokens += [token] * len(form)
        elif tokens and tokens[-1] == APOSTROPHE and form[0].isalnum():
            tokens[-1] += token
        elif token == "." and tokens and is_abbreviation(tokens[-1]):
            tokens[-1] += "."
        else:
            tokens.append(token)
    return tuple(tokens)


class Chunks(dict[str, Tokens]):
    """Maps chunks to their tokens. A chunk is cut when it is first looked up."""

    def __init__(self, pattern: regex.Pattern[str]) -> None:
        self._pattern = pattern
        self._last: tuple[str, Tokens] = "", ()
        """The last chunk that was cut, and its tokens. A suggestion asks for it several times, and
        a long chunk is not cached."""

    def __missing__(self, chunk: str) -> Tokens:
        last, tokens = self._last
        if last != chunk:
            tokens = cut(chunk, self._pattern)
            self._last = chunk, tokens
            if len(chunk) <= LONGEST_CHUNK and len(self) < MAX_CHUNKS:
                self[chunk] = tokens
        return tokens


@cache
def chunks_with(elisions: Tokens) -> Chunks:
    """Returns the `Chunks` of texts in which these elided words are tokens."""
    return Chunks(token_pattern(elision_pattern(elisions)) if elisions else TOKEN)


def token_of(chunk: str, match: regex.Match[str]) -> str:
    """Returns the token of a match of `TOKEN` in a chunk. A run of quotes has one token for each
    quote, and this function returns it once."""
    form = match[0]
    if form[0] in DOUBLE_QUOTES:
        return OPEN_DOUBLE if _opens(chunk, match) else CLOSE_DOUBLE
    if form[0] in SINGLE_QUOTES:
        return _single_quote(chunk, match)
    if form in ("...", ELLIPSIS):
        return ELLIPSIS
    if form in ("--", "---", EM_DASH):
        return EM_DASH
    return form.replace("’", APOSTROPHE)


def _opens(chunk: str, match: regex.Match[str]) -> bool:
    """Returns True if a double quote opens a quotation. At the start of a chunk, and after one of
    BEFORE_OPENING, it opens one if letters follow, whatever its form: “ closes „this“ and opens
    “that”. Its form decides if it is the whole chunk, or follows another mark or unspaced text."""
    start, end = match.span()
    if end - start == len(chunk):
        return match[0][0] not in "”»"
    if start == 0 or chunk[start - 1] in BEFORE_OPENING:
        return end < _end_of_letters(chunk)
    before = chunk[start - 1]
    is_unspaced = not before.isalnum() or UNSPACED_CHARACTER.match(before) is not None
    return match[0][0] in "“«„" and is_unspaced and chunk[end : end + 1].isalnum()


@lru_cache(1)
def _end_of_letters(chunk: str) -> int:
    """Returns the end of the last letter or digit of a chunk, or 0 if it has none. The result is
    cached, since a chunk may have a hundred thousand quotes that need it."""
    last = LAST_LETTER.search(chunk)
    return last.end() if last else 0


def _single_quote(chunk: str, match: regex.Match[str]) -> str:
    """Returns the token of a single quote outside a word: an opening or a closing quote, or the
    apostrophe with which a word begins."""
    start, end = match.span()
    if start > 0 and chunk[start - 1] not in BEFORE_OPENING:
        return CLOSE_SINGLE
    word = FIRST_LETTERS.match(chunk, end)
    if word is None:
        return OPEN_SINGLE if end < len(chunk) and start == 0 else CLOSE_SINGLE
    is_apostrophe = match[0] == "’" or word[0].lower() in CLIPPED_WORDS
    return APOSTROPHE if is_apostrophe else OPEN_SINGLE
