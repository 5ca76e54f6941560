"""The masks of a volume's item, slice by slice."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dsk.annotations import Annotation, Mask, Mask3d
from dsk_medical.nifti.objects import SCORE_NAMES, identity
from dsk_medical.nifti.scores import scores_of
from dsk_medical.slices.pictures import HeldVolume
from dsk_medical.slices.stacks import MaskStack, ObjectView
from dsk_medical.slices.views import STORED
from dsk_medical.volume import geometry
from dsk_medical.volume.align import align
from dsk_medical.volume.annotate import IMAGE_ID
from dsk_medical.volume.arrays import ArrayView, LazyVolume
from dsk_medical.volume.compose import slice_number
from dsk_medical.volume.labels import LabelVolume, SliceMask

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["SliceMasks"]

OBJECT_VALUE = "object_value"


class SliceMasks:
    """Masks of slices from masks in the volume.

    Args:
        item: The item.
        shape: The volume's first three axes.
        affine: Its affine, or None.
        orientation: How its axes become rows, columns and slices.
    """

    def __init__(
        self,
        item: DatasetItem,
        shape: tuple[int, ...],
        affine: geometry.Affine | None,
        orientation: geometry.Orientation,
    ) -> None:
        self._item = item
        self._shape = shape
        self._affine = affine
        self._orientation = orientation
        self._labels: dict[Any, LabelVolume] = {}
        self._kept: list[Any] = []  # keeps ids of objects from being given to others

    def by_slice(self, ledger: Ledger) -> dict[int, list[Annotation]]:
        """Return the masks of each slice; what becomes of the item's goes to the ledger.

        Raises:
            MediaError: A mask is damaged, or lies elsewhere than the volume.
        """
        found: dict[int, list[Annotation]] = defaultdict(list)
        loose: dict[Any, list[Mask]] = defaultdict(list)
        number = 0
        for a in self._item.annotations:
            if isinstance(a, Mask3d):
                number += 1
                self._count(a, self._cut(a, number, found), ledger)
                if "scores" in a.attributes and self._orientation[2][0] != 2:
                    self._lost_scores(a.kind, 1, ledger)
            elif isinstance(a, Mask) and self._orientation == STORED:
                found[slice_number(a, self._shape[2])].append(a)
            elif isinstance(a, Mask):
                loose[a.label, identity(a)].append(a)
            else:
                self._drop(a, ledger)
        for members in loose.values():
            number += 1
            self._recut(members, number, found, ledger)
        return found

    def _drop(self, a: Annotation, ledger: Ledger) -> None:
        ledger.add_at("DSK-L018", f"{a.kind} has no place in a slice", self._item, a)

    def _count(self, a: Annotation, made: int, ledger: Ledger) -> None:
        place: Any = {"item": self._item.id, "subset": self._item.subset, "annotation": a.id}
        if not made:
            ledger.add("DSK-L019", "masks without a voxel", kind=a.kind, **place)
        elif made > 1:
            what = "masks in the volume became masks of slices"
            ledger.add("DSK-L013", what, kind=a.kind, count=made - 1, **place)

    def _lost_scores(self, kind: str, count: int, ledger: Ledger) -> None:
        place: Any = {"item": self._item.id, "subset": self._item.subset}
        hint = "scores belong to slices along the third axis as stored"
        ledger.add("DSK-L004", "scores", kind=kind, count=count, hint=hint, **place)

    def _recut(
        self,
        members: list[Mask],
        number: int,
        found: dict[int, list[Annotation]],
        ledger: Ledger,
    ) -> None:
        """Cut an object that is masks of slices along another axis."""
        by_slice: dict[int, list[Mask]] = defaultdict(list)
        for a in members:
            by_slice[slice_number(a, self._shape[2])].append(a)
        first = members[0]
        attributes = {k: v for k, v in first.attributes.items() if k != IMAGE_ID}
        if len({a.attributes.get("score") for a in members}) > 1:
            attributes.pop("score", None)
            count = sum("score" in a.attributes for a in members)
            self._lost_scores(first.kind, count, ledger)
        whole = Mask3d(
            MaskStack(by_slice, self._shape),
            1,
            label=first.label,
            object_id=first.object_id,
            attributes=attributes,
        )
        made = self._cut(whole, number, found)
        place: Any = {"item": self._item.id, "subset": self._item.subset}
        change = made - len(members)
        if change:
            code = "DSK-L013" if change > 0 else "DSK-L014"
            what = "masks of slices were cut along another axis"
            ledger.add(code, what, kind="mask", count=abs(change), **place)

    def _cut(self, a: Mask3d, number: int, found: dict[int, list[Annotation]]) -> int:
        labels = self._volume(a)
        value = 1 if a.value is None else a.value
        attributes = {k: v for k, v in a.attributes.items() if k not in SCORE_NAMES}
        attributes.setdefault(OBJECT_VALUE, value)
        places = [k for k, there in enumerate(labels.slice_values()) if value in there]
        axis, sign = self._orientation[2]
        stored = {k: k if sign > 0 else self._shape[2] - 1 - k for k in places}
        scores = scores_of(a.attributes, list(stored.values())) if axis == 2 else {}
        for k in places:
            more = {"score": scores[stored[k]]} if axis == 2 and stored[k] in scores else {}
            if not scores and "score" in a.attributes:
                more = {"score": a.attributes["score"]}
            found[k].append(
                Mask(
                    SliceMask(labels, k, value),
                    label=a.label,
                    object_id=a.object_id if a.object_id >= 0 else number,
                    z_order=a.z_order,
                    attributes={IMAGE_ID: k, **attributes, **more},
                )
            )
        return len(places)

    def _volume(self, a: Mask3d) -> LabelVolume:
        """Return the label volume that a mask is part of, turned; shared by its masks."""
        key = (id(a.source), a.value is None, a.affine)
        if key not in self._labels:
            self._kept.append(a.source)
            given = a.source
            if callable(given) and not hasattr(given, "shape"):
                given = given()
            array: LazyVolume = given if isinstance(given, LazyVolume) else ArrayView(given)
            name = array.name if isinstance(array, LabelVolume) else "a mask"
            own = geometry.matrix(a.affine)
            own = self._affine if own is None else own
            fitted = align(array, own, self._affine, self._shape, policy="error", name=name)
            array = ObjectView(fitted.array) if a.value is None else fitted.array
            if self._orientation != STORED:
                along = self._orientation[2][0]
                held = array if along == 2 else HeldVolume(array, along)
                array = geometry.ReorientedVolume(held, self._orientation)
            self._labels[key] = (
                array if isinstance(array, LabelVolume) else LabelVolume(array, name)
            )
        return self._labels[key]
