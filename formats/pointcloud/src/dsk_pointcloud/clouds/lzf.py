"""LZF streams as PCD's ``binary_compressed`` holds them."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from dsk.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

__all__ = ["MAX_RATIO", "compress", "decompress", "literal"]

MAX_RATIO = 88
"""The most an LZF stream can grow: three bytes stand for at most 264."""

_RUN = 32  # literal bytes that one control byte announces at most


@functools.cache
def _codec() -> Any:
    # The distribution is python-neo-lzf, its module is called lzf.
    return importlib.import_module("lzf")


def decompress(data: bytes | memoryview, size: int, where: str = "") -> bytes:
    """Return the plain bytes of a stream.

    Args:
        data: The stream.
        size: How many bytes it must give.
        where: The file, for errors.

    Raises:
        MediaError: It is corrupt or gives another number of bytes; nothing was allocated if the
            size is beyond what the stream can give.
    """
    if size == 0 and not data:
        return b""
    if size > len(data) * MAX_RATIO:
        raise MediaError(
            f"{len(data)} compressed bytes cannot hold the {size} that are declared", where=where
        )
    try:
        plain = _codec().decompress(bytes(data), size)
    except ValueError as error:
        raise MediaError(f"the compressed points are corrupt: {error}", where=where) from error
    if plain is None or len(plain) != size:
        raise MediaError("the compressed points are corrupt", where=where)
    return bytes(plain)


def compress(data: Buffer) -> bytes:
    """Return a stream for plain bytes, longer than they are if they do not compress."""
    plain = bytes(data)
    if not plain:
        return b""
    packed = _codec().compress(plain) if len(plain) > 4 else None
    return bytes(packed) if packed else literal(plain)


def literal(plain: bytes) -> bytes:
    """Return a stream that holds the bytes as they are: a control byte before each 32."""
    whole = len(plain) - len(plain) % _RUN
    out = bytearray(whole // _RUN * (_RUN + 1))
    for offset in range(_RUN):
        out[offset + 1 :: _RUN + 1] = plain[offset:whole:_RUN]
    out[:: _RUN + 1] = bytes([_RUN - 1]) * (whole // _RUN)
    rest = plain[whole:]
    return bytes(out) + (bytes([len(rest) - 1]) + rest if rest else b"")
