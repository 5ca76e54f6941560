"""Reading ADE20K of 2016 and 2017."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Mask
from dsk.errors import InputError, RecordError
from dsk.flow import Importer
from dsk_ade20k.layout import find_scenes
from dsk_ade20k.maps import ValueMask, objects
from dsk_ade20k.source import UNSEEN, SceneSource, categories_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_ade20k.layout import Scene
    from dsk_ade20k.maps import SceneMap
    from dsk_ade20k.source import Maps

__all__ = ["Ade20k2017Importer"]

_ENDING = "_atr.txt"
_COLUMNS = 6


class Entry(Struct, frozen=True):
    """An object or part of an image, by its line in ``_atr.txt``."""

    number: int
    level: int
    occluded: bool
    words: str
    name: str
    attributes: tuple[str, ...]


def parse_line(line: str) -> Entry:
    """Parse ``number # level # occluded # class # name # "attributes"``.

    Raises:
        ValueError: It has other columns.
    """
    columns = [column.strip() for column in line.split("#")]
    if len(columns) != _COLUMNS:
        raise ValueError(f"an object has {_COLUMNS} columns separated by '#', not {len(columns)}")
    last = columns[5]
    if len(last) < 2 or not (last[0] == last[-1] == '"'):
        raise ValueError("the attributes in the last column are not in double quotes")
    try:
        number, level, occluded = (int(column) for column in columns[:3])
    except ValueError:
        raise ValueError("the first three columns are whole numbers") from None
    attributes = tuple(a.strip() for a in last[1:-1].split(",") if a.strip())
    return Entry(number, level, occluded != 0, columns[3], columns[4], attributes)


def lines_of(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that say something."""
    text = text_of(data).replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


class Ade20k2017Importer(Importer):
    """Opens ADE20K of 2016 and 2017; see the descriptor for the options."""

    def __init__(self, *, details: bool = False) -> None:
        self.details = details

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002
        """See ``Importer.open``."""
        scenes = find_scenes(root, _ENDING) if root.focus is None else []
        if not any(scene.description for scene in scenes):
            raise InputError(
                "there are no files <subset>/…_atr.txt",
                where=root.path,
                hint="give the folder that holds training and validation; "
                "descriptions in JSON are -if ade20k2020",
            )
        categories = categories_of(root, _names(root, scenes))
        return Source2017(root, scenes, categories, details=self.details)


def _names(root: InputRoot, scenes: list[Scene]) -> Iterator[str]:
    """Yield the names of objects; bad lines are told when they are read."""
    for scene in scenes:
        if scene.description:
            for _, line in lines_of(root.read(scene.description)):
                columns = line.split("#")
                if len(columns) == _COLUMNS and columns[4].strip():
                    yield columns[4].strip()


class Source2017(SceneSource):
    """An opened dataset of 2017."""

    def __init__(self, *args: Any, details: bool) -> None:
        super().__init__(*args)
        self._details = details

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        entries: list[Entry] = []
        for number, line in lines_of(self._root.read(scene.description)):
            try:
                entries.append(parse_line(line))
            except ValueError as error:
                where = f"{self._root.show(scene.description)}:{number}"
                ledger.bad_record(RecordError(str(error), where=where, item=scene.id))
        found: list[Annotation] = []
        levels: dict[int, tuple[SceneMap, frozenset[int]] | None] = {}
        size: tuple[int, int] | None = None
        for entry in entries:
            if entry.level not in levels:
                levels[entry.level] = self._level(scene, entry.level, maps, ledger)
            opened = levels[entry.level]
            if opened is None:
                continue
            scene_map, values = opened
            size = size or scene_map.size
            if scene_map.size != size:
                levels[entry.level] = None
                problem = f"the map of level {entry.level} has another size than the others"
                ledger.bad_record(self._bad(scene, problem))
            elif entry.number in values and entry.number > 0:
                found.append(self._mask(entry, scene_map))
            else:
                ledger.warn(UNSEEN)
        return found

    def _level(
        self, scene: Scene, level: int, maps: Maps, ledger: Ledger
    ) -> tuple[SceneMap, frozenset[int]] | None:
        name = scene.maps.get(level)
        if name is None:
            ledger.warn("there are objects whose map (_seg.png, _parts_<n>.png) is not there")
            return None
        try:
            opened = maps.open(name, objects)
            return opened, opened.values()
        except ValueError as error:
            where = self._root.show(name)
            ledger.bad_record(RecordError(str(error), where=where, item=scene.id))
            return None

    def _mask(self, entry: Entry, scene_map: SceneMap) -> Mask:
        attributes: dict[str, Any] = dict.fromkeys(entry.attributes, True)
        if self._details:
            attributes |= {"occluded": entry.occluded, "class": entry.words}
        return Mask(
            ValueMask(scene_map, entry.number),
            label=self._labels.get(entry.name),
            id=entry.number,
            group=entry.number,
            z_order=entry.level,
            attributes=attributes,
        )
