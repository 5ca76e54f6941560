"""Comparing datasets and telling in words where they differ.

``a`` is what is expected, ``b`` what was found. Identity is what counts, not the writing of it:
masks are compared by their pixels, polygons by their rings, groups as partitions, labels by name,
rotated boxes by their corners, media by their content. Annotations may come in another order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Mask,
    Mask3d,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
    Visibility,
)
from dsk.testing.media import media_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.dataset import Dataset
    from dsk.item import DatasetItem

__all__ = [
    "PARTS",
    "Difference",
    "assert_same_annotation",
    "assert_same_dataset",
    "differences",
    "same_annotation",
]

PARTS: dict[str, str] = {
    "item": "an item is missing or was added",
    "subset": "the subset of an item; if ignored, items are matched by id alone",
    "item_attributes": "attributes of items",
    "item_extra": "fields of the source format kept at items",
    "media": "content, size or kind of media",
    "annotation": "an annotation is missing, was added or is of another kind",
    "label": "the label of an annotation, by name",
    "geometry": "coordinates, pixels, voxels, text",
    "attributes": "attributes of annotations",
    "id": "ids of annotations; an expected 0 fits any",
    "group": "which annotations belong together",
    "object_id": "track ids",
    "z_order": "drawing order, as the order of the annotations of an item",
    "extra": "fields of the source format kept at annotations",
    "stated": "box and area that the source states beside an outline, when both sides state them",
    "labels": "a label is missing or was added",
    "label_order": "the order of the labels",
    "label_parent": "parents of labels",
    "label_attributes": "attribute names of labels",
    "label_colors": "mask colours",
    "label_points": "keypoints of labels",
}
"""The parts that are compared, and that ``ignore`` may name."""


class Difference(Struct, frozen=True):
    """One thing that is not the same.

    Attributes:
        part: One of ``PARTS``.
        where: Item, or item and annotation, or label.
        text: What was expected and what was found.
        kind: The annotation kind concerned, or "".
    """

    part: str
    where: str
    text: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.part}: {self.text}"


def assert_same_dataset(
    a: Dataset | Iterable[DatasetItem],
    b: Dataset | Iterable[DatasetItem],
    *,
    tolerance: float = 1e-6,
    ignore: Collection[str] = (),
    mask_iou: float = 1.0,
) -> None:
    """Assert that two datasets are the same, see ``differences``.

    Raises:
        AssertionError: They differ; the message lists where.
    """
    found = differences(a, b, tolerance=tolerance, ignore=ignore, mask_iou=mask_iou)
    assert not found, listing(found)


def listing(found: Sequence[Difference], most: int = 20) -> str:
    """Return differences as text, one a line."""
    more = [f"… and {len(found) - most} more"] if len(found) > most else []
    return "\n".join(["the datasets differ:", *(f"  {d}" for d in found[:most]), *more])


def differences(
    a: Dataset | Iterable[DatasetItem],
    b: Dataset | Iterable[DatasetItem],
    *,
    tolerance: float = 1e-6,
    ignore: Collection[str] = (),
    mask_iou: float = 1.0,
) -> list[Difference]:
    """Return where two datasets differ.

    Args:
        a: The expected dataset, or its items; labels are compared by number then.
        b: The dataset that was found.
        tolerance: How far coordinates and numbers may be apart (pixels, metres, …).
        ignore: Names of ``PARTS`` not to compare.
        mask_iou: The least intersection over union of masks; 1 demands equal pixels.
    """
    unknown = set(ignore) - set(PARTS)
    if unknown:
        msg = f"ignore names no part of a dataset: {sorted(unknown)}"
        raise ValueError(msg)
    compare = _Comparer(_categories(a), _categories(b), tolerance, mask_iou)
    compare.headers()
    compare.items(list(a), list(b), by_subset="subset" not in ignore)
    return [d for d in compare.found if d.part not in ignore]


def same_annotation(
    a: Annotation, b: Annotation, *, tolerance: float = 1e-6, ignore: Collection[str] = ()
) -> bool:
    """Tell whether two annotations of the same labels are the same; ``ignore`` names ``PARTS``."""
    return not [d for d in _Comparer(None, None, tolerance, 1.0).pair(a, b) if d.part not in ignore]


def assert_same_annotation(
    a: Annotation, b: Annotation, *, tolerance: float = 1e-6, ignore: Collection[str] = ()
) -> None:
    """Assert that two annotations of the same labels are the same.

    Raises:
        AssertionError: They differ; the message says in what.
    """
    found = [d for d in _Comparer(None, None, tolerance, 1.0).pair(a, b) if d.part not in ignore]
    assert not found, listing(found)


def _categories(data: Any) -> Categories | None:
    return data.categories() if hasattr(data, "categories") else None


class _Comparer:
    def __init__(
        self, a: Categories | None, b: Categories | None, tolerance: float, mask_iou: float
    ) -> None:
        self.a = a
        self.b = b
        self.tolerance = tolerance
        self.mask_iou = mask_iou
        self.found: list[Difference] = []

    def note(self, part: str, where: str, text: str, kind: str = "") -> None:
        self.found.append(Difference(part, where, text, kind))

    def headers(self) -> None:
        if self.a is None or self.b is None:
            return
        names = [label.name for label in self.a.labels], [label.name for label in self.b.labels]
        for missing in sorted(set(names[0]) - set(names[1])):
            self.note("labels", f"label {missing!r}", "is missing")
        for added in sorted(set(names[1]) - set(names[0])):
            self.note("labels", f"label {added!r}", "was added")
        if names[0] != names[1] and sorted(names[0]) == sorted(names[1]):
            self.note("label_order", "labels", f"expected {names[0]}, found {names[1]}")
        facts = _label_facts(self.a), _label_facts(self.b)
        for name in facts[0].keys() & facts[1].keys():
            for part, expected in facts[0][name].items():
                if expected != facts[1][name][part]:
                    text = f"expected {expected!r}, found {facts[1][name][part]!r}"
                    self.note(part, f"label {name!r}", text)

    def items(self, a: list[DatasetItem], b: list[DatasetItem], *, by_subset: bool) -> None:
        def key(item: DatasetItem) -> tuple[str, str]:
            return (item.id, item.subset if by_subset else "")

        theirs = {key(item): item for item in b}
        if len(theirs) != len(b):
            doubles = len(b) - len(theirs)
            self.note("item", "items", f"{doubles} ids were found more than once")
        pairs = [(item, theirs.pop(key(item), None)) for item in a]
        moved = {item.id: item for item in theirs.values()}
        for item, other in pairs:
            if other is None and (other := moved.pop(item.id, None)) is not None:
                del theirs[key(other)]
                self.note("subset", _name(item), f"found in {other.subset!r}")
            if other is not None:
                self.item(item, other)
                continue
            self.note("item", _name(item), "is missing")
            for annotation in item.annotations:
                self.note("annotation", _name(item), "is missing", annotation.kind)
        for item in theirs.values():
            self.note("item", _name(item), "was added")

    def item(self, a: DatasetItem, b: DatasetItem) -> None:
        where = _name(a)
        self.values("item_attributes", where, a.attributes, b.attributes)
        if (a.extra or {}) != (b.extra or {}):
            self.note("item_extra", where, f"expected {a.extra}, found {b.extra}")
        problem = media_difference(a.media, b.media)
        if problem:
            self.note("media", where, problem)
        pairs = self.match(a, b)
        self.groups(where, pairs)
        self.orders(where, pairs)

    def match(self, a: DatasetItem, b: DatasetItem) -> list[tuple[Annotation, Annotation]]:
        """Pair annotations: equal ones first, then by kind and label, then by kind."""
        rest_a, rest_b = list(a.annotations), list(b.annotations)
        pairs: list[tuple[Annotation, Annotation]] = []
        tests: tuple[Callable[[Any, Any], bool], ...] = (
            lambda x, y: type(x) is type(y) and not self.pair(x, y),
            lambda x, y: (
                type(x) is type(y)
                and self.label(x, self.a) == self.label(y, self.b)
                and self.geometry(x, y) is None
            ),
            lambda x, y: type(x) is type(y) and self.label(x, self.a) == self.label(y, self.b),
            lambda x, y: type(x) is type(y),
        )
        for test in tests:
            left = []
            for x in rest_a:
                hit = next((n for n, y in enumerate(rest_b) if test(x, y)), None)
                if hit is None:
                    left.append(x)
                else:
                    pairs.append((x, rest_b.pop(hit)))
            rest_a = left
        where = _name(a)
        for x, y in pairs:
            self.found.extend(self.pair(x, y, where))
        for x in rest_a:
            self.note("annotation", where, f"{_brief(x)} is missing", x.kind)
        for y in rest_b:
            self.note("annotation", where, f"{_brief(y)} was added", y.kind)
        return pairs

    def pair(self, a: Annotation, b: Annotation, where: str = "") -> list[Difference]:
        """Return the differences of two annotations."""
        where = f"{where} {_brief(a)}".strip()
        if type(a) is not type(b):
            return [Difference("annotation", where, f"found {_brief(b)}", a.kind)]
        mine = _Comparer(self.a, self.b, self.tolerance, self.mask_iou)
        labels = self.label(a, self.a), self.label(b, self.b)
        if labels[0] != labels[1]:
            mine.note("label", where, f"expected {labels[0]!r}, found {labels[1]!r}", a.kind)
        geometry = self.geometry(a, b)
        if geometry is not None:
            mine.note("geometry", where, geometry, a.kind)
        for name in ("bbox", "area") if not isinstance(a, Bbox | Ellipse) else ():
            stated: list[Any] = [getattr(a, name, None), getattr(b, name, None)]
            if None not in stated and not self.near(np.ravel(stated[0]), np.ravel(stated[1])):
                mine.note(
                    "stated", where, f"{name}: expected {stated[0]}, found {stated[1]}", a.kind
                )
        mine.values("attributes", where, a.attributes, b.attributes, a.kind)
        if a.id and a.id != b.id:
            mine.note("id", where, f"expected {a.id}, found {b.id}", a.kind)
        if a.object_id != b.object_id:
            mine.note("object_id", where, f"expected {a.object_id}, found {b.object_id}", a.kind)
        if (a.extra or {}) != (b.extra or {}):
            mine.note("extra", where, f"expected {a.extra}, found {b.extra}", a.kind)
        return mine.found

    @staticmethod
    def label(a: Annotation, categories: Categories | None) -> Any:
        if a.label is None or categories is None:
            return a.label
        if not 0 <= a.label < len(categories.labels):
            return f"index {a.label} out of range"
        return categories.labels[a.label].name

    def values(
        self, part: str, where: str, a: Mapping[str, Any], b: Mapping[str, Any], kind: str = ""
    ) -> None:
        for name in sorted(a.keys() | b.keys()):
            if name not in b:
                self.note(part, where, f"{name}={a[name]!r} is missing", kind)
            elif name not in a:
                self.note(part, where, f"{name}={b[name]!r} was added", kind)
            elif not self.same_value(a[name], b[name]):
                self.note(part, where, f"{name}: expected {a[name]!r}, found {b[name]!r}", kind)

    def same_value(self, a: Any, b: Any) -> bool:
        if isinstance(a, bool) or isinstance(b, bool):
            return a is b
        if isinstance(a, int | float) and isinstance(b, int | float):
            return math.isclose(a, b, rel_tol=1e-9, abs_tol=self.tolerance)
        if isinstance(a, list | tuple) and isinstance(b, list | tuple):
            return len(a) == len(b) and all(map(self.same_value, a, b))
        return bool(a == b)

    def groups(self, where: str, pairs: Sequence[tuple[Annotation, Annotation]]) -> None:
        """Compare groups as partitions; a group of one is none."""
        sides = [_partition([pair[side].group for pair in pairs]) for side in (0, 1)]
        if sides[0] != sides[1]:
            text = f"expected {_named(sides[0], pairs)}, found {_named(sides[1], pairs)}"
            self.note("group", where, text)

    def orders(self, where: str, pairs: Sequence[tuple[Annotation, Annotation]]) -> None:
        for n, (a, b) in enumerate(pairs):
            for c, d in pairs[:n]:
                if _sign(a.z_order - c.z_order) != _sign(b.z_order - d.z_order):
                    text = f"{_brief(c)} and {_brief(a)} changed their drawing order"
                    self.note("z_order", where, text, a.kind)
                    return

    def near(self, a: Any, b: Any) -> bool:
        x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
        return x.shape == y.shape and bool(np.all(np.abs(x - y) <= self.tolerance))

    def geometry(self, a: Any, b: Any) -> str | None:
        """Return what is different about two geometries of one kind, or None."""
        if isinstance(a, Caption):
            return None if a.caption == b.caption else f"{a.caption!r} became {b.caption!r}"
        if isinstance(a, Polygon):
            return self.rings(a, b)
        if isinstance(a, Mask):
            return self.masks(a, b)
        if isinstance(a, Mask3d):
            x, y = _voxels(a), _voxels(b)
            same = x.shape == y.shape and bool((x == y).all())
            return (
                None if same else f"voxels differ: {x.sum()} of {x.shape}, {y.sum()} of {y.shape}"
            )
        if isinstance(a, Skeleton | Points):
            return self.points(a, b)
        if isinstance(a, Cuboid3d):
            return self.cuboids(a, b)
        if isinstance(a, RotatedBbox):
            x, y = _corners(a), _corners(b)
            turned = [np.roll(y, shift, axis=0) for shift in range(4)]
            return None if any(self.near(x, t) for t in turned) else f"{_text(x)} ≠ {_text(y)}"
        x, y = _plain(a), _plain(b)
        return None if self.near(x, y) else f"expected {_text(x)}, found {_text(y)}"

    def rings(self, a: Polygon, b: Polygon) -> str | None:
        """Compare rings in any order, from any first point on."""
        rest = [(n in b.holes, _unclosed(ring)) for n, ring in enumerate(b.rings)]
        for n, ring in enumerate(a.rings):
            points = _unclosed(ring)
            same = (
                k
                for k, (hole, other) in enumerate(rest)
                if hole == (n in a.holes)
                and any(self.near(points, np.roll(other, s, axis=0)) for s in range(len(other)))
            )
            hit = next(same, None)
            if hit is None:
                what = "hole" if n in a.holes else "ring"
                return f"the {what} {_text(points)} is not among {[_text(r) for _, r in rest]}"
            rest.pop(hit)
        return f"rings were added: {[_text(r) for _, r in rest]}" if rest else None

    def masks(self, a: Mask, b: Mask) -> str | None:
        x, y = a.image, b.image
        if x.shape != y.shape:
            return f"expected size {x.shape}, found {y.shape}"
        union = int((x | y).sum())
        iou = int((x & y).sum()) / union if union else 1.0
        return None if iou >= self.mask_iou else f"IoU is {iou:.4f}, {int((x ^ y).sum())} px differ"

    def points(self, a: Any, b: Any) -> str | None:
        seen = _visible(a), _visible(b)
        if seen[0] != seen[1]:
            return f"visibility: expected {seen[0]}, found {seen[1]}"
        x, y = (np.reshape(np.asarray(s.points, dtype=float), (-1, 2)) for s in (a, b))
        there = np.array([v != Visibility.ABSENT for v in seen[0]], dtype=bool)
        if x.shape == y.shape and self.near(x[there], y[there]):
            return None
        return f"expected {_text(x)}, found {_text(y)}"

    def cuboids(self, a: Cuboid3d, b: Cuboid3d) -> str | None:
        if (a.frame, a.forward) != (b.frame, b.forward):
            return f"expected {a.frame} {a.forward}, found {b.frame} {b.forward}"
        x, y = [*a.position, *a.scale], [*b.position, *b.scale]
        if not self.near(x, y):
            return f"position and scale: expected {_text(x)}, found {_text(y)}"
        same = self.near(_rotation(a.rotation), _rotation(b.rotation))
        return None if same else f"rotation: expected {a.rotation}, found {b.rotation}"


def _label_facts(categories: Categories) -> dict[str, dict[str, Any]]:
    facts = {}
    for number, label in enumerate(categories.labels):
        points = categories.points.get(number)
        color = categories.colors.get(number)
        facts[label.name] = {
            "label_parent": label.parent,
            "label_attributes": sorted(label.attributes),
            "label_colors": tuple(color) if color is not None else None,
            "label_points": (points.labels, points.joints) if points is not None else None,
        }
    return facts


def _name(item: DatasetItem) -> str:
    return f"item {item.id!r} of {item.subset!r}"


def _brief(a: Annotation) -> str:
    return f"{a.kind}{f' #{a.id}' if a.id else ''}"


def _text(values: Any) -> str:
    return str([round(float(v), 6) for v in np.ravel(values)])


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _partition(groups: Sequence[int]) -> list[list[int]]:
    members: dict[int, list[int]] = {}
    for n, group in enumerate(groups):
        if group:
            members.setdefault(group, []).append(n)
    return sorted(m for m in members.values() if len(m) > 1)


def _named(partition: list[list[int]], pairs: Sequence[tuple[Annotation, Annotation]]) -> Any:
    return [[_brief(pairs[n][0]) for n in group] for group in partition]


def _unclosed(ring: Sequence[float]) -> Any:
    """Return a ring's points, (n, 2), without a repeated last one."""
    points = np.reshape(np.asarray(ring, dtype=float), (-1, 2))
    closed = len(points) > 1 and bool((points[0] == points[-1]).all())
    return points[:-1] if closed else points


def _voxels(a: Mask3d) -> Any:
    source = a.source() if callable(a.source) else a.source
    array = np.asarray(source[...] if hasattr(source, "__getitem__") else source)
    return array != 0 if a.value is None else array == a.value


def _corners(a: RotatedBbox) -> Any:
    from dsk.geometry import rotated_box_corners

    return np.reshape(rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r), (4, 2))


def _visible(a: Any) -> list[int]:
    return list(a.visibility) or [Visibility.VISIBLE] * (len(a.points) // 2)


def _plain(a: Any) -> list[float]:
    if isinstance(a, Bbox | Ellipse):
        return [a.x, a.y, a.w, a.h]
    if isinstance(a, PolyLine | Cuboid2d):
        return list(a.points)
    return []


def _rotation(angles: Sequence[float]) -> Any:
    """Return R = Rz·Ry·Rx, which is the same for all angles that mean the same."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rz @ ry @ rx
