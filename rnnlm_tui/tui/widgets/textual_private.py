"""Uses private members of Textual 8.2.8 where there is no public way. No other module uses any. A
test lists them, and fails if the installed Textual lacks one."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import Enum
from importlib import import_module
from itertools import chain
from string import ascii_lowercase, digits
from typing import Literal, cast

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import BRACKETED_PASTE_END as PASTE_END
from textual._xterm_parser import BRACKETED_PASTE_START as PASTE_BEGIN
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.message import Message
from textual.notifications import Notification
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets._toast import ToastRack

ESC = "\x1b"
MOVE_PAGE = OptionList._move_page
ALT_KEYS = Enum("ALT_KEYS", [(f"alt_{key}", f"alt+{key}") for key in digits + ascii_lowercase])  # type: ignore[misc]
"""alt with a digit or a small letter, as members of an enumeration like Textual's `Keys`."""


class HookedApp(App[None]):
    """An app that decides what a crash prints, and that can replace a toast."""

    def crash_report(self, error: Exception) -> Exception | None:
        """Returns the exception with which the app ends in place of this error; its `__rich__`
        returns what is printed. Returns None if the app goes on."""
        raise NotImplementedError

    def _handle_exception(self, error: Exception) -> None:
        if (report := self.crash_report(error)) is not None:
            super()._handle_exception(report)

    def show_toast(self, notice: Notification, instead_of: Notification | None) -> None:
        """Shows a toast at once, and removes another one that may still be shown."""
        if instead_of is not None:
            del self._notifications[instead_of]
            for screen in chain.from_iterable(self._screen_stacks.values()):
                # Otherwise an empty row would stay.
                screen.query(f"#{ToastRack._toast_id(instead_of)}").remove()
        self._notifications.add(notice)
        self._refresh_notifications()


async def build_mode(app: App[None], mode: str) -> None:
    """Builds the screen of a mode out of sight, unless it is built already. Otherwise Textual
    builds it at the first switch to the mode."""
    if mode in app._screen_stacks:
        return
    await app._init_mode(mode)
    screen = app._screen_stacks[mode][0]
    screen.post_message(events.ScreenSuspend())
    # Otherwise Textual would style all its widgets again when it is shown.
    screen._css_update_count = app._css_update_count


def read_alt_keys() -> None:
    """Lets Textual read alt with a digit or a small letter as that key.

    By itself it reads alt with a digit as the character that Option gives on a Mac, such as ™ or £,
    which on other keyboards is typed on purpose. It reads alt with a letter as ^ and the letter if
    another key with alt follows at once.
    """
    table = cast(dict[str, tuple[Enum]], ANSI_SEQUENCES_KEYS)
    sent = {f"\x1b{key.name[-1]}": (key,) for key in ALT_KEYS}
    movements = {"\x1bb", "\x1bf"}  # alt+b and alt+f move by words
    table |= {sequence: keys for sequence, keys in sent.items() if sequence not in movements}


class PasteParser(XTermParser):
    """Reads the input from a terminal. ESC within a paste becomes U+FFFD, as other control
    characters do. By itself Textual reads up to 32 characters after such an ESC as keys.

    The terminal sends a mark before a paste and another one after it. Both begin with ESC.
    """

    _is_paste = False
    _begun = ""
    """The end of what was read, if it may be the beginning of a mark; or ""."""

    def feed(self, data: str) -> Iterable[Message]:
        passed_on = "".join(map(self._passed_on, data))
        return super().feed(passed_on) if passed_on or not data else ()

    def _passed_on(self, character: str) -> str:
        """Returns the characters to pass on now. Within a paste, characters that may belong to the
        mark at its end are held back."""
        mark = PASTE_END if self._is_paste else PASTE_BEGIN
        begun = self._begun + character
        if begun == mark:
            self._is_paste = not self._is_paste
            self._begun = ""
            return mark if mark == PASTE_END else character  # the end was held back
        if mark.startswith(begun):
            self._begun = begun
        else:
            self._begun = ESC if character == ESC else ""  # a mark may begin here
        if not self._is_paste:
            return character
        return begun.removesuffix(self._begun).replace(ESC, "\ufffd")


def read_pastes_whole() -> None:
    """Lets the app read its input by a `PasteParser`."""
    driver = "win32" if sys.platform == "win32" else "linux_driver"
    vars(import_module(f"textual.drivers.{driver}"))["XTermParser"] = PasteParser


def page_only_with_room() -> None:
    """Lets Page Up and Page Down do nothing in a list without room, because it is new or the window
    is too small. Textual fails there."""

    def move_page(rows: OptionList, direction: Literal[-1, 1]) -> None:
        if rows.scrollable_content_region:
            MOVE_PAGE(rows, direction)

    OptionList._move_page = move_page  # type: ignore[assignment, method-assign]


def unbind(widget: Widget, keys: Iterable[str]) -> None:
    """Removes keys from the bindings that a widget inherits from Textual. Those have no id, so a
    keymap cannot change them."""
    bindings = widget._bindings.key_to_bindings
    for key in bindings.keys() & set(keys):
        if not any(binding.id for binding in bindings[key]):
            del bindings[key]
