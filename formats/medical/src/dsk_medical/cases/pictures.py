"""Arrays written as PNG files of one slice, or as TIFF files of pages.

PNG files say nothing of geometry. Those who read TIFF files take columns to go to the patient's
left, rows back and pages up, so axes are permuted and turned to do so; spacing goes into a file
beside.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL.TiffImagePlugin import AppendingTiffWriter

from dsk.errors import MediaError
from dsk.pixels import encode
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import ArrayView, LazyVolume

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.media import Volume
    from dsk.output import WriteContext
    from dsk_medical.cases.channels import Stored

__all__ = ["page_spacing", "save_color_picture", "write_picture"]

_KEPT = ("uint8", "uint16", "int32", "float32")
_WIDER = {"bool": "uint8", "int8": "int32", "int16": "int32", "float16": "float32"}
_MOST = 0xF000_0000
"""Bytes of a TIFF file, whose places have 32 bits."""

_HELD = 16 << 20


def page_spacing(affine: geometry.Affine | None) -> list[float] | None:
    """Return the distances of pages, rows and columns in mm, as TIFF files are written."""
    if affine is None:
        return None
    sizes = geometry.spacing(affine)
    rows, columns, pages = (
        sizes[axis] for axis, _ in geometry.orientation_between(affine, geometry.PAGES)
    )
    return [pages, rows, columns]


def _tell(ctx: WriteContext, item: DatasetItem, what: str) -> None:
    ctx.ledger.add_at("DSK-L016", what, item)


def _picture(pixels: NDArray[Any], grid: Volume) -> bytes:
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise MediaError(
            f"PNG files hold whole numbers of 8 or 16 bits, this is {pixels.dtype}",
            where=grid.path,
            hint="file_ending=.nii.gz holds all types",
        )
    return encode(pixels, ".png")


def _check_flat(shape: tuple[int, ...], grid: Volume) -> None:
    if shape[2] != 1:
        raise MediaError(
            f"a PNG file holds one slice, the volume has {shape[2]}",
            where=grid.path,
            hint="file_ending=.tif holds several, .nii.gz geometry too",
        )


def write_picture(
    ctx: WriteContext, item: DatasetItem, grid: Volume, name: str, array: Stored
) -> None:
    """Write an array as ``.png`` or ``.tif``; parameters as ``storing.write_array``.

    Raises:
        MediaError: The format does not hold such an array.
    """
    write = _write_png if name.endswith(".png") else _write_tiff
    write(ctx, item, grid, name, array)


def _write_png(
    ctx: WriteContext, item: DatasetItem, grid: Volume, name: str, array: Stored
) -> None:
    """Write an array of one slice, its first axis as rows."""
    _check_flat(array.shape, grid)
    pixels = np.asarray(next(array.planes))
    next(array.planes, None)  # looks behind the last plane
    ctx.write(name, _picture(pixels, grid))
    if grid.affine is not None:
        _tell(ctx, item, "geometry: PNG files hold none")


def save_color_picture(
    ctx: WriteContext, item: DatasetItem, grid: Volume, name: str, array: LazyVolume
) -> None:
    """Write a volume of one slice whose channels are colours; errors as ``write_picture``."""
    _check_flat(array.shape, grid)
    ctx.write(name, _picture(array[:, :, 0], grid))
    ctx.ledger.media_saved += 1
    if grid.affine is not None:
        _tell(ctx, item, "geometry: PNG files hold none")


def _write_tiff(
    ctx: WriteContext, item: DatasetItem, grid: Volume, name: str, array: Stored
) -> None:
    """Write an array page by page; one whose slices do not become pages is held in memory."""
    kind = np.dtype(_WIDER.get(array.dtype.name, array.dtype))
    if array.dtype == np.float64:
        kind = np.dtype(np.float32)
    if kind.name not in _KEPT or np.prod(array.shape) * kind.itemsize > _MOST:
        raise MediaError(
            f"numbers of type {array.dtype} and shape {array.shape} are not written as TIFF",
            where=grid.path,
            hint="file_ending=.nii.gz holds them",
        )
    with tempfile.SpooledTemporaryFile(_HELD, prefix="dsk-") as held:
        changed = _append_pages(held, _pages(array, geometry.matrix(grid.affine)), kind)
        held.seek(0)
        with ctx.out.open(name) as file:
            shutil.copyfileobj(held, file)
    if changed:
        _tell(ctx, item, "values rounded to 32 bits")
    elif array.dtype not in (kind, np.bool_):
        _tell(ctx, item, f"type {array.dtype}, written as {kind}")
    if grid.affine is not None:
        _tell(ctx, item, "geometry: TIFF files hold spacing alone")


def _append_pages(file: Any, pages: Iterable[NDArray[Any]], kind: np.dtype[Any]) -> bool:
    """Write pages of a type, and tell whether values of 64 bits changed by that.

    The file must be open until the writer, which looks at it once more then, is gone.
    """
    changed = False
    with AppendingTiffWriter(file) as writer:
        for page in pages:
            pixels = np.ascontiguousarray(page, kind)
            if page.dtype == np.float64:
                changed |= not np.array_equal(pixels, page, equal_nan=True)
            picture = PilImage.fromarray(pixels)
            picture.save(writer, "TIFF", compression="tiff_adobe_deflate")
            writer.newFrame()
    return changed


def _pages(array: Stored, affine: geometry.Affine | None) -> Iterator[NDArray[Any]]:
    if affine is None:
        return array.planes
    orientation = geometry.orientation_between(affine, geometry.PAGES)
    if orientation[2] == (2, 1):
        return (_turned(plane, orientation) for plane in array.planes)
    whole = np.stack(list(array.planes), axis=-1)
    return geometry.ReorientedVolume(ArrayView(whole), orientation).slices()


def _turned(plane: NDArray[Any], orientation: Iterable[tuple[int, int]]) -> NDArray[Any]:
    (first, up), (_, left), _ = orientation
    turned = plane if first == 0 else plane.T
    return turned[::up, ::left]
