"""Reading Pascal VOC datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from dsk.annotations import Bbox, Label
from dsk.errors import InputError, OptionError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.strays import tell_stray
from dsk_voc.discover import discover
from dsk_voc.images import ImageFinder
from dsk_voc.labelmap import Entry, read_label_map, to_categories
from dsk_voc.layouts import (
    Home,
    Listing,
    child,
    find_homes,
    list_sets,
    read_class_lists,
    xml_reader,
)
from dsk_voc.loose import above_annotations, list_loose
from dsk_voc.objects import ObjectReader, Parsed
from dsk_voc.tables import tell_tables
from dsk_voc.tasks import (
    ACTION,
    CLASSIFICATION,
    DETECTION,
    FORMATS,
    LAYOUT,
    SEGMENTATION,
    SETS,
    list_folders,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_voc.masks import ClassColors, ItemMasks

__all__ = [
    "VocActionImporter",
    "VocClassificationImporter",
    "VocDetectionImporter",
    "VocImporter",
    "VocInstanceSegmentationImporter",
    "VocLayoutImporter",
    "VocSegmentationImporter",
    "VocSource",
]

ONE_BASED = "voc-one-based"


class VocImporter(Importer):
    """Opens VOC datasets; see the descriptor for the options."""

    format: ClassVar[str] = "voc"

    def __init__(
        self,
        *,
        one_based: bool = False,
        coordinate_mode: str = "dm-zero-based",
        subsets: Sequence[str] = (),
    ) -> None:
        self.one_based = one_based or coordinate_mode == ONE_BASED
        self.subsets = tuple(subsets or ())
        self.tasks = FORMATS[self.format]

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is None:
            tell_tables(root, ledger)
        listings, kit, root = self._list(root, ledger)
        if self.subsets:
            there = {listing.subset for listing in listings}
            for name in self.subsets:
                if name not in there:
                    raise OptionError(
                        f"there is no subset {name!r}", hint=f"there are {', '.join(sorted(there))}"
                    )
            listings = [listing for listing in listings if listing.subset in self.subsets]
        entries = self._label_map(root, listings, kit=kit)
        parts = self.format != "voc_instance_segmentation"
        categories = to_categories(entries, parts=parts)
        if CLASSIFICATION in self.tasks and kit:
            labels = {entry.name: n for n, entry in enumerate(entries)}
            read_class_lists(root, listings, labels, ledger)
        _warn_repeated(listings, ledger)
        header = Header(
            categories=categories,
            subsets=tuple(dict.fromkeys(listing.subset for listing in listings)),
            items=sum(len(listing.ids) for listing in listings),
        )
        actions = {n: e.actions for n, e in enumerate(entries) if e.actions}
        reader = ObjectReader(
            categories, self.tasks, actions, one_based=self.one_based, show=root.show
        )
        return VocSource(root, listings, header, reader, tasks=self.tasks, entries=len(entries))

    def _list(self, root: InputRoot, ledger: Ledger) -> tuple[list[Listing], bool, InputRoot]:
        """Return the subsets, whether the layout is the development kit's, and where to read."""
        only = None
        if root.focus is not None:
            if root.focus.lower().endswith(".xml"):
                root = above_annotations(root)
                return list_loose(root, ledger), False, root
            root, only = _around(root)
        homes = find_homes(root)
        listings = []
        for home in homes:
            listings += list_sets(root, home, list_folders(self.tasks), only, ledger)
        if not homes:
            listings = list_loose(root, ledger)
            # Masks without a label map show the development kit's labels.
            return _merge(listings, ledger), any(x.home.class_masks for x in listings), root
        return _merge(listings, ledger), True, root

    def _label_map(self, root: InputRoot, listings: Sequence[Listing], *, kit: bool) -> list[Entry]:
        homes = dict.fromkeys(["", *(listing.home.path for listing in listings)])
        for home in sorted(homes, key=lambda path: (path == "", path)):
            entries = read_label_map(root, home)
            if entries is not None:
                return entries
        return discover(root, listings, _listed_classes(root, listings) if kit else (), kit=kit)


def _around(root: InputRoot) -> tuple[InputRoot, str | None]:
    """Return the dataset around one given file, and the one list to read if it is a list."""
    sets = SETS.lower()
    for _ in range(2 if root.name.lower() == sets else 3):
        root = root.up()
    name = root.focus or ""
    parts = name.lower().split("/")
    if sets not in parts[-3:-1] or not parts[-1].endswith(".txt") or "_" in parts[-1]:
        raise InputError(
            "this is neither an annotation XML file nor a list ImageSets/<task>/<subset>.txt",
            where=root.show(name),
            hint="give the folder of the dataset",
        )
    return root, name


def _merge(listings: list[Listing], ledger: Ledger) -> list[Listing]:
    """Leave out ids that the same subset of another home has already."""
    seen: dict[str, set[str]] = {}
    for listing in listings:
        known = seen.setdefault(listing.subset, set())
        again = known.intersection(listing.ids)
        if again:
            listing.ids = [item for item in listing.ids if item not in again]
            ledger.warn(
                f"{len(again)} items of subset {listing.subset!r} in {listing.home.path} are left "
                f"out: another folder has items of these names, e.g. {min(again)}"
            )
        known.update(listing.ids)
    return listings


def _listed_classes(root: InputRoot, listings: Sequence[Listing]) -> list[str]:
    """Return the names of classes that have a list in ``ImageSets/Main``."""
    names: dict[str, None] = {}
    for home in dict.fromkeys(listing.home.path for listing in listings):
        subsets = {listing.subset for listing in listings if listing.home.path == home}
        folder = child(root, child(root, home, SETS), "Main")
        for file in root.entries(folder)[1]:
            stem = file.removesuffix(".txt").removesuffix(".TXT")
            name, _, subset = stem.rpartition("_")
            if name and subset in subsets:
                names[name] = None
    return list(names)


def _warn_repeated(listings: Sequence[Listing], ledger: Ledger) -> None:
    """Tell about subsets that only repeat others, as ``trainval`` repeats ``train`` and ``val``."""
    by_name = {listing.subset: listing for listing in listings}
    whole = by_name.get("trainval")
    if whole is None or not ({"train", "val"} & set(by_name)):
        return
    single = {i for name in ("train", "val") if name in by_name for i in by_name[name].ids}
    if single and single.issuperset(whole.ids):
        ledger.warn(
            "subset trainval repeats the items of train and val; "
            "-I subsets=train,val,test reads each once"
        )


class VocSource(Source):
    """An opened VOC dataset.

    Args:
        root: The input.
        listings: Its subsets.
        header: What is known of it.
        reader: For XML files.
        tasks: Which tasks are read.
        entries: How many labels the label map has.
    """

    def __init__(
        self,
        root: InputRoot,
        listings: Sequence[Listing],
        header: Header,
        reader: ObjectReader,
        *,
        tasks: frozenset[str],
        entries: int,
    ) -> None:
        self.header = header
        self._root = root
        self._listings = listings
        self._reader = reader
        self._tasks = tasks
        self._entries = entries
        self._has_masks = SEGMENTATION in tasks and any(
            listing.home.class_masks or listing.home.object_masks for listing in listings
        )

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the subsets' lists."""
        return slices((len(listing.ids) for listing in self._listings), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of a slice."""
        number, start, stop = partition
        listing = self._listings[number]
        home, labels = listing.home, listing.labels
        parse = self._tasks & {DETECTION, LAYOUT, ACTION}
        read = xml_reader(self._root, home.annotations) if parse else None
        find_image = ImageFinder(self._root, home)
        colors = self._colors() if self._has_masks else None
        subset = listing.subset
        for item in listing.ids[start:stop]:
            parsed = self._parse(read, item, home, ledger) if read is not None else None
            if read is not None and parsed is None:
                continue
            image = find_image(item, parsed)
            annotations: list[Annotation] = parsed.annotations if parsed is not None else []
            if item in labels:
                annotations = [*(Label(label=n) for n in labels[item]), *annotations]
            missed = image is None and not annotations and not home.has_masks(item)
            if missed and (home.names or read is not None):  # else there are lists only, of labels
                ledger.warn("there are listed items with neither an image nor an annotation file")
            extra = parsed.extra if parsed is not None else None
            if colors is None:
                yield DatasetItem(item, subset, image, annotations, extra=extra)
                continue
            masks = self._masks(item, home, colors)
            if masks is None:
                yield DatasetItem(item, subset, image, annotations, extra=extra)
                continue
            annotations = _with_masks(annotations, masks, home, item, ledger)
            yield DatasetItem(item, subset, image, annotations, extra=extra)
            masks.forget()

    def _parse(
        self, read: Callable[[str], bytes | None], item: str, home: Home, ledger: Ledger
    ) -> Parsed | None:
        """Return what the item's XML file says; None when it is bad and has been reported."""
        data = read(item)
        name = f"{home.annotations}/{item}.xml" if home.annotations else f"{item}.xml"
        if data is None:
            tell_stray(self._root, name, ledger)
            return Parsed([])
        try:
            return self._reader.read(data, name, item, ledger)
        except RecordError as error:
            ledger.bad_record(error)
            return None

    def _colors(self) -> ClassColors:
        from dsk_voc.masks import ClassColors

        return ClassColors(self.header.categories, self._entries)

    def _masks(self, item: str, home: Home, colors: ClassColors) -> ItemMasks | None:
        from dsk_voc.masks import ItemMasks

        files = []
        for there in (home.class_masks, home.object_masks):
            name = there.get(item)
            files.append(Image(name, self._root.locate(name)) if name is not None else None)
        return ItemMasks(files[0], files[1], colors) if files != [None, None] else None


def _with_masks(
    annotations: list[Annotation], masks: ItemMasks, home: Home, item: str, ledger: Ledger
) -> list[Annotation]:
    """Add an item's masks; box and mask of the same number become a group."""
    labels = {a.id: a.label for a in annotations if a.id and a.label is not None}
    try:
        found = list(masks.annotations(labels))
    except (ValueError, InputError) as error:
        # A damaged file is one bad record; the item's boxes are fine.
        where = home.class_masks.get(item) or home.object_masks[item]
        text = error.message if isinstance(error, InputError) else str(error)
        ledger.bad_record(RecordError(f"bad masks: {text}", where=where, item=item))
        return annotations
    numbers = {mask.group for mask in found if mask.group}
    paired = [
        replace(a, group=a.id) if type(a) is Bbox and a.id in numbers else a for a in annotations
    ]
    return [*paired, *found]


class VocClassificationImporter(VocImporter):
    """Reads the class lists only."""

    format = "voc_classification"


class VocDetectionImporter(VocImporter):
    """Reads the boxes of objects only."""

    format = "voc_detection"


class VocSegmentationImporter(VocImporter):
    """Reads the masks only."""

    format = "voc_segmentation"


class VocInstanceSegmentationImporter(VocImporter):
    """Reads boxes and masks."""

    format = "voc_instance_segmentation"


class VocLayoutImporter(VocImporter):
    """Reads objects that have parts."""

    format = "voc_layout"


class VocActionImporter(VocImporter):
    """Reads objects that have actions."""

    format = "voc_action"
