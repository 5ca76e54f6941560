"""Pointers of Git LFS: small texts that lie where large files were not fetched."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, TypeVar

from dsk.errors import DskError, InputError
from dsk.plainfile import plain_file

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HINT", "MESSAGE", "check_fetched", "explained", "explaining", "is_pointer"]

MESSAGE = "the file was not fetched: here is only its Git LFS pointer"
HINT = "'git lfs pull' in its repository brings it"

Fault = TypeVar("Fault", bound=InputError)

_BEGINNING = b"version https://git-lfs.github.com/spec/"
_HEAD = 64
_PLACE = re.compile(r"(?::\d+)+$|#.*$| at byte \d+$")
"""What an error's place has behind the name of a file: a line, a JSON pointer, a byte."""


def is_pointer(data: bytes | memoryview) -> bool:
    """Tell by a file's first bytes, 64 or more, whether it is a pointer."""
    return bytes(data[: len(_BEGINNING)]) == _BEGINNING


def check_fetched(
    data: bytes | memoryview, where: str, fault: type[InputError] = InputError
) -> None:
    """Make sure that a file is there itself.

    Args:
        data: Its first bytes, 64 or more.
        where: Its place, for messages.
        fault: What is raised.

    Raises:
        InputError: It is a pointer.
    """
    if is_pointer(data):
        raise fault(MESSAGE, where=where, hint=HINT)


def explained(error: Fault) -> Fault:
    """Return an error that says why a file makes no sense if it is a pointer; else the same error.

    Readers need not look for pointers themselves: what they say of one is put right here.
    """
    for where in dict.fromkeys((error.where, _PLACE.sub("", error.where))):
        if error.message != MESSAGE and is_pointer(_beginning(where)):
            told = copy(error)
            told.message, told.where, told.hint = MESSAGE, where, HINT
            told.args = (MESSAGE,)
            return told
    return error


@contextmanager
def explaining() -> Iterator[None]:
    """Let errors that are raised meanwhile say if it is a pointer that they are about."""
    try:
        yield
    except InputError as error:
        told = explained(error)
        if told is error:
            raise
        raise told from error


def _beginning(where: str) -> bytes:
    """Return the first bytes of a file, or of a member of an archive; none if it is neither."""
    try:
        if os.path.isfile(where):  # noqa: PTH113 - it may be no path at all
            with open(where, "rb", opener=plain_file) as file:
                return file.read(_HEAD)
        archive = where
        while archive and not os.path.isfile(archive):  # noqa: PTH113
            archive = os.path.dirname(archive)  # noqa: PTH120
            if archive == os.path.dirname(archive):  # noqa: PTH120
                return b""
        if archive:
            from dsk.archives import cached_root

            return cached_root(archive).read(where[len(archive) :].lstrip("/"), _HEAD)
    except (OSError, ValueError, DskError):
        pass  # the error that there is says what is wrong
    return b""
