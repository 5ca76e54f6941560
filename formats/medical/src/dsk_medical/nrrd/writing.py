"""NRRD files written slice by slice."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from dsk.media import Volume
from dsk_medical.cases.channels import Stored, stored, unscaled
from dsk_medical.nrrd.forms import KEYS, forms_of
from dsk_medical.nrrd.header import vector_text
from dsk_medical.nrrd.source import FAMILY
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import COLORS
from dsk_medical.volume.nifti import header_of

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext
    from dsk_medical.nrrd.layers import Layer

__all__ = ["save_volume", "write_nrrd", "write_segmentation"]

Opener = Callable[[str], BinaryIO]

_NAMES = {
    "i1": "signed char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned int",
    "i8": "long long int",
    "u8": "unsigned long long int",
    "f4": "float",
    "f8": "double",
}
_COMPRESSION = 1


def _head(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    affine: geometry.Affine | None,
    encoding: str,
    pairs: dict[str, str],
    *,
    list_first: bool = False,
    colors: bool = False,
) -> bytes:
    """Return a header; the shape's axes in the order of the file, channels last or first."""
    lines = [
        "NRRD0004",
        f"type: {_NAMES[f'{dtype.kind}{dtype.itemsize}']}",
        f"dimension: {len(shape)}",
    ]
    directions, kinds = ["none"] * 3, ["domain"] * 3
    if affine is not None:
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine + 0.0
        directions = [vector_text(lps[:3, n].tolist()) for n in range(3)]
        lines.append("space: left-posterior-superior")
    if len(shape) == 4:
        at = 0 if list_first else 3
        directions.insert(at, "none")
        kinds.insert(at, f"{'RGBA'[: shape[at]]}-color" if colors else "list")
    lines.append(f"sizes: {' '.join(map(str, shape))}")
    if affine is not None:
        lines.append(f"space directions: {' '.join(directions)}")
    lines.append(f"kinds: {' '.join(kinds)}")
    if dtype.itemsize > 1:
        lines.append("endian: little")
    lines.append(f"encoding: {encoding}")
    if affine is not None:
        lines.append(f"space origin: {vector_text(lps[:3, 3].tolist())}")
    for key, value in pairs.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{key}:={escaped}")
    return ("\n".join(lines) + "\n\n").encode()


def _write(
    opener: Opener, name: str, head: bytes, encoding: str, pieces: Iterable[NDArray[Any]]
) -> None:
    """Write a header and arrays one after the other, first axis fastest."""
    with opener(name) as file:
        file.write(head)
        out: BinaryIO = file
        if encoding == "gzip":
            out = cast("BinaryIO", gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0))
        for piece in pieces:
            out.write(piece.tobytes("F"))
        if out is not file:
            out.close()


def write_nrrd(
    opener: Opener,
    name: str,
    array: Stored,
    affine: geometry.Affine | None,
    pairs: dict[str, str],
    *,
    encoding: str = "gzip",
    colors: bool = False,
) -> None:
    """Write an array.

    Args:
        opener: Opens the new file by name.
        name: Its name.
        array: The array, without scale factors, which the format does not have.
        affine: Voxel indices to RAS+ mm, or None.
        pairs: Key/value pairs.
        encoding: "gzip" or "raw".
        colors: Whether its channels are colours.

    Raises:
        MediaError: The array's source is damaged.
    """
    little = array.dtype.newbyteorder("<")
    head = _head(array.shape, array.dtype, affine, encoding, pairs, colors=colors)
    planes = (plane.astype(little, copy=False) for plane in array.planes)
    _write(opener, name, head, encoding, planes)


def save_volume(
    ctx: WriteContext, item: DatasetItem, volume: Volume, name: str, *, encoding: str, texts: bool
) -> None:
    """Write a volume with all its channels; scale factors are applied, the format has none.

    Raises:
        MediaError: It is damaged.
    """
    pairs = volume.header.get(FAMILY, {}) if isinstance(volume.header, dict) else {}
    own = isinstance(volume.header, dict) and FAMILY in volume.header
    if own and volume.ext.lower() == ".nrrd" and (texts or KEYS.issuperset(pairs)):
        ctx.save_file(item, volume, name)
        return
    array = unscaled(ctx, item, stored(volume))
    like = header_of(volume)
    if like is not None and len(array.shape) > 3 and float(like["pixdim"][4]) not in (0.0, 1.0):
        what = "the time from one volume to the next"
        ctx.ledger.add_at("DSK-L016", what, item, hint="nifti keeps it")
    about = {**(pairs if texts else {}), **forms_of(volume)}
    colors = volume.channels in (COLORS[:3], COLORS)
    affine = geometry.matrix(volume.affine)
    write_nrrd(ctx.out.open, name, array, affine, about, encoding=encoding, colors=colors)
    ctx.ledger.media_saved += 1


def write_segmentation(
    ctx: WriteContext, layers: list[Layer], name: str, pairs: dict[str, str], *, encoding: str
) -> None:
    """Write label volumes as the layers of one segmentation.

    Raises:
        MediaError: A source is damaged.
    """
    dtype = np.result_type(*(layer.composed.composer.dtype for layer in layers))
    dtype = dtype.newbyteorder("<")
    shape = layers[0].shape
    several = len(layers) > 1
    affine = geometry.matrix(layers[0].composed.grid.affine)
    about = {
        **pairs,
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ConversionParameters": "",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_SourceRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    sizes = (len(layers), *shape) if several else shape
    head = _head(sizes, dtype, affine, encoding, about, list_first=True)
    streams = [layer.slices(dtype) for layer in layers]
    pieces = (
        np.stack(together) if several else together[0] for together in zip(*streams, strict=True)
    )
    _write(ctx.out.open, name, head, encoding, pieces)
