"""Small label maps as files."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def encoded(pixels: Any, dtype: Any = np.uint8) -> bytes:
    """Return a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.array(pixels, dtype)).save(buffer, "PNG")
    return buffer.getvalue()


def rgb16(pixels: Any) -> bytes:
    """Return a PNG file of three channels and 16 bits, which Pillow cannot write."""
    array = np.array(pixels, ">u2")
    height, width = array.shape[:2]
    rows = array.tobytes()
    step = 6 * width
    data = b"".join(b"\0" + rows[n * step : (n + 1) * step] for n in range(height))

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def put(path: Path, data: bytes) -> None:
    """Write a file, and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
