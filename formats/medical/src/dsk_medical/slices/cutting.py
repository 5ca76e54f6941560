"""Volumes cut into slices that are images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.errors import InputError, MediaError, OptionError, RecordError
from dsk.flow import Header, Transform
from dsk.item import DatasetItem
from dsk.media import Image, Volume
from dsk_medical.slices.objects import SliceMasks
from dsk_medical.slices.pictures import MOST_HELD, HeldVolume, Pictures, Window
from dsk_medical.slices.views import STORED, orientation_of
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import COLORS, ChannelView, LazyVolume, open_volume

if TYPE_CHECKING:
    from dsk.loss import Ledger

__all__ = ["VOLUME_ID", "VolumesToSlices"]

VOLUME_ID, SLICE, SHAPE, AFFINE, AXIS, VIEW = (
    "volume_id",
    "slice_index",
    "volume_shape",
    "volume_affine",
    "slice_axis",
    "slice_view",
)
"""Attributes of a slice's item: the volume's id, the slice's number from 0, the volume's shape and
affine (16 numbers, voxel indices to RAS+ mm), and the options it was cut with."""


def _numbers(name: str, given: Sequence[Any], low: float, high: float) -> tuple[float, float]:
    try:
        numbers = [float(n) for n in given]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 2 or not low <= numbers[0] < numbers[1] <= high:
        raise OptionError(
            f"{name} is two numbers, the smaller one first, not {list(given)}",
            hint=f"--{name} 0.5,99.5" if name == "percentile" else "--window -160,240",
        )
    return numbers[0], numbers[1]


class VolumesToSlices(Transform):
    """Make each slice of a volume an item ``<id>/<number>`` with its masks.

    Args:
        axis: What slices step along.
        view: "raw": rows and columns are axes as stored; "radiological": turned to be looked at.
        window: The values that become black and white; "none": values are kept.
        percentile: The same as percentiles of each volume.
        channels: Names or numbers of one channel or three.
        annotated_only: Leave out slices without annotations.

    Raises:
        OptionError: A window or percentiles are no two numbers, or channels not one or three.
    """

    heavy = True

    def __init__(
        self,
        *,
        axis: str = "stored",
        view: str = "raw",
        window: Sequence[Any] = (),
        percentile: Sequence[Any] = ("0.5", "99.5"),
        channels: Sequence[Any] = (),
        annotated_only: bool = False,
    ) -> None:
        self._axis = axis
        self._view = view
        self._keep = list(window) == ["none"]
        self._window = (
            _numbers("window", window, float("-inf"), float("inf"))
            if window and not self._keep
            else None
        )
        self._percentile = _numbers("percentile", percentile, 0, 100)
        self._channels = [str(channel) for channel in channels]
        if len(self._channels) not in (0, 1, 3):
            raise OptionError("channels are one, or three for red, green, blue")
        self._annotated_only = annotated_only

    def header(self, header: Header) -> Header:
        """Return the header of images, whose number is not known."""
        if "volume" not in header.media:
            return header
        media = (header.media - {"volume"}) | {"image"}
        return replace(header, media=frozenset(media), items=None)

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | Iterator[DatasetItem]:
        """Return the slices; items without a volume stay as they are."""
        if not isinstance(item.media, Volume):
            return item
        return self._cut(item, item.media, ledger)

    def _cut(self, item: DatasetItem, media: Volume, ledger: Ledger) -> Iterator[DatasetItem]:
        try:
            affine = geometry.matrix(media.affine)
            orientation = orientation_of(affine, self._axis, self._view, media.slice_axis)
            shape = media.shape[:3]
            if len(shape) < 3:
                raise MediaError("the volume's shape is not known", where=media.path)
            masks = SliceMasks(item, shape, affine, orientation)
            by_slice = masks.by_slice(ledger)
            pictures = self._pictures(media, orientation)
        except InputError as error:
            self._bad(item, error, ledger)
            return
        self._tell(item, media, affine, orientation, ledger)
        rows, columns, depth = (shape[axis] for axis, _ in orientation)
        about = self._about(item, media)
        for k in range(depth):
            annotations = by_slice.get(k, [])
            if self._annotated_only and not annotations:
                continue
            name = f"{item.id}/{k:04d}"
            source = None if pictures is None else partial(pictures.picture, k)
            image = Image(f"{name}.png", source, None, (rows, columns))
            yield DatasetItem(
                name, item.subset, image, annotations, {**item.attributes, **about, SLICE: k}
            )

    @staticmethod
    def _bad(item: DatasetItem, error: InputError, ledger: Ledger) -> None:
        bad = RecordError(error.message, where=error.where, hint=error.hint, item=item.id)
        ledger.bad_record(bad)
        if item.annotations:
            what, gone = "annotations of volumes that cannot be read", len(item.annotations)
            ledger.add_at("DSK-L018", what, item, count=gone)

    def _about(self, item: DatasetItem, media: Volume) -> dict[str, Any]:
        about: dict[str, Any] = {
            VOLUME_ID: item.id,
            SHAPE: list(media.shape[:3]),
            AXIS: str(media.slice_axis) if self._axis == "stored" else self._axis,
            VIEW: self._view,
        }
        if media.affine is not None:
            about[AFFINE] = list(media.affine)
        return about

    def _pictures(self, media: Volume, orientation: geometry.Orientation) -> Pictures | None:
        """Return the channels to show as pictures; None if the volume has no content."""
        if media.source is None:
            return None
        volume = open_volume(media)
        shown = [volume]
        if len(volume.shape) > 3:
            shown = [ChannelView(volume, n) for n in self._chosen(media, volume.shape[3])]
        keep = self._as_they_are(media)
        twice = not keep and self._window is None
        shown = [_held(channel, orientation[2][0], twice=twice) for channel in shown]
        windows = []
        if not keep:
            windows = [Window(channel, self._window, self._percentile) for channel in shown]
        elif volume.dtype.name not in ("uint8", "uint16", "bool"):
            raise MediaError(
                f"window=none keeps values of 8 or 16 bits, the volume is {volume.dtype}",
                where=media.path,
                hint="choose two values that become black and white",
            )
        if orientation != STORED:
            shown = [geometry.ReorientedVolume(channel, orientation) for channel in shown]
        return Pictures(shown, windows)

    def _as_they_are(self, media: Volume) -> bool:
        """Whether values stay: on request, and colours unless there is a window."""
        return self._keep or (self._window is None and _in_color(media))

    def _chosen(self, media: Volume, count: int) -> list[int]:
        names = {name: n for n, name in enumerate(media.channels)}
        names |= {str(n): n for n in range(count)}
        unknown = [channel for channel in self._channels if channel not in names]
        if unknown:
            raise MediaError(
                f"there is no channel {unknown[0]!r}",
                where=media.path,
                hint=f"channels are {', '.join(list(names)[:12])}",
            )
        default = [0, 1, 2] if _in_color(media) else [0]
        return [names[channel] for channel in self._channels] or default

    def _tell(
        self,
        item: DatasetItem,
        media: Volume,
        affine: geometry.Affine | None,
        orientation: geometry.Orientation,
        ledger: Ledger,
    ) -> None:
        """Tell the ledger what slices cannot show."""
        place: Any = {"item": item.id, "subset": item.subset}
        ledger.add("DSK-L022", "volumes became slices", **place)
        if not self._as_they_are(media):
            hint = "-t 'volumes_to_slices window=none' keeps values of 8 and 16 bits"
            ledger.add("DSK-L016", "volumes shown in 256 grey values", hint=hint, **place)
        count = media.shape[3] if len(media.shape) > 3 else 1
        if count > (len(self._channels) or (3 if _in_color(media) else 1)):
            hint = f"the option channels names others: {', '.join(media.channels)}"
            ledger.add("DSK-L016", "channels that are not shown", hint=hint, **place)
        if affine is not None:
            sizes = [geometry.spacing(affine)[axis] for axis, _ in orientation[:2]]
            if max(sizes) > 1.01 * min(sizes):
                ledger.warn("pixels of slices are not square: their shape in mm is not kept")


def _in_color(media: Volume) -> bool:
    return media.channels[:3] == COLORS[:3] and media.dtype == "uint8"


def _held(volume: LazyVolume, along: int, *, twice: bool) -> LazyVolume:
    """Hold a volume that is read along another axis than the file's, or twice and is small."""
    small = math.prod(volume.shape) * volume.dtype.itemsize <= MOST_HELD
    return HeldVolume(volume, along) if along != 2 or (twice and small) else volume
