"""Masks inside the annotation: their voxels as text, beside the figures they belong to.

Projects that were made and not downloaded have no files of masks. A mask is then the base64 text of
gzip data, which hold its sizes, a bar, and a byte for each voxel, the last axis fastest.
"""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import RecordError
from dsk.media import Media
from dsk_medical.nrrd.header import vector_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["embedded_mask"]

_HEAD = 64
"""Bytes that the sizes take at most."""

_SIZES = re.compile(rb"(\d{1,6}),(\d{1,6}),(\d{1,6})\|")
_GZIP = 16 + zlib.MAX_WBITS


def embedded_mask(figure: dict[str, Any], shape: Sequence[int], name: str) -> Media | None:
    """Return the mask in a figure as an NRRD file in memory.

    Args:
        figure: The figure.
        shape: The volume's shape; a mask has no more voxels than it.
        name: What messages call the file.

    Returns:
        The file, whose header states no place where the figure does not; None if the figure has
        no voxels.

    Raises:
        RecordError: The mask is damaged.
    """
    geometry = figure.get("geometry")
    found = geometry.get("mask_3d") if isinstance(geometry, dict) else None
    text = found.get("data") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(text, str):
        return None
    try:
        sizes, data = _unpacked(text, prod(shape[:3]))
        head = _header(sizes, found)
    except (ValueError, TypeError, zlib.error) as error:
        raise RecordError(f"its voxels cannot be read: {error}") from error
    voxels = np.frombuffer(data, np.uint8).reshape(sizes)
    # Packed again, in NRRD's order of axes: an item may have many masks as large as its volume.
    return Media(name, head + gzip.compress(voxels.tobytes("F"), 1, mtime=0))


def _unpacked(text: str, most: int) -> tuple[tuple[int, ...], bytes]:
    engine = zlib.decompressobj(_GZIP)
    plain = engine.decompress(base64.b64decode(text, validate=True), most + _HEAD)
    match = _SIZES.match(plain)
    if match is None:
        raise ValueError("no sizes")
    sizes = tuple(map(int, match.groups()))
    data = plain[match.end() :]
    if prod(sizes) != len(data) or not data or not engine.eof:
        what = " × ".join(map(str, sizes))
        raise ValueError(f"{len(data)} of {what} voxels, of a volume of {most}")
    return sizes, data


def _header(sizes: tuple[int, ...], found: dict[str, Any]) -> bytes:
    lines = ["NRRD0004", "type: uint8", "dimension: 3", f"sizes: {' '.join(map(str, sizes))}"]
    space, steps = found.get("space"), found.get("space_directions")
    origin = found.get("space_origin")
    if isinstance(space, str) and space.strip() and steps and origin:
        vectors = " ".join(vector_text(step) for step in steps)
        lines += [f"space: {' '.join(space.split())}", f"space directions: {vectors}"]
        lines.append(f"space origin: {vector_text(origin)}")
    return ("\n".join([*lines, "encoding: gzip"]) + "\n\n").encode()
