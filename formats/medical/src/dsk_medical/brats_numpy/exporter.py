"""Writing brats_numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Cuboid3d
from dsk.errors import InputError
from dsk.flow import Exporter, Header
from dsk.media import Volume
from dsk_medical.brats_numpy.arrays import npy_header
from dsk_medical.brats_numpy.detect import BOXES, DATA, IDS, LABEL
from dsk_medical.cases.channels import report_names
from dsk_medical.cases.values import Values
from dsk_medical.cases.writing import Composed, bad_item, compose, discard, report_overlap
from dsk_medical.volume import pickles
from dsk_medical.volume.arrays import open_volume

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["BratsNumpyExporter"]

Box = tuple[tuple[int, int, int], tuple[int, int, int]]


class BratsNumpyExporter(Exporter):
    """Writes brats_numpy datasets.

    Args:
        bbox_as: What cuboids are: "corners" (position and rotation), "cuboid" (centre and size),
            or "auto": corners where the size is 1, 1, 1 and the rotation lies beyond the position.
    """

    def __init__(self, *, bbox_as: str = "auto") -> None:
        self._bbox_as = bbox_as

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._values = Values(header, consecutive=False, lines=True, ctx=ctx)
        if self._values.lines:
            ctx.write("labels", "".join(f"{n}\n" for n in self._values.lines).encode())

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Any:
        """See ``Exporter.write``."""
        rows: list[tuple[str, Box | None]] = []
        for item in items:
            try:
                self._write_item(item, ctx)
            except InputError as error:
                bad_item(ctx, item, error)
                discard(ctx, [item.id + DATA, item.id + LABEL])
                continue
            rows.append((item.id, self._box(item, ctx)))
        return rows

    def _write_item(self, item: DatasetItem, ctx: WriteContext) -> None:
        made = compose(ctx, item, self._values.of, policy="error", implied=True, by_slice=True)
        media = item.media
        if isinstance(media, Volume) and media.source is not None:
            _write_data(ctx, item.id + DATA, media)
            report_names(ctx, item, media)
            if media.affine is not None:
                ctx.ledger.warn("arrays have no affine: where volumes lie is lost (brats keeps it)")
        elif isinstance(media, Volume):
            ctx.ledger.add_at("DSK-L016", "volume not found", item)
        if made is not None and made.count:
            _write_labels(ctx, item.id + LABEL, made)
            report_overlap(ctx, item, made.composer)

    def _box(self, item: DatasetItem, ctx: WriteContext) -> Box | None:
        cuboids = [a for a in item.annotations if isinstance(a, Cuboid3d)]
        if len(cuboids) > 1:
            ctx.ledger.add(
                "DSK-L017",
                "more than one box of an item",
                kind="cuboid_3d",
                count=len(cuboids) - 1,
                item=item.id,
                subset=item.subset,
            )
        if not cuboids:
            return None
        low, high = self._corners(cuboids[0])
        whole = _whole(low), _whole(high)
        if tuple(low) != whole[0] or tuple(high) != whole[1]:
            ctx.ledger.add(
                "DSK-L007",
                "boxes rounded to whole voxels",
                kind="cuboid_3d",
                item=item.id,
                subset=item.subset,
            )
        return whole

    def _corners(self, a: Cuboid3d) -> tuple[list[float], list[float]]:
        beyond = all(r >= p for r, p in zip(a.rotation, a.position, strict=True))
        like = tuple(a.scale) == (1.0, 1.0, 1.0) and beyond and any(a.rotation)
        if self._bbox_as == "corners" or (self._bbox_as == "auto" and like):
            return list(a.position), list(a.rotation)
        pairs = list(zip(a.position, a.scale, strict=True))
        return [p - s / 2 for p, s in pairs], [p + s / 2 for p, s in pairs]

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        rows = [row for state in states for row in state]
        ctx.write(IDS, pickles.dump_list([case for case, _ in rows]))
        boxes = [box for _, box in rows if box is not None]
        if boxes and len(boxes) == len(rows):
            ctx.write(BOXES, pickles.dump_array(np.array(boxes, np.int64)))
        elif boxes:
            ctx.ledger.add(
                "DSK-L017",
                "boxes are written only if every item has one",
                kind="cuboid_3d",
                count=len(boxes),
            )


def _whole(corner: list[float]) -> tuple[int, int, int]:
    x, y, z = (round(v) for v in corner)
    return x, y, z


def _float_type(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Return float32 where it holds every value of a type, else float64."""
    return np.dtype(np.float32 if np.can_cast(kind, np.float32, "safe") else np.float64)


def _write_data(ctx: WriteContext, name: str, media: Volume) -> None:
    array = open_volume(media)
    kind = _float_type(array.dtype)
    i, j, k = (*array.shape, 1, 1)[:3]
    channels = array.shape[3] if len(array.shape) > 3 else 1
    _write(ctx, name, (1, channels, k, j, i), kind, array.planes())
    ctx.ledger.media_saved += 1


def _write_labels(ctx: WriteContext, name: str, made: Composed) -> None:
    i, j, k = made.composer.shape
    kind = made.dtype(None)
    _write(ctx, name, (1, k, j, i), kind, made.composer.slices(kind))


def _write(
    ctx: WriteContext,
    name: str,
    shape: tuple[int, ...],
    kind: np.dtype[Any],
    planes: Iterator[NDArray[Any]],
) -> None:
    """Write (i, j) planes, whose columns are the rows of the file's arrays."""
    with ctx.out.open(name) as out:
        out.write(npy_header(shape, kind))
        for plane in planes:
            out.write(plane.astype(kind, copy=False).tobytes("F"))
