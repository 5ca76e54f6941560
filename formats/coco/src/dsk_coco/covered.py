"""Cutting off what objects of a higher drawing order cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk import contours, masks
from dsk.annotations import Mask, Polygon, Rle
from dsk.convert import to_mask
from dsk.rle import counts_of
from dsk_coco.objects import Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["crop_covered"]


def crop_covered(
    things: Sequence[Thing],
    size: tuple[int, int],
    *,
    cut: Callable[[Thing], None],
    gone: Callable[[Thing], None],
) -> list[Thing]:
    """Return the objects without what others cover.

    Objects with outlines cover one another by their ``z_order``, and in their order where it is the
    same. Objects without outlines stay as they are.

    Args:
        things: The objects of one image.
        size: (height, width) of the image.
        cut: Called with each object of which a part is left.
        gone: Called with each object of which nothing is left.
    """
    pixels: dict[int, NDArray[Any]] = {}
    for n, thing in enumerate(things):
        drawn = [to_mask(a, size) for a in thing.outlines]
        counts = [counts_of(m.rle) for m in drawn if m is not None and m.rle.size == size]
        if counts:
            pixels[n] = masks.union(counts)
    above: NDArray[Any] | None = None
    visible: dict[int, Thing | None] = {}
    for n in sorted(pixels, key=lambda n: (things[n].leader.z_order, n), reverse=True):
        own = pixels[n]
        if above is not None and masks.intersection_area(own, above):
            visible[n] = _cut(things[n], masks.subtract(own, above), size)
        above = own if above is None else masks.union([above, own])
    kept: list[Thing] = []
    for n, thing in enumerate(things):
        left = visible.get(n, thing)
        if left is None:
            gone(thing)
        else:
            if left is not thing:
                cut(thing)
            kept.append(left)
    return kept


def _cut(thing: Thing, counts: NDArray[Any], size: tuple[int, int]) -> Thing | None:
    if not masks.area(counts):
        return None
    first = thing.outlines[0]
    new: Polygon | Mask
    if isinstance(first, Polygon):
        rings, holes = contours.to_rings(counts, *size)
        new = replace(first, points=rings, holes=tuple(holes), bbox=None, area=None)
    else:
        new = replace(first, source=Rle(size, counts.tolist()), bbox=None, area=None)
    leader = new if thing.leader in thing.outlines else thing.leader
    return Thing(leader, [new], [], thing.skeleton, thing.differing, thing.merged)
