"""Reading Supervisely projects of point clouds and episodes."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import InputError, OptionError, RecordError
from dsk.flow import HEAVY_ITEMS, Header, Importer, Source, slices
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, PointCloud, is_image_name
from dsk_pointcloud.cameras import CAMERA
from dsk_pointcloud.clouds.names import is_cloud_name, suffix_of
from dsk_pointcloud.frames import is_finite, note_boxes
from dsk_pointcloud.supervisely import project
from dsk_pointcloud.supervisely.keys import KeyNumbers
from dsk_pointcloud.supervisely.parse import (
    FigureReader,
    note_lost_tags,
    note_odd_ranges,
    note_reserved_tags,
    object_keys,
    unwrapped,
)
from dsk_pointcloud.supervisely.project import FAMILY, Set, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["SlyPointCloudImporter", "SlySource"]

DEFAULT_SET = "ds0"
_FACTS = ".json"
"""What the name of an image has behind it in that of the file about its camera."""


class Entry(Struct):
    """One cloud: its id, its file and annotation below the set's folders, its number in the set."""

    id: str
    cloud: str = ""
    ann: str = ""
    index: int = 0


class SlyPointCloudImporter(Importer):
    """Opens projects of point clouds and of episodes.

    Args:
        default_tags: Give objects the default of tags that they lack: "always" as Datumaro does,
            "never", or "auto": unless dsk wrote the project.
    """

    def __init__(self, *, default_tags: str = "auto") -> None:
        if default_tags not in ("auto", "always", "never"):
            raise OptionError(f"default_tags is auto, always or never, not {default_tags!r}")
        self._defaults = default_tags

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        folders = list(project.find_projects(root))
        if not folders:
            raise InputError(
                "no Supervisely project: meta.json beside a folder with pointcloud/ is missing",
                where=root.path,
                hint="give the project's folder, which holds meta.json",
            )
        if len(folders) > 1:
            raise InputError(
                f"there are several projects: {', '.join(folders)}",
                where=root.path,
                hint="give the folder of one of them",
            )
        return SlySource(root, folders[0], self._defaults, ledger)


class SlySource(Source):
    """A project, indexed by cloud."""

    finite = True
    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, folder: str, defaults: str, ledger: Ledger) -> None:
        self._root = root
        self._meta = meta = project.read_meta(root, folder)
        note_reserved_tags(meta.tags, ledger)
        table = project.read_key_map(root, folder)
        numbers = {part: known | meta.numbers[part] for part, known in table.items()}
        self._sets = list(project.find_sets(root, folder))
        self._videos = numbers["videos"]
        self._free = max((-1, *self._videos.values())) + 1
        self._episodes: dict[str, dict[str, Any]] = {}
        self._entries = [self._list(one, ledger) for one in self._sets]
        self._images = [
            _related(root, one, entries, ledger)
            for one, entries in zip(self._sets, self._entries, strict=True)
        ]
        self._firsts = [0]
        for entries in self._entries:
            self._firsts.append(self._firsts[-1] + len(entries))
        self._reader = FigureReader(
            {label.name: n for n, label in enumerate(meta.categories.labels)},
            meta.tags,
            KeyNumbers(numbers["objects"], self._object_keys),
            KeyNumbers(numbers["figures"], self._figure_keys),
            defaults=defaults == "always" or (defaults == "auto" and not meta.own),
        )
        episodes = bool(self._sets) and all(one.episode for one in self._sets)
        kind = "point_cloud_episodes" if episodes else "point_clouds"
        info = {"tags": [tag.raw for tag in meta.tags], "projectType": meta.project_type or kind}
        self.header = Header(
            categories=meta.categories,
            media=frozenset({"point_cloud"}),
            subsets=tuple(map(self._subset, self._sets)),
            items=self._firsts[-1],
            info={FAMILY: info} if meta.tags or info["projectType"] != "point_clouds" else {},
        )

    def _subset(self, one: Set) -> str:
        """Return a set's subset; ds0 keeps its name beside a set that is called default."""
        plain = one.name == DEFAULT_SET and all(o.name != DEFAULT_SUBSET for o in self._sets)
        return DEFAULT_SUBSET if plain else one.name

    def _list(self, one: Set, ledger: Ledger) -> list[Entry]:
        """Return the clouds of a set: those with a file, an annotation or a place in the map."""
        folder = f"{one.folder}/{project.CLOUDS}"
        clouds = [n[len(folder) + 1 :] for n in self._root.walk(folder) if is_cloud_name(n)]
        if one.episode:
            return self._episode(one, clouds, ledger)
        folder = f"{one.folder}/ann"
        anns = {
            n[len(folder) + 1 : -5]: n[len(folder) + 1 :]
            for n in self._root.walk(folder)
            if n.lower().endswith(".json")
        }
        there = set(clouds)
        by_case = {name.lower() for name in clouds}
        anns_by_case = {name.lower(): ann for name, ann in reversed(anns.items())}
        found: dict[str, Entry] = {}
        for name in sorted({*clouds, *(n for n in anns if n.lower() not in by_case)}):
            ann = anns.get(name) or anns_by_case.get(name.lower(), "")
            found[name] = Entry("", name if name in there else "", ann)
        self._note_missing(one, clouds, sum(not entry.cloud for entry in found.values()), ledger)
        return _named(found)

    def _note_missing(self, one: Set, clouds: list[str], missing: int, ledger: Ledger) -> None:
        """Tell of clouds that are not there, unless none is: then nobody wanted any."""
        if clouds and missing:
            place = self._root.show(f"{one.folder}/{project.CLOUDS}")
            ledger.warn(f"{place}: {missing} point clouds are missing")

    def _episode(self, one: Set, clouds: list[str], ledger: Ledger) -> list[Entry]:
        """Return the frames of an episode in order."""
        root, name = self._root, f"{one.folder}/{project.EPISODE_FILE}"
        where = root.show(name)
        try:
            plain = unwrapped(project.decode(root.read(name), where))
        except ValueError as error:
            raise InputError(str(error), where=where) from error
        frames = _frames(plain, where, ledger)
        mapped = self._frame_map(one, clouds, ledger)
        self._episodes[one.folder] = {"plain": plain, "frames": frames}
        _note_bare(plain, (f for figures in frames.values() for f in figures), ledger)
        for index in sorted(set(frames) - set(mapped)):
            ledger.warn(f"{where}: frame {index} has no point cloud")
            mapped[index] = ""
        present: dict[str, list[int]] = {}
        for index, figures in sorted(frames.items()):
            for shown in {canonical(f["objectKey"]) for f in figures if _has_owner(f)}:
                present.setdefault(shown, []).append(index)
        note_lost_tags(_objects(plain), present, sorted(mapped), ledger)
        note_odd_ranges(plain, ledger)
        there = set(clouds)
        unused = len(there.difference(mapped.values()))
        if unused:
            ledger.warn(f"{where}: {unused} clouds are of no frame")
        found = {
            (file or f"{index:06d}.pcd"): Entry("", file if file in there else "", "", index)
            for index, file in sorted(mapped.items())
        }
        self._note_missing(one, clouds, len(set(filter(None, mapped.values())) - there), ledger)
        return _named(found)

    def _frame_map(self, one: Set, clouds: list[str], ledger: Ledger) -> dict[int, str]:
        name = f"{one.folder}/{project.FRAME_MAP}"
        if not self._root.is_file(name):
            ledger.warn(f"{self._root.show(one.folder)}: no {project.FRAME_MAP}; clouds by name")
            return dict(enumerate(clouds))
        where = self._root.show(name)
        plain = project.decode(self._root.read(name), where)
        if not isinstance(plain, dict):
            raise InputError('it holds {"0": "x.pcd", …}', where=where)
        frames: dict[str, int] = {}
        for key, value in plain.items():
            file = project.safe_name(value) if isinstance(value, str) else None
            if not re.fullmatch(r"[0-9]{1,9}", key) or file is None or file in frames:
                text = f"no frame and a file of its own: {key!r}: {value!r}"
                ledger.bad_record(RecordError(text, where=where))
                continue
            frames[file] = int(key)
        return {index: file for file, index in frames.items()}

    def _object_keys(self) -> Iterator[str]:
        for plain in self._all():
            yield from object_keys(plain)

    def _figure_keys(self) -> Iterator[str]:
        for plain in self._all():
            frames = sorted(
                (f for f in plain.get("frames") or () if isinstance(f, dict)),
                key=lambda f: str(f.get("index")).zfill(12),
            )
            for holder in (plain, *frames):
                for figure in holder.get("figures") or ():
                    if isinstance(figure, dict) and isinstance(figure.get("key"), str):
                        yield figure["key"]

    def _all(self) -> Iterator[dict[str, Any]]:
        """Yield all annotations once more, in order."""
        for one, entries in zip(self._sets, self._entries, strict=True):
            if one.episode:
                yield self._episodes[one.folder]["plain"]
                continue
            for entry in entries:
                if entry.ann:
                    name = f"{one.folder}/ann/{entry.ann}"
                    try:
                        yield unwrapped(project.decode(self._root.read(name), name))
                    except (ValueError, InputError):
                        continue  # reading it says what is wrong

    def partitions(self) -> Sequence[Any]:
        """Return (set, start, stop)."""
        return slices((len(entries) for entries in self._entries), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of some clouds."""
        number, start, stop = partition
        one = self._sets[number]
        read_ann = self._root.reader(f"{one.folder}/ann")
        boxes = 0
        for offset, entry in enumerate(self._entries[number][start:stop], start):
            medium = self._medium(one, entry, self._images[number], ledger)
            if one.episode:
                item = self._frame_item(one, entry, medium, ledger)
            else:
                index = self._free + self._firsts[number] + offset  # no cloud's of the map
                item = self._cloud_item(one, entry, read_ann, medium, ledger, index=index)
            boxes += len(item.annotations)
            yield item
        note_boxes(ledger, "boxes read as Supervisely's: centre, lidar frame, +y ahead", boxes)

    def _frame_item(
        self, one: Set, entry: Entry, medium: PointCloud, ledger: Ledger
    ) -> DatasetItem:
        plain = self._episodes[one.folder]["plain"]
        figures = self._episodes[one.folder]["frames"].get(entry.index, ())
        where = self._root.show(f"{one.folder}/{project.EPISODE_FILE}")
        boxes = self._reader.boxes(
            figures,
            _objects(plain),
            f"{where}#frame {entry.index}",
            ledger,
            item=entry.id,
            frame=entry.index,
        )
        attributes = {"frame": entry.index, "description": str(plain.get("description") or "")}
        attributes |= self._reader.item_attributes(plain, entry.index)
        key, extra = plain.get("key"), None
        if isinstance(key, str):
            number = self._videos.get(canonical(key))
            extra = {FAMILY: {"episode": key} | ({} if number is None else {"episode_id": number})}
        return DatasetItem(entry.id, self._subset(one), medium, boxes, attributes, extra)

    def _cloud_item(
        self,
        one: Set,
        entry: Entry,
        read_ann: Any,
        medium: PointCloud,
        ledger: Ledger,
        *,
        index: int,
    ) -> DatasetItem:
        attributes: dict[str, Any] = {"frame": index}
        extra = None
        boxes: list[Annotation] = []
        data = read_ann(entry.ann) if entry.ann else None
        if data is not None:
            where = self._root.show(f"{one.folder}/ann/{entry.ann}")
            try:
                plain = unwrapped(project.decode(data, where))
            except ValueError as error:
                ledger.bad_record(RecordError(str(error), where=where, item=entry.id))
                return DatasetItem(entry.id, self._subset(one), medium, [], attributes)
            except InputError as error:
                ledger.bad_record(RecordError(error.message, where=where, item=entry.id))
                return DatasetItem(entry.id, self._subset(one), medium, [], attributes)
            key = plain.get("key")
            if isinstance(key, str):
                attributes["frame"] = self._videos.get(canonical(key), index)
                extra = {FAMILY: {"key": key}}
            attributes["description"] = str(plain.get("description") or "")
            attributes |= self._reader.item_attributes(plain, None)
            figures = plain.get("figures") or ()
            _note_bare(plain, figures, ledger)
            note_lost_tags(_objects(plain), {}, [], ledger)
            boxes = self._reader.boxes(figures, _objects(plain), where, ledger, item=entry.id)
        return DatasetItem(entry.id, self._subset(one), medium, boxes, attributes, extra)

    def _medium(
        self, one: Set, entry: Entry, related: dict[str, dict[str, bool]], ledger: Ledger
    ) -> PointCloud:
        locate = self._root.locate
        name = entry.cloud or f"{entry.id}.pcd"
        images = next((related[place] for place in _places(entry) if place in related), {})
        folder = f"{one.folder}/{project.CLOUDS}"
        extras = tuple(
            Image(file, locate(file) if there else None, self._camera(file, ledger))
            for file, there in images.items()
        )
        source = locate(f"{folder}/{name}") if entry.cloud else None
        return PointCloud(f"{folder}/{name}", source, None, extras)

    def _camera(self, file: str, ledger: Ledger) -> dict[str, Any] | None:
        """Return what is known of an image's camera; matrices of zeros mean nothing is."""
        name = file + _FACTS
        if not self._root.is_file(name):
            return None
        try:
            plain = project.decode(self._root.read(name), self._root.show(name))
            meta = plain.get("meta") or {}
            sensors = meta.get("sensorsData") or {}
            about = {
                "extrinsics": _matrix(sensors.get("extrinsicMatrix"), 12),
                "intrinsics": _matrix(sensors.get("intrinsicMatrix"), 9),
                "name": meta.get("deviceId"),
                "timestamp": meta.get("timestamp"),
            }
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            text = f"damaged image facts: {error}"
            ledger.bad_record(RecordError(text, where=self._root.show(name)))
            return None
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=error.where))
            return None
        known = {k: v for k, v in about.items() if v is not None}
        return {CAMERA: known} if known else None


def _matrix(values: Any, size: int) -> list[float] | None:
    if values is None or not any(values):
        return None
    if len(values) != size:
        raise ValueError(f"a matrix has {size} numbers, not {len(values)}")
    numbers = [float(v) for v in values]
    if not is_finite(*numbers):
        raise ValueError("a matrix has a number that is not finite")
    return numbers


def _frames(plain: dict[str, Any], where: str, ledger: Ledger) -> dict[int, list[Any]]:
    """Return the figures of an episode's frames by their numbers."""
    found: dict[int, list[Any]] = {}
    for number, frame in enumerate(plain.get("frames") or ()):
        index = frame.get("index") if isinstance(frame, dict) else None
        figures = (frame.get("figures") or []) if isinstance(frame, dict) else None
        if type(index) is int and index >= 0 and isinstance(figures, list):
            found.setdefault(index, []).extend(figures)
        else:
            text = "a frame has an index and a list of figures"
            ledger.bad_record(RecordError(text, where=f"{where}#/frames/{number}"))
    return found


def _has_owner(figure: Any) -> bool:
    return isinstance(figure, dict) and isinstance(figure.get("objectKey"), str)


def _note_bare(plain: dict[str, Any], figures: Iterable[Any], ledger: Ledger) -> None:
    """Tell that objects have no figure, and so no place."""
    shown = {canonical(figure["objectKey"]) for figure in figures if _has_owner(figure)}
    if not shown.issuperset(object_keys(plain)):
        ledger.warn("objects without figures are not read")


def _objects(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the objects of an annotation by canonical key."""
    objects = [o for o in plain.get("objects") or () if isinstance(o, dict)]
    return {canonical(o["key"]): o for o in objects if isinstance(o.get("key"), str)}


def _named(found: dict[str, Entry]) -> list[Entry]:
    """Give ids: names without their ending, unless two would be equal."""
    taken: set[str] = set()
    for name, entry in found.items():
        ext = suffix_of(name)
        stem = name[: -len(ext)] if ext else name
        entry.id = name if stem in taken or not stem else stem
        taken.add(entry.id)
    return list(found.values())


def _places(entry: Entry) -> tuple[str, ...]:
    """Return what the folder of a cloud's images may be called, Supervisely's own name first."""
    name = entry.cloud or f"{entry.id}.pcd"
    flat = posixpath.join(posixpath.dirname(name), posixpath.basename(name).replace(".", "_"))
    return flat, f"{entry.id}_pcd", entry.id, name


def _related(
    root: InputRoot, one: Set, entries: list[Entry], ledger: Ledger
) -> dict[str, dict[str, bool]]:
    """Return the images of each folder below related_images, and whether they are there.

    Of those that are not, there are facts: Supervisely gives annotations without media, too.
    """
    base = f"{one.folder}/related_images"
    images: dict[str, bool] = {}
    figures = 0
    for file in root.walk(base):
        if is_image_name(file):
            images[file] = True
        elif file.lower().endswith(".figures.json"):
            figures += 1
        elif file.endswith(_FACTS) and is_image_name(image := file.removesuffix(_FACTS)):
            images.setdefault(image, False)
    found: dict[str, dict[str, bool]] = {}
    for file, there in images.items():
        folder = posixpath.dirname(file)[len(base) + 1 :]
        found.setdefault(folder, {})[file] = there
    if figures:
        ledger.warn(f"{root.show(base)}: {figures} files of figures in images are not read")
    strange = set(found).difference(*map(_places, entries))
    if strange:
        what = f"{len(strange)} folders of images, as {min(strange)!r}, are of no cloud"
        ledger.warn(f"{root.show(base)}: {what}")
    return found
