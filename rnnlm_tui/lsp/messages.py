"""Reads the messages of an editor from a stream of bytes."""

from __future__ import annotations

import json
import os
import re
from typing import Any

HEADER = re.compile(rb"Content-Length: *(\d{1,12})\r\n(?:(?!Content-Length)[\w-]+:.*\r\n)*\r\n")
"""Matches a header, which has the number of bytes of the message after it. A message never contains
a header, since a string of JSON has no line end."""
LONGEST_HEADER = 1_000
"""The most bytes of a header. Editors send up to 80."""
CHUNK = 1 << 16
"""The most bytes that are read at once."""


class Messages:
    """Reads the messages of a stream. A message with a broken header is skipped, since the next one
    is found by its own header."""

    def __init__(self, stream: int) -> None:
        """`stream` is the file descriptor of the stream."""
        self._stream, self._bytes = stream, bytearray()

    def next(self) -> Any:
        """Waits for the next message and returns its JSON, decoded. Raises ValueError for a message
        that is not JSON, and OSError at the end of the stream."""
        while (header := HEADER.search(self._bytes)) is None:
            del self._bytes[:-LONGEST_HEADER]
            self._read()
        start = header.end()
        end = start + int(header[1])
        searched = start  # no header begins between `start` and here
        while len(self._bytes) < end:
            if other := HEADER.search(self._bytes, searched):
                end = other.start()  # the message is shorter than its header says
                break
            searched = max(start, len(self._bytes) - LONGEST_HEADER)
            self._read()
        try:
            content = json.loads(self._bytes[start:end])
        except (ValueError, RecursionError) as error:
            del self._bytes[:start]  # the next header may be within the given length
            raise ValueError(f"the message is not JSON: {error}") from error
        del self._bytes[:end]
        return content

    def _read(self) -> None:
        """Waits for more bytes."""
        if not (read := os.read(self._stream, CHUNK)):
            raise BrokenPipeError("the stream has ended")
        self._bytes += read
