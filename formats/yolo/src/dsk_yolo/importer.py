"""Reading YOLO datasets of every layout but classify, which ``dsk_yolo.classify`` reads."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.categories import Categories, PointsCategory
from dsk.columns import BoxColumns
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Importer, Source, slices
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.metafile import read_meta, read_sizes
from dsk_yolo.absent import any_there
from dsk_yolo.config import Config, read_darknet, read_yaml
from dsk_yolo.darknet import list_darknet
from dsk_yolo.exif import turn_of
from dsk_yolo.finding import find_dataset
from dsk_yolo.folders import images_of, label_contents
from dsk_yolo.listing import Listing, list_yaml
from dsk_yolo.loose import Loose, find_beside, find_loose, list_loose
from dsk_yolo.poses import stated_shape
from dsk_yolo.probing import RowCounts
from dsk_yolo.rows import RowReader, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot

__all__ = ["YoloImporter", "YoloSource"]

PROBES = 24
"""How many label files show what the rows of a dataset hold."""

MAX_CLASSES = 100_000
"""Numbers from here on are no classes of a dataset without class names."""

NO_CONFIG = "no data.yaml, obj.data, or class names beside a labels folder"


class YoloImporter(Importer):
    """Opens YOLO datasets; see the descriptor for the options."""

    def __init__(
        self,
        *,
        task: str = "auto",
        rotated: str = "box",
        subset_names: str = "key",
        config_file: str = "",
        exif: bool = False,
        kpt_shape: str = "",
    ) -> None:
        self.task = task
        self.kpt_shape = stated_shape(kpt_shape)
        self.rotated = rotated
        self.subset_names = subset_names
        self.config_file = config_file
        self.exif = exif
        self._sizes: dict[str, tuple[int, int]] = {}

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if self.task == "classify":
            return self._classify(root, ledger)
        found = find_dataset(root, self.config_file)
        if found is None:
            found = find_beside(root)
        if found is None:
            if self.task == "auto":
                return self._classify(root, ledger)
            raise InputError(NO_CONFIG, where=root.path)
        try:
            told = Ledger(ledger.on_error)
            config, listings = self._list(root, found, told)
        except InputError:
            above = root.up()
            if above is root or above.focus is None:
                raise
            # A data.yaml given by itself may name folders beside its own.
            root = above
            config, listings = self._list(root, above.focus, ledger)
        else:
            if root.focus is not None and not any_there(root, listings):
                root, config, listings, told = self._above(root, config, listings, told)
            ledger.merge(told)
        return self._source(root, config, listings, ledger)

    def _above(
        self, root: InputRoot, config: Config, listings: list[Listing], told: Ledger
    ) -> tuple[InputRoot, Config, list[Listing], Ledger]:
        """Return the folder above that of a given file if what the file lists is there instead."""
        above, sizes = root.up(), self._sizes
        if above is not root and above.focus is not None:
            fresh = Ledger(told.on_error)
            with suppress(InputError):
                config_above, found = self._list(above, above.focus, fresh)
                if any_there(above, found):
                    return above, config_above, found, fresh
        self._sizes = sizes
        return root, config, listings, told

    @staticmethod
    def _classify(root: InputRoot, ledger: Ledger) -> Source:
        from dsk_yolo.classify import open_classify

        source = open_classify(root, ledger)
        if source is None:
            raise InputError(
                f"{NO_CONFIG}, and no <subset>/<class> folders of images", where=root.path
            )
        return source

    def _list(
        self, root: InputRoot, found: str | Loose, ledger: Ledger
    ) -> tuple[Config, list[Listing]]:
        home = posixpath.dirname(found) if isinstance(found, str) else found.home
        sizes = self._sizes = read_sizes(root, home, ledger)
        if isinstance(found, Loose):
            names, listings = list_loose(root, ledger, found, sizes)
            nothing = posixpath.join(home, "")
            return Config(nothing, names, {n: n for n in range(len(names))}, {}), listings
        if found.lower().endswith(".data"):
            config = read_darknet(root, found, ledger)
            return config, list_darknet(root, config, ledger)
        config = read_yaml(root, found, ledger)
        if not config.subsets and (loose := find_loose(root, home)) is not None:
            ledger.warn(f"{found}: it names no images; the folders beside it are read")
            return config, list_loose(root, ledger, replace(loose, names=[]), sizes)[1]
        by_folder = self.subset_names == "folder"
        return config, list_yaml(root, config, sizes, ledger, by_folder=by_folder)

    def _source(
        self, root: InputRoot, config: Config, listings: list[Listing], ledger: Ledger
    ) -> YoloSource:
        probe = _Probe(root, listings)
        config.kpt_shape = self._points(config, probe, ledger)
        task = self._row_task(config, probe, root.show(config.file))
        home = config.file.rpartition("/")[0]
        found = read_meta(root, home)
        meta = found[0] if found is not None else None
        if meta is not None:
            config.names = [label.name for label in meta.labels]
            config.ids = {n: n for n in range(len(config.names))}
        elif not config.names and (highest := probe.highest_class()) >= 0:
            ledger.warn("there are no class names; classes are named by their numbers")
            config.names = [f"class_{n}" for n in range(highest + 1)]
            config.ids = {n: n for n in range(highest + 1)}
        categories = _categories(config, meta, task)
        names = {name: n for n, name in enumerate(config.names)}
        reader = RowReader(
            task,
            config.ids,
            names,
            config.kpt_shape,
            attribute=self.rotated == "attribute",
            scores=probe.counts.scores and task != "pose",
            show=root.show,
        )
        return YoloSource(
            root,
            listings,
            reader,
            self._sizes,
            _header(config, categories, listings),
            exif=self.exif,
        )

    def _points(self, config: Config, probe: _Probe, ledger: Ledger) -> tuple[int, int] | None:
        """Return what the data.yaml says of keypoints, else the option, else the rows."""
        if config.kpt_shape is not None or self.kpt_shape is not None:
            return config.kpt_shape or self.kpt_shape
        if self.task not in ("auto", "pose") or (self.task == "auto" and config.task):
            return None
        shape = probe.counts.poses.shape
        if shape is not None:
            ledger.warn(
                f"rows are taken for poses of {shape[0]} points with visibilities, as all looked "
                f"at fit; the points have no names (-I kpt_shape={shape[0]},3 states it, "
                "-I task=segment reads outlines)"
            )
        return shape

    def _row_task(self, config: Config, probe: _Probe, where: str) -> str:
        if self.task == "pose" or (self.task == "auto" and config.kpt_shape is not None):
            if config.kpt_shape is None:
                raise InputError(
                    "pose needs kpt_shape",
                    where=where,
                    hint="give for instance -I kpt_shape=17,3, or add 'kpt_shape: [17, 3]' to its "
                    "data.yaml",
                )
            return "pose" if config.kpt_shape[0] else "detect"
        if self.task in ("auto", "obb") and probe.counts.is_roboflow:
            return "roboflow"
        if self.task == "auto" and config.task in ("segment", "obb"):
            return config.task
        if self.task == "auto" and probe.counts.is_oriented:
            return "obb"
        return self.task


class _Probe:
    """A look at the first label files of a dataset."""

    def __init__(self, root: InputRoot, listings: Sequence[Listing]) -> None:
        self._root = root
        self._listings = listings
        self.counts = RowCounts()
        for listing in listings:
            read = _Readers(root)
            seen = 0
            for number in range(min(len(listing.images), 20 * PROBES)):
                data = read(listing.label(number))
                if data:
                    self.counts.add(data)
                    seen += 1
                    if seen == PROBES:
                        break

    def highest_class(self) -> int:
        """Return the highest class id of the whole dataset; -1 if there is none."""
        read = _Readers(self._root)
        highest = -1
        for listing in self._listings:
            for number in range(len(listing.images)):
                for line in (read(listing.label(number)) or b"").splitlines():
                    first = line.split(None, 1)[:1]
                    if first and is_number(first[0]) and 0 <= float(first[0]) < MAX_CLASSES:
                        highest = max(highest, int(float(first[0])))
        return highest


class _Readers:
    """Reads files by relative name through one fast reader per folder."""

    def __init__(self, root: InputRoot) -> None:
        self._root = root
        self._folder: str | None = None
        self._read: Callable[[str], bytes | None] = lambda _: None

    def __call__(self, name: str) -> bytes | None:
        folder, _, base = name.rpartition("/")
        if folder != self._folder:  # files come folder by folder, so one open folder is enough
            self._read = self._root.reader(folder)
            self._folder = folder
        return self._read(base)


def _categories(config: Config, meta: Categories | None, task: str) -> Categories:
    if task != "pose" or config.kpt_shape is None:
        return meta or Categories.from_names(config.names)
    points = {}
    classes = {n: k for k, n in config.ids.items()}
    for n, name in enumerate(config.names):
        k = classes[n]
        if config.keypoints is not None and k not in config.keypoints:
            continue
        given = config.kpt_names.get(k, config.kpt_names.get(None))
        parts = given or [f"{name}_point_{number}" for number in range(config.kpt_shape[0])]
        points[n] = PointsCategory(tuple(parts), tuple(config.joints.get(k, ())))
    return Categories(labels=Categories.from_names(config.names).labels, points=points)


def _header(config: Config, categories: Categories, listings: Sequence[Listing]) -> Header:
    info: dict[str, Any] = {"yolo": {"flip_idx": config.flip_idx}} if config.flip_idx else {}
    return Header(
        categories=categories,
        media=frozenset({"image"}),
        subsets=tuple(dict.fromkeys(listing.subset for listing in listings)),
        items=sum(len(listing.images) for listing in listings),
        info=info,
    )


class YoloSource(Source):
    """An opened YOLO dataset.

    Args:
        root: Its files.
        listings: Its images and where their label files are.
        reader: Reads rows.
        sizes: (height, width) by item id, of images that are not there.
        header: What is known of it.
        exif: Rows refer to images as turned by their EXIF tag.
    """

    def __init__(
        self,
        root: InputRoot,
        listings: list[Listing],
        reader: RowReader,
        sizes: dict[str, tuple[int, int]],
        header: Header,
        *,
        exif: bool,
    ) -> None:
        self.header = header
        self._root = root
        self._listings = listings
        self._reader = reader
        self._sizes = sizes
        self._exif = exif

    def partitions(self) -> Sequence[tuple[int, int, int]]:
        """Return (number of the listing, first image, image after the last)."""
        return slices((len(listing.images) for listing in self._listings), self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        subset = self._listings[partition[0]].subset
        for item, media, data, label in self._files(partition, ledger):
            annotations: list[Annotation] = []
            if data:
                found = self._rows(data, media, label, item, ledger)
                if found is None:
                    continue
                annotations = found
            yield DatasetItem(item, subset, media, annotations)

    def columns(
        self,
        partition: tuple[int, int, int],
        ledger: Ledger,
        *,
        outlines: bool,  # noqa: ARG002
        family: str,  # noqa: ARG002
    ) -> BoxColumns | None:
        """See ``Source.columns``."""
        if self._exif or not self._reader.reads_boxes:
            return None
        from dsk_yolo.rowcolumns import RowColumns

        told = Ledger(ledger.on_error)  # of files that will be read once more as items
        files = list(self._files(partition, told))
        try:
            found = RowColumns([f[2] for f in files], [f[1].size for f in files], self._reader.ids)
        except ValueError:
            return None
        ledger.merge(told)
        subset, items, bounds = self._listings[partition[0]].subset, [], [0]
        usual, counts = found.usual.tolist(), found.counts.tolist()
        for (item, media, data, label), plain, count in zip(files, usual, counts, strict=True):
            own = [] if plain else self._rows(data or b"", media, label, item, ledger)
            if own is not None:
                items.append(DatasetItem(item, subset, media, own))
                bounds.append(bounds[-1] + count)
        none = np.zeros(len(found.labels), np.int64)
        return BoxColumns(items, bounds, found.boxes, found.labels, none, {})

    def _files(
        self, partition: tuple[int, int, int], ledger: Ledger
    ) -> Iterator[tuple[str, Image, bytes | None, str]]:
        """Yield the id and image of each item, its label file's content and relative name."""
        which, start, stop = partition
        listing = self._listings[which]
        ids, names = listing.ids[start:stop], listing.images[start:stop]
        sizes = self._sizes
        stated: Iterable[tuple[int, int] | None] = repeat(None, len(ids))
        if sizes:
            stated = [sizes.get(f"{listing.subset}/{i}", sizes.get(i)) for i in ids]
        if listing.bare:
            images: Iterable[Image] = (Image("", None, None, size) for size in stated)
        else:
            images = images_of(self._root, names, stated)
        labels = listing.labels(start, stop)
        found = label_contents(self._root, labels, ledger, beside=listing.beside)
        for item, media, (label, data) in zip(ids, images, found, strict=True):
            yield item, media, data, label

    def _rows(
        self, data: bytes, media: Image, label: str, item: str, ledger: Ledger
    ) -> list[Annotation] | None:
        size: tuple[int, int] | None
        try:
            size = media.size or media.get_size()
        except MediaError as error:
            ledger.bad_record(
                RecordError(error.message, where=self._root.show(media.path), item=item)
            )
            return None
        if size is None and self._reader.task != "roboflow":
            if not data.split():
                return []
            hint = "add the image, or a line 'item height width' to images.meta"
            ledger.bad_record(
                RecordError(
                    "the size of its image is not known",
                    where=self._root.show(label),
                    item=item,
                    hint=hint,
                )
            )
            return None
        turn = turn_of(media) if self._exif else None
        if turn is not None:
            turn = turn.inverse()
        return self._reader.read(data, size or (1, 1), ledger, label, item, turn=turn)
