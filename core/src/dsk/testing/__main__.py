"""``python -m dsk.testing new NAME`` starts a package for a new format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dsk.errors import DskError
from dsk.testing.scaffold import new_package


def main(words: list[str] | None = None) -> int:
    """Run the command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dsk.testing", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="start a package for a new format")
    new.add_argument("name", help="name of the format: lower case, digits, underscores")
    new.add_argument("--dir", type=Path, default=Path(), help="where to make it (here)")
    given = parser.parse_args(words)
    try:
        folder = new_package(given.name, given.dir)
    except DskError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(
        f"{folder} is ready. Next:\n"
        f"  cd {folder}\n"
        "  python -m pip install -e '.[test]'\n"
        "  python -m pytest\n"
        f"  dsk formats {given.name}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
