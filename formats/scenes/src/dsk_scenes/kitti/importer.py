"""Reading KITTI datasets: boxes, or instance maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dsk.annotations import Mask
from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import Importer
from dsk_scenes.cityscapes.tables import LABELS as CITYSCAPES
from dsk_scenes.kitti.layout import IMAGES, INSTANCES, LABELS, SEMANTIC, Split, find_splits
from dsk_scenes.kitti.objects import first_words, read_objects
from dsk_scenes.shared.colors import Entry, read_colors, to_categories
from dsk_scenes.shared.labelmap import IndexReader
from dsk_scenes.shared.source import Scene, SceneSource, image_files, text_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_scenes.shared.source import Maps

__all__ = ["KittiDetectionImporter", "KittiImporter", "KittiSegmentationImporter"]

DETECTION, SEGMENTATION = "detection", "segmentation"
_FOLDERS = {DETECTION: frozenset({LABELS}), SEGMENTATION: frozenset({INSTANCES, SEMANTIC})}
_PER_LABEL = 256
_CROWD, _SINGLE = {"is_crowd": True}, {"is_crowd": False}


class KittiImporter(Importer):
    """Opens KITTI datasets; see the descriptor for the options."""

    tasks: ClassVar[frozenset[str]] = frozenset({DETECTION, SEGMENTATION})

    def __init__(self, *, details: bool = False) -> None:
        self.details = details

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            raise InputError(
                "a KITTI dataset is a folder or an archive",
                where=root.show(root.focus),
                hint="give the folder that holds training and testing",
            )
        wanted = frozenset(f for task in self.tasks for f in _FOLDERS[task])
        splits = _of_one_tree(find_splits(root), wanted, ledger)
        if not splits:
            raise InputError(
                f"there are no folders named {' or '.join(sorted(wanted))}", where=root.path
            )
        scenes = [scene for split in splits for scene in _scenes(root, split, wanted, ledger)]
        table = _table(root, splits)
        maps = any(scene.mask for scene in scenes)
        if table is None and maps:
            table = CITYSCAPES
        names = [] if table is None else [entry.name for entry in table]
        boxes = any(scene.more for scene in scenes)
        types = _types(root, scenes, names) if boxes else {}
        entries = [*(table or ()), *(Entry(word) for word in list(types)[len(names) :])]
        categories = to_categories(entries) if table else Categories.from_names(types)
        return KittiSource(root, scenes, categories, types, details=self.details)


def _of_one_tree(splits: Sequence[Split], wanted: frozenset[str], ledger: Ledger) -> list[Split]:
    """Return the subsets of one tree: of several that have the same subsets, that with maps."""
    trees = _trees(splits)
    fitting = [tree for tree in trees if any(split.places.keys() & wanted for split in tree)]
    if not fitting:  # images alone, such as those of the test
        fitting = [tree for tree in trees if _has_images_only(tree)]
    if len(fitting) > 1:
        names = [split.subset for tree in fitting for split in tree]
        if len(set(names)) == len(names):
            return [split for tree in fitting for split in tree]
        maps = _FOLDERS[SEGMENTATION]
        fitting.sort(key=lambda tree: not any(split.places.keys() & maps for split in tree))
        ledger.warn(
            f"only the folder {' and '.join(fitting[0][0].homes)} is read, "
            f"{' and '.join(fitting[1][0].homes)} holds the same subset: give one of them"
        )
    return fitting[0] if fitting else []


def _trees(splits: Sequence[Split]) -> list[list[Split]]:
    """Return the subsets by the folder they are in; folders that complete each other are one.

    Each archive of the download may have been unpacked in a folder of its own.
    """
    own: dict[str, list[Split]] = {}
    for split in splits:
        own.setdefault(split.homes[0].rpartition("/")[0], []).append(split)
    trees: list[dict[str, Split]] = []
    for found in own.values():
        tree = next((tree for tree in trees if _completes(found, tree)), None)
        if tree is None:
            trees.append({split.subset: split for split in found})
            continue
        for split in found:
            there = tree.get(split.subset)
            places = split.places if there is None else there.places | split.places
            tree[split.subset] = Split(split.subset, places)
    return [list(tree.values()) for tree in trees]


def _completes(found: Sequence[Split], tree: dict[str, Split]) -> bool:
    """Tell whether a folder has what another one lacks, and nothing that it has."""
    shared = [split for split in found if split.subset in tree]
    if any(split.places.keys() & tree[split.subset].places.keys() for split in shared):
        return False
    return bool(shared) or _has_images_only(found) or _has_images_only(tree.values())


def _has_images_only(tree: Iterable[Split]) -> bool:
    return all(split.places.keys() == {IMAGES} for split in tree)


def _scenes(root: InputRoot, split: Split, wanted: frozenset[str], ledger: Ledger) -> list[Scene]:
    """Return the items of a subset: by images, label files and maps."""
    places = split.places
    images = image_files(root, places[IMAGES], ledger) if IMAGES in places else {}
    texts: dict[str, str] = {}
    maps: dict[str, str] = {}
    if LABELS in wanted and LABELS in places:
        texts = text_files(root, places[LABELS])
    if INSTANCES in wanted:
        for folder in (SEMANTIC, INSTANCES):
            if folder in places:
                maps |= image_files(root, places[folder])
    return [
        Scene(item, split.subset, images.get(item, ""), maps.get(item, ""), texts.get(item, ""))
        for item in sorted(images.keys() | texts.keys() | maps.keys())
    ]


def _types(root: InputRoot, scenes: Sequence[Scene], names: Sequence[str]) -> dict[str, int]:
    """Return labels by type: those of the table, written without blanks, and others that occur."""
    types = {name.replace(" ", "_"): n for n, name in enumerate(names)}
    for scene in scenes:
        if scene.more:
            for word in first_words(_text(root, scene.more)):
                types.setdefault(word, len(types))
    return types


def _table(root: InputRoot, splits: Sequence[Split]) -> list[Entry] | None:
    """Read the dataset's own labels, from the folder given or beside the subsets."""
    homes = [home for split in splits for home in split.homes]
    for path in dict.fromkeys(["", *(home.rpartition("/")[0] for home in homes)]):
        entries = read_colors(root, path)
        if entries is not None:
            return entries
    return None


def _text(root: InputRoot, name: str) -> str:
    return root.text(name).replace("\r\n", "\n").replace("\r", "\n")


class KittiSource(SceneSource):
    """An opened KITTI dataset; ``Scene.more`` is an item's label file.

    Args:
        root: The input.
        scenes: The items.
        categories: The labels.
        types: Label by type in label files.
        details: Keep what label files say of space.
    """

    def __init__(
        self,
        root: InputRoot,
        scenes: Sequence[Scene],
        categories: Categories,
        types: dict[str, int],
        *,
        details: bool,
    ) -> None:
        super().__init__(root, scenes, categories)
        self._types = types
        self._details = details

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        found: list[Annotation] = []
        if scene.more:
            found += read_objects(
                _text(self._root, scene.more),
                self._types,
                ledger,
                where=self._root.show(scene.more),
                item=scene.id,
                details=self._details,
            )
        if scene.mask:
            try:
                found += self._masks(scene, maps, ledger)
            except (ValueError, InputError) as error:
                ledger.bad_record(self._bad(scene, error))
        return found

    def _masks(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Mask]:
        label_map = maps.open(scene.mask, IndexReader())
        values = label_map.values()
        instances = f"/{INSTANCES}/" in f"/{scene.mask}"
        if instances and values and 0 < values[-1] < _PER_LABEL:
            ledger.warn(
                "instance maps whose values are all below 256 say nothing about labels; "
                "were they saved again with 8 bits?"
            )
        found: list[Mask] = []
        count = len(self.header.categories.labels)
        for value in values:
            label, number = divmod(value, _PER_LABEL) if instances else (value, 0)
            if label >= count:
                problem = f"the value {value} is of label {label}, there are {count} labels"
                where = self._root.show(scene.mask)
                ledger.bad_record(RecordError(problem, where=where, item=scene.id))
                continue
            attributes = _SINGLE if number else _CROWD
            found.append(Mask(label_map.mask(value), label=label, id=number, attributes=attributes))
        return found


class KittiDetectionImporter(KittiImporter):
    """Reads the boxes."""

    tasks = frozenset({DETECTION})


class KittiSegmentationImporter(KittiImporter):
    """Reads the maps."""

    tasks = frozenset({SEGMENTATION})

    def __init__(self) -> None:
        super().__init__()
