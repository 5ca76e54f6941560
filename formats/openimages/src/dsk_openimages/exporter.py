"""Writing Open Images datasets."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox, Label, Mask
from dsk.errors import InputError
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.media import Image
from dsk.metafile import META_NAME, SIZES_NAME, meta_text
from dsk_openimages.encode import (
    BOX_COLUMNS,
    LABEL_COLUMNS,
    MASK_COLUMNS,
    Encoder,
    box_ids,
    csv_text,
    edges,
    mask_name,
    mask_png,
)
from dsk_openimages.hierarchy import label_names, tree
from dsk_openimages.labels import FAMILY
from dsk_openimages.layout import HIERARCHY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["OpenImagesExporter"]

IMAGE_COLUMNS = (
    "ImageID",
    "Subset",
    "OriginalURL",
    "OriginalLandingURL",
    "License",
    "AuthorProfileURL",
    "Author",
    "Title",
    "OriginalSize",
    "OriginalMD5",
    "Thumbnail300KURL",
    "Rotation",
)
_IMAGES = "-images-with-rotation.csv"
_HEADS = {
    _IMAGES: IMAGE_COLUMNS,
    "-annotations-human-imagelabels.csv": LABEL_COLUMNS,
    "-annotations-bbox.csv": BOX_COLUMNS,
    "-annotations-object-segmentation.csv": MASK_COLUMNS,
}
_LABELS, _BOXES, _MASKS = list(_HEADS)[1:]
_FOLDER = "annotations"


class OpenImagesExporter(Exporter):
    """Writes Open Images datasets; see the descriptor for the options."""

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._names = label_names(header.categories, ctx.ledger)
        self._encoder = Encoder(self._names)
        self._several = len(header.subsets) != 1
        self._first = header.subsets[0] if header.subsets else DEFAULT_SUBSET

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> int:
        """See ``Exporter.write``."""
        rows: dict[str, list[list[object]]] = {}
        sizes: list[str] = []
        count = 0
        for item in items:
            count += 1
            rows.setdefault(item.subset + _IMAGES, []).append(_image_row(item, ctx))
            size = self._annotations(item, rows, ctx)
            if size is None and isinstance(item.media, Image):
                size = item.media.size
            if size is not None and "\n" not in item.id and "\r" not in item.id:
                words = [item.id, str(size[0]), str(size[1])]
                words += [item.subset] if self._several else []
                sizes.append(shlex.join(words))
            if ctx.save_media:
                ctx.save_image(item, f"images/{item.subset}/{ctx.image_name(item)}")
        for name, found in rows.items():
            with ctx.fragment(f"{_FOLDER}/{name}") as file:
                file.write(csv_text(found))
        if sizes:
            with ctx.fragment(f"{_FOLDER}/{SIZES_NAME}") as file:
                file.write("".join(f"{line}\n" for line in sizes).encode("utf-8"))
        return count

    def _annotations(
        self, item: DatasetItem, rows: dict[str, list[list[object]]], ctx: WriteContext
    ) -> tuple[int, int] | None:
        """Add the rows of an item's annotations; return the image's size if it was needed."""
        masks = []
        boxes: dict[int, Bbox] = {}
        size = None
        labels = rows.get(item.subset + _LABELS)
        found = None
        known = False
        for a in item.annotations:
            if type(a) is Bbox:
                if not known:
                    size, known = ctx.image_size(item, masks=True), True
                if size is None:
                    self._drop(a, item, "bbox: image size not known", ctx)
                    continue
                if found is None:
                    found = rows.setdefault(item.subset + _BOXES, [])
                found.append(self._encoder.box(a, item, size, ctx.ledger))
                if a.group:
                    boxes.setdefault(a.group, a)
            elif type(a) is Label:
                labels = rows.setdefault(item.subset + _LABELS, [])
                labels.append(self._encoder.label(a, item, ctx.ledger))
            elif type(a) is Mask:
                masks.append(a)
        if masks:
            if not known:
                size = ctx.image_size(item, masks=True)
            self._masks(item, masks=masks, boxes=boxes, size=size, rows=rows, ctx=ctx)
        if any(a.group for a in item.annotations):
            _report_groups(item, boxes, ctx)
        return size

    def _masks(
        self,
        item: DatasetItem,
        *,
        masks: list[Mask],
        boxes: dict[int, Bbox],
        size: tuple[int, int] | None,
        rows: dict[str, list[list[object]]],
        ctx: WriteContext,
    ) -> None:
        used: set[str] = set()
        for a, box_id in zip(masks, box_ids(masks, item), strict=True):
            try:
                data = mask_png(a, size)
            except InputError:
                self._drop(a, item, "mask: its pixels cannot be read", ctx)
                continue
            except ValueError as error:
                self._drop(a, item, f"mask: {error}", ctx)
                continue
            file = mask_name(item.id, self._names[a.label or 0], box_id, used)
            box = boxes.get(a.group) if a.group else None
            if box is not None and box.label != a.label:
                box = None
            stated = box.bbox if box is not None else a.bbox
            corners = edges(stated, size) if stated is not None and size is not None else ()
            row = self._encoder.mask(a, item, corners, (box_id, file), ctx.ledger)
            rows.setdefault(item.subset + _MASKS, []).append(row)
            ctx.write(f"masks/{item.subset}/{file}", data)

    @staticmethod
    def _drop(a: Annotation, item: DatasetItem, what: str, ctx: WriteContext) -> None:
        ctx.ledger.add_at("DSK-L018", what, item, a)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        for name in ctx.out.fragment_names():
            suffix = next((end for end in _HEADS if name.endswith(end)), None)
            head = csv_text([_HEADS[suffix]]) if suffix else b"# id height width\n"
            ctx.out.join(name, ctx.out.fragments(name), head=head)
        if not sum(states):
            ctx.write(f"{_FOLDER}/{self._first}{_IMAGES}", csv_text([IMAGE_COLUMNS]))
        classes = [
            (name, ((label.extra or {}).get(FAMILY) or {}).get("display_name") or label.name)
            for name, label in zip(self._names, self._categories.labels, strict=True)
        ]
        ctx.write(f"{_FOLDER}/class-descriptions.csv", csv_text(classes))
        hierarchy = tree(self._names, self._categories, ctx.ledger)
        text = json.dumps(hierarchy, ensure_ascii=False, indent=2)
        ctx.write(f"{_FOLDER}/{HIERARCHY}", f"{text}\n".encode())
        if self.save_dataset_meta:
            ctx.write(META_NAME, meta_text(self._categories))


def _image_row(item: DatasetItem, ctx: WriteContext) -> list[object]:
    own = (item.extra or {}).get(FAMILY) or {}
    if not own:
        return [item.id, item.subset, *("",) * (len(IMAGE_COLUMNS) - 2)]
    for name in own.keys() - set(IMAGE_COLUMNS):
        ctx.ledger.add_at("DSK-L011", f"{FAMILY} field {name}", item)
    return [item.id, item.subset, *(own.get(name, "") for name in IMAGE_COLUMNS[2:])]


def _report_groups(item: DatasetItem, boxes: dict[int, Bbox], ctx: WriteContext) -> None:
    """Report members of groups that do not come back as such: all but a box and its masks."""
    sizes: dict[int, int] = {}
    for a in item.annotations:
        if a.group:
            sizes[a.group] = sizes.get(a.group, 0) + 1
    for a in item.annotations:
        if not a.group or sizes[a.group] < 2:
            continue
        box = boxes.get(a.group)
        if box is None or (box is not a and (type(a) is not Mask or a.label != box.label)):
            ctx.ledger.add_at(
                "DSK-L005", "group", item, a, hint="groups hold a box and masks of its label"
            )
