"""What is typed letter by letter, without a key that accepts, stays as it was typed: names, numbers
and codes in sentences, with the English that ships, in the app's own editor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import pytest
from textual import events

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.lm.model import LanguageModel
from rnnlm_tui.suggesting.accepting import DigitSetting
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.writing.editor import LineEditor
from tests.helpers.app import running
from tests.helpers.host import HostApp
from tests.helpers.writing_screen import SilentPredictor, unstored_text

TOKENS = """
co2 h2o nh3 c6h12o6 omega3 vitamin-b6 pm2.5 u235 v2 v1.0.3 v2.1-rc1 p3 pp45-47 fig3a ch12 sec3.2 q1
i5 i.e. e.g. a.m. u.s. i18n y2k w3c 3d 4k 5g 1080p mp3 h264 sha256 md5 base64 utf-16 ipv6 http/1.1
wpa2 usb3.0 usb-c x86_64 win10 macos12 ubuntu22.04 python3.11 c99 c++17 html5 d3.js log4j2 t2.micro
gpt-3.5 word2vec seq2seq iPhone14 galaxy-s21 rtx3080 8086 ps5 747 a320 mig29 4x4 a4 f150 r2d2 c3po
bb8 covid-19 h5n1 brca1 t12 10mg 5km 16gb 9mm 98.6f 3x5 1/2 50% $19.99 €10 10€ 1st 22nd 1990s '68
mid-1920s 1914-18 2024-11-29 29/11/2024 3.14 6.02e23 0x1f 12,345.67 +44 555-1234 #5 10:30am 7pm 24h
t+1 utc-5 anna1984 tom_99 jane.doe7 j0hn l33t gr8 b4 m8 2nite @ann4 u/jim77 anna84@mail.com a1.net
http://t.co/a1b2 127.0.0.1 ::1 00:1a:2b localhost:8080 eth0 sw1a1aa n1 e17 90210 1010ab k1a0b1 i95
us66 DE89370400440532013000 4111111111111111 123-45-6789 p4ssw0rd Tr0ub4dor&3 s3cr3t! d41d8cd98f
deadbeef c0ffee 550e8400-e29b img_0042.jpg report2023.docx track03.mp3 s01e05 vol.2 part2of3 op27
c#m7 e2e4 1-0 g7+1 iso9001 978-3-16 doi:10.1000/182 cve-2021-44228 PROJ-42 #100b letter2 art5 d5 t3
""".split()  # noqa: SIM905
"""One or two of each kind that people write."""
FRAMES = ("The", "I wrote that", "We saw the", "He said he had", "So my new", "In the end (see", "")


class Writer:
    """A writer in the editor who presses keys without waiting, and the English that answers."""

    def __init__(self, editor: LineEditor, contexts: Contexts) -> None:
        self.editor, self._contexts = editor, contexts
        editor.typing.replaces_space = contexts.model.tokenizer.replaces_space

    async def type(self, begin: str, token: str) -> None:
        """Types a token after the begin of a line. The English answers after each character."""
        self.editor.set_text(begin)
        self._answer()
        for character in token:
            await self.press(character)
            self._answer()

    async def press(self, character: str) -> None:
        """Types a character, after which no answer comes."""
        await self.editor.on_key(events.Key(character, character))

    def _answer(self) -> None:
        editor, contexts = self.editor, self._contexts
        model, line, cursor = contexts.model, editor.line, editor.cursor
        editor.show(suggest(model, line, cursor, contexts=contexts))


@asynccontextmanager
async def writer(english: LanguageModel, digits: DigitSetting) -> AsyncIterator[Writer]:
    contexts = Contexts(english)
    editor = LineEditor(unstored_text(), SilentPredictor(), Preferences(digits=digits))
    async with running(HostApp(lambda: editor)):
        yield Writer(editor, contexts)


@pytest.mark.slow
async def test_nothing_that_is_typed_is_changed(shipped_english: LanguageModel) -> None:
    async with writer(shipped_english, "with alt") as it:
        for token, frame in zip(TOKENS, cycle(FRAMES), strict=False):
            begin = f"{frame} ".lstrip()
            await it.type(begin, token)
            assert it.editor.text == begin + token
            for ending in (" a", ".", ",", ")"):
                for character in ending:
                    await it.press(character)
                assert it.editor.text == begin + token + ending
                for _ in ending:
                    it.editor.action_delete_left()


@pytest.mark.slow
async def test_plain_digits_that_take_words_are_given_back_by_a_digit_or_a_space(
    shipped_english: LanguageModel,
) -> None:
    """Where another character follows a digit, a word was meant: those tokens are left out."""
    tokens = [token for token in TOKENS if not re.search(r"\d[^\d]", token)]
    taken = set[str]()
    async with writer(shipped_english, "inside words") as it:
        for token, frame in zip(tokens, cycle(FRAMES), strict=False):
            begin = f"{frame} ".lstrip()
            await it.type(begin, token)
            if it.editor.typing.taken_by:
                taken.add(token)
            await it.press(" ")
            assert it.editor.text == f"{begin}{token} "
    assert taken >= {"co2", "v2", "i5", "p3"}, "else it would show nothing"
