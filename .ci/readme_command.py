"""Prints one of the README's two commands, so that CI runs what the README says.

    python .ci/readme_command.py test|start

The virtual environment, .venv in the README, is put in $VENV where that is set; $PYTHON makes it.
"""

import os
import pathlib
import re
import sys

readme = pathlib.Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
blocks = re.findall(r"<!-- (start|test) -->\n```sh\n(.*?)```", readme, flags=re.DOTALL)
command = dict(blocks)[sys.argv[1]].strip()
if os.name == "nt":
    command = command.replace(".venv/bin/", ".venv/Scripts/")
command = command.replace("python3 -m venv", '"${PYTHON:-python3}" -m venv')
print(command.replace(".venv", "${VENV:-.venv}"))
