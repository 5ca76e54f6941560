"""Labels and what belongs to them: parents, attributes, colours, keypoints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Categories", "GrowingLabels", "LabelCategory", "LabelGroup", "PointsCategory"]

Color = tuple[int, int, int]
"""Red, green, blue, each 0–255."""


class LabelCategory(Struct, frozen=True):
    """One label.

    Attributes:
        name: Its name; unique together with ``parent``.
        parent: Name of the label or supercategory above it, or "".
        attributes: Names of the attributes its annotations may have.
        source_id: The id the source format gave it (COCO category id, Cityscapes id …), or None.
        extra: Fields of the source format without a place in the model, by format family.
    """

    name: str
    parent: str = ""
    attributes: tuple[str, ...] = ()
    source_id: int | None = None
    extra: dict[str, Any] | None = None


class PointsCategory(Struct, frozen=True):
    """Keypoints of a label.

    Attributes:
        labels: Names of the points, in order.
        joints: Pairs of point numbers that are connected, numbered as in the source.
        positions: Default places of the points, flat, or empty.
    """

    labels: tuple[str, ...] = ()
    joints: tuple[tuple[int, int], ...] = ()
    positions: tuple[float, ...] = ()


class LabelGroup(Struct, frozen=True):
    """Labels that exclude or demand one another (Datumaro's label groups)."""

    name: str
    group_type: str = "exclusive"
    labels: tuple[str, ...] = ()


class Categories(Struct, frozen=True):
    """All labels of a dataset; an annotation's ``label`` is an index into ``labels``.

    Attributes:
        labels: The labels, densely numbered.
        attributes: Attribute names common to all labels.
        colors: Mask colour by label index.
        points: Keypoints by label index.
        groups: Label groups.
    """

    labels: tuple[LabelCategory, ...] = ()
    attributes: tuple[str, ...] = ()
    colors: dict[int, Color] = {}
    points: dict[int, PointsCategory] = {}
    groups: tuple[LabelGroup, ...] = ()

    @classmethod
    def from_names(cls, names: Iterable[str]) -> Categories:
        """Make categories from plain label names."""
        return cls(labels=tuple(LabelCategory(name) for name in names))

    @property
    def names(self) -> list[str]:
        """Label names by index."""
        return [label.name for label in self.labels]

    def index(self, name: str, parent: str | None = None) -> int | None:
        """Return the index of the first label of this name (and parent, if given), or None."""
        for number, label in enumerate(self.labels):
            if label.name == name and (parent is None or label.parent == parent):
                return number
        return None

    def is_joint(self, index: int) -> bool:
        """Tell whether a label only names a keypoint of its parent label.

        Datumaro lists the points of a skeleton among the labels, with the skeleton's label as
        their parent; such labels are no classes of objects.
        """
        label = self.labels[index]
        return bool(label.parent) and any(
            self.labels[owner].name == label.parent and label.name in points.labels
            for owner, points in self.points.items()
            if owner != index
        )

    def object_labels(self) -> list[int]:
        """Return the indices of the labels that are classes of objects, see ``is_joint``."""
        owned = {
            (self.labels[owner].name, name)
            for owner, points in self.points.items()
            for name in points.labels
        }
        return [n for n, lab in enumerate(self.labels) if (lab.parent, lab.name) not in owned]

    def with_labels(self, labels: Iterable[LabelCategory]) -> Categories:
        """Return a copy that has other labels."""
        return replace(self, labels=tuple(labels))

    def merged(self, other: Categories) -> tuple[Categories, Mapping[int, int]]:
        """Add another dataset's labels; of two with one name the attributes of both are kept.

        Labels are one if name and parent are. A label whose parent nobody states is also one with
        the only label of its name on the other side, unless that names a keypoint.

        Returns:
            The union, this dataset's labels first, and the new index of each of ``other``'s.
        """
        labels = list(self.labels)
        known = {(lab.name, lab.parent): n for n, lab in enumerate(labels)}
        moved = {}
        alone = _alone(self), _alone(other)
        for number, label in enumerate(other.labels):
            key = (label.name, label.parent)
            at = alone[0].get(label.name)
            if key not in known and at is not None and alone[1].get(label.name) == number:
                if not label.parent:
                    key = (label.name, labels[at].parent)
                elif not labels[at].parent:
                    labels[at] = replace(labels[at], parent=label.parent)
                    known[key] = at
            if key not in known:
                known[key] = len(labels)
                labels.append(label)
            at = moved[number] = known[key]
            if label.attributes != labels[at].attributes:
                both = dict.fromkeys(labels[at].attributes + label.attributes)
                labels[at] = replace(labels[at], attributes=tuple(both))
        colors = {moved[n]: c for n, c in other.colors.items() if n in moved} | self.colors
        points = {moved[n]: p for n, p in other.points.items() if n in moved} | self.points
        union = Categories(
            labels=tuple(labels),
            attributes=tuple(dict.fromkeys(self.attributes + other.attributes)),
            colors=colors,
            points=points,
            groups=tuple(dict.fromkeys(self.groups + other.groups)),
        )
        return union, moved


def _alone(categories: Categories) -> dict[str, int]:
    """Return the labels that are the only ones of their name, and name no keypoint."""
    counts = Counter(categories.names)
    names = categories.names
    return {names[n]: n for n in categories.object_labels() if counts[names[n]] == 1}


class GrowingLabels:
    """The labels of a dataset: stated ones, which keep their numbers, then those that are met.

    Args:
        stated: What is known of labels beforehand; of those with one name, the first one counts.
    """

    def __init__(self, stated: Categories) -> None:
        self._stated = stated
        self._labels = list(stated.labels)
        self._numbers = {name: n for n, name in reversed(list(enumerate(stated.names)))}

    def number(self, name: str) -> int:
        """Return a label's number; a new one gets the next."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._labels)
            self._labels.append(LabelCategory(name))
        return number

    def categories(self) -> Categories:
        """Return them, with what is stated of them."""
        return self._stated.with_labels(self._labels)
