"""From a label volume to annotations: one mask in the volume per value, or masks of its slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dsk.annotations import Mask, Mask3d
from dsk_medical.volume import geometry
from dsk_medical.volume.labels import LabelVolume, SliceMask

__all__ = ["IMAGE_ID", "slice_masks", "volume_masks"]

IMAGE_ID = "image_id"
"""Attribute of a mask: which slice of its item it belongs to, from 0. Datumaro's name."""


def volume_masks(
    labels: LabelVolume,
    label_of: Callable[[int], int | None],
    *,
    affine: geometry.Affine | None = None,
    attributes: Callable[[int], dict[str, Any]] | None = None,
    first_object: int = -1,
) -> Iterator[Mask3d]:
    """Yield a mask for each value but 0, ascending.

    Args:
        labels: The label volume.
        label_of: From value to label.
        affine: The label volume's affine, if it is not that of the item.
        attributes: From value to the mask's attributes.
        first_object: The first mask's ``object_id``, further ones count up; -1: they get none.

    Raises:
        MediaError: The volume is damaged or holds no labels.
    """
    number = first_object
    for value in labels.values():
        if value:
            yield Mask3d(
                labels,
                value,
                geometry.flat(affine),
                label=label_of(value),
                object_id=number,
                attributes=attributes(value) if attributes else {},
            )
            number += first_object >= 0


def slice_masks(
    labels: LabelVolume,
    label_of: Callable[[int], int | None],
    *,
    background: bool = False,
    objects: Mapping[int, int] | None = None,
    attributes: Callable[[int, int], dict[str, Any]] | None = None,
) -> Iterator[Mask]:
    """Yield a mask for each value in each slice, slices and values ascending.

    Args:
        labels: The label volume.
        label_of: From value to label.
        background: Whether 0 gets masks too.
        objects: Numbers of the objects by value: ``object_id`` and ``group`` of their masks.
        attributes: From slice and value to further attributes.

    Raises:
        MediaError: The volume is damaged or holds no labels.
    """
    for k, values in enumerate(labels.slice_values()):
        for value in values:
            if not value and not background:
                continue
            more = attributes(k, value) if attributes else {}
            number = objects.get(value, -1) if objects else -1
            yield Mask(
                SliceMask(labels, k, value),
                label=label_of(value),
                group=max(number, 0),
                object_id=number,
                attributes={IMAGE_ID: k, **more},
            )
