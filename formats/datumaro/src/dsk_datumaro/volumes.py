"""Volumes and the labels in them, which Datumaro does not know: side files and ``dsk`` records."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk.errors import MediaError, OutputError
from dsk.jsonvalues import plain_value
from dsk.media import ArchiveMember, Media
from dsk.npy import DAMAGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.annotations import Mask3d
    from dsk.item import DatasetItem
    from dsk.media import Volume
    from dsk.output import WriteContext

__all__ = ["ArrayFile", "describe_mask", "describe_volume"]

MAX_BYTES = 8 << 30
"""Arrays that claim more are refused before any memory is taken."""

_MEMBER = "array.npy"


class ArrayFile:
    """A compressed array in a file that is read when it is asked for.

    Args:
        source: The file, as ``Media.source``.
        name: Its name, for messages.
    """

    def __init__(self, source: str | ArchiveMember | bytes, name: str) -> None:
        self.source = source
        self.name = name
        self._array: NDArray[Any] | None = None

    def _load(self) -> NDArray[Any]:
        if self._array is None:
            self._array = _read(Media(self.name, self.source))
        return self._array

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self._load().shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        return self._load().dtype

    def __getitem__(self, key: Any) -> Any:
        return self._load()[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._load(), dtype=dtype, copy=copy)

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "name": self.name, "_array": None}


def _read(media: Media) -> NDArray[Any]:
    try:
        with media.open() as file, zipfile.ZipFile(file) as packed:
            info = packed.getinfo(_MEMBER)
            if info.file_size > MAX_BYTES:
                raise MediaError(f"the array claims {info.file_size} bytes", where=media.path)
            data = io.BytesIO(packed.read(info))
        array: NDArray[Any] = np.load(data, allow_pickle=False)
    except (
        *(KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
        *DAMAGE,
    ) as error:
        raise MediaError(f"no readable array: {error}", where=media.path) from error
    return array


def _pack(array: Any) -> bytes:
    plain_file, packed = io.BytesIO(), io.BytesIO()
    np.save(plain_file, np.asarray(array[...]), allow_pickle=False)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        info = zipfile.ZipInfo(_MEMBER, (1980, 1, 1, 0, 0, 0))  # a fixed time: equal bytes
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, plain_file.getvalue())
    return packed.getvalue()


def describe_mask(
    ctx: WriteContext, a: Mask3d, folder: str, item: str, files: dict[int, str]
) -> dict[str, Any]:
    """Write a mask's volume, once for all masks that share it, and return the mask's record.

    Args:
        ctx: Where it goes.
        a: The mask.
        folder: The subset's folder.
        item: The item's id.
        files: The files of the item's volumes so far, by the identity of the volume.
    """
    file = files.get(id(a.source))
    if file is None:
        file = files[id(a.source)] = f"masks_3d/{folder}/{item}/{len(files)}.npz"
        ctx.write(file, _pack(a.source))
    record: dict[str, Any] = {
        "type": a.kind,
        "id": a.id,
        "label_id": a.label,
        "group": a.group,
        "object_id": a.object_id,
        "z_order": a.z_order,
        "attributes": a.attributes,
        "file": file,
    }
    for name in ("value", "affine", "extra"):
        if getattr(a, name) is not None:
            record[name] = getattr(a, name)
    return record


def describe_volume(
    ctx: WriteContext, item: DatasetItem, media: Volume, subset: str, record: dict[str, Any]
) -> str:
    """Describe a volume under ``media`` and ``dsk.media`` and save it when that is asked for."""
    path = media.path
    if ctx.save_media:
        if media.source is None or isinstance(media.source, str | bytes | ArchiveMember):
            _, dot, ext = media.path.rpartition("/")[2].partition(".")  # ".nii.gz" is one ending
            name = item.id + dot + ext
            path = name if ctx.save_file(item, media, f"volumes/{subset}/{name}") else path
        else:
            path = f"{item.id}.npz"
            ctx.write(f"volumes/{subset}/{path}", _pack(media.source))
            ctx.ledger.media_saved += 1
    record["media"] = {"path": path}
    more: dict[str, Any] = {"kind": media.kind}
    for name in (
        "shape",
        "affine",
        "dtype",
        "rescale",
        "channels",
        "slice_axis",
        "header",
        "extra",
    ):
        value = getattr(media, name)
        if value is not None and value != ():
            more[name] = value
    try:
        msgspec.json.encode(more.get("header"), enc_hook=plain_value)
    except (OutputError, TypeError, ValueError):
        ctx.ledger.add_at("DSK-L011", "volume header", item)
        del more["header"]
    record.setdefault("dsk", {})["media"] = more
    return "media"
