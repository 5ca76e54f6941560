"""Reading MVTec AD datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dsk.annotations import Bbox, Label, Mask, Rle
from dsk.categories import GrowingLabels
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.masks import encode_counts
from dsk.media import Image
from dsk.metafile import stated_labels
from dsk_mvtec.layout import Home, find_homes, shared_masks, unused_masks
from dsk_mvtec.plugin import CLASSIFICATION, DETECTION, SEGMENTATION, TASKS
from dsk_mvtec.regions import boxes_of, read_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "MvtecClassificationImporter",
    "MvtecDetectionImporter",
    "MvtecImporter",
    "MvtecSegmentationImporter",
    "MvtecSource",
]


class MvtecImporter(Importer):
    """Opens MVTec AD datasets; it has no options."""

    tasks: ClassVar[frozenset[str]] = TASKS

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            raise InputError(
                "this is one file", where=root.show(root.focus), hint="give the dataset's folder"
            )
        homes = find_homes(root)
        unused = unused_masks(homes) if self.tasks != {CLASSIFICATION} else []
        if unused:
            ledger.warn(f"{len(unused)} masks fit no image, such as {root.show(unused[0])}")
        shared = shared_masks(homes) if self.tasks != {CLASSIFICATION} else []
        if shared:
            ledger.warn(
                f"{len(shared)} masks fit images of several subsets and are taken for all, "
                f"such as {root.show(shared[0])}"
            )
        return MvtecSource(root, homes, self.tasks)


class MvtecClassificationImporter(MvtecImporter):
    """Reads labels only."""

    tasks = frozenset({CLASSIFICATION})


class MvtecSegmentationImporter(MvtecImporter):
    """Reads masks, and labels of images without one."""

    tasks = frozenset({SEGMENTATION})


class MvtecDetectionImporter(MvtecImporter):
    """Reads boxes around defects, and labels of images without any."""

    tasks = frozenset({DETECTION})


class MvtecSource(Source):
    """An opened dataset.

    Args:
        root: The input.
        homes: Its subsets.
        tasks: What is read.
    """

    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, homes: list[Home], tasks: frozenset[str]) -> None:
        self._root = root
        self._homes = homes
        self._tasks = tasks
        self._ids = [sorted(home.images) for home in homes]
        labels = GrowingLabels(stated_labels(root))
        found = {label for ids in self._ids for label in map(_label, ids) if label}
        self._labels = {name: labels.number(name) for name in sorted(found)}
        self.header = Header(
            categories=labels.categories(),
            subsets=tuple(dict.fromkeys(home.subset for home in homes)),
            items=sum(map(len, self._ids)),
        )

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the subsets."""
        return slices((len(ids) for ids in self._ids), self.partition_items)

    def index(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.index``: no mask is decoded."""
        number, first, last = partition
        home = self._homes[number]
        for item in self._ids[number][first:last]:
            yield DatasetItem(home.prefix + item, home.subset, self._image(home.images[item]))

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, first, last = partition
        home = self._homes[number]
        for item in self._ids[number][first:last]:
            image = self._image(home.images[item])
            found: list[Annotation] = []
            label = self._labels.get(_label(item))
            if label is not None:
                try:
                    found = self._annotations(home, item, image, label)
                except RecordError as error:
                    error.item = home.prefix + item
                    ledger.bad_record(error)
                    found = [Label(label=label)]
            yield DatasetItem(home.prefix + item, home.subset, image, found)

    def _image(self, name: str) -> Image:
        return Image(name, self._root.locate(name))

    def _annotations(self, home: Home, item: str, image: Image, label: int) -> list[Annotation]:
        """Return an item's annotations.

        Raises:
            RecordError: A mask of it does not fit.
        """
        tasks = self._tasks
        names = home.masks.get(item, [])
        found: list[Annotation] = []
        if CLASSIFICATION in tasks or not names:
            found.append(Label(label=label))
        for name in names if tasks != {CLASSIFICATION} else ():
            mask = self._image(name)
            _check_size(mask, image)
            counts, size, value = read_mask(mask)
            defect = home.defects.get(value)
            attributes = {"defect": defect} if defect is not None else {}
            if SEGMENTATION in tasks:
                rle = Rle(size, encode_counts(counts))
                found.append(Mask(rle, label=label, attributes=attributes))
            if DETECTION in tasks:
                boxes = boxes_of(counts, size)
                found += [Bbox(*map(float, b), label=label, attributes=attributes) for b in boxes]
        return found or [Label(label=label)]  # a mask without a defect has no boxes


def _label(item: str) -> str:
    return item.partition("/")[0] if "/" in item else ""


def _check_size(mask: Image, image: Image) -> None:
    """Make sure that a mask is of its image's size.

    Raises:
        RecordError: It is not, or is no image.
    """
    try:
        size = mask.get_size()
    except MediaError as error:
        raise RecordError(error.message, where=mask.path) from error
    try:
        own = image.get_size()
    except MediaError:
        return  # the image says so itself when it is used
    if own is not None and size != own:
        raise RecordError(f"a mask of {size} for an image of {own} pixels", where=mask.path)
