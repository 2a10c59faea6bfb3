"""Messages as they come in a stream of bytes."""

from __future__ import annotations

import os

import pytest

from rnnlm_tui.lsp.messages import Messages
from tests.lsp.conftest import framed


def test_messages_after_one_with_too_great_a_length_are_read_at_once() -> None:
    readable, writable = os.pipe()
    try:
        good = [f'"{number}{"x" * 900}"' for number in range(3)]
        os.write(writable, ("Content-Length: 9999\r\n\r\n{}" + "".join(map(framed, good))).encode())
        os.set_blocking(readable, False)  # what is not there is an error
        messages = Messages(readable)
        assert [messages.next() for _ in range(4)] == [{}, *(text.strip('"') for text in good)]
        with pytest.raises(BlockingIOError):
            messages.next()
    finally:
        os.close(readable)
        os.close(writable)
