"""Indexing one annotation file: where its images and annotations are, and which belong together."""

from __future__ import annotations

import posixpath
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct

from dsk import jsonindex
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.grouping import group_rows
from dsk.jsonerrors import UNDECODABLE, json_error
from dsk_coco.categories import numbered_categories, read_categories
from dsk_coco.images import decode_names, item_ids, item_names
from dsk_coco.plainrows import Gathered
from dsk_coco.textids import has_text_ids, scan_text_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_coco.categories import Labels
    from dsk_coco.layout import Found
    from dsk_coco.plainrows import PlainRows

__all__ = ["AnnotationFile", "join_items", "open_file", "open_results"]

BATCH = 4096


_ELSEWHERE = re.compile(r"/|[A-Za-z]:/")


def _lead(images: jsonindex.Records) -> str:
    """Return the folders that all images' names begin with, if all are absolute; else "".

    Tools write where images are on the machine they run on; ids tell what lies below. A single such
    name among others is a mistake, or an attempt to get at something, as are names that climb.
    """
    if not _elsewhere(images, 0, 1):
        return ""
    found = [_elsewhere(images, n, n + BATCH) for n in range(0, len(images), BATCH)]
    if sum(map(len, found)) < len(images):
        return ""
    folders = {tuple(name.split("/")[:-1]) for name in chain.from_iterable(found)}
    return "".join(f"{part}/" for part in posixpath.commonprefix(list(folders)))


def _elsewhere(images: jsonindex.Records, start: int, stop: int) -> list[str]:
    """Return the names of some images that are absolute, with slashes."""
    try:
        records = decode_names(images.joined(slice(start, min(stop, len(images)))))
    except UNDECODABLE:
        return []
    names = (str(record.get("file_name") or "").replace("\\", "/") for record in records)
    return [name for name in names if "://" not in name and _ELSEWHERE.match(name)]


class AnnotationFile(Struct):
    """One opened file.

    Attributes:
        found: Its name, task and subset.
        where: Its place, for messages.
        labels: Its categories.
        rest: Its top-level values but images, annotations and categories.
        images: Index of the images.
        annotations: Index of the annotations.
        keys: A hash of each image's item id; items are told apart by it. 0 for images left out.
        image_rows: Rows of the images in the order of the items.
        image_bounds: Where each item begins in ``image_rows``.
        rows: Rows of the annotations in the order of the items.
        bounds: Where each item begins in ``rows``.
        number_from: Annotations get their row plus this as their id, if it is not 0.
        folder: The folder that image names refer to; None when there are no images.
        whole_names: Rows of the images whose items are called by their whole names.
        lead: What precedes the names of images that are no relative ones, see ``item_names``.
        plain: Columns of the annotations, where they were asked for and all are plain.
        video: Name of the video that it alone is about, "" if it may share items with others.
    """

    found: Found
    where: str
    labels: Labels
    rest: dict[str, Any]
    images: jsonindex.Records
    annotations: jsonindex.Records
    keys: NDArray[np.int64]
    image_rows: NDArray[np.signedinteger[Any]] = np.zeros(0, np.int64)
    image_bounds: NDArray[np.int64] = np.zeros(1, np.int64)
    rows: NDArray[np.signedinteger[Any]] = np.zeros(0, np.int64)
    bounds: NDArray[np.int64] = np.zeros(1, np.int64)
    number_from: int = 0
    folder: str | None = None
    whole_names: frozenset[int] = frozenset()
    lead: str = ""
    plain: PlainRows | None = None
    video: str = ""

    @property
    def task(self) -> str:
        """The task; files whose names do not tell count as instances."""
        return self.found.task or "instances"

    @property
    def is_panoptic(self) -> bool:
        """Whether the annotations are panoptic maps."""
        if self.found.task not in ("", "panoptic") or not len(self.annotations):
            return False
        first = bytes(self.annotations.raw(0))
        told = b'"segmentation"' not in first and self.found.task == "panoptic"
        return told or b'"segments_info"' in first


def open_file(
    root: InputRoot,
    found: Found,
    ledger: Ledger,
    *,
    keep_ids: bool = False,
    gather: bool = False,
) -> AnnotationFile | None:
    """Index a file; None when it is no COCO JSON.

    Args:
        root: The dataset.
        found: The file.
        ledger: Where bad records go.
        keep_ids: Number labels like the categories.
        gather: Keep the columns of plain annotations.

    Raises:
        InputError: It is damaged.
        RecordError: A record is bad, and the ledger's policy is to raise.
    """
    where = root.show(found.name)
    view = root.buffer(found.name)
    gathered = Gathered(len(view)) if gather else None
    scan = _scanned(view, where, ledger, gathered)
    images = scan.records.get("images")
    if images is None:
        ledger.warn(f"{found.name} is no COCO JSON: it has no list of images; passed over")
        return None
    annotations = scan.records.get("annotations") or _no_records(images)
    labels = read_categories(
        scan.rest.pop("categories", None), where, ledger.warn, keep_ids=keep_ids
    )
    if not labels.categories.labels and len(annotations):
        labels = numbered_categories(annotations, where, ledger) or labels
    try:
        rest = {key: msgspec.json.decode(raw) for key, raw in scan.rest.items()}
    except UNDECODABLE as error:
        raise json_error(error, where) from error
    rest.pop("annotations", None)
    lead = _lead(images)
    if lead:
        ledger.warn(f"{found.name}: names of images begin with {lead}, which is left off")
    keys = _item_keys(images, lead, where, ledger)
    file = AnnotationFile(found, where, labels, rest, images, annotations, keys)
    file.plain = gathered.rows(len(annotations)) if gathered is not None else None
    file.lead, file.whole_names = lead, _alike(images, keys, lead)
    if file.whole_names:
        ledger.warn(f"{found.name}: images whose names differ in the ending keep it in their ids")
    return file


def _scanned(
    view: memoryview, where: str, ledger: Ledger, gathered: Gathered | None
) -> jsonindex.JsonScan:
    if has_text_ids(view):
        return scan_text_ids(view, where, ledger)
    columns = {"images": ("id",), "annotations": ("image_id",)}
    gatherers = {"annotations": gathered} if gathered is not None else None
    return jsonindex.scan(view, columns, where, ledger, gatherers=gatherers)


def open_results(
    root: InputRoot, name: str, files: Sequence[AnnotationFile], ledger: Ledger
) -> AnnotationFile:
    """Return the ground truth that a results file is about, with its annotations in their place.

    Raises:
        InputError: It is damaged.
    """
    where = root.show(name)
    text = root.read(name).removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"[") and not text.endswith(b"]"):
        raise InputError("the JSON ends early: the file is truncated", where=where)
    view = memoryview(b"".join((b'{"annotations":', text, b"}")))
    scan = jsonindex.scan(view, {"annotations": ("image_id",)}, where, ledger)
    if "annotations" not in scan.records:
        raise InputError("a results file is a JSON list of objects", where=where)
    found = scan.records["annotations"]
    images = found.columns["image_id"]

    def fit(file: AnnotationFile) -> tuple[int, bool]:
        known = int(np.count_nonzero(np.isin(images, file.images.columns["id"])))
        return known, file.found.subset in posixpath.basename(name)

    file = max(files, key=fit)
    file.annotations, file.plain = found, None
    file.number_from = 1
    file.where = where
    file.found = msgspec.structs.replace(file.found, task="")
    return file


def _no_records(like: jsonindex.Records) -> jsonindex.Records:
    none = jsonindex.Records(like.view, np.zeros(0, np.uint64), np.zeros(0, np.uint32))
    none.columns["image_id"] = np.zeros(0, np.int64)
    return none


def _item_keys(
    images: jsonindex.Records, lead: str, where: str, ledger: Ledger
) -> NDArray[np.int64]:
    """Return a hash of each image's item id; 0 for bad ones, which are reported."""
    count = len(images)
    keys = np.zeros(count, np.int64)
    for start in range(0, count, BATCH):
        stop = min(start + BATCH, count)
        try:
            ids = item_ids(images.joined(slice(start, stop)), lead)
            keys[start:stop] = [hash(item) or 1 for item in ids]
        except (*UNDECODABLE, ValueError, UnsafePathError):
            for row in range(start, stop):
                keys[row] = _single_key(images, row, lead, where, ledger)
    keys[_bad_ids(images, keys, where, ledger)] = 0
    return keys


def _alike(images: jsonindex.Records, keys: NDArray[np.int64], lead: str) -> frozenset[int]:
    """Return the rows of images that another one of the same name, but for its ending, precedes.

    Their names count with the endings: ``keys`` is changed.
    """
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero((keys[order][1:] == keys[order][:-1]) & (keys[order][1:] != 0))
    first: dict[int, str] = {}
    found = set()
    for row in sorted({*order[same].tolist(), *order[same + 1].tolist()}):
        path = item_names(decode_names(images.joined([row]))[0], lead)[0]
        if first.setdefault(int(keys[row]), path) != path:
            found.add(row)
            keys[row] = hash(path) or 1
    return frozenset(found)


def _single_key(images: jsonindex.Records, row: int, lead: str, where: str, ledger: Ledger) -> int:
    place = f"{where}#/images/{row}"
    try:
        return hash(item_names(decode_names(images.joined([row]))[0], lead)[1]) or 1
    except UnsafePathError as error:
        hint = "file_name is relative to the folder of the images"
        ledger.bad_record(RecordError(error.message, where=place, hint=error.hint or hint))
    except (*UNDECODABLE, ValueError) as error:
        ledger.bad_record(RecordError(str(error), where=place))
    return 0


def _bad_ids(
    images: jsonindex.Records, keys: NDArray[np.int64], where: str, ledger: Ledger
) -> list[int]:
    """Report images without an id, and all but the first of those with the same one."""
    ids = images.columns["id"]
    bad = []
    _, first = np.unique(ids, return_index=True)
    if len(first) < len(ids):
        again = np.ones(len(ids), bool)
        again[first] = False
        for row in np.flatnonzero(again & (keys != 0) & (ids >= 0)).tolist():
            bad.append(row)
            error = f"image id {ids[row]} is there twice"
            ledger.bad_record(RecordError(error, where=f"{where}#/images/{row}"))
    for row in np.flatnonzero((ids < 0) & (keys != 0)).tolist():
        bad.append(row)
        ledger.bad_record(RecordError("the image has no id", where=f"{where}#/images/{row}"))
    return bad


def join_items(files: list[AnnotationFile], ledger: Ledger) -> int:
    """Find the items of one subset's files and where each file's records of an item are.

    Returns:
        The number of items.
    """
    keys = np.concatenate([file.keys for file in files])
    kept = np.flatnonzero(keys)
    _, first, inverse = np.unique(keys[kept], return_index=True, return_inverse=True)
    count = len(first)
    place = np.empty(count, np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(count)
    items = np.full(len(keys), -1, np.int64)
    items[kept] = place[inverse.reshape(-1)]
    begin = 0
    for file in files:
        own = items[begin : begin + len(file.keys)]
        begin += len(file.keys)
        file.keys = np.zeros(0, np.int64)
        if (np.bincount(own[own >= 0], minlength=1) > 1).any():
            ledger.warn(f"{file.found.name} has several images of one file_name; they are joined")
        file.image_rows, file.image_bounds = group_rows(own, count)
        owners = _owners(file, own, ledger)
        file.rows, file.bounds = group_rows(owners, count)
        file.annotations.columns.clear()
    return count


def _owners(file: AnnotationFile, items: NDArray[np.int64], ledger: Ledger) -> NDArray[np.int64]:
    """Return the item of each annotation; -1 for those of unknown images, which are reported."""
    wanted = file.annotations.columns["image_id"]
    known = np.flatnonzero(items >= 0)
    owners = _looked_up(file.images.columns["id"][known], items[known], wanted)
    for row in np.flatnonzero(owners < 0).tolist():
        _report_orphan(file, row, int(wanted[row]), ledger)
    return owners


def _looked_up(
    ids: NDArray[np.int64], items: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the item of each wanted id, that of the first image that has it; -1 for unknown ones.

    Ids mostly lie so close together that a table of all of them is small: then nothing is searched.
    """
    if not len(ids):
        return np.full(len(wanted), -1, np.int64)
    low, span = int(ids.min()), int(ids.max()) - int(ids.min()) + 1
    if span > 2 * (len(ids) + len(wanted)):
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        return np.where(ids[at] == wanted, items[order[at]], -1)
    table = np.full(span + 1, -1, np.int64)  # its last place is that of ids beyond it
    table[ids[::-1] - low] = items[::-1]
    inside = (wanted >= low) & (wanted < low + span)
    return table[np.where(inside, wanted - low, span)]


def _report_orphan(file: AnnotationFile, row: int, image: int, ledger: Ledger) -> None:
    what = "the annotation has no image_id"
    if image >= 0:
        what = f"there is no image {msgspec.json.decode(file.annotations.raw(row))['image_id']}"
    ledger.bad_record(RecordError(what, where=f"{file.where}#/annotations/{row}"))
