"""From annotations to rows of CSV files."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PilImage

from dsk.annotations import Bbox, Label, Mask
from dsk.errors import OutputError
from dsk.rle import dense, rle_in
from dsk.truth import truth_of
from dsk_openimages.labels import FAMILY
from dsk_openimages.objects import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation, Box
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["BOX_COLUMNS", "LABEL_COLUMNS", "MASK_COLUMNS", "Encoder", "csv_text", "plain"]

LABEL_COLUMNS = ("ImageID", "Source", "LabelName", "Confidence")
BOX_COLUMNS = (*LABEL_COLUMNS, "XMin", "XMax", "YMin", "YMax", *FLAGS)
_EDGES = ("BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax")
MASK_COLUMNS = ("MaskPath", "ImageID", "LabelName", "BoxID", *_EDGES, "PredictedIoU", "Clicks")

_FLAG_NAMES = tuple(FLAGS.values())
_KEPT = {
    Label: frozenset({"score"}),
    Bbox: frozenset({"score", *_FLAG_NAMES}),
    Mask: frozenset({"box_id", "predicted_iou"}),
}
_BAD_PART = re.compile(r"|\.|\.\.|.*[/\\\0].*", re.DOTALL)


def plain(name: str) -> bool:
    """Whether a name may be one part of a path."""
    return _BAD_PART.fullmatch(name) is None


def csv_text(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8", "surrogateescape")


class Encoder:
    """Makes rows of annotations.

    Args:
        names: LabelNames by label.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        # Importers share few mappings of attributes among many boxes: what they say, by identity.
        self._said: dict[int, tuple[Any, object, list[int]]] = {}

    def label(self, a: Label, item: DatasetItem, ledger: Ledger) -> list[object]:
        """Return the row of an image label."""
        score = self._score(a, item, ledger)
        return [item.id, self._source(a, item, ledger), self._names[a.label or 0], score]

    def box(
        self, a: Bbox, item: DatasetItem, size: tuple[int, int], ledger: Ledger
    ) -> list[object]:
        """Return the row of a box."""
        attributes = a.attributes
        said = self._said.get(id(attributes))
        if not attributes:
            score, flags = _PLAIN
        elif said is not None and said[0] is attributes:
            _, score, flags = said
        else:
            score = self._score(a, item, ledger)
            before = _count(ledger)
            flags = [self._flag(a, name, item, ledger) for name in _FLAG_NAMES]
            if _count(ledger) == before and attributes.keys() <= _KEPT[Bbox]:
                if len(self._said) >= _SAID:
                    self._said.clear()
                self._said[id(attributes)] = attributes, score, flags
        source = self._source(a, item, ledger) if a.extra else ""
        return [item.id, source, self._names[a.label or 0], score, *edges(a.bbox, size), *flags]

    def mask(
        self,
        a: Mask,
        item: DatasetItem,
        corners: Sequence[float],
        names: tuple[str, str],
        ledger: Ledger,
    ) -> list[object]:
        """Return the row of a mask.

        Args:
            a: The mask.
            item: Its item.
            corners: The edges of its box; empty without one, which leaves the columns empty.
            names: Its BoxID and the name of its file.
            ledger: Where losses go.
        """
        self._unheld(a, item, ledger)
        iou = a.attributes.get("predicted_iou", "")
        if iou != "" and _float(iou) is None:
            self._lost(a, "predicted_iou", item, ledger)
            iou = ""
        own = (a.extra or {}).get(FAMILY) or {}
        box_id, file = names
        name = self._names[a.label or 0]
        clicks = own.get("clicks", "")
        return [file, item.id, name, box_id, *(corners or ("",) * 4), iou, clicks]

    def _unheld(self, a: Annotation, item: DatasetItem, ledger: Ledger) -> None:
        """Report attributes that another kind has a column for, but this one has not."""
        if a.attributes:
            for name in a.attributes.keys() & (_ALL - _KEPT[type(a)]):
                self._lost(a, name, item, ledger)

    @staticmethod
    def _lost(a: Annotation, name: str, item: DatasetItem, ledger: Ledger) -> None:
        ledger.add_at("DSK-L004", name, item, a)

    def _score(self, a: Annotation, item: DatasetItem, ledger: Ledger) -> object:
        self._unheld(a, item, ledger)
        score = a.attributes.get("score", 1)
        if _float(score) is None:
            self._lost(a, "score", item, ledger)
            return 1
        return score if not isinstance(score, bool) else int(score)

    def _flag(self, a: Annotation, name: str, item: DatasetItem, ledger: Ledger) -> int:
        value = a.attributes.get(name)
        if value is None:
            return -1
        truth = None if value == "" else truth_of(value)  # nothing is unknown here, not false
        if truth is None:
            self._lost(a, name, item, ledger)
            return -1
        return int(truth)

    @staticmethod
    def _source(a: Annotation, item: DatasetItem, ledger: Ledger) -> str:
        own = (a.extra or {}).get(FAMILY) or {}
        if "clicks" in own and type(a) is not Mask:
            ledger.add(
                "DSK-L011", f"{FAMILY} field clicks", item=item.id, subset=item.subset,
                annotation=a.id,
            )  # fmt: skip
        source = own.get("source", "")
        return source if isinstance(source, str) else ""


_ALL = frozenset().union(*_KEPT.values())
_SAID = 1000  # boxes of one source have some hundred
_PLAIN: tuple[object, list[int]] = (1, [-1] * len(FLAGS))
"""Score and flags of a box that has no attributes."""


def _count(ledger: Ledger) -> int:
    return sum(event.count for event in ledger.events.values())


def _float(value: object) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def edges(box: Box, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return XMin, XMax, YMin, YMax of a box, divided by the image's size."""
    x, y, w, h = box
    height, width = size
    return x / width, (x + w) / width, y / height, (y + h) / height


def slug(text: str) -> str:
    """Return a text as part of a file name: lower-case ASCII letters, digits, ``_`` and ``-``."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only)).strip("-")[:100]


def mask_name(item_id: str, label: str, box_id: str, used: set[str]) -> str:
    """Return the name of a mask's file that no other mask of the subset has.

    Ids that do not survive as part of a file name are told apart by a hash of them, and so are
    those beside a label or BoxID with the sign that separates the three.
    """
    name, label = slug(item_id), slug(label)
    if name != item_id or "_" in label or "_" in box_id:
        name += (
            "_"
            + hashlib.blake2b(item_id.encode(errors="surrogateescape"), digest_size=6).hexdigest()
        )
    base = f"{name}_{label}_{box_id}"
    found, number = base, 2
    while found in used:
        found, number = f"{base}-{number}", number + 1
    used.add(found)
    return f"{found}.png"


def mask_png(a: Mask, size: tuple[int, int] | None) -> bytes:
    """Return a mask as a PNG file of one bit, which decodes to 0 and 255.

    Readers stretch masks of other sizes than the image's, ``size``.

    Raises:
        ValueError: The run lengths are damaged, or of another size.
    """
    buffer = io.BytesIO()
    solid = np.ascontiguousarray(dense(rle_in(a.source, size)))
    PilImage.fromarray(solid).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def box_ids(masks: Sequence[Mask], item: DatasetItem) -> list[str]:
    """Return the BoxIDs of masks: their attribute, or the next free number of 8 hex digits.

    Raises:
        OutputError: An attribute cannot be part of a file name.
    """
    given = [a.attributes.get("box_id") for a in masks]
    taken = {str(box_id) for box_id in given if box_id}
    found, number = [], 0
    for box_id in given:
        if box_id:
            if not plain(str(box_id)):
                raise OutputError(
                    f"the box_id {box_id!r} cannot be part of a file name", where=item.id
                )
            found.append(str(box_id))
            continue
        while f"{number:08x}" in taken:
            number += 1
        found.append(f"{number:08x}")
        number += 1
    return found
