"""Reading VoTT's JSON exports."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dsk.annotations import Annotation, Bbox, Points, Polygon, PolyLine
from dsk.categories import Categories, GrowingLabels
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk_vott.common import ImageFinder, id_of, subset_of
from dsk_vott.detect import find_files, unread_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["VottJsonImporter"]

_MAX_SIDE = 1 << 20
_NO_IMAGES = {2: "videos", 4: "TFRecord files"}
"""Types of assets that hold images and are none; frames of videos are assets of their own."""


class _Project(Struct):
    assets: dict[str, Raw] = {}
    tags: list[Any] | None = None


class _AssetTags(Struct):
    """What the labels of a dataset need of an asset."""

    asset: dict[str, Any] = {}
    regions: list[Any] | None = None


_decode_project = msgspec.json.Decoder(_Project).decode
_decode_tags = msgspec.json.Decoder(_AssetTags).decode
_decode_any = msgspec.json.Decoder(dict[str, Any]).decode


class _Record(Struct, frozen=True):
    """One asset.

    Attributes:
        subset: Its subset.
        key: Its id.
        item: Id of its item.
        data: Its JSON text; None when it has a file of its own.
        file: The file it is in.
    """

    subset: str
    key: str
    item: str
    data: Raw | None
    file: str


class VottJsonImporter(Importer):
    """Opens VoTT JSON exports."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        names = find_files(root, "json")
        assets = [] if names else find_files(root, "asset")
        if root.focus is not None and not assets:
            if root.focus.lower().endswith(".vott"):
                raise InputError(
                    "a VoTT project names its images without their regions",
                    where=root.path,
                    hint="give its folder, where the <id>-asset.json files are",
                )
            names = [root.focus]
        if not names and not assets:
            raise InputError(
                "no VoTT export",
                where=root.path,
                hint="VoTT writes <project>-export.json beside the images",
            )
        for name in unread_files(root, "json", names):
            ledger.warn(f"{root.show(name)} is not read: it does not begin as VoTT's exports do")
        labels = _Labels(root, (names or assets)[0].rpartition("/")[0])
        survey = _Survey(root, ledger, labels)
        for name in names:
            for key, raw in self._project(root, name, labels).items():
                survey.add(_Record(subset_of(name), key, "", raw, name))
        for name in assets:
            key = name.rpartition("/")[2].removesuffix("-asset.json")
            survey.add(_Record(DEFAULT_SUBSET, key, "", None, name))
        records = survey.records
        header = Header(
            categories=labels.categories(),
            subsets=tuple(dict.fromkeys(record.subset for record in records)),
            items=len(records),
        )
        return _VottSource(root, records, header)

    @staticmethod
    def _project(root: InputRoot, name: str, labels: _Labels) -> dict[str, Raw]:
        where = root.show(name)
        data = root.buffer(name)
        if bytes(data[:3]) == b"\xef\xbb\xbf":
            data = data[3:]
        try:
            project = _decode_project(data)
        except UNDECODABLE as error:
            raise InputError(
                f"no VoTT export: {error}",
                where=where,
                hint="its assets are an object of objects; the file may be cut off",
            ) from error
        labels.add_tags(project.tags)
        return project.assets


class _Survey:
    """Notes assets and the tags of their regions."""

    def __init__(self, root: InputRoot, ledger: Ledger, labels: _Labels) -> None:
        self.records: list[_Record] = []
        self._root = root
        self._ledger = ledger
        self._labels = labels
        self._taken: set[tuple[str, str]] = set()

    def add(self, record: _Record) -> None:
        """Note an asset; names that occur twice get the asset's id."""
        where = f"{self._root.show(record.file)}#/assets/{record.key}"
        data = record.data if record.data is not None else self._root.read(record.file)
        try:
            asset = _decode_tags(data)
            name = asset.asset.get("name")
            if not isinstance(name, str) or not name:
                raise RecordError("an asset without a name", where=where)
            item = id_of(clean_name(name, where))
            clean_name(item, where)
            clean_name(record.key, where)
        except UNDECODABLE as error:
            self._ledger.bad_record(RecordError(f"no valid asset: {error}", where=where))
            return
        except InputError as error:
            self._ledger.bad_record(RecordError(error.message, where=where))
            return
        kind = asset.asset.get("type")
        if isinstance(kind, int) and kind in _NO_IMAGES:
            what = "they and their regions are" if asset.regions else "they are"
            self._ledger.warn(f"{_NO_IMAGES[kind]} are no images; {what} left out")
            return
        if (record.subset, item) in self._taken:
            self._ledger.warn("two assets have one name; the later one gets its id behind it")
        while (record.subset, item) in self._taken:
            item = f"{item}-{record.key}"
        self._taken.add((record.subset, item))
        for region in asset.regions or ():
            self._labels.add_tags(region.get("tags") if isinstance(region, dict) else None)
        self.records.append(replace(record, item=item))


class _Labels:
    """The labels of a dataset: stated ones first, then tags, then those that only regions have."""

    def __init__(self, root: InputRoot, home: str) -> None:
        stated = read_meta(root, home)
        self._labels = GrowingLabels(stated[0] if stated is not None else Categories())
        self._colors: dict[int, tuple[int, int, int]] = {}
        if stated is None:
            self._read_project(root, home)

    def _read_project(self, root: InputRoot, home: str) -> None:
        """Take the tags of a project file that lies beside files of single assets."""
        for name in root.entries(home)[1]:
            if not name.lower().endswith(".vott"):
                continue
            try:
                tags = _decode_any(root.read(f"{home}/{name}" if home else name)).get("tags")
            except UNDECODABLE:
                continue  # encrypted or damaged; the regions name their tags themselves
            self.add_tags(tags)

    def add_tags(self, tags: Any) -> None:
        """Add the labels of a list of tags; what is none is left out."""
        for tag in tags if isinstance(tags, list) else ():
            name = _tag_name(tag)
            if name is not None:
                self.add(name, tag.get("color") if isinstance(tag, dict) else None)

    def add(self, name: str, color: Any = None) -> None:
        """Add a label, and its colour when it has one."""
        number = self._labels.number(name)
        if isinstance(color, str) and len(color) == 7 and color.startswith("#"):
            try:
                red, green, blue = bytes.fromhex(color[1:])
            except ValueError:
                return
            self._colors.setdefault(number, (red, green, blue))

    def categories(self) -> Categories:
        """Return them."""
        found = self._labels.categories()
        return replace(found, colors=self._colors | found.colors)


class _VottSource(Source):
    """An opened VoTT dataset."""

    def __init__(self, root: InputRoot, records: Sequence[_Record], header: Header) -> None:
        self.header = header
        self._root = root
        self._records = records
        self._labels = {name: n for n, name in reversed(list(enumerate(header.categories.names)))}
        self._finders: dict[str, ImageFinder] = {}

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of assets."""
        return spans(len(self._records), self.partition_items)

    def read(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        for record in self._records[slice(*partition)]:
            data = record.data if record.data is not None else self._root.read(record.file)
            where = f"{self._root.show(record.file)}#/assets/{record.key}"
            try:
                content = _decode_any(data)
            except UNDECODABLE as error:
                what = f"no valid asset: {error}"
                ledger.bad_record(RecordError(what, where=where, item=record.item))
                continue
            yield self._item(record, content, where, ledger)

    def _item(
        self, record: _Record, content: Mapping[str, Any], where: str, ledger: Ledger
    ) -> DatasetItem:
        asset = content.get("asset") or {}
        home = record.file.rpartition("/")[0]
        finder = self._finders.get(home)
        if finder is None:
            finder = self._finders[home] = ImageFinder(self._root, home)
        path = asset.get("path")
        name = clean_name(asset["name"], where)
        image = finder.image(name, path if isinstance(path, str) else "", _size(asset.get("size")))
        annotations: list[Annotation] = []
        for number, region in enumerate(content.get("regions") or ()):
            try:
                annotations += self._region(region)
            except (ValueError, OverflowError) as error:
                ledger.bad_record(
                    RecordError(
                        f"region {number}: {error}",
                        where=f"{where}/regions/{number}",
                        item=record.item,
                        annotation=number,
                    )
                )
        return DatasetItem(record.item, record.subset, image, annotations, {"id": record.key})

    def _region(self, region: Any) -> list[Annotation]:
        """Return the annotations of a region: one for each of its tags, one if it has none."""
        if not isinstance(region, dict):
            raise ValueError("it is no object")  # noqa: TRY004 - the file is wrong, not the program
        given = region.get("tags") or []
        tags = list(map(_tag_name, given)) if isinstance(given, list) else []
        if not isinstance(given, list) or tags.count(None) > given.count(None):
            raise ValueError(f"its tags {given!r} are no list of texts")
        points = _points(region.get("points"))
        box = _box(region.get("boundingBox"), points)
        kind = region.get("type")
        ident = region.get("id")
        found: list[Annotation] = []
        for tag in tags or [None]:
            common: dict[str, Any] = {
                "label": None if tag is None else self._labels.get(tag),
                "attributes": {"id": ident} if isinstance(ident, str | int) else {},
            }
            if kind == "POLYGON" and len(points) >= 6:
                found.append(Polygon(points, (), box, **common))
            elif kind == "POLYLINE" and points:
                found.append(PolyLine(points, **common))
            elif kind == "POINT" and points:
                found.append(Points(points, **common))
            elif box is not None:
                found.append(Bbox(*box, **common))
            else:
                raise ValueError("it has neither boundingBox nor points")
        return found


def _tag_name(tag: Any) -> str | None:
    """Return what a tag is called; the first versions of VoTT 2 have objects in regions, too."""
    name = tag.get("name") if isinstance(tag, dict) else tag
    return name if isinstance(name, str) else None


def _finite(value: Any, what: str) -> float:
    if isinstance(value, str):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"its {what} {value!r} is no number")
    return float(value)


def _points(given: Any) -> list[float]:
    flat: list[float] = []
    for point in given if isinstance(given, list) else ():
        if not isinstance(point, dict):
            raise ValueError(f"{point!r} is no point")  # noqa: TRY004 - as above
        flat += (_finite(point.get("x"), "x"), _finite(point.get("y"), "y"))
    return flat


def _box(given: Any, points: list[float]) -> tuple[float, float, float, float] | None:
    if isinstance(given, dict) and given:
        left, top, width, height = (
            _finite(given.get(name), name) for name in ("left", "top", "width", "height")
        )
        if width < 0 or height < 0:
            raise ValueError(f"its box has a negative size: {width} by {height}")
        return left, top, width, height
    if len(points) >= 4:
        xs, ys = points[::2], points[1::2]
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    return None


def _size(given: Any) -> tuple[int, int] | None:
    if not isinstance(given, dict):
        return None
    height, width = given.get("height"), given.get("width")
    for side in (height, width):
        whole = isinstance(side, int | float) and not isinstance(side, bool)
        if not whole or not 0 < side <= _MAX_SIDE or side != int(side):  # type: ignore[operator, arg-type]
            return None
    return int(height), int(width)  # type: ignore[arg-type]
