"""Annotations whose labels are renamed, joined, deleted or numbered anew."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from dsk.annotations import Annotation, Skeleton
from dsk.categories import Categories, LabelCategory
from dsk.errors import OptionError, did_you_mean
from dsk.flow import Transform
from dsk_transforms.labels.tables import Moves, joined_labels, moved_categories

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["ProjectLabels", "RemapLabels"]

Action = Literal["keep", "delete"]


class _Moving(Transform):
    """A step after which labels have other names or numbers."""

    keeps_ids = True
    _moves = Moves((), {})
    _names: tuple[str, ...] = ()
    _unlabelled: Action = "keep"
    _warnings: tuple[str, ...] = ()
    _passes = True

    @abstractmethod
    def moved(self, categories: Categories) -> tuple[Categories, Moves]:
        """Return the new categories and where the labels went."""

    def header(self, header: Header) -> Header:
        """Return the header with the new labels."""
        categories, self._moves = self.moved(header.categories)
        self._names = tuple(header.categories.names)
        self._passes = self._moves.is_identity and self._unlabelled == "keep"
        return replace(header, categories=categories)

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Give annotations their new labels; what goes is reported (DSK-L019)."""
        for message in self._warnings:
            if message not in ledger.warnings:
                ledger.warn(message)
        annotations = item.annotations
        if not annotations or self._passes:
            return item
        index = self._moves.index
        made: list[Annotation] = []
        changed = False
        for a in annotations:
            label = a.label
            if label is None:
                if self._unlabelled == "keep":
                    made.append(a)
                    continue
                self._removed(item, a, ledger)
            elif (new := index[label]) is None:
                self._removed(item, a, ledger)
            elif new == label:
                made.append(a)
                continue
            else:
                made.append(replace(a, label=new))
                if label in self._moves.foreign and isinstance(a, Skeleton):
                    self._lost_points(item, a, ledger)
            changed = True
        return item.replace(annotations=made) if changed else item

    def _removed(self, item: DatasetItem, a: Annotation, ledger: Ledger) -> None:
        what = f"label {self._names[a.label]!r}" if a.label is not None else "without a label"
        ledger.add_at("DSK-L019", what, item, a)

    def _lost_points(self, item: DatasetItem, a: Annotation, ledger: Ledger) -> None:
        what = f"keypoints of label {self._names[a.label or 0]!r}, which joined one with others"
        ledger.add_at("DSK-L010", what, item, a)


class RemapLabels(_Moving):
    """Rename, join and delete labels.

    Args:
        mapping: New names by old ones; an empty new name deletes the label and its annotations.
        default: What is done with labels that are not named: "keep" or "delete".
        unlabelled: What is done with annotations that have no label: "keep" or "delete".

    Raises:
        OptionError: There is nothing to do.
    """

    def __init__(
        self,
        *,
        mapping: Mapping[str, str] | None = None,
        default: Action = "keep",
        unlabelled: Action = "keep",
    ) -> None:
        if not mapping and default == "keep" and unlabelled == "keep":
            raise OptionError("remap_labels: no mapping is given", hint="-l old:new, repeatable")
        for value in (default, unlabelled):
            if value not in {"keep", "delete"}:
                raise OptionError(f"remap_labels: {value!r} is neither 'keep' nor 'delete'")
        self._mapping = dict(mapping or {})
        self._default = default
        self._unlabelled = unlabelled

    def moved(self, categories: Categories) -> tuple[Categories, Moves]:
        """Return the new categories; labels keep their order."""
        known = categories.names
        there = f"there are {', '.join(known[:20])}" if known else "there are no labels"
        self._warnings = tuple(
            f"remap_labels: there is no label {name!r} ({did_you_mean(name, known) or there})"
            for name in self._mapping
            if name not in known
        )
        names: list[str | None] = []
        for n, label in enumerate(categories.labels):
            if label.name in self._mapping:
                names.append(self._mapping[label.name] or None)
            elif categories.is_joint(n):  # the name of a keypoint follows its skeleton's label
                names.append(label.name if self._keeps(label.parent) else None)
            else:
                names.append(label.name if self._default == "keep" else None)
        labels, index = joined_labels(categories, names)
        return moved_categories(categories, labels, index)

    def _keeps(self, name: str) -> bool:
        return bool(self._mapping.get(name, self._default == "keep"))


class ProjectLabels(_Moving):
    """Bring the labels to a given list: others go with their annotations, missing ones are added.

    Args:
        labels: The names, in their new order.
        unlabelled: What is done with annotations that have no label: "keep" or "delete".

    Raises:
        OptionError: There is no name, or one is there twice.
    """

    def __init__(self, *, labels: Sequence[str] = (), unlabelled: Action = "keep") -> None:
        if not labels:
            raise OptionError("project_labels: no label is given", hint="-l NAME, repeatable")
        if len(set(labels)) < len(labels):
            twice = next(name for n, name in enumerate(labels) if name in labels[:n])
            raise OptionError(f"project_labels: label {twice!r} is given twice")
        if unlabelled not in {"keep", "delete"}:
            raise OptionError(f"project_labels: {unlabelled!r} is neither 'keep' nor 'delete'")
        self._labels = list(labels)
        self._unlabelled = unlabelled

    def moved(self, categories: Categories) -> tuple[Categories, Moves]:
        """Return the new categories; where masks have colours, new labels get one too."""
        order = {name: n for n, name in enumerate(self._labels)}
        index = [order.get(label.name) for label in categories.labels]
        labels = []
        for name in self._labels:
            old = categories.index(name)
            labels.append(LabelCategory(name) if old is None else categories.labels[old])
        made, moves = moved_categories(categories, labels, index)
        if categories.colors:
            fresh = [n for n in range(len(labels)) if categories.index(labels[n].name) is None]
            made = replace(made, colors=_with_colors(made.colors, fresh))
        return made, moves


def _with_colors(
    colors: Mapping[int, tuple[int, int, int]], fresh: Sequence[int]
) -> dict[int, tuple[int, int, int]]:
    """Return colours with one more for each new label: the first of Pascal VOC's that are free."""
    found = dict(colors)
    taken = {*colors.values(), (0, 0, 0)}
    number = 0
    for label in fresh:
        while (color := _voc_color(number)) in taken:
            number += 1
        taken.add(color)
        found[label] = color
    return dict(sorted(found.items()))


def _voc_color(number: int) -> tuple[int, int, int]:
    """Return a colour of Pascal VOC's palette: bits of the number go round the three channels."""
    red = green = blue = 0
    for shift in range(8):
        bits = number >> (3 * shift)
        red |= (bits & 1) << (7 - shift)
        green |= (bits >> 1 & 1) << (7 - shift)
        blue |= (bits >> 2 & 1) << (7 - shift)
    return red, green, blue
