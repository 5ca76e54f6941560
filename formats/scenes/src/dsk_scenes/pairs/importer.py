"""Reading folders of images and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.errors import InputError, UnsafePathError
from dsk.flow import Importer
from dsk.item import DEFAULT_SUBSET
from dsk.media import is_image_name
from dsk.names import clean_name
from dsk.splits import SPLITS, subset_of_root
from dsk_scenes.camvid.importer import ColorSource
from dsk_scenes.pairs.classes import (
    find_table,
    given_table,
    palette_classes,
    read_table,
)
from dsk_scenes.pairs.layout import find_endings, find_pairs, masks_among
from dsk_scenes.shared.source import Scene, image_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_scenes.pairs.classes import Classes
    from dsk_scenes.pairs.layout import Pair

__all__ = ["GENERATE", "PairsImporter"]

GENERATE = "generate"


class PairsImporter(Importer):
    """Opens folders of images and masks; see the descriptor for the options."""

    def __init__(
        self,
        *,
        image_prefix: str = "",
        mask_prefix: str = "",
        mask_suffix: str = "",
        classes: str = "",
    ) -> None:
        self.image_prefix = image_prefix
        self.mask_prefix = mask_prefix
        self.mask_suffix = mask_suffix
        self.classes = classes

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        pairs = find_pairs(root) if root.focus is None else []
        if not pairs:
            raise InputError(
                "there is no folder of images beside one of masks",
                where=root.path,
                hint="name them images and masks",
            )
        scenes = _apart([(pair, list(self._scenes(root, pair, ledger))) for pair in pairs])
        _tell_others(root, pairs, ledger)
        classes = self._classes(root, pairs, scenes)
        if classes.plain and _is_black_and_white(root, scenes):
            ledger.warn("masks have the values 0 and 255 only: 255 is taken for the second label")
            classes = replace(classes, values={0: 0, 255: 1})
        return ColorSource(root, scenes, classes.categories, values=classes.values)

    def _classes(self, root: InputRoot, pairs: Sequence[Pair], scenes: Sequence[Scene]) -> Classes:
        if self.classes == GENERATE:
            from dsk_scenes.pairs.values import generated_classes

            return generated_classes(root, scenes)
        if self.classes:
            return given_table(self.classes)
        paths = [path for pair in pairs for path in (pair.home, pair.masks)]
        paths += [pair.home.rpartition("/")[0] for pair in pairs]
        table = find_table(root, [*paths, ""])
        if table is not None:
            return read_table(root, table)
        first = next((scene.mask for scene in scenes if scene.mask), None)
        found = palette_classes(root, first) if first is not None else None
        if found is None:
            raise InputError(
                "nothing says what the values of the masks mean",
                where=root.path,
                hint="put a dataset_meta.json, label_colors.txt or class_dict.csv beside the "
                "folders, or give one, -I classes=FILE; classes=generate makes labels of values",
            )
        return found

    def _scenes(self, root: InputRoot, pair: Pair, ledger: Ledger) -> Iterator[Scene]:
        found = image_files(root, pair.images, None if pair.together else ledger)
        images = dict(_cut(found, self.image_prefix))
        masks = dict(_cut(image_files(root, pair.masks), self.mask_prefix))
        if pair.together:
            among = masks_among(images)
            masks = {name: images.pop(name) for name in sorted(among)}
        own, suffix = find_endings(list(images), list(masks))
        suffix = self.mask_suffix or suffix
        images = {name.removesuffix(own): file for name, file in images.items()}
        masks = {name.removesuffix(suffix): file for name, file in masks.items()}
        if images and masks and not images.keys() & masks.keys():
            ledger.warn(
                f"no image in {pair.images} has the name of a mask: "
                "image_prefix and mask_prefix say what the names begin with"
            )
            images = {}
        names = sorted(images.keys() | masks.keys())
        in_splits = all(name.partition("/")[0] in SPLITS and "/" in name for name in names)
        alone = DEFAULT_SUBSET if pair.standard else subset_of_root(root)
        for name in names:
            item, subset = name, pair.subset or alone
            if in_splits:
                subset, _, item = name.partition("/")
            yield Scene(item, subset, images.get(name, ""), masks.get(name, ""))


def _is_black_and_white(root: InputRoot, scenes: Sequence[Scene]) -> bool:
    from dsk_scenes.pairs.values import has_white

    return has_white(root, scenes)


def _tell_others(root: InputRoot, pairs: Sequence[Pair], ledger: Ledger) -> None:
    """Tell of images that are in no folder of a pair."""
    folders = {folder for pair in pairs for folder in (pair.images, pair.masks)}
    if "" in folders:
        return
    inside = tuple(f"{folder}/" for folder in folders)
    others = [name for name in root.walk() if not name.startswith(inside) and is_image_name(name)]
    if others:
        ledger.warn(
            f"{len(others)} images are in no folder of images or masks that pair, and left out, "
            f"such as {others[0]}"
        )


def _apart(found: Sequence[tuple[Pair, list[Scene]]]) -> list[Scene]:
    """Return all items; where folders have items of one name, that of the folder goes before it."""
    scenes = [scene for _, own in found for scene in own]
    if len({(scene.subset, scene.id) for scene in scenes}) == len(scenes):
        return scenes
    return [
        replace(scene, id=f"{above}/{scene.id}" if above else scene.id)
        for pair, own in found
        for above in [f"/{pair.home}".removesuffix(f"/{pair.subset}").lstrip("/")]
        for scene in own
    ]


def _cut(files: dict[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield files whose base name has a prefix, by their names without it."""
    for name, file in files.items():
        folder, slash, base = name.rpartition("/")
        if base.startswith(prefix):
            try:
                yield clean_name(folder + slash + base.removeprefix(prefix)), file
            except UnsafePathError:
                continue
