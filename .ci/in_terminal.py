"""Runs a command in a pseudo-terminal until it shows the app, leaves the app with ctrl+q, and ends
with the command's own exit code: python .ci/in_terminal.py COMMAND ARGUMENTS...

With standard Python alone. Windows has no such pseudo-terminal: there it says so, and runs nothing.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import time

ALTERNATE_SCREEN = b"\x1b[?1049h"
SHOWN = b"Autocomplete"
QUIT = b"\x11"
LIMIT_S = 1200
SETTLED_S = 2.0
"""The app is asked to leave so long after it was first seen."""


def main() -> int:
    """Returns the exit code of the command, 1 where the app was not seen in time."""
    if os.name == "nt":
        print("not tried: Windows has no pseudo-terminal")
        return 0
    import fcntl
    import pty
    import termios

    child, terminal = pty.fork()
    if child == 0:
        os.environ.setdefault("TERM", "xterm-256color")
        os.execvp(sys.argv[1], sys.argv[1:])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen, quit_at, end = b"", None, time.monotonic() + LIMIT_S
    quitting = False
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                output = os.read(terminal, 65536)
            except OSError:  # Linux says so where the other side is closed
                break
            if not output:
                break
            seen += output
            if ALTERNATE_SCREEN not in seen:
                sys.stdout.buffer.write(output)
                sys.stdout.flush()
        if quit_at is None and SHOWN in seen.partition(ALTERNATE_SCREEN)[2]:
            quit_at = time.monotonic() + SETTLED_S
        if quit_at is not None and time.monotonic() > quit_at and not quitting:
            os.write(terminal, QUIT)
            quitting = True
    else:
        print("the app was not seen, or did not leave, in time", file=sys.stderr)
        os.kill(child, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not quitting:
        print(f"the command ended with {code} before it showed the app", file=sys.stderr)
        return code or 1
    print(f"the app was shown and left, exit code {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
