"""Slices that are images put together again."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Annotation, Mask, Mask3d
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Rearrangement
from dsk.item import DatasetItem
from dsk.media import Image, Volume
from dsk_medical.nifti.objects import identity
from dsk_medical.nifti.scores import attributes_of
from dsk_medical.slices.cutting import AFFINE, AXIS, SHAPE, SLICE, VIEW, VOLUME_ID
from dsk_medical.slices.stacks import ImageStack, MaskStack
from dsk_medical.slices.views import STORED, inverse, orientation_of
from dsk_medical.volume import geometry
from dsk_medical.volume.annotate import IMAGE_ID
from dsk_medical.volume.arrays import LazyVolume

if TYPE_CHECKING:
    from dsk.loss import Ledger

__all__ = ["SlicesToVolumes"]

_NUMBERED = re.compile(r"(.+)[/_](\d{1,6})")
_OURS = (VOLUME_ID, SLICE, SHAPE, AFFINE, AXIS, VIEW)


class SlicesToVolumes(Rearrangement):
    """Join items ``<id>/<number>`` into volumes.

    Args:
        like: Path of the dataset of the volumes that were cut: voxels and geometry are theirs.
        axis: What the slices were cut along, if the items do not say it.
        view: How they were turned, likewise.
        masks: "volume" or "slices".
    """

    def __init__(
        self,
        *,
        like: str | None = None,
        axis: str = "stored",
        view: str = "raw",
        masks: str = "volume",
    ) -> None:
        self._like_path = like
        self._axis = axis
        self._view = view
        self._slices = masks == "slices"
        self._like: dict[tuple[str, str], Volume] | None = None

    def header(self, header: Header) -> Header:
        """Return the header of volumes, whose number is not known."""
        media = (header.media - {"image"}) | {"volume"}
        return replace(header, media=frozenset(media), items=None)

    def key(self, item: DatasetItem) -> tuple[str, str]:
        """Return subset and volume; items that are no slices stay alone."""
        return item.subset, _place(item)[0]

    def join(self, items: list[DatasetItem], ledger: Ledger) -> list[DatasetItem]:
        """Return the volume of some slices."""
        if len(items) == 1 and _place(items[0])[1] < 0:
            return items
        try:
            return [self._join(items, ledger)]
        except InputError as error:
            name = _place(items[0])[0]
            bad = RecordError(error.message, where=error.where, hint=error.hint, item=name)
            ledger.bad_record(bad)
            gone = sum(len(item.annotations) for item in items)
            if gone:
                what = "annotations of slices that make no volume"
                ledger.add("DSK-L018", what, count=gone, item=name, subset=items[0].subset)
            return []

    def _join(self, items: list[DatasetItem], ledger: Ledger) -> DatasetItem:
        name = _place(items[0])[0]
        by_slice: dict[int, DatasetItem] = {}
        for item in items:
            k = _place(item)[1]
            if k in by_slice:
                raise MediaError(f"slice {k} is there twice: {item.id} and {by_slice[k].id}")
            by_slice[k] = item
        media, orientation = self._volume(name, by_slice, ledger)
        shape = tuple(media.shape[axis] for axis, _ in orientation)
        if max(by_slice) >= shape[2]:
            raise MediaError(f"there is a slice {max(by_slice)}, the volume has {shape[2]}")
        annotations = self._annotations(by_slice, shape, orientation, ledger)
        ledger.add("DSK-L022", "slices became volumes", item=name, subset=items[0].subset)
        attributes = {k: v for k, v in items[0].attributes.items() if k not in (*_OURS, "id")}
        return DatasetItem(name, items[0].subset, media, annotations, attributes)

    def _volume(
        self, name: str, by_slice: dict[int, DatasetItem], ledger: Ledger
    ) -> tuple[Volume, geometry.Orientation]:
        """Return the volume and how its axes had become rows, columns and slices."""
        first = next(iter(by_slice.values()))
        about = first.attributes
        axis, view = str(about.get(AXIS, self._axis)), str(about.get(VIEW, self._view))
        like = self._likeness(first.subset, name)
        if like is not None:
            affine = geometry.matrix(like.affine)
            return like, orientation_of(affine, axis, view, like.slice_axis)
        affine, stated = _geometry(about)
        if affine is None:
            axis, view = (axis if axis in ("0", "1", "2") else "2"), "raw"
            ledger.warn("slices do not say how they lie in space: the option like=VOLUMES helps")
        orientation = orientation_of(affine, axis, view)
        images = {k: i.media for k, i in by_slice.items() if isinstance(i.media, Image)}
        size, kind, colours = _look(images, by_slice)
        depth = max(by_slice) + 1
        if stated is not None:
            depth = stated[orientation[2][0]]
        stack: LazyVolume = ImageStack(images, (*size, depth, *colours), kind)
        if orientation != STORED:
            stack = geometry.ReorientedVolume(stack, inverse(orientation))
        if stated is not None and stack.shape[:3] != stated:
            raise MediaError(f"the slices make {stack.shape[:3]}, the volume was {stated}")
        source = stack if images and all(m.source is not None for m in images.values()) else None
        volume = Volume(name, source, None, stack.shape, geometry.flat(affine), stack.dtype.name)
        return volume, orientation

    def _likeness(self, subset: str, name: str) -> Volume | None:
        if self._like_path is None:
            return None
        if self._like is None:
            from dsk.dataset import Dataset

            dataset = Dataset.import_from(self._like_path)
            pairs = ((i.subset, i.id, i.media) for i in dataset)
            self._like = {(s, n): m for s, n, m in pairs if isinstance(m, Volume)}
        found = self._like.get((subset, name))
        if found is None:
            same = [m for (_, n), m in self._like.items() if n == name]
            found = same[0] if len(same) == 1 else None
        if found is None:
            raise MediaError(f"no volume {name!r} is there", where=self._like_path)
        return found

    def _annotations(
        self,
        by_slice: dict[int, DatasetItem],
        shape: tuple[int, ...],
        orientation: geometry.Orientation,
        ledger: Ledger,
    ) -> list[Annotation]:
        objects: dict[Any, dict[int, list[Mask]]] = defaultdict(lambda: defaultdict(list))
        kept: list[Annotation] = []
        for k in sorted(by_slice):
            item = by_slice[k]
            for a in item.annotations:
                if isinstance(a, Mask) and self._slices and orientation == STORED:
                    kept.append(replace(a, attributes={**a.attributes, IMAGE_ID: k}))
                elif isinstance(a, Mask):
                    objects[a.label, _object(a)][k].append(a)
                else:
                    what = f"{a.kind} of a slice has no place in a volume"
                    hint = "-t polygons_to_masks or -t boxes_to_masks makes masks of outlines"
                    ledger.add(
                        "DSK-L018", what, kind=a.kind, item=item.id, subset=item.subset, hint=hint
                    )
        for number, masks in enumerate(objects.values(), 1):
            kept.append(_whole(masks, number, shape, orientation, ledger))
        return kept


def _object(a: Mask) -> Any:
    value = a.attributes.get("object_value")
    return identity(a) if a.object_id >= 0 or value is None else ("value", value)


def _whole(
    masks: dict[int, list[Mask]],
    number: int,
    shape: tuple[int, ...],
    orientation: geometry.Orientation,
    ledger: Ledger,
) -> Mask3d:
    """Return one object from the masks of its slices."""
    members = [mask for k in sorted(masks) for mask in masks[k]]
    first = members[0]
    stated = first.attributes.get("object_value")
    good = isinstance(stated, int) and not isinstance(stated, bool) and 0 < stated < 1 << 31
    value = int(stated) if good and stated is not None else 1
    stack: LazyVolume = MaskStack(masks, shape, value)
    if orientation != STORED:
        stack = geometry.ReorientedVolume(stack, inverse(orientation))
    if len(members) > 1:
        what, count = "masks of slices became a mask in the volume", len(members) - 1
        ledger.add("DSK-L014", what, kind="mask", count=count)
    left_out = (IMAGE_ID, "object_value", "score")
    attributes = {k: v for k, v in first.attributes.items() if k not in left_out}
    return Mask3d(
        stack,
        value,
        label=first.label,
        object_id=first.object_id if first.object_id >= 0 else number,
        attributes={**attributes, **_scores(masks, shape[2], orientation[2], ledger)},
    )


def _scores(
    masks: dict[int, list[Mask]], depth: int, along: tuple[int, int], ledger: Ledger
) -> dict[str, Any]:
    """Return the scores of an object's slices as attributes of the mask in the volume.

    Args:
        masks: Its masks by slice.
        depth: How many slices there are.
        along: The volume's axis that the slices were cut along, and which way.
        ledger: Where scores go that belong to slices along another axis than the third.
    """
    axis, sign = along
    stored = {k: k if sign > 0 else depth - 1 - k for k in masks}
    scores = {
        stored[k]: float(mask.attributes["score"])
        for k in masks
        for mask in masks[k]
        if isinstance(mask.attributes.get("score"), int | float)
    }
    found = attributes_of(scores, sorted(stored.values()))
    if axis == 2 or "scores" not in found:
        return found
    hint = "scores belong to slices along the third axis as stored"
    ledger.add("DSK-L004", "scores", kind="mask", count=len(scores), hint=hint)
    return {}


def _place(item: DatasetItem) -> tuple[str, int]:
    """Return the volume's id and the slice's number; -1 if the item is no slice."""
    name, number = item.attributes.get(VOLUME_ID), item.attributes.get(SLICE)
    match = _NUMBERED.fullmatch(item.id)
    if name is None and match is not None:
        name = match[1]
    if number is None and match is not None:
        number = match[2]
    try:
        return (
            (str(name), int(number)) if name is not None and number is not None else (item.id, -1)
        )
    except (TypeError, ValueError):
        return item.id, -1


def _geometry(
    about: dict[str, Any],
) -> tuple[geometry.Affine | None, tuple[int, ...] | None]:
    """Return the affine and the shape that attributes state, maybe as text."""
    affine, shape = _floats(about.get(AFFINE), 16), _floats(about.get(SHAPE), 3)
    stated = tuple(int(n) for n in shape) if shape else None
    return (np.array(affine).reshape(4, 4) if affine else None), stated


def _floats(given: Any, count: int) -> list[float]:
    texts = re.split(r"[\s,\[\]()]+", given.strip("[]() ")) if isinstance(given, str) else given
    try:
        numbers = [float(n) for n in texts or ()]
    except (TypeError, ValueError):
        return []
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else []


def _look(
    images: dict[int, Image], by_slice: dict[int, DatasetItem]
) -> tuple[tuple[int, int], np.dtype[Any], tuple[int, ...]]:
    """Return size, type and colours of slices by the first one that can be looked at."""
    for image in images.values():
        if image.source is not None and image.exists:
            pixels = image.data
            return (pixels.shape[0], pixels.shape[1]), pixels.dtype, pixels.shape[2:]
        if image.size is not None:
            return image.size, np.dtype(np.uint8), ()
    for item in by_slice.values():
        for a in item.annotations:
            if isinstance(a, Mask):
                height, width = a.rle.size
                return (height, width), np.dtype(np.uint8), ()
    raise MediaError("nothing says how large the slices are")
