"""Masks and polygons of one image among each other: who covers whom, who belongs together."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk import contours, masks
from dsk.annotations import Annotation, Mask, Polygon, Rle
from dsk_transforms.pixels.crop import chosen_labels
from dsk_transforms.shapes.base import KindTransform, drop, known_size, note
from dsk_transforms.shapes.rasterising import counts_by_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Counts = NDArray[np.int64]
    Size = tuple[int, int]

__all__ = ["CropCoveredSegments", "MergeInstanceSegments", "MergeMasks", "visible"]


def visible(layers: Iterable[tuple[int, Counts]]) -> dict[int, Counts]:
    """Return of each mask the pixels that no mask before it has.

    Args:
        layers: Masks of one size, the topmost first, with their numbers.
    """
    seen: dict[int, Counts] = {}
    above: Counts | None = None
    for number, counts in layers:
        seen[number] = counts if above is None else masks.subtract(counts, above)
        above = counts if above is None else masks.union([above, counts])
    return seen


class _Segments(KindTransform):
    """A step that looks at the pixels of the segments of an image."""

    name = ""

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Rasterise what is concerned; what is malformed goes and is reported (DSK-L018)."""
        chosen = {n: a for n, a in enumerate(item.annotations) if self.concerns(a)}
        if not self.needed(chosen):
            return item
        size = known_size(item, ledger, self.name)
        if size is None:  # nothing can be said about them, so they stay as they are
            return item
        found, failed = counts_by_number(chosen, size)
        for n, why in failed.items():
            drop(ledger, item, chosen[n], f"{chosen[n].kind}: {why}")
        results: dict[int, Annotation | None] = dict.fromkeys(failed)
        results |= self.work(item, {n: (chosen[n], found[n]) for n in sorted(found)}, size, ledger)
        if all(a is not None and chosen[n] is a for n, a in results.items()):
            return item
        made = [results.get(n, a) for n, a in enumerate(item.annotations)]
        return item.replace(annotations=[a for a in made if a is not None])

    def concerns(self, a: Annotation) -> bool:
        """Tell whether an annotation is one of the segments."""
        return type(a) in self.kinds

    def needed(self, chosen: Mapping[int, Annotation]) -> bool:
        """Tell whether there is anything to do."""
        return len(chosen) > 1

    @abstractmethod
    def work(
        self,
        item: DatasetItem,
        segments: Mapping[int, tuple[Annotation, Counts]],
        size: Size,
        ledger: Ledger,
    ) -> dict[int, Annotation | None]:
        """Return what becomes of annotations, by their numbers; None: they go.

        Args:
            item: The item.
            segments: The segments and their pixels, by number, ascending.
            size: (height, width) of the image.
            ledger: Gets what is changed, merged and removed.
        """


def _with_pixels(a: Any, counts: Counts, size: Size) -> Annotation:
    """Return a segment of the same kind that shows other pixels, at least one."""
    if isinstance(a, Polygon):
        rings, holes = contours.to_rings(counts, *size)
        points: Any = rings if len(rings) > 1 else rings[0]
        return replace(a, points=points, holes=tuple(holes), bbox=None, area=None)
    made: Annotation = replace(
        a, source=Rle(size, masks.encode_counts(counts)), bbox=None, area=None
    )
    return made


class CropCoveredSegments(_Segments):
    """Cut away what is covered by segments (polygons and masks) that lie above.

    Of two with the same ``z_order`` the later one lies above. What is not covered stays as it is.
    """

    kinds = frozenset({Polygon, Mask})
    name = "crop_covered_segments"

    def work(
        self,
        item: DatasetItem,
        segments: Mapping[int, tuple[Annotation, Counts]],
        size: Size,
        ledger: Ledger,
    ) -> dict[int, Annotation | None]:
        """Keep of each segment the pixels that can be seen."""
        order = sorted(segments, key=lambda n: (segments[n][0].z_order, n), reverse=True)
        seen = visible((n, segments[n][1]) for n in order)
        results: dict[int, Annotation | None] = {}
        for n, (a, counts) in segments.items():
            left = masks.area(seen[n])
            if left == masks.area(counts):
                continue
            results[n] = _with_pixels(a, seen[n], size) if left else None
        cropped = [segments[n][0] for n, a in results.items() if a is not None]
        covered = [segments[n][0] for n, a in results.items() if a is None]
        note(ledger, "cropped where others cover it", item, cropped)
        note(ledger, "wholly covered by others", item, covered, code="DSK-L019")
        return results


class MergeInstanceSegments(_Segments):
    """Replace the masks of each group, and maybe its polygons, by one mask.

    Its label and other properties are those of the largest segment of the group.

    Args:
        include_polygons: Merge polygons too, also one that is alone; else they stay.
    """

    kinds = frozenset({Polygon, Mask})
    name = "merge_instance_segments"

    def __init__(self, *, include_polygons: bool = False) -> None:
        self._polygons = include_polygons
        self.kinds = frozenset({Polygon, Mask} if include_polygons else {Mask})

    def needed(self, chosen: Mapping[int, Annotation]) -> bool:
        """Tell whether there is a polygon to merge, or a group of several masks."""
        groups = [a.group for a in chosen.values() if a.group]
        return len(set(groups)) < len(groups) or Polygon in map(type, chosen.values())

    def work(
        self,
        item: DatasetItem,
        segments: Mapping[int, tuple[Annotation, Counts]],
        size: Size,
        ledger: Ledger,
    ) -> dict[int, Annotation | None]:
        """Merge the groups; those without a group are instances of their own."""
        groups: dict[int, list[int]] = {}
        for n, (a, _) in segments.items():
            groups.setdefault(a.group or -1 - n, []).append(n)
        results: dict[int, Annotation | None] = {}
        for numbers in groups.values():
            parts = [segments[n] for n in numbers]
            if len(parts) == 1 and isinstance(parts[0][0], Mask):
                continue
            leader = max(parts, key=lambda part: masks.area(part[1]))[0]
            results |= dict.fromkeys(numbers)
            results[numbers[0]] = _merged(item, leader, parts, size, ledger)
        return results


def _merged(
    item: DatasetItem,
    leader: Annotation,
    parts: Sequence[tuple[Annotation, Counts]],
    size: Size,
    ledger: Ledger,
) -> Annotation | None:
    """Return one mask of several segments; None, and reported, if it shows no pixel."""
    counts = masks.union([counts for _, counts in parts])
    others = [a for a, _ in parts if a is not leader]
    note(ledger, f"into the mask of another {leader.kind}", item, others, code="DSK-L014")
    if not masks.area(counts):
        drop(ledger, item, leader, "covers no pixel")
        return None
    if isinstance(leader, Polygon):
        note(ledger, "→mask", item, (leader,))
    labels = [a for a in others if a.label != leader.label]
    note(ledger, "label of merged parts", item, labels, code="DSK-L005")
    unlike = [a for a in others if a.attributes != leader.attributes]
    note(ledger, "attributes of merged parts", item, unlike, code="DSK-L004")
    return Mask(
        Rle(size, masks.encode_counts(counts)),
        label=leader.label,
        id=leader.id,
        group=leader.group,
        object_id=leader.object_id,
        z_order=leader.z_order,
        attributes=leader.attributes,
        extra=leader.extra,
    )


class MergeMasks(_Segments):
    """Make one mask of each label that has masks in an image, none overlapping another.

    Args:
        labels: Labels, the most important first: on overlap the pixel is of the first that has it.
            Masks of others stay as they are. Empty: all labels, as they are numbered.
        include_polygons: Merge polygons too.

    Raises:
        OptionError: There is no such label.
    """

    name = "merge_masks"

    def __init__(self, *, labels: Sequence[str] = (), include_polygons: bool = False) -> None:
        self._labels = list(labels)
        self._rank: dict[int, int] = {}
        self.kinds = frozenset({Polygon, Mask} if include_polygons else {Mask})

    def header(self, header: Header) -> Header:
        """Look up the labels."""
        chosen = chosen_labels(self.name, self._labels or ["*"], header.categories)
        names = header.categories.names
        numbers = range(len(names)) if chosen is None else chosen
        order = {name: n for n, name in enumerate(self._labels)}
        self._rank = {n: order.get(names[n], n) for n in numbers}
        return header

    def concerns(self, a: Annotation) -> bool:
        """Tell whether it is a segment of one of the labels."""
        return type(a) in self.kinds and a.label in self._rank

    def work(
        self,
        item: DatasetItem,
        segments: Mapping[int, tuple[Annotation, Counts]],
        size: Size,
        ledger: Ledger,
    ) -> dict[int, Annotation | None]:
        """Unite the masks of each label, then cut them by priority."""
        labels: dict[int, list[int]] = {}
        for n, (a, _) in segments.items():
            labels.setdefault(a.label or 0, []).append(n)
        order = sorted(labels, key=lambda label: (self._rank[label], label))
        whole = {lab: masks.union([segments[n][1] for n in labels[lab]]) for lab in order}
        seen = visible(whole.items())
        results: dict[int, Annotation | None] = {}
        for label in order:
            numbers = labels[label]
            parts = [segments[n] for n in numbers]
            left, all_ = masks.area(seen[label]), masks.area(whole[label])
            if len(parts) == 1 and left == all_ and isinstance(parts[0][0], Mask):
                continue
            results |= dict.fromkeys(numbers)
            leader = max(parts, key=lambda part: masks.area(part[1]))[0]
            if not left:
                gone = [a for a, _ in parts]
                why = "covers no pixel" if not all_ else "wholly covered by other labels"
                note(ledger, why, item, gone, code="DSK-L019")
                continue
            if left < all_:
                note(ledger, "cropped where other labels cover it", item, (leader,))
            results[numbers[0]] = _merged(
                item, leader, [(a, seen[label]) for a, _ in parts], size, ledger
            )
        return results
