"""Prints constraints for pip: the lowest versions of dependencies that pyproject.toml admits."""

import pathlib
import re
import tomllib

path = pathlib.Path(__file__).parent.parent / "pyproject.toml"
for dependency in tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"]:
    name, lowest = re.match(r"([\w-]+)>=([\d.]+)", dependency).groups()
    print(f"{name}=={lowest}")
