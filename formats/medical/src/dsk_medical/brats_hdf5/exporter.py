"""Writing brats_hdf5."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Annotation
from dsk.errors import InputError, OptionError
from dsk.flow import Exporter, Header
from dsk.media import Volume
from dsk_medical.brats.classes import channel_of
from dsk_medical.brats.exporter import side_row, write_side_tables
from dsk_medical.brats_hdf5.arrays import SliceImages
from dsk_medical.brats_hdf5.files import CHANNELS, VALUES, slice_file
from dsk_medical.brats_hdf5.tables import METADATA, Row, metadata_csv
from dsk_medical.cases.channels import channel_count
from dsk_medical.cases.writing import (
    background_labels,
    bad_item,
    compose,
    discard,
    leave_out,
)
from dsk_medical.volume.arrays import open_volume

if TYPE_CHECKING:
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["BratsHdf5Exporter"]

FOLDER = "BraTS2020_training_data/content/data"
_SUBSET = "train"  # what the folder's name says
_CLASSES = ("NCR/NET", "ED", "ET")
_ORDER = ({"flair", "t2f"}, {"t1", "t1n", "t1w"}, {"t1ce", "t1c", "t1gd"}, {"t2", "t2w"})
_VOLUME = re.compile(r"(?:.*\D)?(\d{1,6})", re.DOTALL)
_SLICE = re.compile(r"volume_(\d{1,15})_slice_(\d{1,6})")
_UNNUMBERED = 1_000_000


class BratsHdf5Exporter(Exporter):
    """Writes brats_hdf5 datasets.

    Args:
        normalize: "zscore": per slice and channel; "none": values as they are.
        compression: "gzip" or "none".
        label_map: Channels ("0", "1", "2") by label name, for labels of other names.
    """

    def __init__(
        self,
        *,
        normalize: str = "zscore",
        compression: str = "gzip",
        label_map: Mapping[str, str] | None = None,
    ) -> None:
        self._zscore = normalize == "zscore"
        self._compress = compression == "gzip"
        self._map = dict(label_map or {})
        for name, channel in self._map.items():
            if channel not in ("0", "1", "2"):
                raise OptionError(
                    f"label_map: {name}:{channel} names no channel; 0, 1, 2 are there"
                )

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        labels = header.categories.labels
        pairs = [(label.name, label.source_id) for label in labels]
        background = background_labels(pairs, volumes="volume" in header.media)
        self._values: dict[int, int] = dict.fromkeys(background, 0)
        self._names = dict(enumerate(name for name, _ in pairs))
        for n, (name, _) in enumerate(pairs):
            channel = self._channel(name)
            if channel is not None:
                self._values[n] = VALUES[channel]  # as bits, see LabelComposer.joined
            known = channel is not None and name == _CLASSES[channel]
            if not known and n not in background:
                ctx.ledger.add("DSK-L010", "label names", hint="the classes are NCR/NET, ED, ET")

    def _channel(self, name: str) -> int | None:
        if name in self._map:
            return int(self._map[name])
        return channel_of(name)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Any:
        """See ``Exporter.write``."""
        rows: list[Row] = []
        told = []
        for item in items:
            place = _place(item)
            files: list[str] = []
            try:
                rows += self._write_item(item, ctx, place, files)
            except InputError as error:
                bad_item(ctx, item, error)
                discard(ctx, files)
                continue
            told.append(side_row(item, f"BraTS20_Training_{place[0]:03d}"))
        return rows, told

    def _write_item(
        self, item: DatasetItem, ctx: WriteContext, place: tuple[int, int], files: list[str]
    ) -> list[Row]:
        made = compose(ctx, item, lambda a: self._value_of(a, item, ctx), by_slice=True)
        if made is None:
            leave_out(ctx, item, counted=True)
            return []
        shape = made.composer.shape
        made.composer.joined = True  # a pixel may belong to several channels
        masks = made.composer.slices(np.dtype(np.uint8))
        volume, first = place
        attributes = _attributes(item, volume, first, made.grid) if not first else {}
        rows: list[Row] = []
        images = self._images(item, ctx)
        missing = _missing(item.media)
        for k, (image, labels) in enumerate(zip(images, masks, strict=False)):
            if k in missing and not labels.any():
                continue
            name = f"{FOLDER}/volume_{volume}_slice_{first + k}.h5"
            mask = np.stack([labels & bit != 0 for bit in VALUES], axis=-1).view(np.uint8)
            counts = _counts(labels)
            data = slice_file(image, mask, {} if files else attributes, compress=self._compress)
            files.append(name)
            ctx.write(name, data)
            rows.append((name, volume, first + k, counts, shape[0] * shape[1]))
        next(masks, None)
        if made.composer.overlap:
            ctx.ledger.warn(f"{item.id}: {made.composer.overlap} pixels belong to several classes")
        return rows

    def _value_of(self, a: Annotation, item: DatasetItem, ctx: WriteContext) -> int | None:
        value = self._values.get(a.label if a.label is not None else -1)
        if value is None:
            name = self._names.get(a.label if a.label is not None else -1, "none")
            ctx.ledger.add_at(
                "DSK-L017",
                f"label {name} is none of NCR/NET, ED, ET",
                item,
                a,
                hint=f"-O label_map={name}:0 says which channel of the masks it goes to",
            )
        return value

    def _images(self, item: DatasetItem, ctx: WriteContext) -> Iterator[NDArray[Any] | None]:
        media = item.media
        if not isinstance(media, Volume) or media.source is None:
            ctx.ledger.add_at("DSK-L016", "volume not found", item)
            return repeat(None)
        order = _order(media, ctx)
        array = open_volume(media)
        ctx.ledger.media_saved += 1
        ready = isinstance(array, SliceImages) or not self._zscore
        if not ready:
            ctx.ledger.add_at(
                "DSK-L016",
                "intensities written as z-scores of each slice",
                item,
                hint="normalize=none keeps them",
            )
        return (_ordered(piece, order, zscore=not ready) for piece in array.slices())

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        ctx.write(METADATA, metadata_csv([row for rows, _ in states for row in rows]))
        told = {case: (case, *more) for _, rows in states for case, *more in rows}
        write_side_tables(list(told.values()), ctx, FOLDER)


def _missing(media: Any) -> set[int]:
    """Return the slices of a volume of this format that no file held."""
    array = media.source if isinstance(media, Volume) else None
    if not isinstance(array, SliceImages):
        return set()
    return set(range(array.shape[2])).difference(array.base.files)


def _counts(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the pixels of each channel in a slice whose values are bits."""
    there = np.bincount(labels.ravel(), minlength=8)
    return tuple(int(there[[n for n in range(8) if n & bit]].sum()) for bit in VALUES)


def _place(item: DatasetItem) -> tuple[int, int]:
    """Return an item's volume and slice: from its id, else a number no id has.

    Such a number is a hash of subset and id: whatever else is converted, it stays the same.
    """
    match = _SLICE.fullmatch(item.id)
    if match:
        return int(match[1]), int(match[2])
    found = _VOLUME.fullmatch(item.id) if "/" not in item.id else None
    if found:
        return int(found[1]), 0
    name = f"{item.subset}\0{item.id}".encode("utf-8", "surrogatepass")
    return _UNNUMBERED + int.from_bytes(blake2b(name, digest_size=6).digest(), "big"), 0


def _attributes(item: DatasetItem, volume: int, first: int, grid: Volume) -> dict[str, Any]:
    """Return what a file says beyond the format, which no other reader needs."""
    found: dict[str, Any] = {}
    usual = {f"BraTS20_Training_{volume:03d}", f"volume_{volume}_slice_{first}"}
    if item.id not in usual:
        found["id"] = item.id
    if item.subset != _SUBSET:
        found["subset"] = item.subset
    if grid.affine is not None:
        found["affine"] = np.array(grid.affine, np.float64)
    if grid.source is not None and (len(grid.shape) < 4 or grid.shape[3] < CHANNELS):
        found["channels"] = channel_count(grid) if len(grid.shape) > 3 else 0
    return found


def _order(media: Volume, ctx: WriteContext) -> list[int]:
    """Return which channel of a volume is FLAIR, T1, T1ce, T2."""
    count = media.shape[3] if len(media.shape) > 3 else 1
    names = [name.strip().lower() for name in media.channels]
    found = [next((n for n, name in enumerate(names) if name in own), -1) for own in _ORDER]
    if len(names) == count == CHANNELS and sorted(found) == list(range(CHANNELS)):
        return found
    if count > CHANNELS:
        ctx.ledger.add("DSK-L016", f"channels beyond the first {CHANNELS}", count=count - CHANNELS)
    return [n if n < count else -1 for n in range(CHANNELS)]


def _ordered(piece: NDArray[Any], order: list[int], *, zscore: bool) -> NDArray[np.float64]:
    """Return a slice's image (rows, columns, 4), each channel with mean 0 and deviation 1."""
    if piece.ndim == 2:
        piece = piece[..., None]
    image = np.zeros((*piece.shape[:2], CHANNELS), np.float64)
    for to, channel in enumerate(order):
        if channel < 0:
            continue
        values = piece[..., channel].astype(np.float64)
        if zscore:
            values -= values.mean()
            deviation = values.std()
            if not deviation:
                continue
            values /= deviation
        image[..., to] = values
    return image
