"""Writing MNIST: IDX files of labels and images for each subset."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_classification.idx import header_bytes
from dsk_classification.labelfiles import subset_of
from dsk_classification.mnist import CELL, NONE, SIDE
from dsk_classification.tables import Rows, add, joined, labels_text, meta_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["MnistExporter"]

_STEP = 1 << 20


class MnistExporter(Exporter):
    """Writes labels, images in gray, the labels' names, and ids and sizes where they are needed.

    Args:
        save_dataset_meta: Write dataset_meta.json, which holds any label name, for labels.txt.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``.

        Raises:
            OutputError: There are too many labels.
        """
        if len(header.categories.labels) > NONE:
            raise OutputError(
                f"{len(header.categories.labels)} labels do not fit into a byte each",
                hint="mnist_csv and imagenet_txt hold any number",
            )
        if self._save_meta:
            ctx.write(META_NAME, meta_text(header.categories))
        else:
            ctx.write("labels.txt", labels_text(header.categories, ctx.ledger))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, Rows]:
        """See ``Exporter.write``; the state is the subsets' rows, images are in fragments."""
        found: dict[str, Rows] = {}
        images: dict[str, list[bytes]] = {}
        for item in items:
            pixels = add(found.setdefault(item.subset, Rows()), item, ctx)
            if pixels is not None:
                images.setdefault(item.subset, []).append(pixels.tobytes())
        for subset, parts in images.items():
            with ctx.fragment(subset) as file:
                file.writelines(parts)
        return found

    def finish(self, states: list[dict[str, Rows]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``.

        Raises:
            OutputError: A subset's name means another one in names of files, as t10k means test.
        """
        for subset, rows in joined(states).items():
            prefix = "t10k" if subset == "test" else subset
            read, split = subset_of(prefix)
            if (read, split) != (subset, ""):
                raise OutputError(
                    f"the subset {subset!r} would be read as {read}", hint="rename it: map_subsets"
                )
            _shorten(rows, subset, ctx)
            labels = bytes(NONE if n is None else n for n in rows.labels)
            data = header_bytes(len(labels)) + labels
            ctx.write(f"{prefix}-labels-idx1-ubyte.gz", _zipped(data))
            if any(rows.sizes):
                _write_images(f"{prefix}-images-idx3-ubyte.gz", subset, rows, ctx)
            if table := meta_rows(rows, SIDE):
                cells = np.array(table, dtype=f"<U{CELL}").tobytes()
                ctx.write(f"{subset}-meta.gz", _zipped(cells))


def _shorten(rows: Rows, subset: str, ctx: WriteContext) -> None:
    """Replace ids that are too long for a cell by numbers."""
    taken = set(rows.ids)
    for number, item in enumerate(rows.ids):
        if len(item) > CELL:
            name = str(number)
            while name in taken:
                name = f"{name}_"
            taken.add(name)
            rows.ids[number] = name
            what = f"ids longer than {CELL} characters become numbers"
            ctx.ledger.add("DSK-L008", what, item=item, subset=subset, hint="rename the items")


def _zipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)  # a fixed time: equal data, equal bytes


def _write_images(name: str, subset: str, rows: Rows, ctx: WriteContext) -> None:
    """Join the partitions' images; sizes that differ are in the table of ids and sizes."""
    if ctx.out.dry:
        return
    sizes = set(rows.sizes)
    height, width = sizes.pop() or (0, 0) if len(sizes) == 1 else (0, 0)
    with (
        ctx.out.open(name) as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as file,
    ):
        file.write(header_bytes(len(rows.ids), height, width))
        for path in ctx.out.fragments(subset):
            with open(path, "rb") as part:  # noqa: PTH123
                while data := part.read(_STEP):
                    file.write(data)
