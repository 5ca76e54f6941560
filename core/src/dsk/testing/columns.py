"""Checks of boxes as columns: the short way says what the long way says, to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from msgspec.structs import replace

from dsk.adapt import Adapter
from dsk.annotations import Bbox, Polygon
from dsk.columns import BoxColumns
from dsk.dataset import Dataset
from dsk.descriptors import Capabilities
from dsk.flow import ListSource
from dsk.loss import Ledger
from dsk.opening import open_dataset
from dsk.registry import resolve
from dsk.testing.base import SuiteBase
from dsk.testing.outputs import differing, facts, tree

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem

__all__ = ["ColumnChecks", "ColumnSource", "as_columns"]

BOXES_ONLY = Capabilities(annotations=frozenset({"bbox"}), media=frozenset({"image"}))
SHARED: tuple[dict[str, Any], ...] = (
    {},
    {"is_crowd": False},
    {"is_crowd": True, "score": 0.5},
    {"is_crowd": False, "covered": "100 %d"},
)
"""Attributes that importers share among many boxes, one after the other."""


class ColumnSource(ListSource):
    """A dataset in memory whose plain boxes come as columns."""

    def columns(
        self,
        partition: Any,
        ledger: Ledger,
        *,
        outlines: bool,
        family: str,  # noqa: ARG002
    ) -> BoxColumns | None:
        """See ``Source.columns``."""
        return as_columns(self.read(partition, ledger), outlines=outlines)


def as_columns(items: Iterable[DatasetItem], *, outlines: bool = False) -> BoxColumns:
    """Return items with boxes as rows, where that loses nothing.

    Args:
        items: The items; the attributes of the first one's boxes are those of all rows.
        outlines: Whether outlines that state a box may be rows.
    """
    rows: list[tuple[Annotation, Any]] = []
    kept: list[DatasetItem] = []
    bounds = [0]
    shared: dict[str, Any] | None = None
    for item in items:
        found = [_box(a, outlines=outlines) for a in item.annotations]
        if found and shared is None:
            shared = item.annotations[0].attributes
        if all(found) and all(a.attributes == shared for a in item.annotations):
            rows += zip(item.annotations, found, strict=True)
            item = item.replace(annotations=())  # noqa: PLW2901
        kept.append(item)
        bounds.append(len(rows))
    return BoxColumns(
        kept,
        bounds,
        np.array([box for _, box in rows], np.float64).reshape(-1, 4),
        np.array([a.label for a, _ in rows], np.int64),
        np.array([a.id for a, _ in rows], np.int64),
        shared or {},
        np.array([isinstance(a, Polygon) for a, _ in rows], np.bool_),
    )


def _box(a: Annotation, *, outlines: bool) -> tuple[float, float, float, float] | None:
    """Return a plain annotation's box."""
    if not isinstance(a, (Bbox, Polygon) if outlines else Bbox):
        return None
    plain = a.label is not None and not a.group and not a.z_order and not a.extra
    return a.bbox if plain and a.object_id == -1 else None


class ColumnChecks(SuiteBase):
    """Sources and exporters that know columns; others skip these."""

    @pytest.mark.parametrize("alone", [False, True], ids=["among-others", "alone-without-ids"])
    @pytest.mark.parametrize("attributes", SHARED, ids=["none", "one", "two", "percent"])
    def test_columns_are_written_like_items(
        self, tmp_path: Path, attributes: dict[str, Any], alone: bool
    ) -> None:
        """Items with boxes as columns give the same files and the same report."""
        self.needs(reading=False)
        info = self.exporter()
        if info is None or not resolve(info.target).takes_columns:
            pytest.skip("it takes no columns")
        dataset = self.prepare(boxes_and_more(self.rich_sample(), attributes, alone=alone))
        items, header = list(dataset), dataset.header
        reports = [
            self.write(Dataset(kind(items, header)), tmp_path / kind.__name__)
            for kind in (ListSource, ColumnSource)
        ]
        there, here = tree(tmp_path / "ListSource"), tree(tmp_path / "ColumnSource")
        assert differing(there, here) == []
        assert facts(reports[0]) == facts(reports[1])

    @pytest.mark.parametrize("only", [False, True], ids=["among-others", "only"])
    @pytest.mark.parametrize("family", ["", "*"], ids=["no-fields", "all-fields"])
    def test_columns_are_read_like_items(self, tmp_path: Path, only: bool, family: str) -> None:
        """What a source gives as columns is what it gives as items, fitted to boxes alike."""
        self.needs()
        if "bbox" not in self.round_trip_kinds():
            pytest.skip("it holds no boxes")
        plain = boxes_and_more(self.sample(), {}, others=False)
        if "polygon" in self.holds().annotations:
            plain = plain.transform(_with_outline)
        self.write(self.prepare(plain.materialize()), tmp_path / "out")
        out, options = tmp_path / "out", self.import_options
        source = open_dataset(out, self.format, options, only_columns=only).source
        seen = 0
        for partition in source.partitions():
            ledgers = [Ledger(), Ledger()]
            adapters = [Adapter(replace(BOXES_ONLY, family=family), ledger) for ledger in ledgers]
            found = source.columns(partition, ledgers[1], outlines=True, family=family)
            if found is None:
                continue
            seen += len(found.labels)
            long = list(adapters[0](source.read(partition, ledgers[0])))
            if found.unread:
                assert family not in {"*", *(name for name, _ in found.unread)}
                long = [item.replace(extra=None) for item in long]
            assert list(adapters[1].columns(found)) == long
            assert ledgers[0].events == ledgers[1].events
            assert ledgers[0].warnings == ledgers[1].warnings
        if not seen:
            pytest.skip("it gives no columns")


def _with_outline(item: DatasetItem) -> DatasetItem:
    ring, box = [1.0, 2.0, 5.0, 2.0, 5.0, 7.5], (1.0, 2.0, 4.0, 5.5)
    outline = Polygon(ring, bbox=box, area=11.0, label=0, id=99, attributes={})
    return item.replace(annotations=[*item.annotations, outline])


def boxes_and_more(
    dataset: Dataset,
    attributes: dict[str, Any],
    *,
    others: bool = True,
    alone: bool = False,
) -> Dataset:
    """Return a dataset with items of plain boxes, inside and outside of their images.

    Args:
        dataset: Where images and labels come from.
        attributes: What all the boxes have.
        others: Whether the dataset's own items are kept in between.
        alone: Nothing else is there: one subset, no other items, no ids.
    """
    count = len(dataset.categories().labels)
    given = list(dataset)
    if alone:
        given = [item for item in given if item.subset == given[0].subset]
    items = []
    for n, item in enumerate(given):
        boxes = [
            Bbox(
                x,
                y,
                w,
                h,
                label=(n + k) % count,
                id=0 if alone else 100 * n + k + 1,
                attributes=attributes,
            )
            for k, (x, y, w, h) in enumerate(_PLACES[: 1 + n % len(_PLACES)])
        ]
        more = item.replace(id=f"{item.id}-boxes", annotations=boxes, attributes={}, extra=None)
        items += [item] if others and not alone else []
        items += [more, more.replace(id=f"{item.id}-none", annotations=())]
    return Dataset.from_iterable(items, dataset.categories())


_PLACES = (
    (0.0, 0.0, 1.0, 1.0),
    (1.25, 2.5, 3.0, 4.75),
    (0.015625, 0.5, 7.03125, 8.0),  # in images of 64 pixels these end in halves of a millionth
    (3.0, 1.0, 0.0, 2.0),
    (5.0, 4.0, 1e-7, 1e-7),
    (-2.0, 3.0, 6.0, 6.0),
    (1.0, 1.0, 1e6, 2.0),
)
"""Usual boxes first, then some without extent and some that reach out of their image."""
