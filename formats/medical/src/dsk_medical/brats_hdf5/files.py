"""One slice's HDF5 file: read with care, written without a trace of the machine."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.errors import LimitError, MediaError
from dsk.files import check_located
from dsk.media import Media
from dsk_medical.volume.reader import DAMAGE

__all__ = [
    "CHANNELS",
    "VALUES",
    "SliceFacts",
    "read_facts",
    "read_image",
    "read_mask",
    "slice_file",
]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_BYTES = 1 << 28
"""A slice that claims more is damaged or hostile; real ones have 1.8 MB."""

CHANNELS = 4
VALUES = (1, 2, 4)
"""Which BraTS value each channel of ``mask`` stands for: NCR/NET, ED, ET."""

_FAULTS = (*DAMAGE, KeyError, RuntimeError, TypeError, MemoryError)


@contextmanager
def _opened(media: Media) -> Iterator[Any]:
    import h5py  # type: ignore[import-untyped]

    name = media.path
    try:
        with media.open() as file:
            if file.read(8) != SIGNATURE:
                raise MediaError("no HDF5 file", where=name, hint="copy or download it again")
        if isinstance(media.source, str):
            check_located(media.source)
            handle = h5py.File(media.source, "r", locking=False)
        else:
            handle = h5py.File(io.BytesIO(media.read_bytes()), "r")
        with handle:
            yield handle
    except _FAULTS as error:
        raise MediaError(f"the HDF5 file is damaged: {error}", where=name) from error


def _dataset(handle: Any, key: str, name: str) -> Any:
    """Return a dataset of the root group, None if there is none; nothing else is followed."""
    import h5py

    link = handle.get(key, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise MediaError(
            f"{key!r} is a link to elsewhere, which is not followed",
            where=name,
            hint="only files that hold their data themselves are read",
        )
    found = handle[key]
    if not isinstance(found, h5py.Dataset):
        raise MediaError(f"{key!r} is no dataset", where=name)
    if found.is_virtual or found.external:
        raise MediaError(
            f"the data of {key!r} are in other files, which are not read",
            where=name,
            hint="only files that hold their data themselves are read",
        )
    if found.dtype.kind not in "biuf":
        raise MediaError(f"{key!r} holds no numbers but {found.dtype}", where=name)
    size = math.prod(found.shape) * found.dtype.itemsize
    if size > MAX_BYTES:
        raise LimitError(f"{key!r} claims {size} bytes", where=name)
    return found


def _channels_first(shape: tuple[int, ...], channels: int, key: str, name: str) -> bool:
    """Tell whether the channels come first; they come last in the format itself."""
    if len(shape) == 3 and shape[2] == channels:
        return False
    if len(shape) == 3 and shape[0] == channels:
        return True
    raise MediaError(
        f"unexpected_shape: {key!r} is {tuple(shape)}",
        where=name,
        hint=f"(height, width, {channels}) is expected",
    )


class SliceFacts(NamedTuple):
    """What a slice's file says without its pixels.

    Attributes:
        shape: (rows, columns).
        image: Type of the image's numbers; "" if there is no image.
        mask: Whether there is a mask.
        attributes: Its own attributes that are texts or numbers.
    """

    shape: tuple[int, int]
    image: str
    mask: bool
    attributes: dict[str, Any]


def read_facts(media: Media) -> SliceFacts:
    """Read a file's structure.

    Raises:
        MediaError: It is damaged, or its datasets are not as expected.
        LimitError: It claims to be huge.
    """
    with _opened(media) as handle:
        image = _dataset(handle, "image", media.path)
        mask = _dataset(handle, "mask", media.path)
        if image is None and mask is None:
            raise MediaError("neither 'image' nor 'mask' is in the file", where=media.path)
        given = image if image is not None else mask
        shape = tuple(given.shape)
        if image is not None or len(shape) == 3:
            count = CHANNELS if image is not None else len(VALUES)
            first = _channels_first(
                shape, count, "image" if image is not None else "mask", media.path
            )
            shape = shape[1:] if first else shape[:2]
        attributes = {}
        for key in ("id", "subset", "affine", "channels"):
            if key in handle.attrs:
                attributes[key] = _plain(handle.attrs[key])
        kind = str(image.dtype.newbyteorder("=").name) if image is not None else ""
        return SliceFacts((shape[0], shape[1]), kind, mask is not None, attributes)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.size <= 16 and value.dtype.kind in "iuf":
        return tuple(float(v) for v in value.ravel())
    if isinstance(value, np.integer):
        return int(value)
    return value if isinstance(value, str) else None


def read_image(media: Media) -> NDArray[Any]:
    """Return a slice's image (rows, columns, channels); errors as ``read_facts``."""
    with _opened(media) as handle:
        found = _dataset(handle, "image", media.path)
        if found is None:
            raise MediaError("there is no 'image' in the file", where=media.path)
        first = _channels_first(found.shape, CHANNELS, "image", media.path)
        array: NDArray[Any] = found[()]
        return np.moveaxis(array, 0, -1) if first else array


def read_mask(media: Media) -> tuple[NDArray[np.bool_], bool]:
    """Return a slice's mask (rows, columns, 3), and whether it was stored in a format of its own.

    Raises:
        MediaError: As ``read_facts``; or its values are no mask.
    """
    with _opened(media) as handle:
        found = _dataset(handle, "mask", media.path)
        if found is None:
            raise MediaError("there is no 'mask' in the file", where=media.path)
        array: NDArray[Any] = found[()]
    if array.ndim == 2:
        known = np.isin(array, (0, *VALUES))
        if not known.all():
            raise MediaError(
                f"the value {array[~known].flat[0]} of 'mask' is no BraTS label", where=media.path
            )
        return np.stack([array == value for value in VALUES], axis=-1), True
    if _channels_first(array.shape, len(VALUES), "mask", media.path):
        array = np.moveaxis(array, 0, -1)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise MediaError("'mask' holds values that are no numbers", where=media.path)
    plain = array.dtype in {np.dtype(np.uint8), np.dtype(np.bool_)}
    strange = not plain or (array.dtype == np.uint8 and array.size and int(array.max()) > 1)
    return array > 0, bool(strange)


def slice_file(
    image: NDArray[Any] | None,
    mask: NDArray[np.uint8] | None,
    attributes: dict[str, Any],
    *,
    compress: bool,
) -> bytes:
    """Return the content of a slice's file.

    Args:
        image: (rows, columns, channels), or None.
        mask: (rows, columns, 3), or None.
        attributes: Attributes of the root group.
        compress: Whether datasets are compressed.
    """
    import h5py

    more: dict[str, Any] = {"compression": "gzip", "compression_opts": 1} if compress else {}
    with h5py.File("slice.h5", "w", driver="core", backing_store=False) as handle:
        for key, array in (("image", image), ("mask", mask)):
            if array is not None:
                chunks = {**more, "chunks": array.shape} if compress and array.size else {}
                handle.create_dataset(key, data=array, **chunks)
        for key, value in attributes.items():
            handle.attrs[key] = value
        handle.flush()
        image_bytes: bytes = handle.id.get_file_image()
        return image_bytes
