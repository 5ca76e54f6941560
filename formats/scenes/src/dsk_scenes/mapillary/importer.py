"""Reading Mapillary Vistas datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec.structs import replace

from dsk.annotations import Mask, Polygon
from dsk.errors import InputError, RecordError
from dsk.flow import Importer
from dsk.jsonerrors import UNDECODABLE
from dsk_scenes.mapillary.config import read_config, read_table, to_categories
from dsk_scenes.mapillary.layout import (
    INSTANCES,
    LABELS,
    PANOPTIC,
    POLYGONS,
    VERSIONS,
    find_config,
    find_splits,
)
from dsk_scenes.mapillary.panoptic import find_panoptic, read_panoptic
from dsk_scenes.mapillary.tables import LABELS as TABLES
from dsk_scenes.shared.colors import Entry
from dsk_scenes.shared.labelmap import IndexReader, PackedReader
from dsk_scenes.shared.source import Scene, SceneSource, image_files, text_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_scenes.mapillary.layout import Split
    from dsk_scenes.mapillary.panoptic import Category, Panoptic, Segment
    from dsk_scenes.shared.source import Maps

__all__ = [
    "MapillaryVistasImporter",
    "MapillaryVistasInstancesImporter",
    "MapillaryVistasPanopticImporter",
]

_CROWD, _SINGLE = {"is_crowd": True}, {"is_crowd": False}
_PER_LABEL = 256


class MapillaryVistasImporter(Importer):
    """Opens Mapillary Vistas datasets: instance maps, or else panoptic maps."""

    task: ClassVar[str] = ""

    def __init__(
        self,
        *,
        version: str = "auto",
        use_original_config: bool = False,
        keep_original_category_ids: bool = False,
    ) -> None:
        self.version = version
        self.use_original_config = use_original_config
        self.keep_original_category_ids = keep_original_category_ids

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        splits = find_splits(root) if root.focus is None else []
        if not splits:
            raise InputError(
                "there are no folders images beside v1.2 or v2.0, or beside instances or labels",
                where=root.path,
                hint="give the folder that holds training and validation",
            )
        splits = _of_one_version(splits, self.version, root.path, ledger)
        panoptic = self.task == PANOPTIC or (
            not self.task
            and not any(s.folders & {INSTANCES, LABELS} for s in splits)
            and any(PANOPTIC in s.folders for s in splits)
        )
        read = self._panoptic if panoptic else self._instances
        return read(root, splits, ledger)

    def _instances(self, root: InputRoot, splits: Sequence[Split], ledger: Ledger) -> Source:
        scenes = []
        for split in splits:
            images = image_files(root, split.images, ledger)
            maps = image_files(root, _join(split.home, LABELS))
            maps |= image_files(root, _join(split.home, INSTANCES))
            outlines = _outline_files(root, split)
            scenes += _scenes(split, images, maps, outlines)
        entries = self._labels(root, _annotated(splits))
        names = {entry.name for entry in entries}
        if not self.use_original_config:
            for name in _names_in(root, (scene.more for scene in scenes if scene.more)):
                if name not in names:
                    names.add(name)
                    entries.append(Entry(name))
        return InstanceSource(root, scenes, to_categories(entries))

    def _panoptic(self, root: InputRoot, splits: Sequence[Split], ledger: Ledger) -> Source:
        scenes: list[Scene] = []
        found: dict[tuple[str, str], list[Segment]] = {}
        read: list[Panoptic] = []
        for split in splits:
            name = find_panoptic(root, split)
            images = image_files(root, split.images, ledger)
            maps: dict[str, str] = {}
            if name is not None:
                own = read_panoptic(root, name)
                read.append(own)
                maps = own.files
                found |= {(split.subset, i): segments for i, segments in own.segments.items()}
            scenes += _scenes(split, images, maps, _outline_files(root, split))
        if not read:
            raise InputError("there is no file panoptic/panoptic_*.json", where=root.path)
        entries, ids = self._panoptic_labels(root, _annotated(splits), read)
        by_id = {number: n for n, number in enumerate(ids) if number is not None}
        return PanopticSource(root, scenes, to_categories(entries, ids), found, by_id)

    def _labels(self, root: InputRoot, split: Split) -> list[Entry]:
        """Return the labels: the user's own, the configuration's, or those built in."""
        own = read_table(root, split.home)
        if own is not None:
            return own
        if self.use_original_config:
            return list(TABLES[split.version or VERSIONS[0]])
        found = find_config(root, split.home, split.version)
        if found is None:
            raise InputError(
                "there is no configuration of labels (config_v1.2.json, config_v2.0.json)",
                where=root.path,
                hint="use_original_config=true takes the official labels",
            )
        return read_config(*found)

    def _panoptic_labels(
        self, root: InputRoot, split: Split, read: Sequence[Panoptic]
    ) -> tuple[list[Entry], list[int | None]]:
        """Return labels and the category id of each."""
        categories: dict[int, Category] = {c.id: c for own in read for c in own.categories}
        own = read_table(root, split.home)
        if own is None and self.use_original_config:
            own = list(TABLES[split.version or VERSIONS[1]])
        if own is not None:
            ids = {c.name: c.id for c in categories.values()}
            return own, [ids.get(e.name) for e in own]
        entries: list[Entry] = []
        numbers: list[int | None] = []
        for number in sorted(categories):
            if self.keep_original_category_ids:
                _fill(entries, numbers, number)
            entries.append(Entry(categories[number].name, categories[number].color))
            numbers.append(number)
        return entries, numbers


_MAX_CATEGORY = 0xFFFF


def _fill(entries: list[Entry], numbers: list[int | None], stop: int) -> None:
    """Add labels that nothing has, so that the next one's index is its id."""
    if stop > _MAX_CATEGORY:
        raise InputError(f"the category id {stop} is too large to be a label's index")
    while len(entries) < stop:
        entries.append(Entry(f"class-{len(entries)}"))
        numbers.append(None)


def _join(home: str, folder: str) -> str:
    return f"{home}/{folder}" if home else folder


def _annotated(splits: Sequence[Split]) -> Split:
    """Return the first subset that has annotations: images of the test have no version."""
    return next((split for split in splits if split.folders), splits[0])


def _of_one_version(splits: list[Split], wanted: str, where: str, ledger: Ledger) -> list[Split]:
    """Return the subsets of the version wanted, or of the first; some folders do not say theirs."""
    versions = sorted({split.version for split in splits if split.folders})
    if wanted == "auto" and len(versions) > 1:
        wanted = versions[0]
        others = " or ".join(f"version={version}" for version in versions[1:])
        ledger.warn(
            f"there are annotations of {' and '.join(v or 'no version' for v in versions)}: "
            f"only those of {wanted or 'no version'} are read; use {others} for the others"
        )
        return [s for s in splits if s.version == wanted or not s.folders]
    if wanted == "auto":
        return splits
    for version in (wanted, ""):
        found = [s for s in splits if s.version == version or not s.folders]
        if any(split.folders for split in found):
            return [replace(split, version=wanted) for split in found]
    hint = f"there are those of {' and '.join(versions)}" if versions else ""
    raise InputError(f"there are no annotations of {wanted}", where=where, hint=hint)


def _outline_files(root: InputRoot, split: Split) -> dict[str, str]:
    if POLYGONS not in split.folders:
        return {}
    return text_files(root, _join(split.home, POLYGONS), ".json")


def _scenes(
    split: Split, images: dict[str, str], maps: dict[str, str], outlines: dict[str, str]
) -> list[Scene]:
    return [
        Scene(item, split.subset, images.get(item, ""), maps.get(item, ""), outlines.get(item, ""))
        for item in sorted(images.keys() | maps.keys() | outlines.keys())
    ]


class _Object(msgspec.Struct):
    """An outline."""

    label: str
    polygon: list[list[float]]


class _Outlines(msgspec.Struct):
    """The grammar of ``polygons/*.json``."""

    objects: list[_Object]


_decode = msgspec.json.Decoder(_Outlines).decode


class _Named(msgspec.Struct):
    label: str


class _Names(msgspec.Struct):
    objects: list[_Named] = []


_decode_names = msgspec.json.Decoder(_Names).decode


def _names_in(root: InputRoot, files: Iterable[str]) -> list[str]:
    """Return the labels that outlines name; what is damaged is told when it is read."""
    names: dict[str, None] = {}
    for name in files:
        try:
            decoded = _decode_names(root.text_bytes(name))
        except UNDECODABLE:
            continue
        names.update((entry.label, None) for entry in decoded.objects)
    return list(names)


class InstanceSource(SceneSource):
    """An opened dataset of instance maps, label maps where these are missing, and outlines."""

    def __init__(self, root: InputRoot, scenes: Sequence[Scene], categories: Categories) -> None:
        super().__init__(root, scenes, categories)
        self._names = {label.name: n for n, label in enumerate(categories.labels)}

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        found: list[Annotation] = []
        if scene.mask:
            try:
                found += self._masks(scene, maps, ledger)
            except (ValueError, InputError) as error:
                ledger.bad_record(self._bad(scene, error))
        if scene.more:
            found += self._outlines(scene, ledger)
        return found

    def _masks(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Mask]:
        label_map = maps.open(scene.mask, IndexReader())
        instances = f"/{INSTANCES}/" in f"/{scene.mask}"
        found: list[Mask] = []
        for value in label_map.values():
            label, number = divmod(value, _PER_LABEL) if instances else (value, 0)
            if label >= len(self._names):
                problem = f"the value {value} is of label {label}, of {len(self._names)} labels"
                where = self._root.show(scene.mask)
                ledger.bad_record(RecordError(problem, where=where, item=scene.id))
                continue
            found.append(Mask(label_map.mask(value), label=label, id=number))
        return found

    def _outlines(self, scene: Scene, ledger: Ledger) -> list[Annotation]:
        where = self._root.show(scene.more)
        try:
            objects = _decode(self._root.text_bytes(scene.more)).objects
        except UNDECODABLE as error:
            problem = RecordError(f"no outlines: {error}", where=where, item=scene.id)
            ledger.bad_record(problem)
            return []
        found: list[Annotation] = []
        for number, entry in enumerate(objects):
            label = self._names.get(entry.label)
            ring = [c for part in entry.polygon for c in part]
            if label is None or len(ring) < 6 or len(ring) % 2:
                what = "a label that is unknown" if label is None else "less than 3 whole points"
                place = f"{where}#/objects/{number}"
                ledger.bad_record(
                    RecordError(f"an outline with {what}", where=place, item=scene.id)
                )
                continue
            found.append(Polygon(ring, label=label))
        return found


class PanopticSource(InstanceSource):
    """An opened dataset of panoptic maps and outlines.

    Args:
        root: The input.
        scenes: The items.
        categories: The labels.
        segments: Segments by subset and id of the item.
        by_id: Label by category id.
    """

    def __init__(
        self,
        root: InputRoot,
        scenes: Sequence[Scene],
        categories: Categories,
        segments: dict[tuple[str, str], list[Segment]],
        by_id: dict[int, int],
    ) -> None:
        super().__init__(root, scenes, categories)
        self._segments = segments
        self._by_id = by_id

    def _masks(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Mask]:
        label_map = maps.open(scene.mask, PackedReader())
        there = set(label_map.values())
        found: list[Mask] = []
        if there - {segment.id for segment in self._segments[scene.subset, scene.id]} - {0}:
            ledger.warn("panoptic maps have segments that no list names; these belong to nothing")
        for segment in self._segments[scene.subset, scene.id]:
            label = self._by_id.get(segment.category_id or 0)
            if segment.id not in there or (label is None and segment.category_id):
                what = "has no pixels" if label is not None else "is of an unknown category"
                where = self._root.show(scene.mask)
                problem = f"the segment {segment.id} {what}"
                ledger.bad_record(RecordError(problem, where=where, item=scene.id))
                continue
            found.append(
                Mask(
                    label_map.mask(segment.id),
                    label=label,
                    id=segment.id,
                    group=segment.id,
                    attributes=_CROWD if segment.iscrowd else _SINGLE,
                )
            )
        return found


class MapillaryVistasInstancesImporter(MapillaryVistasImporter):
    """Opens instance maps."""

    task = INSTANCES

    def __init__(self, *, version: str = "auto", use_original_config: bool = False) -> None:
        super().__init__(version=version, use_original_config=use_original_config)


class MapillaryVistasPanopticImporter(MapillaryVistasImporter):
    """Opens panoptic maps."""

    task = PANOPTIC
