"""Reading ADE20K of 2020 and 2021."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dsk.annotations import Mask, Polygon
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Importer
from dsk.jsonerrors import UNDECODABLE
from dsk.names import clean_name
from dsk_ade20k.layout import find_scenes
from dsk_ade20k.maps import HIDDEN, ValueMask, classes, grey
from dsk_ade20k.source import UNSEEN, SceneSource, categories_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_ade20k.layout import Scene
    from dsk_ade20k.source import Maps

__all__ = ["Ade20k2020Importer"]

_ENDING = ".json"


class _Parts(msgspec.Struct, frozen=True):
    part_level: int = 0


class _Outline(msgspec.Struct):
    x: list[float] | float = []
    y: list[float] | float = []


class Object(msgspec.Struct):
    """An object or part of an image; fields that MATLAB wrote may be one value or a list."""

    id: int
    name: str = ""
    name_ndx: int = 0
    raw_name: str = ""
    attributes: Any = None
    occluded: Any = None
    crop: Any = None
    parts: _Parts = _Parts()
    instance_mask: str | None = None
    polygon: _Outline | list[Any] = []


class _Annotation(msgspec.Struct, frozen=True):
    object: list[Object] | Object = []


class _File(msgspec.Struct):
    annotation: _Annotation


_decode = msgspec.json.Decoder(_File).decode


class _Name(msgspec.Struct):
    raw_name: str = ""


class _Names(msgspec.Struct):
    object: list[_Name] | _Name = []


class _FileOfNames(msgspec.Struct):
    """A description but for what takes time to decode: outlines."""

    annotation: _Names


_decode_names = msgspec.json.Decoder(_FileOfNames).decode


def parse(data: bytes) -> list[Object]:
    """Parse a description.

    Raises:
        ValueError: It is none.
    """
    try:
        found = _decode(text_of(data)).annotation.object
    except UNDECODABLE as error:
        raise ValueError(f"no description of an image: {error}") from error
    return [found] if isinstance(found, Object) else found


class Ade20k2020Importer(Importer):
    """Opens ADE20K of 2020 and 2021; see the descriptor for the options."""

    def __init__(
        self, *, hidden: bool = False, annotations: str = "all", details: bool = False
    ) -> None:
        self.hidden = hidden
        self.annotations = annotations
        self.details = details

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002
        """See ``Importer.open``."""
        scenes = find_scenes(root, _ENDING) if root.focus is None else []
        if not any(scene.description for scene in scenes):
            raise InputError(
                "there are no files <subset>/….json beside images",
                where=root.path,
                hint="give the folder that holds training and validation; "
                "descriptions in _atr.txt are -if ade20k2017",
            )
        categories = categories_of(root, _names(root, scenes))
        return Source2020(root, scenes, categories, self)


def _names(root: InputRoot, scenes: Sequence[Scene]) -> Iterator[str]:
    """Yield the names of objects; what is damaged is told when it is read."""
    for scene in scenes:
        if scene.description:
            try:
                found = _decode_names(text_of(root.text_bytes(scene.description)))
            except UNDECODABLE:
                continue
            entries = found.annotation.object
            for entry in [entries] if isinstance(entries, _Name) else entries:
                if entry.raw_name:
                    yield entry.raw_name


class Source2020(SceneSource):
    """An opened dataset of 2020."""

    def __init__(
        self,
        root: InputRoot,
        scenes: Sequence[Scene],
        categories: Categories,
        options: Ade20k2020Importer,
    ) -> None:
        super().__init__(root, scenes, categories)
        self._hidden = options.hidden
        self._what = options.annotations
        self._details = options.details

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        entries = parse(self._root.text_bytes(scene.description))
        found: list[Annotation] = []
        if self._what != "objects":
            found += self._classes(scene, entries, maps, ledger)
        if self._what != "classes":
            for entry in entries:
                found += self._object(scene, entry, maps, ledger)
        return found

    def _classes(
        self, scene: Scene, entries: Sequence[Object], maps: Maps, ledger: Ledger
    ) -> Iterator[Mask]:
        """Yield a mask for each class and name of each level."""
        levels: dict[int, dict[tuple[int, str], None]] = {}
        # Classes and objects number groups of their own: one that both have is the object's.
        taken = {entry.id for entry in entries} if self._what == "all" else set()
        for entry in entries:
            known = levels.setdefault(entry.parts.part_level, {})
            known[entry.name_ndx, entry.raw_name] = None
        for level, kinds in sorted(levels.items()):
            name = scene.maps.get(level)
            if name is None:
                ledger.warn("there are objects whose map (_seg.png, _parts_<n>.png) is not there")
                continue
            try:
                opened = maps.open(name, classes)
                values = opened.values()
            except ValueError as error:
                where = self._root.show(name)
                ledger.bad_record(RecordError(str(error), where=where, item=scene.id))
                continue
            for number, raw_name in kinds:
                if number in values and number > 0:
                    yield Mask(
                        ValueMask(opened, number),
                        label=self._labels.get(raw_name),
                        id=number,
                        group=0 if number in taken else number,
                        z_order=level,
                    )

    def _object(
        self, scene: Scene, entry: Object, maps: Maps, ledger: Ledger
    ) -> Iterator[Annotation]:
        attributes = self._attributes(entry)
        label, level = self._labels.get(entry.raw_name), entry.parts.part_level
        source = self._instance(scene, entry, maps, ledger)
        if source is not None:
            yield Mask(
                source,
                label=label,
                id=entry.id,
                group=entry.id,
                z_order=level,
                attributes=attributes,
            )
        ring = _ring(entry.polygon)
        if not ring and _is_stated(entry.polygon):
            ledger.warn("outlines without three whole points are left out")
        elif source is None and not ring:
            ledger.warn(UNSEEN)
        if ring:
            yield Polygon(
                ring,
                label=label,
                id=entry.id,
                group=entry.id,
                z_order=level,
                attributes=attributes,
            )

    def _instance(
        self, scene: Scene, entry: Object, maps: Maps, ledger: Ledger
    ) -> ValueMask | None:
        """Return the pixels of an object, or None when it has no file or none are seen."""
        if not entry.instance_mask:
            return None
        folder = scene.description.rpartition("/")[0]
        where = f"{self._root.show(scene.description)}#/annotation/object/{entry.id}"
        try:
            name = f"{folder}/{clean_name(entry.instance_mask, where)}"
        except UnsafePathError as error:
            ledger.bad_record(RecordError(error.message, where=where, item=scene.id))
            return None
        if not self._root.is_file(name):
            ledger.warn("there are objects whose instance mask is not there")
            return None
        try:
            opened = maps.open(name, grey)
            values = opened.values() - {0}
        except ValueError as error:
            ledger.bad_record(RecordError(str(error), where=self._root.show(name), item=scene.id))
            return None
        if not self._hidden:
            values -= {HIDDEN}
        return ValueMask(opened, *values) if values else None

    def _attributes(self, entry: Object) -> dict[str, Any]:
        given = entry.attributes
        names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        found: dict[str, Any] = {
            text.strip(): True for name in names for text in str(name).split(",") if text.strip()
        }
        if self._details:
            if isinstance(entry.occluded, str):
                found["occluded"] = entry.occluded == "yes"
            if isinstance(entry.crop, int | float):
                found["crop"] = bool(entry.crop)
            found["class"] = entry.name
        return found


def _is_stated(outline: _Outline | list[Any]) -> bool:
    """Tell whether there is any of an outline; MATLAB writes [] for none."""
    return bool(outline) if isinstance(outline, list) else outline.x != [] or outline.y != []


def _ring(outline: _Outline | list[Any]) -> list[float]:
    """Return an outline as a flat ring; an empty one when it is none."""
    if isinstance(outline, list):
        return []
    x, y = outline.x, outline.y
    if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y) or len(x) < 3:
        return []
    return [c for point in zip(x, y, strict=True) for c in point]
