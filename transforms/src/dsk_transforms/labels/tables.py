"""Categories with other labels: what becomes of parents, attributes, colours and keypoints."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.categories import Categories, LabelCategory, LabelGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.categories import Color, PointsCategory

__all__ = ["Moves", "joined_labels", "moved_categories"]


class Moves(Struct, frozen=True):
    """Where labels went.

    Attributes:
        index: The new index of each old label, None for those that are deleted.
        names: New names by old ones, for labels that are still there.
        foreign: Old labels whose keypoints are not those of the label they joined.
    """

    index: tuple[int | None, ...]
    names: dict[str, str]
    foreign: frozenset[int] = frozenset()

    @property
    def is_identity(self) -> bool:
        """Whether every index stays the same."""
        return all(new == old for old, new in enumerate(self.index))


def joined_labels(
    old: Categories, new_names: Sequence[str | None]
) -> tuple[list[LabelCategory], list[int | None]]:
    """Rename labels, joining those that get one name.

    A label stands where the first of those joined stood. Its parent, source id and other facts are
    those of the label that had the name before, else of the first; attributes are united. Labels
    of one name under several parents stay apart unless another is renamed to that name.

    Args:
        old: The categories.
        new_names: The new name of each label, None to delete it.

    Returns:
        The new labels, their parents by their old names, and the new index of each old one.
    """
    pairs = list(zip(new_names, old.labels, strict=True))
    renamed = {name for name, label in pairs if name != label.name}
    joined: dict[tuple[str, str | None], list[LabelCategory]] = {}
    index: list[int | None] = []
    places: dict[tuple[str, str | None], int] = {}
    for name, label in pairs:
        if name is None:
            index.append(None)
            continue
        key = (name, None if name in renamed else label.parent)
        joined.setdefault(key, []).append(label)
        index.append(places.setdefault(key, len(places)))
    labels = []
    for (name, _), members in joined.items():
        owner = next((label for label in members if label.name == name), members[0])
        attributes = tuple(dict.fromkeys(chain.from_iterable(m.attributes for m in members)))
        labels.append(replace(owner, name=name, attributes=attributes))
    return labels, index


def moved_categories(
    old: Categories, labels: Sequence[LabelCategory], index: Sequence[int | None]
) -> tuple[Categories, Moves]:
    """Return categories with other labels and everything that refers to them.

    Parents that were labels follow their labels; those that are gone are taken from their
    children. Parents that are no labels (supercategories) stay.

    Args:
        old: The categories.
        labels: The new labels, with parents by their old names.
        index: The new index of each old label, None for those that are deleted.
    """
    names: dict[str, str] = {}
    for label, new in zip(old.labels, index, strict=True):
        if new is not None:
            names.setdefault(label.name, labels[new].name)
    known = {label.name for label in old.labels}
    there = {label.name for label in labels}

    def parent(label: LabelCategory) -> str:
        above = label.parent
        above = names.get(above, above if above in there or above not in known else "")
        return above if above != label.name else ""

    # A label that had its name before comes first: its colour and keypoints count.
    order = sorted(
        (n for n, new in enumerate(index) if new is not None),
        key=lambda n: (old.labels[n].name != labels[index[n] or 0].name, n),
    )
    colors: dict[int, Color] = {}
    points: dict[int, PointsCategory] = {}
    for n in order:
        new = index[n] or 0
        if n in old.colors:
            colors.setdefault(new, old.colors[n])
        if n in old.points:
            points.setdefault(new, old.points[n])
    foreign = {n for n in order if n in old.points and points[index[n] or 0] != old.points[n]}
    made = Categories(
        labels=tuple(replace(label, parent=parent(label)) for label in labels),
        attributes=old.attributes,
        colors=dict(sorted(colors.items())),
        points=dict(sorted(points.items())),
        groups=_groups(old.groups, names),
    )
    return made, Moves(tuple(index), names, frozenset(foreign))


def _groups(groups: Sequence[LabelGroup], names: Mapping[str, str]) -> tuple[LabelGroup, ...]:
    made = []
    for group in groups:
        labels = tuple(dict.fromkeys(names[name] for name in group.labels if name in names))
        if labels:
            made.append(replace(group, labels=labels))
    return tuple(made)
