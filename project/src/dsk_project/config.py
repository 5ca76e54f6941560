"""The file that makes a folder a project."""

from __future__ import annotations

import os
from typing import Any

import msgspec
from msgspec import Struct

from dsk.errors import InputError, OutputExistsError, UsageError
from dsk.jsonerrors import UNDECODABLE

__all__ = [
    "FILE",
    "NAME",
    "Config",
    "SourceEntry",
    "check_free",
    "decode",
    "lies_outside",
    "load",
    "save",
]

FILE = "dsk-project.json"
NAME = "project"
"""The importer's name; a project is no source of another one."""

VERSION = 1


class SourceEntry(Struct, omit_defaults=True):
    """A dataset that is part of a project.

    Attributes:
        name: What it is called in the project; unique there.
        path: Where it is, from the project's folder on unless absolute; POSIX separators.
        format: Its format.
        options: Options of the format's importer.
        updates: Its items take the place of those of the same id and subset in sources before it.
    """

    name: str
    path: str
    format: str
    options: dict[str, Any] = {}
    updates: bool = False

    def place(self, folder: str) -> str:
        """Return its absolute path, given that of the project's folder."""
        return os.path.normpath(os.path.join(folder, self.path))  # noqa: PTH118


class Config(Struct):
    """What the file says.

    Attributes:
        version: Of the file's grammar.
        sources: The datasets, in the order in which they are joined.
    """

    version: int = VERSION
    sources: list[SourceEntry] = []

    def find(self, name: str) -> SourceEntry | None:
        """Return the source of a name, or None."""
        return next((entry for entry in self.sources if entry.name == name), None)

    def new_name(self, place: str) -> str:
        """Return a name for a dataset at some place that is not taken yet."""
        stem = os.path.basename(place).partition(".")[0] or "source"  # noqa: PTH119
        name, number = stem, 2
        while self.find(name) is not None:
            name, number = f"{stem}_{number}", number + 1
        return name


def decode(data: bytes, where: str) -> Config:
    """Read the file's content.

    Raises:
        InputError: It is damaged, or made by a newer dsk.
    """
    try:
        config = msgspec.json.decode(data, type=Config)
    except UNDECODABLE as error:
        raise InputError(f"no project file: {error}", where=where) from error
    if config.version != VERSION:
        raise InputError(
            f"a project file of version {config.version}, this dsk knows {VERSION}",
            where=where,
            hint="pip install --upgrade dsk-project",
        )
    names = [entry.name for entry in config.sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two sources are called {twice!r}", where=where)
    return config


def lies_outside(folder: str, place: str) -> bool:
    """Whether a source's place is not below a project's folder, links followed."""
    home = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118
    return not os.path.join(os.path.realpath(place), "").startswith(home)  # noqa: PTH118


def load(folder: str) -> Config:
    """Return the project in a folder.

    Raises:
        UsageError: There is none.
        InputError: It cannot be read.
    """
    path = os.path.join(folder, FILE)  # noqa: PTH118
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return decode(file.read(), path)
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = "dsk create -o DIR makes one, -p DIR names it; dsk convert -i reads a dataset"
        raise UsageError(f"{folder}: there is no project", hint=hint) from error
    except OSError as error:
        raise InputError(error.strerror or str(error), where=path) from error


def check_free(folder: str) -> None:
    """Make sure that there is no project in a folder, which may hold anything else.

    Raises:
        OutputExistsError: There is one.
    """
    path = os.path.join(folder, FILE)  # noqa: PTH118
    if os.path.lexists(path):
        raise OutputExistsError(
            "there is a project", where=path, hint="choose another place or give --overwrite"
        )


def save(folder: str, config: Config) -> None:
    """Write the project's file; the one before stays until the new one is complete.

    The folder is made when it is missing.

    Raises:
        OutputError: It cannot be written.
    """
    from dsk.staging import output_error, write_whole  # detection needs neither

    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError as error:
        raise output_error(error, folder) from error
    text = msgspec.json.format(msgspec.json.encode(config), indent=1)
    write_whole(os.path.join(folder, FILE), text + b"\n")  # noqa: PTH118
