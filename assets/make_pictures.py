"""Makes the README's pictures from the real command: python assets/make_pictures.py

Asks the model named as the first argument (the newest by default) in the user data folder.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 84
PICTURES = {
    "suggest": (
        'rnnlm-tui --suggest "from fairest creatures we "',
        'rnnlm-tui --suggest "shall i comp"',
        'rnnlm-tui --generate "look in thy glass"',
    ),
    "summary": ("rnnlm-tui --summary",),
}


def main() -> None:
    """Writes an SVG for each picture beside this file."""
    model = sys.argv[1:2]
    for name, commands in PICTURES.items():
        console = Console(record=True, width=WIDTH, file=io.StringIO())
        for line in commands:
            words = shlex.split(line)
            asked = ["--model", *model] if model and name == "suggest" else []
            run = [sys.executable, "-m", "rnnlm_tui", *words[1:], *asked]
            output = subprocess.run(run, check=True, capture_output=True, text=True).stdout
            console.print(Text(f"$ {line}", style="bold"))
            console.print(Text(output))
        svg = console.export_svg(title="rnnlm-tui")
        # Without the fonts that it would load from elsewhere: the viewer's own monospace will do.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        Path(__file__).with_name(f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
