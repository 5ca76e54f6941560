"""Cutting images to a window, or to the objects on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dsk.annotations import Bbox
from dsk.convert import bbox_of
from dsk.errors import OptionError, did_you_mean
from dsk_transforms.pixels.base import PixelTransform, account, whole_number, with_pixels
from dsk_transforms.pixels.following import PLANAR
from dsk_transforms.pixels.pictures import Cut, shared
from dsk_transforms.pixels.windows import Cutter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.pictures import Size
    from dsk_transforms.pixels.windows import Part

    Window = tuple[int, int, int, int]

__all__ = ["Crop", "chosen_labels", "cut_item"]


class Crop(PixelTransform):
    """Cut images to a window, or make an image of each object.

    Args:
        x: Left edge of the window in pixels.
        y: Top edge.
        width: Its width.
        height: Its height.
        labels: Instead of a window: the labels of objects, or "*" for all.
        margin: How many pixels around an object belong to it.
        per_object: Make one item of each object; else one that shows all of them.
        min_share: What shows less than this share of its area goes (0 to 1).

    Raises:
        OptionError: There is neither a window nor a label, or both.
    """

    def __init__(
        self,
        *,
        x: int = 0,
        y: int = 0,
        width: int = 0,
        height: int = 0,
        labels: Sequence[str] = (),
        margin: int = 0,
        per_object: bool = True,
        min_share: float = 0.0,
    ) -> None:
        self.x, self.y = whole_number("x", x), whole_number("y", y)
        self.width, self.height = whole_number("width", width), whole_number("height", height)
        self.labels, self.margin = list(labels), whole_number("margin", margin)
        self.per_object, self.min_share = per_object, min_share
        if bool(self.width and self.height) == bool(self.labels):
            raise OptionError(
                "crop needs a window or labels, and not both",
                hint="width and height (and x, y), or labels",
            )
        if not 0 <= min_share <= 1:
            raise OptionError(f"min_share is a share from 0 to 1, not {min_share!r}")
        self._named: frozenset[int] = frozenset()
        self._chosen: frozenset[int] | None = frozenset()

    def header(self, header: Header) -> Header:
        """Look up the labels; the number of items is not known when objects become items.

        Raises:
            OptionError: There is no such label.
        """
        self._named = frozenset(header.categories.points)
        if not self.labels:
            return header
        from msgspec.structs import replace

        self._chosen = chosen_labels("crop", self.labels, header.categories)
        return replace(header, items=None)

    def change(
        self, item: DatasetItem, size: Size, ledger: Ledger
    ) -> DatasetItem | list[DatasetItem] | None:
        """Cut the image and the annotations."""
        height, width = size
        if self.labels:
            return self._objects(item, size, ledger)
        w, h = min(self.width, width - self.x), min(self.height, height - self.y)
        if w <= 0 or h <= 0:
            return None  # the window lies beside the image: nothing of the item is left
        window = (self.x, self.y, w, h)
        if window == (0, 0, width, height):
            return item
        cutter = Cutter(item, size, self._named, ledger)
        made, copies = cut_item(item, cutter, window, self.min_share, ledger)
        account_parts(item, cutter, copies, ledger, "annotations outside the crop")
        return made

    def _objects(self, item: DatasetItem, size: Size, ledger: Ledger) -> list[DatasetItem] | None:
        windows = list(self._windows(item, size))
        if not windows:
            return None
        cutter = Cutter(item, size, self._named, ledger)
        source = item
        if len(windows) > 1 and item.media is not None:
            source = item.replace(media=shared(item.media))  # type: ignore[arg-type]
        made: list[DatasetItem] = []
        totals = [0] * len(item.annotations)
        for number, window in enumerate(windows):
            one, copies = cut_item(source, cutter, window, self.min_share, ledger)
            if self.per_object:  # an image number of the source names one image only
                attributes = {name: v for name, v in one.attributes.items() if name != "id"}
                one = one.replace(id=f"{item.id}_crop_{number}", attributes=attributes)
            made.append(one)
            totals = [a + b for a, b in zip(totals, copies, strict=True)]
        account_parts(item, cutter, totals, ledger, "annotations outside the crop")
        return made

    def _windows(self, item: DatasetItem, size: Size) -> Iterator[Window]:
        boxes = [_box(a) for a in item.annotations if self._is_chosen(a)]
        found = [(x, y, x + w, y + h) for x, y, w, h in filter(None, boxes)]
        if found and not self.per_object:
            columns = list(zip(*found, strict=True))
            found = [(min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3]))]
        height, width = size
        for left, top, right, bottom in found:
            x, y = max(0, math.floor(left) - self.margin), max(0, math.floor(top) - self.margin)
            w = min(width, math.ceil(right) + self.margin) - x
            h = min(height, math.ceil(bottom) + self.margin) - y
            if w > 0 and h > 0:
                yield x, y, w, h

    def _is_chosen(self, a: Annotation) -> bool:
        return type(a) in PLANAR and (self._chosen is None or a.label in self._chosen)


def _box(a: Annotation) -> tuple[float, float, float, float] | None:
    try:
        return a.bbox if isinstance(a, Bbox) else bbox_of(a)
    except (TypeError, ValueError):
        return None  # malformed geometry: the cutter reports it


def chosen_labels(who: str, names: Sequence[str], categories: Categories) -> frozenset[int] | None:
    """Return the indices of labels by name; None if the name "*" stands for all.

    Raises:
        OptionError: There is no such label.
    """
    if "*" in names:
        return None
    known = categories.names
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
            raise OptionError(f"{who}: there is no label {name!r}", hint=hint)
    return frozenset(n for n, name in enumerate(known) if name in names)


def cut_item(
    item: DatasetItem, cutter: Cutter, window: Window, min_share: float, ledger: Ledger
) -> tuple[DatasetItem, list[int]]:
    """Return an item cut to a window, and how many annotations each of its own became."""
    parts = cutter.cut(window, min_share)
    note_cut(item, parts, ledger)
    copies = [0] * len(item.annotations)
    for part in parts:
        copies[part.number] += 1
    annotations = grouped(item, [(part.number, part.annotation) for part in parts], copies)
    x, y, w, h = window
    made = with_pixels(item, Cut(x, y, w, h), (h, w), annotations, ledger)
    return made, copies


def note_cut(item: DatasetItem, parts: Sequence[Part], ledger: Ledger) -> None:
    """Report the parts of annotations of which something is missing."""
    for part in parts:
        if part.cut:
            a = part.annotation
            what = "cut at the edge of a window"
            ledger.add_at("DSK-L022", what, item, a)


def grouped(
    item: DatasetItem, parts: Sequence[tuple[int, Annotation]], copies: Sequence[int]
) -> list[Annotation]:
    """Return annotations; those that are pieces of one get a group, and only the first its id."""
    if max(copies, default=0) < 2:
        return [a for _, a in parts]
    from msgspec.structs import replace

    fresh = max((a.group for a in item.annotations), default=0)
    groups: dict[int, int] = {}
    done = []
    for number, a in parts:
        if copies[number] < 2:
            done.append(a)
            continue
        later = number in groups
        if not later:
            fresh += not a.group
            groups[number] = a.group or fresh
        done.append(replace(a, group=groups[number], id=0 if later else a.id))
    return done


def account_parts(
    item: DatasetItem, cutter: Cutter, copies: Sequence[int], ledger: Ledger, why: str
) -> None:
    """Report what went and what is there several times; what failed was reported before."""
    counted = [1 if n in cutter.failed else count for n, count in enumerate(copies)]
    account(item, counted, ledger, why)
