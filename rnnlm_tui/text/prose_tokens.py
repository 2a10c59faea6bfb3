"""Cuts text as people write it into tokens, by rules that hold for most European texts.

A token is a word with its apostrophes and hyphens, a number, an address, a run of one punctuation
mark, an emoji, or a character of a script without spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

import regex

OPEN, CLOSE, OPEN_SINGLE, CLOSE_SINGLE = "“”‘’"
"""Quotes as tokens, however the text writes them. CLOSE_SINGLE also ends `dogs’`."""
APOSTROPHE, DASH, ELLIPSIS = "'", "—", "…"
"""The apostrophe within words, the dash and the three dots as tokens."""
LINE_BEGIN = "^"
ABBREVIATIONS = frozenset([
    "Mr", "Mrs", "Ms", "Dr", "St", "Prof", "prof", "Rev", "Hon", "Capt", "capt", "Col", "Gen", "Lt",
    "Sgt", "Jr", "Sr", "vs", "etc", "Fig", "Mt", "Messrs", "MS", "MSS", "Sept", "Dept", "Inc",
    "Corp", "Co", "co", "Bro", "acct", "ft", "lbs", "oz", "yrs", "mo", "wk", "wks",
    "bzw", "usw", "Nr", "Hr", "Fr", "ca", "Sra", "Srta", "Ud", "Uds", "Mme", "Mlle", "MM",
    "bijv", "np", "tzn", "г", "др", "стр"
])  # fmt: skip
"""Words whose full stop mostly does not end a sentence, in several languages. Learning more of them
from each text changed nothing that was measured."""
NO_SPACE_AFTER = frozenset("([{¿¡@#/\\_-" + OPEN + OPEN_SINGLE + DASH)
NO_SPACE_BEFORE = frozenset(")]},.;:!?%°/\\_-" + CLOSE + CLOSE_SINGLE + DASH + ELLIPSIS)
SCRIPTS_WITHOUT_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
UNSPACED = regex.compile(rf"[{SCRIPTS_WITHOUT_SPACES}]|[\u3000-\u303F\uFF00-\uFFEF]")
"""Scripts and marks that are written without spaces."""
PLAIN_MARKS = frozenset(".,;:!?")
"""Marks that are tokens of their own right after any word."""
FOLDED = str.maketrans(
    {
        **dict.fromkeys("\u00ad\u200b\u200e\u200f\u2060\ufeff"),
        **dict.fromkeys("\u2010\u2011", "-"),
        **dict.fromkeys("\u02bc\uff07", "’"),
    }
)
"""Invisible characters are removed, and some others get a plainer form."""
FOLDABLE = regex.compile("[" + "".join(map(chr, FOLDED)) + "]")
MANY_MARKS = 1000
"""Accents on one letter that are not put in order: more than any language writes."""
ONLY_MARKS = regex.compile(rf"\p{{M}}{{{MANY_MARKS}}}")
DOUBLE_QUOTES, SINGLE_QUOTES = frozenset('"“”„‟«»'), frozenset("'‘’‚‛‹›")
BEFORE_OPENING = frozenset("([{<—–-/") | SINGLE_QUOTES | DOUBLE_QUOTES
CLIPPED_WORDS = frozenset(
    ["tis", "twas", "twere", "twill", "em", "cause", "till", "gainst", "neath", "tween", "bout"]
)
"""Words that may begin with an apostrophe, which then is not a quote."""
LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{SCRIPTS_WITHOUT_SPACES}]]"
NO_ELISION = "(?!)"
"""Matches nothing."""
MAX_PART, MAX_PARTS = 32, 8
"""The most characters of the scheme of an address, as `https`, and the most parts of a file name
that end with a full stop."""


def token_pattern(elided_word: str = NO_ELISION) -> regex.Pattern[str]:
    """The pattern of tokens, those that match `elided_word` among them.

    What may be an address or a file name is looked at from its start alone, and no farther than
    its longest part, so that the time grows with the length of the text and not with its square.
    """
    return regex.compile(
        rf"""(?:\p{{L}}[\p{{L}}\p{{N}}+.-]{{0,{MAX_PART}}}+://|www\.)\S*[^\s.,;:!?)\]}}”"'’]
        | (?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+
        | \p{{L}}(?:\.\p{{L}})+\.?(?!{LETTER})          # p.m., U.S.
        | \p{{N}}+(?:[.,:/]\p{{N}}+)+{LETTER}*          # 3.14, 10:30, 1,000
        | (?<![\w-])[\w-]++(?:\.[\w-]++){{0,{MAX_PARTS}}}\.[a-z][a-z0-9]{{1,3}}(?!\w)  # notes.txt
        | (?<!{LETTER}|-){elided_word}
        | {LETTER}+(?:['’-]{LETTER}+)*                  # a word
        | \p{{Regional_Indicator}}{{1,2}}+[\p{{M}}\u200d]*   # a flag; \X reads all flags before it
        | (?=\p{{Emoji_Presentation}})\X
        | ([\p{{P}}\p{{S}}])\1*
        | \X""",
        regex.VERSION1 | regex.VERBOSE,
    )


def is_elided(word: str) -> bool:
    """Whether a token is an elided word, as `l'`, which stands right before another."""
    return word[-1:] == APOSTROPHE and word[:-1].isalpha()


def elided_words(elisions: Iterable[str]) -> str:
    """The pattern of these elided words, as `l'`, in small letters or capitals."""
    words = "|".join(elision.removesuffix(APOSTROPHE) for elision in elisions)
    return f"(?i:(?:{words})['’ʼ])"


TOKEN = token_pattern()
EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Regional_Indicator}")
FIRST_LETTERS = regex.compile(r"[\p{L}\p{N}]+")
LAST_LETTER = regex.compile(r"(?r)[\p{L}\p{N}]")
LONGEST_CHUNK, MAX_CHUNKS = 48, 1 << 18
"""The longest chunk that is cached, in characters, and the most chunks."""
Tokens = tuple[str, ...]


@lru_cache(1 << 12)
def usual_spaces(token: str) -> tuple[bool, bool]:
    """Whether a token has a space before and after it in most European texts."""
    if UNSPACED.fullmatch(token[0]):
        return False, False
    if is_elided(token):
        return True, False
    category = unicodedata.category(token[0])
    if category[0] not in "PS":
        return True, True
    return token[0] not in NO_SPACE_BEFORE, token[0] not in NO_SPACE_AFTER and category != "Sc"


@lru_cache(1 << 10)
def usually_begins_sentence(marks: str) -> bool:
    """Whether these marks before a word, "" for none, usually end a sentence or open speech."""
    ended = marks.rstrip(OPEN + OPEN_SINGLE + "([{¿¡" + DASH + "-*_#")
    if ended.endswith((LINE_BEGIN, ".", "!", "?", "." + CLOSE, "。", "！", "？")):
        return True
    return OPEN in marks[len(ended) :] and ended.endswith((",", ":"))


def is_abbreviation(word: str) -> bool:
    """Whether a full stop right after this word belongs to it."""
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    return is_initial or word in ABBREVIATIONS


def fold(text: str) -> str:
    """The text in NFC, without invisible characters."""
    if text.isascii():
        return text
    if FOLDABLE.search(text):  # rare, and the search is five times as fast as translate
        text = text.translate(FOLDED)
    if len(text) > MANY_MARKS and ONLY_MARKS.search(text):
        return text  # sorting so many marks takes time with the square of their number
    return unicodedata.normalize("NFC", text)


def is_mark(word: str) -> bool:
    """Whether a word is punctuation or another sign, but not an emoji."""
    first = word[0]
    if first.isalnum():
        return False
    is_sign = unicodedata.category(first)[0] in "PS" and not word.strip(first)
    return is_sign and not EMOJI.match(word)


def cut(chunk: str, pattern: regex.Pattern[str] = TOKEN) -> Tokens:
    """The tokens of a folded chunk, in the case as written."""
    word = chunk[:-1] if chunk[-1] in PLAIN_MARKS else chunk
    if word.isalpha() and word.isascii():  # most chunks, which need none of the rules
        if word is chunk:
            return (word,)
        is_one = chunk[-1] == "." and is_abbreviation(word)
        return (chunk,) if is_one else (word, chunk[-1])
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
    """The tokens of folded texts without white space, cut when they are first looked up."""

    def __init__(self, pattern: regex.Pattern[str] = TOKEN) -> None:
        self._pattern = pattern

    def __missing__(self, chunk: str) -> Tokens:
        tokens = cut(chunk, self._pattern)
        if len(chunk) <= LONGEST_CHUNK and len(self) < MAX_CHUNKS:
            self[chunk] = tokens
        return tokens


CHUNKS = Chunks()


@cache
def chunks_with(elisions: Tokens) -> Chunks:
    """The chunks of texts in which these elided words are tokens."""
    return Chunks(token_pattern(elided_words(elisions))) if elisions else CHUNKS


def token_of(chunk: str, match: regex.Match[str]) -> str:
    """The token for a match of `TOKEN` in a chunk; for a run of quotes, that of each one."""
    form = match[0]
    if form[0] in DOUBLE_QUOTES:
        return OPEN if _opens(chunk, match) else CLOSE
    if form[0] in SINGLE_QUOTES:
        return _single_quote(chunk, match)
    if form in ("...", ELLIPSIS):
        return ELLIPSIS
    if form in ("--", "---", DASH):
        return DASH
    return form.replace("’", APOSTROPHE)


def _opens(chunk: str, match: regex.Match[str]) -> bool:
    """Whether a double quote opens. Its form decides only if it stands alone, because „this“ and
    “that” share a character."""
    start, end = match.span()
    if end - start == len(chunk):
        return match[0][0] not in "”»"
    if start == 0 or chunk[start - 1] in BEFORE_OPENING:
        return end < _end_of_letters(chunk)
    before = chunk[start - 1]
    is_unspaced = not before.isalnum() or UNSPACED.match(before) is not None
    return match[0][0] in "“«„" and is_unspaced and chunk[end : end + 1].isalnum()


@lru_cache(1)
def _end_of_letters(chunk: str) -> int:
    """The end of the last letter or digit of a chunk, which may have a hundred thousand quotes that
    ask for it; 0 without one."""
    last = LAST_LETTER.search(chunk)
    return last.end() if last else 0


def _single_quote(chunk: str, match: regex.Match[str]) -> str:
    """The token of a single quote outside a word: an apostrophe before a word, or a quote."""
    start, end = match.span()
    if start > 0 and chunk[start - 1] not in BEFORE_OPENING:
        return CLOSE_SINGLE
    word = FIRST_LETTERS.match(chunk, end)
    if word is None:
        return OPEN_SINGLE if end < len(chunk) and start == 0 else CLOSE_SINGLE
    is_apostrophe = match[0] == "’" or word[0].lower() in CLIPPED_WORDS
    return APOSTROPHE if is_apostrophe else OPEN_SINGLE
