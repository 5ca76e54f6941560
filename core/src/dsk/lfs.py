"""Pointers of Git LFS: small texts that lie where large files were not fetched."""

from __future__ import annotations

from dsk.errors import InputError

__all__ = ["HINT", "MESSAGE", "check_fetched", "is_pointer"]

MESSAGE = "the file was not fetched: here is only its Git LFS pointer"
HINT = "'git lfs pull' in its repository brings it"

_BEGINNING = b"version https://git-lfs.github.com/spec/"


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
