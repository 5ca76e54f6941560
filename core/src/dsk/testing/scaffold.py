"""Starting a new format package from the template."""

from __future__ import annotations

import keyword
import re
import shutil
from pathlib import Path

from dsk.errors import DskError, OutputError, OutputExistsError, UsageError
from dsk.registry import KNOWN_PACKAGES, registry

__all__ = ["PLACEHOLDER", "new_package", "template_folder"]

PLACEHOLDER = "FORMAT"
"""Stands in the template's texts and file names for the name of the new format."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_SKIP = shutil.ignore_patterns("__pycache__", ".*", "dist", "*.egg-info")


def template_folder() -> Path:
    """Return the template: the copy inside the installed package, else the repository's.

    Raises:
        DskError: Neither is there.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "_template", *(p / "template" for p in here.parents[4:5])):
        if (folder / "pyproject.toml").is_file():
            return folder
    raise DskError("the template is missing", hint="reinstall dsk-core")


def check_name(name: str) -> None:
    """Refuse names that cannot be a format's, or are taken.

    Raises:
        UsageError: With the reason.
    """
    if _NAME.fullmatch(name) is None or keyword.iskeyword(name) or name in ("core", "dsk"):
        raise UsageError(
            f"{name!r} cannot be the name of a format",
            hint="lower-case letters, digits and single underscores, beginning with a letter",
        )
    known = {n for names in KNOWN_PACKAGES.values() for n in names}
    tables = registry().importers, registry().exporters
    if name in known or any(table.find(name) is not None for table in tables):
        raise UsageError(f"there is a format {name!r} already", hint="choose another name")


def new_package(name: str, parent: Path) -> Path:
    """Make a package for a new format and return its folder.

    Args:
        name: The format's name.
        parent: Where the folder ``dsk-NAME`` is made.

    Raises:
        UsageError: The name cannot be used.
        OutputExistsError: There is something of this name.
        OutputError: It cannot be written.
    """
    check_name(name)
    folder = parent / f"dsk-{name.replace('_', '-')}"
    if folder.exists() or folder.is_symlink():
        raise OutputExistsError("this is there already", where=str(folder))
    try:
        shutil.copytree(template_folder(), folder, ignore=_SKIP)
        for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before itself
            if path.is_file():
                path.write_text(_filled(path.read_text("utf-8"), name), "utf-8")
            if PLACEHOLDER in path.name:
                path.rename(path.with_name(path.name.replace(PLACEHOLDER, name)))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(error.strerror or str(error), where=str(folder)) from error
    return folder


def _filled(text: str, name: str) -> str:
    dist = name.replace("_", "-")
    return text.replace(f"dsk-{PLACEHOLDER}", f"dsk-{dist}").replace(PLACEHOLDER, name)
