"""Pictures that belong to an item beside its image: a depth map, a sharper version."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.errors import DskError, MediaError
from dsk.media import Image, is_decoded

if TYPE_CHECKING:
    from dsk.item import DatasetItem

__all__ = ["Attached", "attached"]

_LIMIT = 1 << 30
"""Bytes that the content of one picture may have."""


class Attached:
    """A picture as a value among the ``extra`` fields of an item.

    JSON holds it with its content: the file's bytes, or the numbers of an array, compressed.

    Attributes:
        image: The picture.
    """

    __slots__ = ("image",)

    def __init__(self, image: Image) -> None:
        self.image = image

    def __eq__(self, other: object) -> bool:
        """Whether both have one name and one content, wherever it lies."""
        if not isinstance(other, Attached) or self.image.path != other.image.path:
            return False
        return self.image == other.image or _content(self.image) == _content(other.image)

    def __hash__(self) -> int:
        return hash(self.image.path)

    def __repr__(self) -> str:
        return f"Attached({self.image.path!r})"

    def tolist(self) -> dict[str, Any]:
        """Return plain values for JSON; encoders of arrays ask for them by this name.

        Raises:
            MediaError: The picture is missing or damaged.
        """
        plain: dict[str, Any] = {"path": self.image.path}
        kind, content = _content(self.image)
        if kind:
            dtype, shape = kind
            plain |= {
                "shape": list(shape),
                "dtype": dtype,
                "zlib": _text(zlib.compress(content, 1)),
            }
        else:
            plain["file"] = _text(content)
        return plain


def _content(image: Image) -> tuple[tuple[str, tuple[int, ...]] | None, bytes]:
    """Return a file's bytes, or an array's after its type and shape."""
    if not is_decoded(image.source):
        return None, image.read_bytes()
    pixels = np.ascontiguousarray(image.data)
    return (pixels.dtype.str, pixels.shape), pixels.tobytes()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def attached(item: DatasetItem, family: str, name: str) -> Image | None:
    """Return a picture that belongs to an item, or None.

    Args:
        item: The item.
        family: The format family among its ``extra`` fields.
        name: The field.

    Raises:
        MediaError: The field is there and is no picture.
    """
    value = ((item.extra or {}).get(family) or {}).get(name)
    if value is None:
        return None
    if isinstance(value, Attached):
        return value.image
    if isinstance(value, Image):
        return value
    try:
        return _from_plain(value)
    except DskError:
        raise
    except (TypeError, KeyError, ValueError, AttributeError, binascii.Error, zlib.error) as error:
        raise MediaError(f"the field {family}.{name} is no picture", where=item.id) from error


def _from_plain(value: dict[str, Any]) -> Image:
    path = str(value.get("path", ""))
    if "file" in value:
        return Image.from_bytes(base64.b64decode(value["file"], validate=True), path)
    dtype = np.dtype(value["dtype"])
    shape = tuple(int(n) for n in value["shape"])
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if dtype.kind not in "buif" or any(n < 1 for n in shape) or not 0 < size <= _LIMIT:
        raise ValueError(shape)
    data = zlib.decompressobj().decompress(base64.b64decode(value["zlib"], validate=True), size)
    return Image.from_array(np.frombuffer(data, dtype).reshape(shape), path)
