"""Outlines and boxes as masks, all of one image in one pass."""

from __future__ import annotations

from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools import mask as coco

from dsk import masks
from dsk.annotations import Annotation, Bbox, Ellipse, Mask, Polygon, Rle
from dsk.convert import to_polygon
from dsk.rle import counts_of
from dsk_transforms.shapes.base import (
    MALFORMED,
    KindTransform,
    drop,
    known_size,
    note,
    with_area,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Counts = NDArray[np.int64]
    Size = tuple[int, int]

__all__ = ["BoxesToMasks", "PolygonsToMasks", "counts_by_number", "draw"]


FAR = 8
"""Outlines that reach so many image sizes out are left to dsk's own code, which clips first."""


def draw(outlines: Sequence[Polygon], size: Size) -> list[bytes]:
    """Return the pixels of outlines by COCO's rule, as compressed run lengths.

    pycocotools draws them, several times faster than numpy can; it crashes on what is no list of
    pairs and allocates what an edge is long, so both are looked at first.

    Raises:
        ValueError: An outline is malformed.
    """
    rings = [a.rings for a in outlines]
    flat = None if any(a.holes for a in outlines) else _ordinary(rings, size)
    if flat is None:
        return masks.encode_counts_many(_draw_ourselves(outlines, rings, size))
    drawn = coco.frPyObjects(flat, *size)
    place = 0
    found: list[bytes] = []
    for count in map(len, rings):
        parts = drawn[place : place + count]
        place += count
        found.append((parts[0] if count == 1 else coco.merge(parts))["counts"])
    return found


def _ordinary(
    outlines: Sequence[Sequence[Sequence[float]]], size: Size
) -> list[NDArray[np.float64]] | None:
    """Return all rings as pycocotools takes them, None if one is nothing that it can take."""
    rings = list(chain.from_iterable(outlines))
    lengths = list(map(len, rings))
    if not all(outlines) or min(lengths, default=0) < 6 or any(n & 1 for n in lengths):
        return None
    try:
        flat = np.fromiter(chain.from_iterable(rings), np.float64, sum(lengths))
    except (TypeError, ValueError):
        return None
    if not (np.abs(flat) <= FAR * max(size)).all():
        return None
    stops = list(accumulate(lengths))
    return [flat[a:b] for a, b in zip([0, *stops], stops, strict=False)]


def _draw_ourselves(
    outlines: Sequence[Polygon], rings: Sequence[Sequence[Sequence[float]]], size: Size
) -> list[Counts]:
    plain = [r for a, r in zip(outlines, rings, strict=True) if not a.holes]
    rest = iter(masks.from_polygons_many(plain, *size))
    return [
        masks.from_polygons_with_holes(r, set(a.holes), *size) if a.holes else next(rest)
        for a, r in zip(outlines, rings, strict=True)
    ]


def _each(outlines: Mapping[int, Polygon], failed: dict[int, str], size: Size) -> dict[int, bytes]:
    """Draw outlines at once; if one of them is malformed, find out which."""
    try:
        return dict(zip(outlines, draw(list(outlines.values()), size), strict=True))
    except (ValueError, TypeError):
        found = {}
        for n, outline in outlines.items():
            try:
                found[n] = draw([outline], size)[0]
            except (ValueError, TypeError) as error:
                failed[n] = str(error)
        return found


def _outline(a: Annotation) -> Polygon:
    outline = a if isinstance(a, Polygon) else to_polygon(a)
    if outline is None:
        msg = "it has no outline"
        raise ValueError(msg)
    return outline


def counts_by_number(
    annotations: Mapping[int, Annotation], size: Size
) -> tuple[dict[int, Counts], dict[int, str]]:
    """Return the pixels of masks and of everything that has an outline.

    Args:
        annotations: Masks, polygons, boxes, rotated boxes and ellipses by any number.
        size: (height, width) of their image.

    Returns:
        Run lengths, and why there are none for those that are malformed, by number.
    """
    found: dict[int, Counts] = {}
    failed: dict[int, str] = {}
    outlines: dict[int, Polygon] = {}
    for n, a in annotations.items():
        try:
            if isinstance(a, Mask):
                rle = a.rle
                if tuple(rle.size) != size:
                    failed[n] = f"a mask of {rle.size[1]} × {rle.size[0]} on another size of image"
                else:
                    found[n] = counts_of(rle)
            else:
                outlines[n] = _outline(a)
        except MALFORMED as error:
            failed[n] = str(error)
    drawn = _each(outlines, failed, size)
    found |= zip(drawn, masks.decode_counts_many(list(drawn.values())), strict=True)
    return found, failed


class PolygonsToMasks(KindTransform):
    """Replace polygons and ellipses by the masks of their pixels, by COCO's rule."""

    kinds = frozenset({Polygon, Ellipse})
    name = "polygons_to_masks"

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Rasterise them; what covers no pixel goes and is reported (DSK-L018)."""
        kinds = self.kinds
        chosen = {n: a for n, a in enumerate(item.annotations) if type(a) in kinds}
        size = known_size(item, ledger, self.name)
        if size is None:
            left = [a for a in item.annotations if type(a) not in kinds]
            note(ledger, "image size not known", item, list(chosen.values()), code="DSK-L018")
            return item.replace(annotations=left)
        failed: dict[int, str] = {}
        outlines: dict[int, Polygon] = {}
        for n, a in chosen.items():
            try:
                outlines[n] = _outline(a)
            except MALFORMED as error:
                failed[n] = str(error)
        empty = masks.encode_counts([size[0] * size[1]])
        found = {n: text for n, text in _each(outlines, failed, size).items() if text != empty}
        made: list[Any] = list(item.annotations)
        for n, text in found.items():
            made[n] = _mask(chosen[n], Rle(size, text))
        if len(found) < len(chosen):
            for n in sorted(chosen.keys() - found.keys()):
                drop(
                    ledger,
                    item,
                    chosen[n],
                    f"{chosen[n].kind}→mask: {failed.get(n, 'covers no pixel')}",
                )
                made[n] = None
            made = [a for a in made if a is not None]
        note(ledger, "→mask", item, [chosen[n] for n in found])
        return item.replace(annotations=made)


class BoxesToMasks(PolygonsToMasks):
    """Replace boxes by the masks of their pixels, by COCO's rule."""

    kinds = frozenset({Bbox})
    name = "boxes_to_masks"


def _mask(a: Any, rle: Rle) -> Annotation:
    """Return a mask in place of an outline; a box and area stated for the object stay with it."""
    outlined = type(a) is Polygon
    made = Mask(
        rle,
        a.bbox if outlined else None,
        a.area if outlined else None,
        label=a.label,
        id=a.id,
        group=a.group,
        object_id=a.object_id,
        z_order=a.z_order,
        attributes=a.attributes,
        extra=a.extra,
    )
    return with_area(a, made) if type(a) is Bbox else made
