"""From rows of CSV files to annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Bbox, Label, Mask
from dsk.errors import RecordError
from dsk_openimages.labels import FAMILY
from dsk_openimages.masks import MaskFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation, Box
    from dsk.loss import Ledger
    from dsk_openimages.masks import MaskFolders
    from dsk_openimages.tables import ItemTable, Rows

__all__ = ["BOX", "FLAGS", "LABEL", "MASK", "RowReader", "Span"]

FLAGS = {
    "IsOccluded": "occluded",
    "IsTruncated": "truncated",
    "IsGroupOf": "is_group_of",
    "IsDepiction": "is_depiction",
    "IsInside": "is_inside",
}
"""Columns of boxes and the attributes they become."""

CLICKS = tuple(f"XClick{n}{axis}" for n in range(1, 5) for axis in "XY")

LABEL = ("LabelName", "Confidence", "Source")
BOX = ("LabelName", "Confidence", "Source", "XMin", "XMax", "YMin", "YMax", *FLAGS, *CLICKS)
MASK = (
    "LabelName",
    "MaskPath",
    "BoxID",
    "BoxXMin",
    "BoxXMax",
    "BoxYMin",
    "BoxYMax",
    "PredictedIoU",
    "Clicks",
)
_TRUTH = {"1": True, "0": False, "-1": None, "": None, "1.0": True, "0.0": False, "-1.0": None}
_SAME = 1e-6
"""How far the coordinates of a mask's box may be from those of the box it belongs to."""

NO_SIZE = (
    "boxes and masks of images whose size is not known are left out; "
    "give the images, or their sizes in annotations/images.meta"
)

_HINTS = {
    "class descriptions": "-I unknown_labels=add or skip",
    "is not there": "--on-error skip leaves masks out whose files have not been downloaded",
}

NO_MASKS = "masks are left out: there is no folder masks with their files"
UNKNOWN = "annotations of LabelNames without a class description are left out"

Sizes = list[tuple[int, int] | None]


class Span(NamedTuple):
    """A range of items, of which annotations are read.

    Attributes:
        first: Number of the first item.
        stop: Number of the one behind the last.
        subsets: The subset of each.
        sizes: (height, width) of each, None where it is not known.
        into: The annotations of each, to append to.
        ledger: Where bad records go.
    """

    first: int
    stop: int
    subsets: list[str]
    sizes: Sizes
    into: list[list[Annotation]]
    ledger: Ledger


class RowReader:
    """Makes annotations of rows.

    Args:
        labels: Label indices by LabelName.
        skip_unknown: Leave out annotations of other LabelNames; otherwise they are bad records.
        folders: Where mask files lie.
    """

    def __init__(
        self, labels: Mapping[str, int], folders: MaskFolders, *, skip_unknown: bool
    ) -> None:
        self._labels = labels
        self._skip_unknown = skip_unknown
        self._folders = folders
        self._attributes: dict[tuple[str, ...], dict[str, Any]] = {}
        self._extras: dict[str, dict[str, Any]] = {}

    def labels(self, table: ItemTable, span: Span) -> None:
        """Append the image labels of a range of items to their lists."""
        rows = table.rows(span.first, span.stop, LABEL, span.ledger)
        if rows is None:
            return
        names, scores, sources = rows.columns
        found = self._found(names)
        for row, owner in enumerate(rows.owners.tolist()):
            try:
                a = Label(
                    label=self._known(found[row], names, row),
                    attributes=self._score_attributes(scores[row] if scores else ""),
                    extra=self._extra(sources[row] if sources else ""),
                )
            except _SkipError:
                span.ledger.warn(UNKNOWN)
            except ValueError as error:
                self._bad(table, rows, row, str(error), span.ledger)
            else:
                span.into[owner].append(a)

    def _found(self, names: Sequence[str] | None) -> list[int | None]:
        return list(map(self._labels.get, names or ()))

    def _known(self, label: int | None, names: Sequence[str] | None, row: int) -> int:
        if label is not None:
            return label
        if self._skip_unknown:
            raise _SkipError
        assert names is not None
        msg = f"the LabelName {names[row]!r} is not in the class descriptions"
        raise ValueError(msg)

    def _bad(self, table: ItemTable, rows: Rows, row: int, what: str, ledger: Ledger) -> None:
        hint = next((hint for words, hint in _HINTS.items() if words in what), "")
        ledger.bad_record(RecordError(what, where=table.where(rows, row), hint=hint))

    def _score_attributes(self, score: str) -> dict[str, Any]:
        key = (score,)
        found = self._attributes.get(key)
        if found is None:
            found = self._remember(key, {"score": _number(score)} if score else {})
        return found

    def _remember(self, key: tuple[str, ...], attributes: dict[str, Any]) -> dict[str, Any]:
        """Keep attributes to share them among annotations, but not without end."""
        if len(self._attributes) >= _CACHE:
            self._attributes.clear()
        self._attributes[key] = attributes
        return attributes

    def _extra(self, source: str) -> dict[str, Any] | None:
        if not source:
            return None
        found = self._extras.get(source)
        if found is None:
            if len(self._extras) >= _CACHE:
                self._extras.clear()
            found = self._extras[source] = {FAMILY: {"source": source}}
        return found

    def boxes(self, table: ItemTable, span: Span) -> BoxRows | None:
        """Append the boxes of a range of items to their lists.

        Returns:
            Where the boxes are, to find those that masks belong to; None if there are none.
        """
        rows = table.rows(span.first, span.stop, BOX, span.ledger)
        if rows is None:
            return None
        names, scores, sources, *rest = rows.columns
        edges, rest = rest[:4], rest[4:]
        flags, clicks = rest[: len(FLAGS)], rest[len(FLAGS) :]
        corners = self._corners(table, rows, edges, span.ledger)
        keys = list(zip(*_filled((scores, *flags), len(rows.owners)), strict=True))
        extras = self._box_extras(sources, clicks, len(keys))
        found = self._found(names)
        places = np.full(len(keys), -1, np.int64)
        attributes, into, owners = self._attributes, span.into, rows.owners.tolist()
        x, y, w, h = _pixels(corners, rows.owners, span.sizes)
        ready = np.isfinite(x)
        for _ in range(int(np.count_nonzero(np.isfinite(corners[0]) & ~ready))):
            span.ledger.warn(NO_SIZE)
        xs, ys, ws, hs = x.tolist(), y.tolist(), w.tolist(), h.tolist()
        for row in np.flatnonzero(ready).tolist():
            label, given = found[row], attributes.get(keys[row])
            if label is None or given is None:
                try:
                    label = self._known(label, names, row)
                    given = self._remember(keys[row], _box_attributes(keys[row]))
                except _SkipError:
                    span.ledger.warn(UNKNOWN)
                    continue
                except ValueError as error:
                    self._bad(table, rows, row, str(error), span.ledger)
                    continue
            target = into[owners[row]]
            places[row] = len(target)
            box = xs[row], ys[row], ws[row], hs[row]
            target.append(Bbox(*box, label=label, attributes=given, extra=extras[row]))
        return BoxRows(rows.owners, corners, found, places)

    def _corners(
        self,
        table: ItemTable,
        rows: Rows,
        edges: Sequence[list[str] | None],
        ledger: Ledger,
    ) -> NDArray[np.float64]:
        """Return the edges (4, rows), normalised; NaN in rows that are bad records."""
        corners = np.array([_floats(column or []) for column in edges])
        wrong = ~np.isfinite(corners).all(axis=0)
        turned = ~wrong & ((corners[1] < corners[0]) | (corners[3] < corners[2]))
        for row in np.flatnonzero(wrong | turned).tolist():
            text = ", ".join((column or [])[row] for column in edges)
            what = "has its edges swapped" if turned[row] else "is not four numbers"
            self._bad(table, rows, row, f"the box (XMin, XMax, YMin, YMax = {text}) {what}", ledger)
        corners[:, wrong | turned] = np.nan
        return corners

    def _box_extras(
        self, sources: list[str] | None, clicks: Sequence[list[str] | None], count: int
    ) -> Sequence[dict[str, Any] | None]:
        """Return what dsk has no place for: who made a box, and its extreme points."""
        known = {source: self._extra(source) for source in {"", *(sources or ())}}
        extras: list[dict[str, Any] | None] = [known[source] for source in sources or [""] * count]
        if any(column is not None for column in clicks):
            points = np.array([_floats(column or [""] * count) for column in clicks]).T
            lists = points.tolist()
            for row in np.flatnonzero((points >= 0).any(axis=1)).tolist():  # -1 says there is none
                own = {"source": sources[row]} if sources and sources[row] else {}
                extras[row] = {FAMILY: own | {"clicks": lists[row]}}
        return extras

    def masks(self, table: ItemTable, span: Span, boxes: Sequence[BoxRows]) -> None:
        """Append the masks of a range of items to their lists, and group them with their boxes."""
        rows = table.rows(span.first, span.stop, MASK, span.ledger)
        if rows is None:
            return
        names, paths, ids, *edges, ious, clicks = rows.columns
        corners = np.array([_floats(c or [""] * len(rows.owners)) for c in edges])
        found = self._found(names)
        for row, owner in enumerate(rows.owners.tolist()):
            size = span.sizes[owner]
            try:
                label = self._known(found[row], names, row)
                attributes = _mask_attributes(ids, ious, row)
                source = self._folders.find((paths or ())[row], span.subsets[owner])
            except _SkipError:
                span.ledger.warn(UNKNOWN)
                continue
            except ValueError as error:
                self._bad(table, rows, row, str(error), span.ledger)
                continue
            if source is None or size is None:
                span.ledger.warn(NO_SIZE if size is None else NO_MASKS)
                continue
            click = clicks[row] if clicks else ""
            into = span.into[owner]
            group = _join(into, owner, label, corners[:, row], boxes)
            extra = {FAMILY: {"clicks": click}} if click else None
            into.append(
                Mask(
                    MaskFile(source, size),
                    bbox=_stated(corners[:, row], size),
                    label=label,
                    attributes=attributes,
                    group=group,
                    extra=extra,
                )
            )


_CACHE = 100_000


class _SkipError(Exception):
    """An annotation of an unknown label that the user wants left out."""


class BoxRows:
    """The boxes of a range of items, to find those of masks.

    Args:
        owners: The item of each, ascending.
        corners: Their edges, normalised, (4, boxes).
        labels: Their labels.
        places: Their places in the items' lists, -1 for those left out.
    """

    def __init__(
        self,
        owners: NDArray[np.int64],
        corners: NDArray[np.float64],
        labels: list[int | None],
        places: NDArray[np.int64],
    ) -> None:
        self._owners = owners
        self._corners = corners
        self._labels = labels
        self._places = places

    def find(self, owner: int, label: int, corners: NDArray[np.float64]) -> int | None:
        """Return the place, in its item's list, of the box with a label and edges."""
        first, stop = np.searchsorted(self._owners, [owner, owner + 1])
        if first == stop:
            return None
        near = np.abs(self._corners[:, first:stop] - corners[:, None]).max(axis=0, initial=0)
        for row in np.flatnonzero(near <= _SAME).tolist():
            place = int(self._places[first + row])
            if self._labels[first + row] == label and place >= 0:
                return place
        return None


def _stated(corners: NDArray[np.float64], size: tuple[int, int]) -> Box | None:
    """Return the box that the row of a mask states; None if it states none."""
    left, right, top, bottom = corners.tolist()
    if not (0 <= right - left < np.inf and 0 <= bottom - top < np.inf):
        return None
    height, width = size
    return left * width, top * height, (right - left) * width, (bottom - top) * height


def _join(
    annotations: list[Annotation],
    owner: int,
    label: int,
    corners: NDArray[np.float64],
    boxes: Sequence[BoxRows],
) -> int:
    """Return the group of a mask: that of its box, which gets one; 0 if it has none."""
    for some in boxes:
        place = some.find(owner, label, corners)
        if place is not None:
            box = annotations[place]
            if not box.group:
                annotations[place] = box = replace(box, group=place + 1)
            return box.group
    return 0


def _floats(column: Sequence[str]) -> NDArray[np.float64]:
    """Return numbers; NaN where there is none."""
    try:
        return np.array(list(map(float, column)))
    except ValueError:
        return np.array([_number_or_nan(text) for text in column])


def _number_or_nan(text: str) -> float:
    """Return a number, which may have a decimal comma as spreadsheets write it; else NaN."""
    try:
        return float(text.replace(",", ".", 1))
    except ValueError:
        return float("nan")


def _number(text: str) -> float:
    number = _number_or_nan(text)
    if not np.isfinite(number):
        msg = f"{text!r} is no number"
        raise ValueError(msg)
    return number


def _filled(columns: Sequence[list[str] | None], count: int) -> list[Sequence[str]]:
    return [column if column is not None else ("",) * count for column in columns]


def _pixels(
    corners: NDArray[np.float64], owners: NDArray[np.int64], sizes: Sizes
) -> tuple[NDArray[np.float64], ...]:
    """Return x, y, w, h in pixels; NaN where the size of the image is not known."""
    known = np.array([size or (np.nan, np.nan) for size in sizes], np.float64)
    height, width = known[owners].T
    left, right, top, bottom = corners
    return left * width, top * height, (right - left) * width, (bottom - top) * height


def _box_attributes(key: Sequence[str]) -> dict[str, Any]:
    score, *flags = key
    attributes: dict[str, Any] = {"score": _number(score)} if score else {}
    for text, (column, name) in zip(flags, FLAGS.items(), strict=True):
        try:
            value = _TRUTH[text.strip()]
        except KeyError as error:
            msg = f"{column} is 1, 0 or -1, not {text!r}"
            raise ValueError(msg) from error
        if value is not None:
            attributes[name] = value
    return attributes


def _mask_attributes(
    ids: Sequence[str] | None, ious: Sequence[str] | None, row: int
) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if ids and ids[row]:
        attributes["box_id"] = ids[row]
    if ious and ious[row]:
        attributes["predicted_iou"] = _number(ious[row])
    return attributes
