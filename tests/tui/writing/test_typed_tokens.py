"""What is typed letter by letter, without a key that accepts, stays as it was typed: names, numbers
and codes in sentences, with the English that ships, in the app's own editor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import pytest
from textual import events

from rnnlm_tui.lm.contexts import Contexts
from rnnlm_tui.store.library import Library
from rnnlm_tui.suggesting.accepting import DigitSetting
from rnnlm_tui.suggesting.suggest import suggest
from rnnlm_tui.tui.preferences import Preferences
from rnnlm_tui.tui.writing.editor import LineEditor
from tests.helpers.app import running
from tests.helpers.host import HostApp
from tests.helpers.writing_screen import SilentPredictor, unstored_text

TOKENS = """
co2 h2o n2 o2 so2 nh3 ch4 c6h12o6 h2so4 nacl2 b12 d3 k2 omega3 vitamin-b6 pm10 pm2.5 o3 no2 u235 c14
v1 v2 v3 v0.1 v1.0.3 v2.1-rc1 2.0b3 p3 p12 pp45-47 fig2 fig3a table4 ch7 ch12 sec3.2 q1 q3 q4 h1 h2
i3 i5 i7 i9 i.e. e.g. a.m. p.m. u.s. u.k. i18n l10n k8s a11y y2k w3c 3d 2d 4k 8k 5g 4g 3g 2g 1080p
720p mp3 mp4 m4a mpeg2 h264 x265 flac2 jpeg2000 sha1 sha256 md5 crc32 base64 utf8 utf-16 ascii7 ipv4
ipv6 http2 http/1.1 tls1.3 wpa2 wpa3 rs232 usb2 usb3.0 usb-c hdmi2 vt100 x11 win10 win11 win95 win98
win32 win64 x86 x64 x86_64 amd64 arm64 armv7 macos12 ios16 ios17 android13 ubuntu22.04 debian12
fedora39 rhel8 python3 python3.11 py39 perl5 php8 java17 es6 c99 c++17 html5 css3 vue3 angular2
d3.js sqlite3 mysql8 log4j2 web3 neo4j s3 ec2 t2.micro gpt2 gpt4 gpt-3.5 llama3 bert2 word2vec
seq2seq iphone4 iphone5s iphone12 iphone15 iPhone14 iPad2 ipad9 galaxy-s21 s22 s23 note20 pixel6
pixel7a thinkpad-x1 x220 t480 macbook13 m1 m2 m3 rtx3080 gtx1060 rx580 ryzen5 core2duo 8086 80286
z80 6502 ps2 ps4 ps5 xbox360 n64 gba3 wii2 747 737max a320 a380 b52 f16 mig29 dc10 c130 u2 v8 v12
4x4 4wd a4 a5 a3 b5 c4 letter2 a6 q7 x5 z4 m5 e46 f150 911gt3 206cc 500e mx5 gt86 tesla3 id.4 e-208
r2d2 c3po bb8 k9 covid19 covid-19 sars2 h1n1 h5n1 hiv1 type2 p53 brca1 cd4 il6 t3 t4 tsh3 hba1c
icd10 dsm5 l4 l5 c7 t12 s1 mri3t ekg12 rs429358 10mg 250ml 5km 3kg 12v 60w 220v 50hz 2.4ghz 16gb
512mb 2tb 7mm 35mm 9mm 12in 6ft2 20c 98.6f 10x 2x 3x5 1/2 3/4 50% $5 $19.99 £3 £2.50 €10 10€ 5p 99c
1st 2nd 3rd 4th 21st 22nd 19th 1990s 80s '68 mid-1920s 1914-18 2024-11-29 29/11/2024 11/29/24 3.14
6.02e23 1e-9 0x1f 0b1010 0o755 1,234 12,345.67 1_000 +44 555-1234 0800 +1-202-555-0143 07700900123
ext42 #5 #123 10:30 10:30am 7pm 5am 12h 24h 90min 13:45:59 t+1 d-7 w42 2024w05 q2fy24 gmt+2 utc-5
z0700 3h20m anna1984 tom_99 bob2 jane.doe7 j0hn m4rk zsofi21 user123 admin1 guest2 test1 foo2 bar3
baz42 alice_b dog4life cat2cat l33t n00b gr8 b4 2nite 4ever m8 h8 w8 str8 10q k3nny @ann4 @tom_b2
u/jim77 r/2x anna84@mail.com jo@x2.org www.a1.net http://t.co/a1b2 ftp4.de files2.org/p3 blog1.html
127.0.0.1 10.0.0.0/8 192.168.1.1 ::1 fe80::1 00:1a:2b aa:bb:cc:01 localhost:8080 port443 eth0 wlan1
sda1 tty1 sw1a1aa SW1A ec1v9hb EC1A n1 w2 se10 nw3 e17 wc2n bs1 m1-1ae g12 eh1 cf10 bt1 90210 10001
d-10115 75008 1010ab k1a0b1 v6b h3z2y7 2000nsw sk8er a40 m25 m6 b5074 e6 i95 i-80 us66 route66
hwy101 a1m j7 DE89370400440532013000 GB29NWBK60161331926819 FR1420041010050500013M02606
NL91ABNA0417164300 AT611904300234573201 CH9300762011623852957 gb82west12345698765432
BE68539007547034 4111111111111111 de136695976 123-45-6789 ab123456c x1234567z p4ssw0rd hunter2
Tr0ub4dor&3 s3cr3t! qwerty123 abc123 letmein1 pa55word Summer2024! 1q2w3e4r zaq12wsx iloveyou2
dragon7 k1tt3n$ correct4horse P@ssw0rd1 d41d8cd98f da39a3ee 5d41402a e3b0c442 9f86d081 a1b2c3d
7c6a180b 0cc175b9 deadbeef c0ffee ba5eba11 f00dcafe 1f3870be 4e07408562 550e8400-e29b cafe1234
a9993e36 b10a8db1 ed076287 2fd4e1c6 8b1a9953 img_0042.jpg DSC0123 scan3.pdf report2023.docx
draft_v2.txt notes3.md data1.csv log.1 a.out2 main2.c lib64.so.6 photo-12.png track03.mp3 s01e05
S02E11 vol3 vol.2 part1 part2of3 ep4 no4 nr7 act2 op27 k545 bwv1001 d960 op.131no2 g7 c#m7 am7 f#4
bb7 e2e4 nf3 o-o-o2 qxd5 exd5 1-0 4-4-2 3-2 g20 g7+1 eu27 un2 un1325 s/2015/1 hb2 sb5 art5 reg44
iso9001 iso-8601 rfc2616 RFC822 ieee754 en13485 din476 bs5750 isbn10 0-306-40615-2 978-3-16
doi:10.1000/182 arxiv1706 pmid123 cve-2021-44228 kb5005565 jira-123 PROJ-42 issue7 pr12 gh-99 #100b
bug1234 rev5 r1234 build77 a1 b2 c3 d4 e5 f6 g8 h9 j1 k4 l2 m4 n5 o1 q5
""".split()  # noqa: SIM905
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
async def writer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, digits: DigitSetting
) -> AsyncIterator[Writer]:
    monkeypatch.delenv("RNNLM_BUILT_IN_DIR")
    contexts = Contexts(Library(folder).open("english").model)
    editor = LineEditor(unstored_text(), SilentPredictor(), Preferences(digits=digits))
    async with running(HostApp(lambda: editor)):
        yield Writer(editor, contexts)


@pytest.mark.slow
async def test_nothing_that_is_typed_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(set(TOKENS)) >= 500
    async with writer(tmp_path, monkeypatch, "with alt") as it:
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another character follows a digit, a word was meant: those tokens are left out."""
    tokens = [token for token in TOKENS if not re.search(r"\d[^\d]", token)]
    assert len(tokens) >= 200
    taken = set[str]()
    async with writer(tmp_path, monkeypatch, "inside words") as it:
        for token, frame in zip(tokens, cycle(FRAMES), strict=False):
            begin = f"{frame} ".lstrip()
            await it.type(begin, token)
            if it.editor.typing.taken:
                taken.add(token)
            await it.press(" ")
            assert it.editor.text == f"{begin}{token} "
    assert taken >= {"co2", "v2", "i5", "p3"}, "else it would show nothing"
