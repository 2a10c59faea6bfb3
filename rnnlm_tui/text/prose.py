"""The tokenizer `prose`: splits text as people write it into tokens, and joins them again.

Spaces are not tokens, because the marks decide where spaces go. The token of a word has the case of
the word within a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import chain

import regex

from rnnlm_tui.formatting import same_start
from rnnlm_tui.text.letters import (
    capitalize,
    is_all_capitals,
    is_code,
    is_line_in_capitals,
    keeps_letters,
    letters_typed,
    plain_letters,
    written_letter,
)
from rnnlm_tui.text.marks import (
    APOSTROPHE,
    CLOSE_DOUBLE,
    CLOSE_SINGLE,
    CURLY_AND_STRAIGHT,
    DOUBLE_QUOTES,
    DOUBLE_STYLES,
    EM_DASH,
    OPEN_DOUBLE,
    OPEN_SINGLE,
    SINGLE_QUOTES,
    SINGLE_STYLES,
    SPACED_MARKS,
    UNDECIDED,
    QuoteStyle,
    quote_styles,
    space_before_marks,
)
from rnnlm_tui.text.prose_tokens import (
    LETTER,
    LINE_BEGIN,
    NUMBER,
    Tokens,
    chunks_with,
    cut,
    elision_pattern,
    fold,
    is_elided,
    is_mark,
    marks_after,
    usual_spaces,
    usually_begins_sentence,
)
from rnnlm_tui.text.tokenizer import Conventions, Insertion, Tokenizer

TYPED_WORD = regex.compile(
    rf"""(?r)(?:(?:\p{{N}}+[.,:/])++\p{{N}}{LETTER}*      # 9:4
        | (?<![{LETTER}.])\p{{L}}(?:\.\p{{L}}){{1,3}}         # p.m
        | {LETTER}[{LETTER}'’-]*)\Z""",
    regex.VERSION1 | regex.VERBOSE,
)
"""The word or number at the end of a text that is being typed. A mark after digits is part of the
number if a digit follows it: `9:4`, but not `1990.`. ʼ counts as a letter. The pattern is searched
from the end. A search from the start would try each letter of a long word that ends with a mark."""
REST_OF_WORD = regex.compile(rf"(?:['’ʼ]?{LETTER})*(?:['’ʼ-]{LETTER}+)*", regex.VERSION1)
"""The letters at the start of a text that complete a word begun before it."""
HEADING = regex.compile(r"\s*(?:[IVXLCDM]{2,}|[IVXLCDM]\.|\p{N}+)\.?\s*")
"""A line that is only a number, in Roman or other digits."""
LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
CACHED_TEXTS = 64
"""The number of texts before the cursor whose tokens are cached. A suggestion needs fewer texts. A
text of 1,000 characters is split in 0.1 ms."""
FAR_RARER = 100
"""A typed word is taken for the same word in another case if it is far rarer as it is typed: if its
rank is more than this many times the other rank. So `i` is taken for `I`, but `bill` stays."""


class ProseTokenizer(Tokenizer):
    """Splits and writes text by the conventions of a corpus. `ranks` numbers the words by falling
    frequency. Of two spellings of a word, the more frequent one is the usual one."""

    name = "prose"
    writes_text = True
    is_mark = staticmethod(is_mark)
    match_key = staticmethod(plain_letters)
    keeps_letters = staticmethod(keeps_letters)

    def __init__(self, conventions: Conventions, ranks: Mapping[str, int]) -> None:
        self.conventions, self._ranks = conventions, ranks
        self._chunks = chunks_with(conventions.elisions)
        self._token_by_form = {form: token for token, form in conventions.forms.items()}
        self._known_case = lru_cache(1 << 12)(self._find_known_case)
        self._scan_typed_cached = lru_cache(CACHED_TEXTS)(self._scan_typed)
        self._styled_cached = cache(self._styled)

    def words(self, line: str) -> list[str]:
        """Returns the tokens of a line. A heading that is only a number has none."""
        return [] if HEADING.fullmatch(line) else self._scan(line)[0]

    def split_typed(self, text: str) -> tuple[list[str], str]:
        """Returns the tokens of a line being typed, each in its known case (`I` for `i`), and the
        half-typed last word as it is typed."""
        prefix = text[text.rfind(" ") + 1 :].rpartition("--")[2]  # two hyphens are a dash
        if prefix and not (prefix.isascii() and prefix.isalpha()):  # most words need no search
            word = TYPED_WORD.search(prefix)
            prefix = word[0] if word else ""
            if prefix and self.conventions.elisions:
                elided = regex.match(f"{elision_pattern(self.conventions.elisions)}*", prefix)
                prefix = prefix[elided.end() :] if elided else ""
        return [*self._scan_typed_cached(text[: len(text) - len(prefix)])[0]], prefix

    def words_above(self, line: str) -> list[str]:
        """Returns the tokens of a line above, each in its known case."""
        return [] if HEADING.fullmatch(line) else [*map(self._known_case, self._scan(line)[0])]

    def words_as_written(self, text: str) -> list[tuple[str, str, bool]]:
        written = [token for chunk in fold(text).split() for token in self._chunks[chunk]]
        return [
            (self._known_case(token), form, token == form)
            for token, form in zip(self._scan(text)[0], written, strict=True)
        ]

    def letters_at_start(self, text: str) -> int:
        rest = REST_OF_WORD.match(text)
        return rest.end() if rest else 0

    def in_style_of(self, before: str, above: Sequence[str]) -> ProseTokenizer:
        double, single = QuoteStyle(), QuoteStyle()
        for line in chain([before], reversed(above)):
            line_double, line_single = quote_styles(line)
            double, single = double or line_double, single or line_single
            if double and single:
                break
        if bool(double) != bool(single):
            double, single = self._both_styles(double, single)
        space = usual = self._space_before_marks
        if usual:
            found = map(space_before_marks, chain([before], reversed(above)))
            space = next((space for space in found if space is not None), usual)
            # The corpus may have several kinds, such as a narrow space before ! and not before :
            kinds = self.conventions.space_kinds
            space = usual if space in [kinds.get(mark, " ") for mark in SPACED_MARKS] else space
        has_style = double or single or space != usual
        return self._styled_cached(double + single, space) if has_style else self

    @property
    def _space_before_marks(self) -> str:
        """The space before the SPACED_MARKS in the corpus; "" in most languages."""
        mark = SPACED_MARKS[0]
        is_spaced, _ = self.conventions.spaces.get(mark, (False, True))
        return self.conventions.space_kinds.get(mark, " ") if is_spaced else ""

    def _both_styles(self, double: QuoteStyle, single: QuoteStyle) -> tuple[QuoteStyle, QuoteStyle]:
        """Returns the styles of double and single quotes for a text that shows only one of them.
        The other one becomes straight or curly like it. It stays that of the corpus if the corpus
        mixes straight and curly marks, or if one of the two is of another kind, such as « »."""
        shown = dict(double)[OPEN_DOUBLE] if double else dict(single)[APOSTROPHE]
        opening, apostrophe = self.spelling_of(OPEN_DOUBLE), self.spelling_of(APOSTROPHE)
        is_mixed = (opening == '"') != (apostrophe == APOSTROPHE)
        has_other_kind = not double and opening not in '"“'
        pair = next((pair for pair in CURLY_AND_STRAIGHT if shown in pair), None)
        if pair is None or is_mixed or has_other_kind:
            return double, single
        return double or DOUBLE_STYLES[pair[0]], single or SINGLE_STYLES[pair[1]]

    def _styled(self, style: QuoteStyle, space: str) -> ProseTokenizer:
        """Returns this tokenizer, but with quotes and apostrophes in this style, and with this
        space before the SPACED_MARKS. Single quotes such as ‚ ‘ stay those of the corpus, because
        an apostrophe does not tell their style. Double quotes that change lose the spaces of the
        corpus, as in « oui »."""
        if self.spelling_of(OPEN_SINGLE) not in "'‘":
            style = tuple(form for form in style if form[0] not in (OPEN_SINGLE, CLOSE_SINGLE))
        forms = {**self.conventions.forms, **dict(style)}
        has_own_space = space != self._space_before_marks
        if not has_own_space and all(self.spelling_of(token) == form for token, form in style):
            return self
        spaces, kinds = dict(self.conventions.spaces), dict(self.conventions.space_kinds)
        for mark in SPACED_MARKS if has_own_space else "":
            if space:
                kinds[mark] = space
            else:
                spaces.pop(mark, None)
        if forms.get(OPEN_DOUBLE, OPEN_DOUBLE) != self.spelling_of(OPEN_DOUBLE):
            for quote in (OPEN_DOUBLE, CLOSE_DOUBLE):
                spaces.pop(quote, None)
        conventions = replace(self.conventions, forms=forms, spaces=spaces, space_kinds=kinds)
        return ProseTokenizer(conventions, self._ranks)

    def _scan_typed(self, text: str) -> tuple[Tokens, str]:
        """Does what `_scan` does, but with each token in its known case. A quote at the end may
        open a quotation whose words are still to come."""
        tokens, marks = self._scan(text)
        if tokens and not text[-2:-1].strip() and self._opens_quote(tokens[:-1], text[-1]):
            tokens[-1] = OPEN_DOUBLE if text[-1] in DOUBLE_QUOTES else OPEN_SINGLE
            marks = marks[:-1] + tokens[-1]
        return tuple(map(self._known_case, tokens)), marks

    def _opens_quote(self, words: Sequence[str], mark: str) -> bool:
        """Returns True if a mark, with a space before it, is a quote that opens a quotation after
        these words: none is open, and the quote is not only a closing one in this text."""
        is_double = mark in DOUBLE_QUOTES
        opening, closing = (OPEN_DOUBLE, CLOSE_DOUBLE) if is_double else (OPEN_SINGLE, CLOSE_SINGLE)
        closes = mark == self.spelling_of(closing) != self.spelling_of(opening)
        is_quote = is_double or mark in SINGLE_QUOTES
        return is_quote and not closes and words.count(opening) <= words.count(closing)

    def line_key(self, line: str) -> str:
        """Returns the key that recognises a line: its words in small letters, without marks."""
        return " ".join(LETTERS_AND_DIGITS.findall(fold(line).lower()))

    def _begins_sentence(self, marks: str) -> bool:
        """Returns True if a word after these marks begins a sentence. If no convention is on all of
        the marks, the number before them is ignored."""
        starts = self.conventions.starts
        learned = starts.get(marks, starts.get(marks.rpartition(NUMBER)[2]))
        return usually_begins_sentence(marks) if learned is None else learned

    def _spaces_around(self, words: Sequence[str], place: int) -> tuple[bool, bool]:
        """Returns two values for the token at a place of a line: True if running text has a space
        before it, and True if it has one after it. For a dash that closes a remark the two are
        swapped. A dash that begins the line opens no remark."""
        token = words[place]
        before, after = self.conventions.spaces.get(token) or usual_spaces(token)
        if token == EM_DASH and before != after and words[1:place].count(EM_DASH) % 2:
            return after, before
        return before, after

    def _scan(self, text: str) -> tuple[list[str], str]:
        """Returns the tokens of a text, and the marks at its end, for `_begins_sentence`."""
        tokens, marks = list[str](), LINE_BEGIN
        in_capitals = is_line_in_capitals(text)
        for chunk in fold(text).split():
            for token in self._chunks[chunk]:
                if is_mark(token):
                    tokens.append(token)
                else:
                    may_change = in_capitals or (marks != "" and self._begins_sentence(marks))
                    tokens.append(self._inner_case(token, in_capitals) if may_change else token)
                marks = marks_after(marks, token)
        return tokens, marks

    def _find_known_case(self, word: str) -> str:
        """Returns the word, or the same word in small letters or with a capital first letter if
        that form is far more frequent. A form that is not known counts as infinitely rare."""
        other = min(word[0].upper() + word[1:], self._small(word), key=self._rank)
        is_better = self._rank(other) * FAR_RARER < self._rank(word)
        return other if is_better else word

    def _inner_case(self, word: str, in_capitals: bool) -> str:
        """Returns a word that begins a sentence, or is in a line in capitals, in the case that it
        mostly has within a sentence. A word with a capital inside, such as iPhone, stays."""
        lower = self._small(word)
        if in_capitals or (word[:1] != lower[:1] and word[1:] == lower[1:]):
            return min(lower, self._capitalized(lower), word, key=self._rank)
        return word

    def _small(self, word: str) -> str:
        """Returns the word in small letters. `lower` alone would make two characters of İ."""
        if self.conventions.dotted_capital:
            word = word.replace("I", "ı")
        return word.replace("İ", "i").lower()

    def _capitalized(self, word: str) -> str:
        if self.conventions.dotted_capital and word[:1] == "i":
            return capitalize("İ" + word[1:])
        return capitalize(word)

    def _in_capitals(self, text: str) -> str:
        return (text.replace("i", "İ") if self.conventions.dotted_capital else text).upper()

    def _rank(self, word: str) -> float:
        """Returns the rank of a word, or infinity for a word that is not known."""
        return self._ranks.get(word, math.inf)

    def insertion_of(self, before: str, prefix: str, word: str) -> Insertion:
        """Returns the insertion of a token after `before`. Typed letters stay, but for two changes:
        plain letters get the accents of the token, and small letters become capitals where the
        token has them within a sentence."""
        text = self.spelling_of(word)
        in_capitals = self._is_in_capitals(before, prefix)
        tokens, marks = self._scan_typed_cached(before[: len(before) - len(prefix)])
        if prefix:
            small = self._small(word)
            is_other = word == self._capitalized(small) and self._rank(small) < self._rank(word)
            if is_other and self._begins_sentence(marks):
                text = self.spelling_of(small)  # the capital may be that of the sentence
            return self._completion(prefix, text, in_capitals, self._spaces_around([word], 0)[1])
        words = (*tokens, word)
        if in_capitals:
            text = self._in_capitals(text)
        elif self._begins_sentence(marks):
            text = self._capitalized(text)
        has_space, space_after = self._spaces_around(words, -1)
        if not before[-1:].isspace():
            return Insertion(self._space_at(words, -1) + text, space_after=space_after)
        # A typed space stays, as in ` — `, unless the word joins the one before it.
        joins = tokens and (not has_space or is_elided(tokens[-1]))
        replaces_space = before[-1] == " " and joins
        return Insertion(text, 1 if replaces_space else 0, space_after)

    def _is_in_capitals(self, before: str, prefix: str) -> bool:
        """Returns True if the line is in capitals. Acronyms such as NASA do not show it, and a
        single word that is not known may be an acronym, too."""
        if not (is_line_in_capitals(before) and is_all_capitals(before)):
            return False
        words, _ = self._scan_typed_cached(before[: len(before) - len(prefix)])
        others = [word for word in words if word[1:].islower()]
        return len(others) > 1 or any(word in self._ranks for word in others)

    def _completion(
        self, prefix: str, text: str, in_capitals: bool, space_after: bool
    ) -> Insertion:
        """Returns the insertion of a token, written as `text`, for its half-typed `prefix`.
        `in_capitals` is True if the line is in capitals."""
        if in_capitals:
            writes_capitals = prefix.isupper()
        else:  # a word that begins with two capitals has its own case, as in URLs
            writes_capitals = is_all_capitals(prefix) and not is_all_capitals(text[:2])
        if text.startswith(prefix) and text.isascii() and not writes_capitals:  # the usual case
            return Insertion(text[len(prefix) :], 0, space_after)
        has_own_case = text != text.lower() or any(map(str.isdigit, text))  # iPhone, co2
        # A typed capital stays at the start of z.B., since that may begin a sentence.
        may_begin = prefix[:1].isupper() and "." in text and not is_code(text)
        keeps_case = writes_capitals or may_begin or not has_own_case
        pairs = [*letters_typed(prefix, text)]
        begin = "".join(written_letter(typed, letters, keeps_case) for typed, letters in pairs)
        rest = text[sum(len(letters) for _, letters in pairs) :]
        if writes_capitals:
            rest = self._in_capitals(rest)
        same = same_start(prefix, begin)
        return Insertion(begin[same:] + rest, len(prefix) - same, space_after)

    def replaces_space(self, before: str, character: str, above: Sequence[str] = ()) -> bool:
        if character in UNDECIDED or not is_mark(character):
            return super().replaces_space(before, character, above)
        tokens, _ = self._scan_typed_cached(before)
        styled = self.in_style_of(before, above)
        if styled._opens_quote(tokens, character):
            return False
        token = styled._token_by_form.get(character) or cut(character)[0]
        return bool(tokens) and not styled._space_at((*tokens, token), -1)

    def join(self, words: Sequence[str]) -> str:
        """Returns the tokens as a line, with capitals at starts of sentences, and spaces."""
        pieces, marks = list[str](), LINE_BEGIN
        for number, token in enumerate(words):
            pieces.append(self._space_at(words, number))
            text = self.spelling_of(token)
            if not is_mark(token) and self._begins_sentence(marks):
                text = self._capitalized(text)
            marks = marks_after(marks, token)
            pieces.append(text)
        return "".join(pieces)

    def _space_at(self, words: Sequence[str], place: int) -> str:
        """Returns the space before the token at a place of a line."""
        place %= len(words)
        is_spaced = self._spaces_around(words, place)[0]
        if place == 0 or not (is_spaced and self._spaces_around(words, place - 1)[1]):
            return ""
        is_after_quote = words[place - 1] == OPEN_DOUBLE  # the only mark whose own space follows it
        mark = OPEN_DOUBLE if is_after_quote else words[place]
        return self.conventions.space_kinds.get(mark, " ")

    def spelling_of(self, word: str) -> str:
        forms = self.conventions.forms
        if word in forms:
            return forms[word]
        return word.replace(APOSTROPHE, forms.get(APOSTROPHE, APOSTROPHE))
