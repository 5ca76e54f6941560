"""Writing CIFAR-10 and CIFAR-100, the Python version."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from dsk.flow import Exporter
from dsk.metafile import META_NAME, meta_text
from dsk.pickles import array_head, pickled
from dsk_classification.batches import META_10, META_100
from dsk_classification.cifar import PARENTS, SIDE
from dsk_classification.pixels import load, rgb_of
from dsk_classification.single import first_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["CifarExporter"]

_START, _END = b"\x80\x04}(", b"u."  # protocol 4, an empty dict, its keys and values; the end
_SHORT = 1 << 8
_WHOLE = (SIDE, SIDE)


class _Rows(Struct):
    """What a partition knows of a subset: names, labels and sizes; pixels are in a fragment."""

    names: list[str]
    labels: list[int | None]
    sizes: list[tuple[int, int] | None]


class CifarExporter(Exporter):
    """Writes a pickle for each subset, and the labels' names.

    Labels with parents make it CIFAR-100: the parents are the coarse labels.

    Args:
        save_dataset_meta: Write dataset_meta.json.
    """

    def __init__(self, *, save_dataset_meta: bool = False) -> None:
        self._save_meta = save_dataset_meta
        self._coarse: dict[str, int] = {}
        self._parents: list[str] = []

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        categories = header.categories
        self._parents = [label.parent for label in categories.labels]
        coarse = sorted({parent for parent in self._parents if parent})
        self._coarse = {name: number for number, name in enumerate(coarse)}
        ctx.write(*_meta(categories, coarse))
        if self._save_meta:
            ctx.write(META_NAME, meta_text(categories))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, _Rows]:
        """See ``Exporter.write``; the state is what is known of each subset."""
        found: dict[str, _Rows] = {}
        pixels: dict[str, list[bytes]] = {}
        for item in items:
            rows = found.setdefault(item.subset, _Rows([], [], []))
            rows.names.append(ctx.image_name(item, ".png"))
            rows.labels.append(first_label(item, ctx))
            array = load(item, ctx)
            if array is None:
                rows.sizes.append(None)
                continue
            image = rgb_of(array, item, ctx)
            rows.sizes.append((image.shape[0], image.shape[1]))
            pixels.setdefault(item.subset, []).append(
                np.ascontiguousarray(image.transpose(2, 0, 1)).tobytes()
            )
        for subset, parts in pixels.items():
            with ctx.fragment(subset) as file:
                file.writelines(parts)
        return found

    def finish(self, states: list[dict[str, _Rows]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``.

        Raises:
            OutputError: A subset is called like another file.
        """
        subsets: dict[str, _Rows] = {}
        for state in states:
            for subset, part in state.items():
                rows = subsets.setdefault(subset, _Rows([], [], []))
                rows.names += part.names
                rows.labels += part.labels
                rows.sizes += part.sizes
        for subset, rows in subsets.items():
            self._write(subset, rows, ctx)

    def _write(self, subset: str, rows: _Rows, ctx: WriteContext) -> None:
        head = [_START, _text("filenames"), _texts(rows.names)]
        if self._coarse:
            head += [_text("fine_labels"), pickled(rows.labels)]
            coarse = [
                None if n is None else self._coarse.get(self._parents[n]) for n in rows.labels
            ]
            head += [_text("coarse_labels"), pickled(coarse)]
        else:
            head += [_text("labels"), pickled(rows.labels)]
        if label := _batch_label(subset):
            head += [_text("batch_label"), _text(label)]
        sizes = set(rows.sizes)
        if sizes - {None, _WHOLE}:
            stated = [size or (0, 0) for size in rows.sizes]
            head += [_text("image_sizes"), pickled(stated)]
        head += [_text("data")]
        fragments = ctx.out.fragments(subset)
        if sizes <= {None}:
            start = array_head((0,), "|u1", 0) + b"tb"
            ctx.write(subset, b"".join([*head, start, _END]))
        elif len(sizes) == 1:
            height, width = rows.sizes[0] or _WHOLE
            shape = (len(rows.names), 3 * height * width)
            start = array_head(shape, "|u1", shape[0] * shape[1])
            ctx.out.join(subset, fragments, head=b"".join([*head, start]), tail=b"tb" + _END)
        else:
            _write_objects(subset, b"".join(head), rows.sizes, fragments, ctx)


def _write_objects(
    subset: str,
    head: bytes,
    sizes: list[tuple[int, int] | None],
    fragments: list[str],
    ctx: WriteContext,
) -> None:
    """Write rows of different lengths, or rows of which some are missing: an array of arrays."""
    if ctx.out.dry:
        return
    waiting = iter(fragments)
    part = None
    with ctx.out.open(subset) as file:
        file.write(head + array_head((len(sizes),), "|O8") + b"](")
        for size in sizes:
            if size is None:
                file.write(b"N")
                continue
            count = 3 * size[0] * size[1]
            row = part.read(count) if part is not None else b""
            while len(row) < count:
                if part is not None:
                    part.close()
                part = open(next(waiting), "rb")  # noqa: PTH123, SIM115 - closed when it is read
                row = part.read(count)
            file.write(array_head((count,), "|u1", count) + row + b"tb")
        file.write(b"etb" + _END)
    if part is not None:
        part.close()
    for path in fragments:
        os.unlink(path)  # noqa: PTH108


def _text(text: str) -> bytes:
    """Return the opcodes of a text: where it is ASCII those of Python 2, as in the official files.

    Readers that ask for bytes (``encoding="bytes"``), as Keras and CIFAR's page do, get bytes then,
    and others get text.
    """
    if not text.isascii():
        return pickled(text)
    raw = text.encode()
    if len(raw) < _SHORT:
        return b"U" + bytes([len(raw)]) + raw
    return b"T" + len(raw).to_bytes(4, "little") + raw


def _texts(texts: list[str]) -> bytes:
    return b"](" + b"".join(map(_text, texts)) + b"e"


def _meta(categories: Categories, coarse: list[str]) -> tuple[str, bytes]:
    parts = [_START]
    if coarse:
        parents = [
            coarse.index(label.parent) if label.parent else None for label in categories.labels
        ]
        parts += [_text("fine_label_names"), _texts(categories.names)]
        parts += [_text("coarse_label_names"), _texts(coarse)]
        parts += [_text(PARENTS), pickled(parents), _END]
        return META_100, b"".join(parts)
    return META_10, b"".join([*parts, _text("label_names"), _texts(categories.names), _END])


def _batch_label(subset: str) -> str:
    number = subset.removeprefix("data_batch_")
    if number != subset and number.isdecimal():
        return f"training batch {number} of 5"
    return "testing batch 1 of 1" if subset in ("test", "test_batch") else ""
