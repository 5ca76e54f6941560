"""Writing MOTS datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from dsk.annotations import Mask
from dsk.errors import InputError, MediaError, OutputError
from dsk.flow import Exporter
from dsk.labelmaps import encode_map
from dsk.media import Image
from dsk.metafile import META_NAME, meta_text
from dsk.overlay import Overlay
from dsk.painting import drawable, report_covered
from dsk.pixels import MAX_PIXELS
from dsk_tracking.homes import IGNORED, INSTANCES
from dsk_tracking.labels import line_names
from dsk_tracking.mots_importer import IGNORED_CLASS, TRACKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["MotsExporter"]

_HIGHEST = 0xFFFF


class _Layer(Struct):
    """A mask on its way into the map."""

    mask: Mask
    counts: NDArray[np.int64]
    value: int


class MotsExporter(Exporter):
    """Writes MOTS datasets; see the descriptor for the options."""

    heavy = True

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        names = header.categories.names
        self._names = names if self.save_dataset_meta else line_names(header.categories, ctx.ledger)
        few = len(self._names) < IGNORED_CLASS
        self._classes = [
            IGNORED_CLASS if few and name == IGNORED else number
            for number, name in enumerate(self._names, 1)
        ]
        self._subsets = header.subsets

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        subsets: dict[str, None] = {}
        for item in items:
            subsets[item.subset] = None
            data = self._map(item, ctx.ledger)
            if data:
                ctx.write(f"{item.subset}/{INSTANCES}/{item.id}.png", data)
            saved = ctx.save_image(item, f"{item.subset}/images/{ctx.image_name(item)}")
            if not data and not saved:
                ctx.ledger.add_at(
                    "DSK-L008",
                    "item without masks, whose image is not written",
                    item,
                    hint="--save-media",
                )
        return list(subsets)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        text = "".join(f"{name}\n" for name in self._names).encode()
        subsets = dict.fromkeys(name for state in states for name in state)
        for subset in subsets or ["default"]:
            folder = f"{subset}/{INSTANCES}"
            ctx.out.make_folder(folder)
            if not self.save_dataset_meta:
                ctx.write(f"{folder}/labels.txt", text)
        if self.save_dataset_meta:
            ctx.write(META_NAME, meta_text(self._categories))

    def _map(self, item: DatasetItem, ledger: Ledger) -> bytes:
        """Return an item's map, or b"" when there is nothing to say and no size to say it in."""
        layers = self._layers(item, ledger)
        if not layers:
            size = _size(item)
            return encode_map(np.zeros(size, np.uint16)) if size is not None else b""
        layers.sort(key=lambda layer: layer.mask.z_order)
        overlay = Overlay([x.counts for x in layers], layers[0].mask.rle.size)
        _report(item, layers, overlay.seen().tolist(), ledger)
        table = np.array([0, *(layer.value for layer in layers)], np.uint16)
        return encode_map(overlay.drawn(table))

    def _layers(self, item: DatasetItem, ledger: Ledger) -> list[_Layer]:
        found: list[tuple[Mask, NDArray[np.int64]]] = []
        given = [a for a in item.annotations if isinstance(a, Mask)]
        size = _size(item) if given else None
        for mask in given:
            try:
                counts, size = drawable(mask, size)
            except ValueError as error:
                ledger.add_at("DSK-L018", str(error), item, mask)
                continue
            found.append((mask, counts))
        values = self._values([mask for mask, _ in found], item, ledger)
        return [_Layer(m, c, v) for (m, c), v in zip(found, values, strict=True)]

    def _values(self, found: list[Mask], item: DatasetItem, ledger: Ledger) -> list[int]:
        """Return 1000 x class + track of each mask; those without a track get a free one."""
        kinds = [self._classes[mask.label or 0] for mask in found]
        tracks = [_track(mask, item, ledger) for mask in found]
        used = {(kind, track) for kind, track in zip(kinds, tracks, strict=True) if track >= 0}
        free = dict.fromkeys(kinds, 1)
        values = []
        for mask, kind, wish in zip(found, kinds, tracks, strict=True):
            track = wish
            if track < 0:
                if kind == IGNORED_CLASS and len(self._names) < IGNORED_CLASS:
                    track = 0
                else:
                    track = free[kind]
                    while (kind, track) in used:
                        track += 1
                    free[kind] = track + 1
                    ledger.add_at("DSK-L015", "masks without a track", item, mask)
            value = TRACKS * kind + track
            if track >= TRACKS or value > _HIGHEST:
                raise OutputError(
                    f"a mask can name tracks to {TRACKS - 1} and classes to "
                    f"{_HIGHEST // TRACKS}, item {item.id!r} has track {track} of class {kind}",
                    hint="split the dataset, or renumber its tracks",
                )
            values.append(value)
        return values


def _track(mask: Mask, item: DatasetItem, ledger: Ledger) -> int:
    """Return a mask's track, or -1."""
    value: Any = mask.attributes.get("track_id", mask.object_id)
    if isinstance(value, str) and value.strip().isdecimal() and value.strip().isascii():
        ledger.add_at("DSK-L004", "type of track_id, which becomes a number", item, mask)
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        if value is not None:
            ledger.add_at("DSK-L004", "value of track_id, which becomes a number", item, mask)
        return -1
    if value < 0:
        value = mask.object_id
    elif mask.object_id not in (-1, value):
        ledger.add_at("DSK-L005", "object_id, which is not the track_id", item, mask)
    return max(int(value), -1)


def _report(item: DatasetItem, layers: list[_Layer], seen: list[int], ledger: Ledger) -> None:
    """Report masks that others hide, and those that become one."""
    values: set[int] = set()
    for layer, visible in zip(layers, seen, strict=True):
        report_covered(layer.mask, layer.counts, visible, item, ledger)
        if not visible:
            continue
        if layer.value in values:
            ledger.add_at("DSK-L014", "masks of one track", item, layer.mask)
        values.add(layer.value)


def _size(item: DatasetItem) -> tuple[int, int] | None:
    """Return the size of an item's image, if it is one that an image can have."""
    try:
        size = item.media.get_size() if isinstance(item.media, Image) else None
    except (MediaError, InputError):
        return None  # the image says so itself when it is saved
    return size if size is not None and size[0] * size[1] <= MAX_PIXELS else None
