"""Volumes and label maps written with their axes turned to run nearest right, front, head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk_medical.cases.writing import Composed, report_overlap, save_labels, save_volume
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import ArrayView, FileArray, LazyVolume, open_volume
from dsk_medical.volume.nifti import header_of, make_header, take_values, write_nifti

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.media import Volume
    from dsk.output import WriteContext

__all__ = ["save_turned_labels", "save_turned_volume"]

_AS_THEY_ARE = ((0, 1), (1, 1), (2, 1))
_HELD: dict[Any, np.dtype[Any]] = {
    np.dtype(np.bool_): np.dtype(np.uint8),
    np.dtype(np.float16): np.dtype(np.float32),
}


def _orientation(volume: Volume) -> tuple[geometry.Affine, geometry.Orientation] | None:
    """Return a volume's affine and how its axes must be turned; None: not at all."""
    affine = geometry.matrix(volume.affine)
    if affine is None:
        return None
    orientation = geometry.to_ras(affine)
    return None if orientation == _AS_THEY_ARE else (affine, orientation)


def save_turned_volume(
    ctx: WriteContext, item: DatasetItem, volume: Volume, name: str, *, texts: bool
) -> bool:
    """Write a volume like ``save_volume``, its axes turned; scale factors are kept, not applied.

    Raises:
        MediaError: Its content is damaged.
    """
    turn = _orientation(volume)
    if turn is None:
        return save_volume(ctx, item, volume, name, texts=texts)
    affine, orientation = turn
    array = open_volume(volume)
    scaling = (1.0, 0.0)
    if isinstance(array, FileArray):
        scaling = array.scaling
        array = FileArray(array.reader, array.shape, array.stored, array.offset, order=array.order)
    turned = geometry.ReorientedVolume(array, orientation)
    kind: np.dtype[Any] = _HELD.get(array.dtype, array.dtype)
    header = make_header(
        turned.shape,
        kind,
        geometry.reoriented_affine(affine, array.shape, orientation),
        scaling=scaling,
    )
    like = header_of(volume)
    if like is not None:
        take_values(header, like)
    write_nifti(ctx.out.open, name, header, turned.planes())
    ctx.ledger.media_saved += 1
    return True


def save_turned_labels(
    ctx: WriteContext,
    item: DatasetItem,
    made: Composed,
    name: str,
    *,
    dtype: np.dtype[Any] | None = None,
) -> None:
    """Write a label volume like ``save_labels``, its axes turned; it is held in memory for that.

    Raises:
        MediaError: A source is damaged.
    """
    turn = _orientation(made.grid)
    if turn is None:
        save_labels(ctx, item, made, name, dtype=dtype)
        return
    affine, orientation = turn
    kind = made.dtype(dtype)
    whole: LazyVolume = ArrayView(np.stack(list(made.composer.slices(kind)), axis=-1))
    turned = geometry.ReorientedVolume(whole, orientation)
    grid = geometry.reoriented_affine(affine, whole.shape, orientation)
    header = make_header(turned.shape, kind, grid)
    write_nifti(ctx.out.open, name, header, turned.planes())
    report_overlap(ctx, item, made.composer)
