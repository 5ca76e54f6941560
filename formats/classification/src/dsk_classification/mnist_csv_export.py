"""Writing MNIST in CSV: a row for each image, its label first, then its pixels."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk_classification.csvtables import meta_name
from dsk_classification.mnist import SIDE
from dsk_classification.tables import Rows, add, joined, labels_text, meta_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["MnistCsvExporter"]

_NONE = -1
_CELLS = np.array([b",%d" % n for n in range(256)], dtype="S4")


class MnistCsvExporter(Exporter):
    """Writes ``mnist_<subset>.csv``, the labels' names, and ids and sizes where they are needed.

    Args:
        save_dataset_meta: Write dataset_meta.json, which holds any label name, for labels.txt.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        if self._save_meta:
            ctx.write(META_NAME, meta_text(header.categories))
        else:
            ctx.write("labels.txt", labels_text(header.categories, ctx.ledger))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, Rows]:
        """See ``Exporter.write``; the state is the subsets' rows without pixels."""
        found: dict[str, Rows] = {}
        lines: dict[str, list[bytes]] = {}
        for item in items:
            rows = found.setdefault(item.subset, Rows())
            pixels = add(rows, item, ctx)
            label = rows.labels[-1]
            line = b"%d" % (_NONE if label is None else label)
            if pixels is not None:
                line += _cells(pixels)
            lines.setdefault(item.subset, []).append(line)
        for subset, texts in lines.items():
            with ctx.fragment(subset) as file:
                file.write(b"\n".join(texts) + b"\n")
        return found

    def finish(self, states: list[dict[str, Rows]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        for subset, rows in joined(states).items():
            ctx.out.join(f"mnist_{subset}.csv", ctx.out.fragments(subset))
            if table := meta_rows(rows, SIDE):
                text = io.StringIO(newline="")
                csv.writer(text, lineterminator="\n").writerows(table)
                ctx.write(meta_name(subset), text.getvalue().encode())


def _cells(pixels: NDArray[np.uint8]) -> bytes:
    """Return the pixels' numbers, a comma before each; shorter texts are padded by NUL in a table.

    Args:
        pixels: (height, width).
    """
    return _CELLS.take(pixels).tobytes().translate(None, b"\0")
