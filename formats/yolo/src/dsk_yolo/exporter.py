"""Writing YOLO datasets."""

from __future__ import annotations

import shlex
from itertools import repeat
from typing import TYPE_CHECKING, Any

from dsk.categories import Categories
from dsk.columns import BoxColumns
from dsk.descriptors import Capabilities, reserving
from dsk.errors import MediaError, OptionError, OutputError, RecordError
from dsk.flow import Exporter
from dsk.media import Image
from dsk.metafile import META_NAME, SIZES_NAME, meta_text
from dsk_yolo.classify import finish_classify, write_classify
from dsk_yolo.encode import RowWriter
from dsk_yolo.exif import turn_of
from dsk_yolo.labels import ClassNames
from dsk_yolo.paths import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    RESERVED_DARKNET,
    RESERVED_YAML,
    TRAINABLE,
    folder_of,
    label_path,
)
from dsk_yolo.plugin import UNFIT_SUBSETS
from dsk_yolo.yamlfile import data_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["YoloExporter"]

KINDS = {
    "detect": frozenset({"bbox"}),
    "segment": frozenset({"polygon"}),
    "pose": frozenset({"skeleton"}),
    "obb": frozenset({"rotated_bbox", "bbox", "polygon"}),
    "classify": frozenset({"label"}),
}
_RESERVED = RESERVED_DARKNET.union(RESERVED_YAML, IMAGE_FOLDERS, LABEL_FOLDERS)
"""What subsets cannot be called: keys of configurations, and folders that labels are found by."""

SMALLEST = 10
"""Ultralytics drops images with a shorter side."""


class YoloExporter(Exporter):
    """Writes YOLO datasets; see the descriptor for the options.

    Raises:
        OptionError: Options contradict one another.
    """

    takes_columns = True

    def __init__(
        self,
        *,
        task: str = "auto",
        layout: str = "auto",
        clip: bool | None = None,
        crowd: str = "skip",
        parts: str = "join",
        lists: bool = False,
        add_path_prefix: bool | None = None,
        keys: str = "full",
        config_file: str = "data.yaml",
        exif: bool = False,
        save_dataset_meta: bool = False,
    ) -> None:
        self.darknet = layout == "darknet" or (layout == "auto" and task == "auto")
        self.task = "detect" if task == "auto" else task
        if self.darknet and self.task != "detect":
            raise OptionError(f"the darknet layout holds boxes only, no {task}")
        self.clip = not self.darknet if clip is None else clip
        self.skip_crowd = crowd == "skip"
        self.parts = parts
        self.lists = lists
        self.prefix = (
            "data/" if (self.darknet if add_path_prefix is None else add_path_prefix) else ""
        )
        self.full_keys = keys == "full"
        self.config_file = config_file
        self.exif = exif
        self.save_dataset_meta = save_dataset_meta
        self.names = ClassNames.of_nothing()
        self._rows: RowWriter | None = None
        self._points = 0
        self._many = False
        self._info: dict[str, Any] = {}

    def capabilities(self, header: Header) -> Capabilities | None:  # noqa: ARG002
        """See ``Exporter.capabilities``."""
        kinds = KINDS[self.task]
        whole = self.task == "obb" or (self.task == "segment" and self.parts == "join")
        held = {"is_crowd", "rotation"} if "bbox" in kinds else {"is_crowd"}
        return Capabilities(
            annotations=kinds,
            attributes=frozenset() if self.task == "classify" else frozenset(held),
            needs_label=kinds,
            unfit_subsets=UNFIT_SUBSETS
            if self.task == "classify"
            else reserving(*sorted(_RESERVED), grammar=UNFIT_SUBSETS),
            multi_ring=whole,
            holes=whole,
            family="yolo",
            label_fields=frozenset({"points"} if self.task == "pose" else ()),
        )

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self.names = ClassNames(header.categories, ctx.ledger, pose=self.task == "pose")
        self._points = max([len(p.labels) for p in self.names.keypoints.values()], default=0)
        if self.task != "classify":
            self._rows = RowWriter(
                self.task, self.names.ids, self._points, clip=self.clip, skip_crowd=self.skip_crowd
            )
        self._many = len(header.subsets) != 1
        info = header.info.get("yolo")
        self._info = info if isinstance(info, dict) else {}

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, Any]:
        """See ``Exporter.write``.

        The state is the subset folders, the numbers of keypoints, the folders in which images are,
        and items by folder that have nothing but an empty label file.
        """
        if self.task == "classify":
            return write_classify(items, ctx, self.names)
        lists: dict[str, list[str]] = {}
        sizes: list[str] = []
        saved: set[str] = set()
        alone: dict[str, list[tuple[str, str]]] = {}
        folder = images = labels = ""
        known: str | None = None
        put, darknet, save = ctx.write, self.darknet, ctx.save_media
        for item, text in self._with_texts(items):
            subset = item.subset
            if subset != known:
                known, folder = subset, folder_of(subset)
                lists.setdefault(folder, [])
                images = f"obj_{folder}_data/" if darknet else f"images/{folder}/"
                labels = images if darknet else f"labels/{folder}/"
            if folder != subset:
                ctx.ledger.add("DSK-L012", f"subset {subset}→{folder}", item=item.id, subset=subset)
            size = self._size(item, ctx)
            rows: bytes | memoryview = text or b""
            if item.annotations:
                if size is None:
                    self._no_size(item, ctx)
                    continue
                turn = turn_of(item.media) if self.exif and isinstance(item.media, Image) else None
                rows = self._rows.rows(item, size, ctx.ledger, turn).encode()  # type: ignore[union-attr]
            image = images + ctx.image_name(item)
            put(f"{labels}{item.id}.txt", rows)
            if "images/" in item.id:
                self._second_place(image, f"{labels}{item.id}.txt", rows, ctx)
            lists[folder].append(image)
            if save and self._save(item, image, size, ctx):
                saved.add(folder)
                continue
            if size is None:
                alone.setdefault(folder, []).append((item.id, subset))
                continue
            sizes.append(f"{shlex.quote(item.id)} {size[0]} {size[1]}\n")
            if self._many:
                sizes.append(f"{shlex.quote(f'{folder}/{item.id}')} {size[0]} {size[1]}\n")
        self._leave(lists, sizes, ctx)
        lengths = sorted(self._rows.lengths) if self._rows is not None else []
        return {"subsets": list(lists), "points": lengths, "saved": saved, "alone": alone}

    def _with_texts(
        self, items: Iterable[DatasetItem]
    ) -> Iterable[tuple[DatasetItem, bytes | memoryview | None]]:
        """Return the items with the texts of their label files, where these are made already."""
        if not isinstance(items, BoxColumns):
            return zip(items, repeat(None))
        known = items.attributes
        if self.task != "detect" or self.exif or known.get("is_crowd") or known.get("rotation"):
            return zip(items, repeat(None))
        from dsk_yolo.textcolumns import box_texts

        texts = box_texts(items, self.names.ids)
        return zip(items.unless(texts), texts, strict=True)

    @staticmethod
    def _second_place(image: str, label: str, rows: bytes | memoryview, ctx: WriteContext) -> None:
        """Ids with a folder ``images``: trainers look for the label file in another place."""
        other = label_path(image)
        if other != label:
            ctx.write(other, rows)

    @staticmethod
    def _save(
        item: DatasetItem, image: str, size: tuple[int, int] | None, ctx: WriteContext
    ) -> bool:
        saved = ctx.save_image(item, image)
        if saved:
            if image[image.rfind(".") :].lower() not in TRAINABLE:
                ending = image[image.rfind(".") :]
                ctx.ledger.warn(f"Ultralytics passes over {ending} images; give --image-ext .png")
            if size is not None and min(size) < SMALLEST:
                ctx.ledger.warn(f"Ultralytics leaves out images smaller than {SMALLEST} pixels")
        return saved

    @staticmethod
    def _size(item: DatasetItem, ctx: WriteContext) -> tuple[int, int] | None:
        media = item.media
        if not isinstance(media, Image):
            return None
        if media.size is not None and min(media.size) > 0:
            return media.size
        if not item.annotations and ctx.save_media:
            return None  # nothing is relative to it
        try:
            size = media.get_size()
        except MediaError as error:
            ctx.ledger.bad_record(RecordError(error.message, where=media.path, item=item.id))
            return None
        return size if size is not None and min(size) > 0 else None

    @staticmethod
    def _no_size(item: DatasetItem, ctx: WriteContext) -> None:
        what, subset = "image size not known, rows are relative to it", item.subset
        ctx.ledger.add("DSK-L008", what, item=item.id, subset=subset)
        ctx.ledger.add("DSK-L018", what, count=len(item.annotations), item=item.id, subset=subset)

    def _leave(self, lists: dict[str, list[str]], sizes: list[str], ctx: WriteContext) -> None:
        if self.darknet or self.lists:
            start = self.prefix or ("" if self.darknet else "./")
            for folder, images in lists.items():
                text = "".join([f"{start}{name}\n" for name in images])
                with ctx.fragment(f"{folder}.txt") as file:
                    file.write(text.encode())
        if sizes:
            with ctx.fragment(SIZES_NAME) as file:
                file.write("".join(sizes).encode())

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        if self.task == "classify":
            finish_classify(states, self.names, ctx)
            return
        if self.save_dataset_meta:
            ctx.write(META_NAME, meta_text(Categories.from_names(self.names.names)))
        subsets = list(dict.fromkeys(name for state in states for name in state["subsets"]))
        if not (self.darknet or self.lists):
            _report_alone(states, ctx.ledger)
        for name in ctx.out.fragment_names():
            ctx.out.join(name, ctx.out.fragments(name))
        for name in subsets:
            ctx.out.make_folder(f"obj_{name}_data" if self.darknet else f"images/{name}")
        if self.darknet:
            self._darknet_files(subsets, ctx)
        text = data_yaml(
            {name: self._source(name) for name in subsets},
            self.names,
            ctx.ledger,
            task=self.task,
            points=self._points or _one_length(states),
            full=self.full_keys,
            flip_idx=self._info.get("flip_idx") if self.task == "pose" else None,
        )
        ctx.write(self.config_file, text)

    def _source(self, subset: str) -> str:
        if self.darknet:
            return f"obj_{subset}_data"
        return f"{subset}.txt" if self.lists else f"images/{subset}"

    def _darknet_files(self, subsets: list[str], ctx: WriteContext) -> None:
        ctx.write(
            "obj.names", "".join([f"{name}\n" for name in self.names.lines(ctx.ledger)]).encode()
        )
        lines = [f"classes = {len(self.names.names)}"]
        lines += [f"{name} = {self.prefix}{name}.txt" for name in subsets]
        lines += [f"names = {self.prefix}obj.names", "backup = backup/"]
        ctx.write("obj.data", ("\n".join(lines) + "\n").encode())


def _one_length(states: list[Any]) -> int:
    """Return the number of keypoints of a dataset whose labels do not tell it.

    Raises:
        OutputError: Its skeletons differ in it.
    """
    lengths = {length for state in states for length in state["points"]}
    if len(lengths) > 1:
        raise OutputError(
            f"skeletons have {', '.join(map(str, sorted(lengths)))} points, a YOLO dataset has one "
            "number of them",
            hint="name the keypoints of the labels, then shorter skeletons are filled up",
        )
    return max(lengths, default=1)


def _report_alone(states: list[Any], ledger: Ledger) -> None:
    """Report items without an image among such with one: readers pass over their label files."""
    saved = set().union(*(state["saved"] for state in states))
    for state in states:
        for folder, items in state["alone"].items():
            if folder in saved:
                for item, subset in items:
                    ledger.add("DSK-L008", "item without image and rows", item=item, subset=subset)
