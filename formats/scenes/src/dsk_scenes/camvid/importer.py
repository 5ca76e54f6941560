"""Reading CamVid datasets."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dsk.annotations import Mask
from dsk.errors import InputError, LimitError, RecordError
from dsk.flow import Importer
from dsk.media import Image
from dsk.names import stem_of
from dsk.pixels import decode_labels
from dsk_scenes.camvid.lists import find_home, item_id, list_names, parse_line, resolve
from dsk_scenes.camvid.tables import LABELS, SEGNET_LABELS
from dsk_scenes.shared.colors import BLACK, Entry, read_colors, to_categories
from dsk_scenes.shared.labelmap import ColorReader, named
from dsk_scenes.shared.source import Scene, SceneSource
from dsk_scenes.shared.target import BACKGROUND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_scenes.shared.source import Maps

__all__ = ["CamvidImporter", "ColorSource", "with_background"]


_SEGNET = b"/SegNet/CamVid/"
"""What the paths in the lists of SegNet's copy begin with."""

_SAMPLE = 20
"""How many masks are looked at to tell SegNet's labels from CamVid's."""


class CamvidImporter(Importer):
    """Opens CamVid datasets."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            lists, home = [root.focus], root.focus.rpartition("/")[0]
        else:
            found = find_home(root)
            home = found or ""
            lists = list(list_names(root, home))
        scenes = [scene for name in lists for scene in _read_list(root, home, name, ledger)]
        if not scenes:
            raise InputError(
                "there are no lists <subset>.txt of images and masks",
                where=root.path,
                hint="folders of images and masks without lists: -if common_semantic_segmentation",
            )
        table = read_colors(root, home)
        segnet = table is None and any(_SEGNET in root.read(name, 4096) for name in lists)
        if table is None and not segnet and _has_segnet_values(root, scenes):
            segnet = True
            ledger.warn(
                "there is no label_colors.txt, and masks have no values above "
                f"{len(SEGNET_LABELS) - 1}: their labels are taken to be SegNet's"
            )
        if segnet:
            # Their grey masks number other labels, and none of them is added.
            return ColorSource(root, scenes, to_categories(SEGNET_LABELS))
        entries, added = with_background(table or LABELS)
        return ColorSource(root, scenes, to_categories(entries), skip_zero=added)


def _has_segnet_values(root: InputRoot, scenes: Sequence[Scene]) -> bool:
    """Tell whether the first masks are grey and have SegNet's values only, and not 0 alone.

    CamVid's own numbers of what every street shows, such as road (18) and sky (22), are higher.
    """
    highest = 0
    for name in islice((scene.mask for scene in scenes if scene.mask), _SAMPLE):
        try:
            pixels, colors = decode_labels(Image(name, root.locate(name)))
        except (InputError, LimitError):  # told when it is read
            continue
        if colors is not None or pixels.ndim != 2 or pixels.dtype.kind != "u":
            return False
        highest = max(highest, int(pixels.max(initial=0)))
    return 0 < highest < len(SEGNET_LABELS)


def with_background(entries: Sequence[Entry]) -> tuple[list[Entry], bool]:
    """Put the label of the colour 0,0,0 first; without one a background is added there."""
    found = next((e for e in entries if e.color == BLACK), None) or next(
        (e for e in entries if e.name == BACKGROUND), None
    )
    if found is None:
        color = BLACK if any(e.color is not None for e in entries) else None
        return [Entry(BACKGROUND, color), *entries], True
    return [found, *(e for e in entries if e is not found)], False


def _read_list(root: InputRoot, home: str, name: str, ledger: Ledger) -> list[Scene]:
    subset = stem_of(name.rpartition("/")[2])
    scenes: dict[str, Scene] = {}
    text = root.text(name).replace("\r\n", "\n").replace("\r", "\n")
    for number, raw in enumerate(text.split("\n"), 1):
        where = f"{root.show(name)}:{number}"
        try:
            line = parse_line(raw)
            if line is None:
                continue
            image, mask = line
            item = item_id(image, subset)
            image_place = resolve(root, home, image)
            mask_place = resolve(root, home, mask) if mask else ""
        except (ValueError, RecordError) as error:
            message = error.message if isinstance(error, RecordError) else str(error)
            ledger.bad_record(RecordError(message, where=where))
            continue
        if mask_place is None:
            ledger.bad_record(
                RecordError(f"the mask {mask!r} is not there", where=where, item=item)
            )
        prefix = f"{home}/" if home else ""
        place = image_place or prefix + image.lstrip("/")
        scene = Scene(item, subset, place, mask_place or "")
        if scenes.setdefault(item, scene) != scene:
            problem = f"the image {item!r} is listed before, as {scenes[item].image}"
            ledger.bad_record(RecordError(problem, where=where, item=item))
    return list(scenes.values())


class ColorSource(SceneSource):
    """An opened dataset of one class mask an image.

    Args:
        root: The input.
        scenes: The items.
        categories: The labels, whose colours masks have.
        skip_zero: The background is no label of the dataset.
        values: Label by value of grey masks; None: the value is the label.
    """

    def __init__(
        self,
        root: InputRoot,
        scenes: Sequence[Scene],
        categories: Categories,
        *,
        skip_zero: bool = False,
        values: dict[int, int] | None = None,
    ) -> None:
        super().__init__(root, scenes, categories)
        self._skip_zero = skip_zero
        self._reader = ColorReader(categories, values)

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        if not scene.mask:
            return []
        label_map = maps.open(scene.mask, self._reader)
        labels = label_map.values()
        if self._reader.unknown:
            ledger.warn(
                f"masks have pixels whose colour or value{named(self._reader.strange)} is not in "
                "the label map; these belong to nothing"
            )
        return [
            Mask(label_map.mask(label), label=label)
            for label in labels
            if label or not self._skip_zero
        ]
