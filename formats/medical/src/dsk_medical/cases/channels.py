"""Several volume files as the channels of one, and a volume's channels one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.media import Volume
from dsk_medical.volume.arrays import COLORS, FileArray, LazyVolume, StackedVolume, open_volume

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = [
    "ChannelVolume",
    "Stored",
    "channel_count",
    "channel_names",
    "parts_of",
    "report_names",
    "stored",
    "unscaled",
]

MODALITY = "modality"
"""Attribute of an item: what made its volume, in DICOM's words (CT, MR)."""


class ChannelVolume(StackedVolume):
    """Volumes of one grid as channels of one, which knows their files.

    Args:
        volumes: The channels, three axes each.

    Raises:
        MediaError: They have different shapes.
    """

    def __init__(self, volumes: Sequence[Volume]) -> None:
        self.volumes = tuple(volumes)
        super().__init__([open_volume(volume) for volume in volumes])


def parts_of(media: Volume) -> tuple[Volume, ...]:
    """Return the volumes of single channels that a volume is made of; none if it is one array."""
    source = media.source
    if isinstance(source, ChannelVolume):
        return source.volumes
    if len(media.shape) == 3 and source is not None:
        return (media,)
    return ()


def channel_count(media: Volume) -> int:
    """Return how many channels a volume has."""
    return media.shape[3] if len(media.shape) > 3 else 1


def channel_names(item: DatasetItem, media: Volume) -> tuple[str, ...]:
    """Return the names of a volume's channels: its own, else what made it; "" where unknown."""
    count = channel_count(media)
    if len(media.channels) == count:
        return tuple(media.channels)
    modality = item.attributes.get(MODALITY)
    return (modality,) if count == 1 and isinstance(modality, str) else ("",) * count


def report_names(ctx: WriteContext, item: DatasetItem, media: Volume) -> None:
    """Tell the ledger of names of channels, which files of single volumes do not hold."""
    if media.channels and media.channels[:3] != COLORS[:3]:
        what, hint = "names of channels", "nnunet and msd keep them"
        ctx.ledger.add_at("DSK-L016", what, item, hint=hint)


class Stored(NamedTuple):
    """Voxels as a NIfTI file can hold them.

    Attributes:
        shape: Their axes, three or four.
        dtype: Type of the stored numbers.
        scaling: (slope, intercept) from stored numbers to values.
        planes: (i, j) planes, along k, then along channels.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scaling: tuple[float, float]
    planes: Iterator[NDArray[Any]]

    def channels(self) -> Iterator[Iterator[NDArray[Any]]]:
        """Yield the planes of each channel; they must be used up in order."""
        count = self.shape[3] if len(self.shape) > 3 else 1
        for _ in range(count):
            yield islice(self.planes, self.shape[2])


_HELD = {"b": np.uint8, "float16": np.float32}


def stored(media: Volume) -> Stored:
    """Return what is to be written of a volume; scale factors are kept, not applied.

    Raises:
        MediaError: The content is missing or damaged.
    """
    array: LazyVolume = open_volume(media)
    if isinstance(array, FileArray):
        dtype = array.stored.newbyteorder("=")
        return Stored(array.shape, dtype, array.scaling, array.raw_planes())
    shape = (*array.shape, *(1,) * (3 - len(array.shape)))
    dtype = np.dtype(_HELD.get(array.dtype.kind, _HELD.get(array.dtype.name, array.dtype)))
    return Stored(shape, dtype, (1.0, 0.0), array.planes())


def unscaled(ctx: WriteContext, item: DatasetItem, array: Stored) -> Stored:
    """Return an array with its scale factors applied, for formats without any; reported."""
    if array.scaling == (1.0, 0.0):
        return array
    what = "scale factors applied: values are kept, their type is not"
    ctx.ledger.add_at("DSK-L016", what, item)
    slope, inter = array.scaling

    def scaled(planes: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        for plane in planes:
            yield plane * np.float64(slope) + np.float64(inter)

    return Stored(array.shape, np.dtype(np.float64), (1.0, 0.0), scaled(array.planes))
