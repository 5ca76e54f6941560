"""Reading Cityscapes datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dsk.annotations import Mask, Polygon
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Importer
from dsk.jsonerrors import UNDECODABLE
from dsk_scenes.cityscapes.layout import find_files
from dsk_scenes.cityscapes.persons import LABELS as PERSON_LABELS
from dsk_scenes.cityscapes.persons import read_persons
from dsk_scenes.cityscapes.tables import INSTANCES, LABELS, TRAIN_LABELS, VOID_TRAIN_ID
from dsk_scenes.shared.colors import BLACK, Entry, read_colors, to_categories
from dsk_scenes.shared.labelmap import IndexReader
from dsk_scenes.shared.source import Scene, SceneSource
from dsk_scenes.shared.target import BACKGROUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_scenes.cityscapes.layout import Files
    from dsk_scenes.shared.source import Maps

__all__ = ["CityscapesImporter"]

KINDS = {
    "instance": "instanceids",
    "train": "labeltrainids",
    "label": "labelids",
    "polygon": "polygons",
}
BOXES = "boxes"
_ORDER = ("instance", "label", "polygon")
_PER_CLASS = 1000
_CROWD, _SINGLE = {"is_crowd": True}, {"is_crowd": False}


class CityscapesImporter(Importer):
    """Opens Cityscapes datasets; see the descriptor for the options."""

    def __init__(self, *, source: str = "auto", quality: str = "auto") -> None:
        self.source = source
        self.quality = quality

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            raise InputError(
                "a Cityscapes dataset is a folder or an archive",
                where=root.show(root.focus),
                hint="give the folder that holds gtFine and leftImg8bit",
            )
        found = find_files(root)
        if not found:
            raise InputError(
                "there are no files named …_leftImg8bit.png or …_gtFine_instanceIds.png",
                where=root.path,
            )
        _choose_images(found.values(), ledger)
        given = [self._given(files) for files in found.values()]
        if self.source == BOXES or (self.source == "auto" and _has_boxes_only(found, given)):
            return PersonSource(root, found)
        entries = _table(root, found)
        train = self.source == "train" or (
            self.source == "auto" and entries is None and _has_train_ids(given)
        )
        added = entries is not None and not any(
            e.color == BLACK or e.name.lower() == BACKGROUND for e in entries
        )
        if entries is not None and added:
            entries = [Entry(BACKGROUND, BLACK), *entries]
        entries = entries or (TRAIN_LABELS if train else LABELS)
        order = ("train",) if train else _ORDER if self.source == "auto" else (self.source,)
        scenes = []
        for ((subset, item), files), names in zip(found.items(), given, strict=True):
            kind = next((kind for kind in order if KINDS[kind] in names), "")
            mask = names[KINDS[kind]] if kind else ""
            scenes.append(Scene(item, subset, files.image, mask, kind))
        return CityscapesSource(root, scenes, entries, skip_zero=added)

    def _given(self, files: Files) -> dict[str, str]:
        if self.quality == "coarse":
            return files.coarse
        if self.quality == "fine":
            return files.fine
        # The colours alone, which is what some keep to look at, cannot be read.
        return files.fine if files.fine.keys() & KINDS.values() else files.coarse or files.fine


def _choose_images(found: Iterable[Files], ledger: Ledger) -> None:
    """Take another image of a scene where its own is missing, and tell of those that remain."""
    spare: list[str] = []
    for files in found:
        if files.others and not files.image:
            files.image = files.others.pop(0)
        spare += files.others
    if spare:
        ledger.warn(
            f"{len(spare)} further images of the same scenes are left out, such as {spare[0]}; "
            "remove those that shall not be read"
        )


def _table(root: InputRoot, found: dict[tuple[str, str], Files]) -> list[Entry] | None:
    """Read a table of labels beside the folders of images and maps."""
    first = next(iter(found.values()))
    name = first.image or next(iter((first.fine or first.coarse).values()))
    parts = name.split("/")[:-1]
    for depth in range(min(len(parts), 4) + 1):
        entries = read_colors(root, "/".join(parts[:depth]))
        if entries is not None:
            return entries
    return None


def _has_boxes_only(found: dict[tuple[str, str], Files], given: Sequence[dict[str, str]]) -> bool:
    """Tell whether boxes of persons are all that is known of the images."""
    return not any(given) and any(files.persons for files in found.values())


def _has_train_ids(given: Sequence[dict[str, str]]) -> bool:
    """Tell whether all label maps come with ids for training; Datumaro prefers these."""
    annotated = [names for names in given if names]
    return bool(annotated) and all(KINDS["train"] in names for names in annotated)


class CityscapesSource(SceneSource):
    """An opened Cityscapes dataset.

    Args:
        root: The input.
        scenes: The items; ``more`` is the kind of their annotation file.
        entries: The labels.
        skip_zero: The background is no label of the dataset.
    """

    def __init__(
        self,
        root: InputRoot,
        scenes: Sequence[Scene],
        entries: Sequence[Entry],
        *,
        skip_zero: bool,
    ) -> None:
        categories = to_categories(entries)
        super().__init__(root, scenes, categories)
        self._skip_zero = skip_zero
        self._official = list(entries) == LABELS
        self._reader = IndexReader()
        self._names = {name.replace(" ", ""): n for n, name in enumerate(categories.names)}

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        if not scene.mask:
            return []
        if scene.more == "polygon":
            return self._outlines(scene, ledger)
        label_map = maps.open(scene.mask, self._reader)
        found: list[Annotation] = []
        count = len(self.header.categories.labels)
        for value in label_map.values():
            if value == 0 and self._skip_zero:
                continue
            if value == VOID_TRAIN_ID and scene.more in ("train", "label"):
                continue
            number = 0
            label, crowd = value, True
            if value >= _PER_CLASS and scene.more == "instance":
                label, number = divmod(value, _PER_CLASS)
                crowd = False
            if label >= count:
                where = self._root.show(scene.mask)
                problem = f"the value {value} is of label {label}, there are {count} labels"
                ledger.bad_record(RecordError(problem, where=where, item=scene.id))
                continue
            attributes = _CROWD if crowd else _SINGLE
            found.append(Mask(label_map.mask(value), label=label, id=number, attributes=attributes))
        return found

    def _outlines(self, scene: Scene, ledger: Ledger) -> list[Annotation]:
        where = self._root.show(scene.mask)
        try:
            objects = _decode(self._root.text_bytes(scene.mask)).objects
        except UNDECODABLE as error:
            raise InputError(f"no Cityscapes outlines: {error}", where=where) from error
        found: list[Annotation] = []
        for number, entry in enumerate(objects):
            if entry.deleted:
                continue
            name = entry.label.replace(" ", "")
            crowd = name not in self._names and name.removesuffix("group") in self._names
            label = self._names.get(name.removesuffix("group") if crowd else name)
            if label is None or len(entry.polygon) < 3:
                what = f"the label {entry.label!r} is unknown" if label is None else "no 3 points"
                hint = "label_colors.txt beside gtFine names labels of one's own"
                ledger.bad_record(
                    RecordError(
                        what,
                        where=f"{where}#/objects/{number}",
                        item=scene.id,
                        hint=hint if label is None else "",
                    )
                )
                continue
            area = crowd or (self._official and label not in INSTANCES)
            points = [c for point in entry.polygon for c in point]
            found.append(
                Polygon(
                    points,
                    label=label,
                    z_order=number,
                    attributes=_CROWD if area else _SINGLE,
                )
            )
        return found


class PersonSource(SceneSource):
    """Opened boxes of CityPersons; ``Scene.more`` is an item's file.

    Args:
        root: The input.
        found: The files by (subset, id).
    """

    def __init__(self, root: InputRoot, found: dict[tuple[str, str], Files]) -> None:
        scenes = [
            Scene(item, subset, files.image, more=files.persons)
            for (subset, item), files in found.items()
        ]
        super().__init__(root, scenes, Categories.from_names(PERSON_LABELS))

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:  # noqa: ARG002
        """See ``SceneSource.annotations``."""
        if not scene.more:
            return []
        where = self._root.show(scene.more)
        boxes: list[Annotation] = []
        for number, box in enumerate(read_persons(self._root.text_bytes(scene.more), where)):
            if isinstance(box, str):
                problem, place = f"the label {box!r} is unknown", f"{where}#/objects/{number}"
                ledger.bad_record(RecordError(problem, where=place, item=scene.id))
            else:
                boxes.append(box)
        return boxes


class _Object(msgspec.Struct):
    """An outline in ``_polygons.json``."""

    label: str
    polygon: list[tuple[float, float]]
    deleted: Any = False


class _Outlines(msgspec.Struct):
    """The grammar of ``_polygons.json``."""

    objects: list[_Object] = []


_decode = msgspec.json.Decoder(_Outlines).decode
