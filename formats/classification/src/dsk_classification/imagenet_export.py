"""Writing images into a folder for each label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.categories import Categories
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk.names import fit_labels
from dsk_classification.imagenet import NO_LABEL
from dsk_classification.saving import save_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["ImagenetExporter", "ImagenetSubsetsExporter"]


# Readers pass over hidden folders; drives, climbing and absolute names are none.
_NO_FOLDER = re.compile(r"[\\\0\ud800-\udfff]|^/|/$|(?<=/)/|^\.|(?<=/)\.|^$|(?<=^[A-Za-z]):")


class ImagenetExporter(Exporter):
    """Writes ``<label>/<item>.<ext>``, a copy for each label of an item.

    Args:
        save_dataset_meta: Write dataset_meta.json, which keeps the order of the labels.

    Attributes:
        clash: What to do when two items want the same file.
    """

    clash = "-f imagenet_with_subset_dirs keeps subsets apart; in one subset rename one of them"

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta
        self._labels: list[str] = []
        self._categories = Categories()

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._labels = fit_labels(header.categories.names, _NO_FOLDER, ctx.ledger, hint="")
        labels = [
            replace(label, name=name)
            for label, name in zip(header.categories.labels, self._labels, strict=True)
        ]
        self._categories = replace(header.categories, labels=tuple(labels))
        known = set(self._labels)
        for n, label in enumerate(labels):
            above = label.name.rpartition("/")[0]
            if label.parent != above and not self._save_meta:
                ctx.ledger.add("DSK-L010", f"label {label.name}: parent {label.parent or 'added'}")
            if above and above not in known:
                known.add(above)
                ctx.ledger.add("DSK-L010", f"label {above} is added above {label.name}")
            if label.name in self._labels[:n]:
                ctx.ledger.add("DSK-L010", f"labels of the same name {label.name} are joined")
        if not self._save_meta and self._labels != sorted(self._labels):
            ctx.ledger.add("DSK-L015", "labels sorted", hint="--save-dataset-meta keeps the order")

    def place(self, item: DatasetItem, folder: str) -> str:
        """Return the folder for one label's images of an item's subset."""
        del item
        return folder

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> set[str]:
        """See ``Exporter.write``; the state is the folders with images."""
        used = set()
        for item in items:
            if item.media is None:
                ctx.ledger.add_at("DSK-L008", "item without an image", item)
                for a in item.annotations:
                    _drop(ctx, item, a, "label of an item without an image")
                continue
            folders = self._folders(item, ctx)
            name = _base(item, ctx.image_name(item), list(folders), ctx)
            for folder, label in folders.items():
                if save_image(item, f"{self.place(item, folder)}/{name}", ctx, self.clash):
                    used.add(folder)
                elif label is not None:
                    _drop(ctx, item, label, "label of an image that was not saved")
        return used

    def _folders(self, item: DatasetItem, ctx: WriteContext) -> dict[str, Annotation | None]:
        """Return the folders an item belongs to and the label that says so."""
        found: dict[str, Annotation | None] = {}
        for a in item.annotations:
            name = self._labels[a.label or 0]
            if name == NO_LABEL:
                _drop(ctx, item, a, f"label {NO_LABEL}, the name of the folder for none")
            elif name in found:
                _drop(ctx, item, a, "the same label twice")
            else:
                found[name] = a
        if len(found) > 1:
            ctx.ledger.add_at(
                "DSK-L008",
                "item with several labels becomes an item for each",
                item,
                hint="imagenet_txt holds several labels",
            )
        return found or {NO_LABEL: None}

    def finish(self, states: list[set[str]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``; common readers refuse folders without images."""
        if self._save_meta:
            ctx.write(META_NAME, meta_text(self._categories))
            return
        used = set().union(*states)
        used.update(*(_above(folder) for folder in tuple(used)))
        for name in dict.fromkeys(self._labels):
            if name not in used:
                ctx.ledger.add(
                    "DSK-L010", "label without images", hint="--save-dataset-meta keeps it"
                )


class ImagenetSubsetsExporter(ImagenetExporter):
    """Writes ``<subset>/<label>/<item>.<ext>``; see ``ImagenetExporter``."""

    clash = "rename one of them"

    def place(self, item: DatasetItem, folder: str) -> str:
        """See ``ImagenetExporter.place``."""
        return f"{item.subset}/{folder}"


def _above(name: str) -> list[str]:
    """Return the labels above a nested one."""
    parts = name.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _base(item: DatasetItem, name: str, labels: list[str], ctx: WriteContext) -> str:
    """Return the name of an item's file: without its label's folder, and without folders.

    ``cat/1.jpg`` and Datumaro's ``cat:1.jpg`` are ``1.jpg`` in the folder ``cat``.
    """
    base = name
    for label in labels:
        if name.startswith((f"{label}/", f"{label}:")):
            base = name[len(label) + 1 :]
            break
    if base == name or "/" in base:
        ctx.ledger.add_at("DSK-L015", "ids begin with the label's folder", item)
    return base.replace("/", "_")


def _drop(ctx: WriteContext, item: DatasetItem, a: Annotation, what: str) -> None:
    ctx.ledger.add_at("DSK-L017", what, item, a)
