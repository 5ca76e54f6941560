"""Writing lists of images with label numbers, as Caffe has them for ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.annotations import Label
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_classification.imagelists import SYNSETS
from dsk_classification.imagenet_txt import IMAGES
from dsk_classification.saving import save_image
from dsk_classification.tables import labels_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["ImagenetTxtExporter"]


_UNHELD = frozenset('"\n\r\t')
"""What no name in a list can hold."""


_CLASH = "-t 'rename regex=|^|{item.subset}/|' gives each subset a folder of its own"


class ImagenetTxtExporter(Exporter):
    """Writes ``<subset>.txt``, ``synsets.txt`` and images.

    Args:
        save_dataset_meta: Write dataset_meta.json, which holds any label name, for synsets.txt.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        ctx.out.write(*_labels_file(header.categories, ctx.ledger, meta=self._save_meta))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        lines: dict[str, list[str]] = {}
        for item in items:
            name = ctx.image_name(item)
            if not _UNHELD.isdisjoint(name):
                _leave_out(item, ctx)
                continue
            numbers = _numbers(item, ctx)
            rows = lines.setdefault(item.subset, [])
            rows.append(" ".join([_quoted(item.id, name), *map(str, numbers)]))
            if item.media is not None:
                save_image(item, f"{IMAGES}/{name}", ctx, _CLASH)
        for subset, rows in lines.items():
            if ctx.out.dry:
                continue
            with ctx.fragment(f"{subset}.txt") as file:
                file.write("".join(f"{row}\n" for row in rows).encode())

    def finish(self, states: list[Any], ctx: WriteContext) -> None:  # noqa: ARG002
        """See ``Exporter.finish``."""
        for name in ctx.out.fragment_names():
            ctx.out.join(name, ctx.out.fragments(name))


def _labels_file(categories: Categories, ledger: Ledger, *, meta: bool) -> tuple[str, bytes]:
    return (
        (META_NAME, meta_text(categories)) if meta else (SYNSETS, labels_text(categories, ledger))
    )


def _quoted(item: str, name: str) -> str:
    """Return a name as a word of a line; Datumaro's quotes close before the ending."""
    return name if name.split() == [name] else f'"{item}"{name[len(item) :]}'


def _numbers(item: DatasetItem, ctx: WriteContext) -> list[int]:
    """Return the numbers of an item's labels, sorted, each once."""
    labels = [a.label or 0 for a in item.annotations if type(a) is Label]
    if len(labels) < 2:
        return labels
    numbers = sorted(set(labels))
    if len(numbers) < len(labels):
        ctx.ledger.add(
            "DSK-L014",
            "the same label twice",
            kind="label",
            count=len(labels) - len(numbers),
            item=item.id,
            subset=item.subset,
        )
    return numbers


def _leave_out(item: DatasetItem, ctx: WriteContext) -> None:
    what = "quotation marks, tabs or line breaks in an id"
    ctx.ledger.add_at("DSK-L008", what, item, hint="rename the item")
    for a in item.annotations:
        ctx.ledger.add("DSK-L017", what, kind=a.kind, item=item.id, subset=item.subset)
