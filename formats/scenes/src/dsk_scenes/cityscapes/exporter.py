"""Writing Cityscapes datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import Mask, is_crowd
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.labelmaps import encode_map
from dsk_scenes.cityscapes.layout import FINE, IMAGES
from dsk_scenes.cityscapes.tables import INSTANCES, LABELS, LICENSE_PLATE, TRAIN_IDS, TRAIN_LABELS
from dsk_scenes.shared.painting import Painted, labelled, leave_bare, paint
from dsk_scenes.shared.target import make_target, write_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["CityscapesExporter"]

_PER_CLASS = 1000
_MAX = 0xFFFF


class CityscapesExporter(Exporter):
    """Writes Cityscapes datasets; see the descriptor for the options."""

    heavy = True

    def __init__(
        self,
        *,
        label_map: str = "source",
        train_ids: bool = False,
        save_dataset_meta: bool = False,
    ) -> None:
        self.label_map = label_map
        self.train_ids = train_ids
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._target = make_target(
            header.categories,
            self.label_map,
            LABELS,
            "cityscapes",
            ctx.ledger,
            unique=False,
            lines=not self.save_dataset_meta,
            telling=[entry.name for entry in TRAIN_LABELS[:-1]],
        )
        entries = self._target.entries
        if len(entries) > 256:
            raise OutputError(
                f"Cityscapes maps have 8 bits for labels, there are {len(entries)} labels",
                hint="remap labels first",
            )
        colors = [(*(entry.color or (0, 0, 0)), 255) for entry in entries]
        self._colors = np.array(colors, np.uint8).reshape(-1, 4)
        official = self._target.official
        self._train = np.array(TRAIN_IDS if official else range(len(entries)), np.uint8)
        # Beside the official labels, ids for training would hide the instances from readers.
        self._with_train = self.train_ids or not official

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> set[str]:
        """See ``Exporter.write``; the state is the subsets."""
        subsets = set()
        for item in items:
            subsets.add(item.subset)
            saved = False
            if ctx.save_media:
                ending = ctx.image_name(item, ".png")[len(item.id) :]
                saved = ctx.save_image(item, f"{IMAGES}/{item.subset}/{item.id}_{IMAGES}{ending}")
            found = [a for a in item.annotations if type(a) is Mask]
            kept = self._drawn(item, labelled(item, found, self._target, ctx.ledger), ctx.ledger)
            painted = paint(item, self._numbered(item, kept, ctx.ledger), ctx.ledger)
            if painted is not None:
                self._write_maps(item, painted, ctx)
            elif not saved:
                leave_bare(item, ctx.ledger)
        return subsets

    def _drawn(
        self, item: DatasetItem, kept: list[tuple[Mask, int]], ledger: Ledger
    ) -> list[tuple[Mask, int]]:
        """Leave out license plates, which maps of the official labels never show."""
        if not self._target.official:
            return kept
        for mask, label in kept:
            if label == LICENSE_PLATE:
                ledger.add_at(
                    "DSK-L017", "license plate, which Cityscapes does not draw", item, mask
                )
        return [pair for pair in kept if pair[1] != LICENSE_PLATE]

    def _numbered(
        self, item: DatasetItem, kept: Sequence[tuple[Mask, int]], ledger: Ledger
    ) -> list[tuple[Mask, int]]:
        """Return masks with the value of their pixels: label, or label · 1000 + number."""
        single: dict[int, list[Mask]] = {}
        for mask, label in kept:
            if not self._is_area(mask, label):
                single.setdefault(label, []).append(mask)
        numbers: dict[int, int] = {}
        for label, found in single.items():
            own = [mask.id for mask in found]
            if len(set(own)) < len(own) or not all(0 <= n < _PER_CLASS for n in own):
                own = list(range(len(found)))
                ledger.add(
                    "DSK-L015",
                    "objects numbered by class from 0",
                    kind="mask",
                    count=len(found),
                    item=item.id,
                    subset=item.subset,
                )
            for mask, number in zip(found, own, strict=True):
                value = label * _PER_CLASS + number
                if number >= _PER_CLASS or value > _MAX or label == 0:
                    self._refuse(item, label, number)
                numbers[id(mask)] = value
        return [(mask, numbers.get(id(mask), label)) for mask, label in kept]

    def _is_area(self, mask: Mask, label: int) -> bool:
        """Tell whether a mask is no single object but a crowd or an area of its class."""
        if "is_crowd" in mask.attributes:
            return is_crowd(mask) or label == 0
        return label == 0 or (self._target.official and label not in INSTANCES)

    def _refuse(self, item: DatasetItem, label: int, number: int) -> None:
        name = self._target.entries[label].name
        raise OutputError(
            f"item {item.id!r}: object {number} of label {label} ({name}) cannot be written, "
            "instance maps end at label 65 and 1000 objects of a class",
            hint="remap labels, or mark the masks is_crowd=true to write areas only",
        )

    def _write_maps(self, item: DatasetItem, painted: Painted, ctx: WriteContext) -> None:
        stem, values = f"{FINE}/{item.subset}/{item.id}_{FINE}", painted.values
        classes = np.where(values < _PER_CLASS, values, values // _PER_CLASS)
        maps: dict[str, NDArray[Any]] = {
            "instanceIds": values.astype(np.uint16),
            "labelIds": classes.astype(np.uint8),
            "color": self._colors[classes],
        }
        if self._with_train:
            maps["labelTrainIds"] = self._train[classes]
        for name, table in maps.items():
            ctx.write(f"{stem}_{name}.png", encode_map(painted.drawn(table)))

    def finish(self, states: list[set[str]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``; readers look for subsets among the maps, also without any."""
        for subset in sorted(set().union(*states)):
            ctx.out.make_folder(f"{FINE}/{subset}")
        write_labels(self._target, ctx, meta=self.save_dataset_meta)
