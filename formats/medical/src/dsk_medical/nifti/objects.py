"""Which value the voxels of each object get, and the scores that go with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.errors import MediaError
from dsk_medical.nifti.scores import Scores, scores_of
from dsk_medical.volume.arrays import ArrayView, LazyVolume
from dsk_medical.volume.compose import slice_number
from dsk_medical.volume.labels import LabelVolume

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["SCORE_NAMES", "collect_scores", "identity", "object_values", "report_numbers"]

SCORE_NAMES = ("score", "scores", "score_slices")
_LARGEST = (1 << 31) - 1


def object_values(annotations: Iterable[Annotation]) -> dict[int, int]:
    """Choose a value for each object of one class.

    The value it has in its source is kept if no other object has it; the others get the smallest
    that are free.

    Args:
        annotations: Masks of one label of one item; masks of slices belong to one object by
            ``object_id``, ``group`` or the attribute ``object_value``, else all to one.

    Returns:
        Values by ``id(annotation)``.
    """
    objects: dict[Any, list[Annotation]] = {}
    for a in annotations:
        objects.setdefault(identity(a), []).append(a)
    values: dict[Any, int] = {}
    for key, members in objects.items():
        wish = _wish(members[0])
        if wish and wish not in values.values():
            values[key] = wish
    taken, number = set(values.values()), 1
    for key in objects:
        if key not in values:
            while number in taken:
                number += 1
            values[key] = number
            taken.add(number)
    return {id(a): values[key] for key, members in objects.items() for a in members}


def identity(a: Annotation) -> Any:
    """Return what masks of one label that belong to one object have in common."""
    if isinstance(a, Mask3d):
        return ("volume", id(a))
    if a.object_id >= 0:
        return ("object", a.object_id)
    if a.group:
        return ("group", a.group)
    return ("value", a.attributes.get("object_value"))


def _wish(a: Annotation) -> int:
    stated = a.attributes.get("object_value", getattr(a, "value", None))
    if isinstance(stated, int) and not isinstance(stated, bool) and 0 < stated <= _LARGEST:
        return stated
    return 0


def report_numbers(ledger: Ledger, item: DatasetItem, annotations: Iterable[Annotation]) -> None:
    """Tell that objects are known by their values from now on, no more by their numbers."""
    for a in annotations:
        if a.object_id >= 0:
            ledger.add_at("DSK-L015", "object_id: objects are values of their class", item, a)


def collect_scores(
    item: DatasetItem, annotations: Iterable[Annotation], values: dict[int, int], ledger: Ledger
) -> Scores:
    """Return the scores of objects by value and slice; what is no score goes to the ledger."""
    found: Scores = {}
    for a in annotations:
        if not any(name in a.attributes for name in SCORE_NAMES):
            continue
        try:
            slices = [] if "scores" in a.attributes else _slices(item, a)
        except MediaError:  # a mask of no slice, which was not written
            continue
        try:
            scores = scores_of(a.attributes, slices)
        except (TypeError, ValueError):
            _lost(ledger, item, a, "scores are numbers, one for each slice")
            continue
        own = found.setdefault(values[id(a)], {})
        if any(own.get(k, score) != score for k, score in scores.items()):
            _lost(ledger, item, a, "a value has one score in a slice: that of an earlier object")
        found[values[id(a)]] = scores | own
    return found


def _lost(ledger: Ledger, item: DatasetItem, a: Annotation, hint: str) -> None:
    for name in SCORE_NAMES:
        if name in a.attributes:
            ledger.add_at("DSK-L004", name, item, a, hint=hint)


def _slices(item: DatasetItem, a: Annotation) -> list[int]:
    """Return the slices that a mask has voxels in."""
    if isinstance(a, Mask):
        shape: tuple[int, ...] = getattr(item.media, "shape", ())
        return [slice_number(a, shape[2] if len(shape) > 2 else _LARGEST)]
    source = a.source if isinstance(a, Mask3d) else None
    value = getattr(a, "value", None)
    if isinstance(source, LabelVolume):
        return [k for k, there in enumerate(source.slice_values()) if value in there]
    array = source if isinstance(source, LazyVolume) else ArrayView(source)
    pieces = enumerate(array.slices())
    return [k for k, piece in pieces if np.any(piece != 0 if value is None else piece == value)]
