"""Cutting images into tiles that overlap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.errors import OptionError
from dsk_transforms.pixels.base import PixelTransform, whole_number, with_pixels
from dsk_transforms.pixels.crop import account_parts, note_cut
from dsk_transforms.pixels.pictures import Cut, shared
from dsk_transforms.pixels.windows import Cutter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.pictures import Size
    from dsk_transforms.pixels.windows import Part

    Window = tuple[int, int, int, int]

__all__ = ["CUT", "IMAGE_ID", "IMAGE_SIZE", "INDEX", "OBJECT", "ROI", "SOURCE", "Tile", "windows"]

SOURCE, INDEX, ROI, IMAGE_SIZE = "tile_id", "tile_idx", "roi", "tile_image_size"
"""Attributes of a tile: id of the image, number, [x, y, width, height] in it, and the image's
[height, width]. The first three are Datumaro's."""

IMAGE_ID = "tile_image_id"
"""The attribute ``id`` of the image, its number in the source; tiles have none of their own."""

OBJECT, CUT = "tile_object", "tile_cut"
"""Attributes of an annotation on a tile: which of the image's it is, and whether it was cut."""


class Tile(PixelTransform):
    """Cut images into a grid of tiles.

    Args:
        grid_size: Numbers of rows and columns.
        overlap: By which share of its height and width a tile is larger than its cell of the grid.
        threshold_drop_ann: What shows less than this share of its area goes from a tile (0 to 1).

    Raises:
        OptionError: The grid is none, or a share is out of range.
    """

    def __init__(
        self,
        *,
        grid_size: Sequence[Any] = (),
        overlap: Sequence[Any] = ("0.1", "0.1"),
        threshold_drop_ann: float = 0.5,
    ) -> None:
        if len(grid_size) != 2:
            raise OptionError(
                "tile needs grid_size: the numbers of rows and columns", hint="--grid-size 2,3"
            )
        self.rows = whole_number("grid_size", grid_size[0], 1)
        self.columns = whole_number("grid_size", grid_size[1], 1)
        try:
            shares = [float(share) for share in overlap]
        except (TypeError, ValueError):
            shares = []
        if len(shares) != 2 or not all(0 <= share < 1 for share in shares):
            raise OptionError(
                "overlap is two shares from 0 to less than 1: of height and of width",
                hint="--overlap 0.1,0.1",
            )
        self.overlap = (shares[0], shares[1])
        if not 0 <= threshold_drop_ann <= 1:
            raise OptionError(
                f"threshold_drop_ann is a share from 0 to 1, not {threshold_drop_ann!r}"
            )
        self.threshold_drop_ann = threshold_drop_ann
        self._named: frozenset[int] = frozenset()

    def header(self, header: Header) -> Header:
        """Look up which labels have named keypoints; the number of tiles is not known."""
        self._named = frozenset(header.categories.points)
        return replace(header, items=None)

    def change(self, item: DatasetItem, size: Size, ledger: Ledger) -> list[DatasetItem]:
        """Return the tiles, row by row."""
        cutter = Cutter(item, size, self._named, ledger)
        source = item if item.media is None else item.replace(media=shared(item.media))  # type: ignore[arg-type]
        totals = [0] * len(item.annotations)
        base = {IMAGE_ID if name == "id" else name: v for name, v in item.attributes.items()}
        tiles = []
        grid = windows(size, (self.rows, self.columns), self.overlap)
        for number, window in enumerate(grid):
            annotations = []
            parts = cutter.cut(window, self.threshold_drop_ann)
            note_cut(item, parts, ledger)
            for part in parts:
                totals[part.number] += 1
                annotations.append(_marked(part))
            x, y, w, h = window
            tile = with_pixels(source, Cut(x, y, w, h), (h, w), annotations, ledger)
            about = {SOURCE: item.id, INDEX: number, ROI: list(window), IMAGE_SIZE: list(size)}
            tiles.append(tile.replace(id=f"{item.id}_tile_{number}", attributes={**base, **about}))
        account_parts(item, cutter, totals, ledger, "annotations that no tile shows enough of")
        ledger.add_at("DSK-L022", "items became tiles", item)
        return tiles


def _marked(part: Part) -> Annotation:
    a = part.annotation
    attributes = {**a.attributes, OBJECT: part.number}
    if part.cut:
        attributes[CUT] = True
    return replace(a, attributes=attributes)


def windows(size: Size, grid: tuple[int, int], overlap: tuple[float, float]) -> list[Window]:
    """Return the tiles (x, y, width, height) of an image, row by row; together they cover it all.

    Args:
        size: (height, width) of the image.
        grid: Rows and columns; there are never more than the image has pixels.
        overlap: By which share of its height and width a tile is larger than its cell of the
            grid; half of that lies on each side, unless the image ends there.
    """
    down, across = (
        _stretches(length, min(count, length), share)
        for length, count, share in zip(size, grid, overlap, strict=True)
    )
    return [
        (left, top, right - left, bottom - top) for top, bottom in down for left, right in across
    ]


def _stretches(length: int, count: int, share: float) -> list[tuple[int, int]]:
    stretches = []
    for n in range(count):
        low, high = length * n // count, length * (n + 1) // count
        more = math.floor((high - low) * share / 2 + 0.5)
        stretches.append((max(0, low - more), min(length, high + more)))
    return stretches
