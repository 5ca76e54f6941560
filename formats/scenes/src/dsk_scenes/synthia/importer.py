"""Reading SYNTHIA datasets."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dsk.annotations import Mask
from dsk.errors import InputError, LimitError, RecordError
from dsk.flow import Importer
from dsk.item import DEFAULT_SUBSET
from dsk.media import Image
from dsk_scenes.shared.colors import read_colors, to_categories
from dsk_scenes.shared.labelmap import ColorReader, named
from dsk_scenes.shared.source import Scene, SceneSource, image_files, text_files
from dsk_scenes.synthia.channels import read_channels
from dsk_scenes.synthia.layout import EDITIONS, find_homes
from dsk_scenes.synthia.tables import CITYSCAPES_LABELS
from dsk_scenes.synthia.tables import LABELS as SEQUENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger
    from dsk_scenes.shared.labelmap import MapReader
    from dsk_scenes.shared.source import Maps
    from dsk_scenes.synthia.layout import Edition

__all__ = [
    "SynthiaAlImporter",
    "SynthiaImporter",
    "SynthiaRandImporter",
    "SynthiaSfImporter",
]

COLORS, LABELS, TEXTS = "colors", "labels", "texts"
_MAX_VALUE = 0xFFFF
_FLAT = "rand_cityscapes"
_FOLDERS = ("GT/LABELS", "GT/COLOR")
_SAMPLE = 20
"""How many label maps are looked at to tell the labels of RAND-CITYSCAPES."""


class SynthiaImporter(Importer):
    """Opens SYNTHIA datasets of any edition."""

    editions: ClassVar[tuple[Edition, ...]] = EDITIONS

    def __init__(self, *, instances: bool = False) -> None:
        self.instances = instances

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        homes = find_homes(root, self.editions) if root.focus is None else []
        if not homes:
            raise InputError(
                "there are no folders of SYNTHIA: GT/COLOR or GT/LABELS, GTTXT, GTLeft, SemSeg",
                where=root.path,
            )
        edition = homes[0][1]
        scenes = [
            s for home, own in homes if own == edition for s in _scenes(root, home, own, ledger)
        ]
        table = None
        for path in dict.fromkeys(["", *(home for home, _ in homes)]):
            table = table or read_colors(root, path)
        if table is None and edition.table is SEQUENCES and _has_more_labels(root, scenes):
            table = CITYSCAPES_LABELS
            ledger.warn("these are taken to be SYNTHIA-RAND-CITYSCAPES, with its 23 labels")
        categories = to_categories(table or edition.table)
        return SynthiaSource(root, scenes, categories, instances=self.instances)


def _has_more_labels(root: InputRoot, scenes: Sequence[Scene]) -> bool:
    """Tell whether maps are those of RAND-CITYSCAPES, by its folder's name or by their labels.

    Its folders are those of the sequences, but images lie in them and not in further ones, and its
    numbers of labels mean something else from 12 on and go beyond 15.
    """
    flat = [scene for scene in scenes if scene.mask.rpartition("/")[0].endswith(_FOLDERS)]
    if any(_FLAT in f"{root.name}/{s.mask}".lower().replace("-", "_") for s in flat[:1]):
        return True
    for scene in [scene for scene in flat if scene.more == LABELS][:_SAMPLE]:
        try:
            labels = read_channels(Image(scene.mask, root.locate(scene.mask)))[..., 0]
        except (ValueError, InputError, LimitError):  # told when it is read
            continue
        if len(SEQUENCES) <= int(labels.max(initial=0)) < len(CITYSCAPES_LABELS):
            return True
    return False


def _scenes(root: InputRoot, home: str, edition: Edition, ledger: Ledger) -> list[Scene]:
    """Return the items of a folder; one deeper than the given one names their ids."""
    prefix = f"{home}/" if home else ""
    images = image_files(root, prefix + edition.images, ledger)
    found: dict[str, tuple[str, str]] = {}
    for folder, kind in (
        (edition.colors, COLORS),
        (edition.labels, LABELS),
        (edition.texts, TEXTS),
    ):
        if folder:
            files = text_files if kind == TEXTS else image_files
            found |= {item: (name, kind) for item, name in files(root, prefix + folder).items()}
    scenes = []
    for item in sorted(images.keys() | found.keys()):
        name, kind = found.get(item, ("", ""))
        scenes.append(Scene(prefix + item, DEFAULT_SUBSET, images.get(item, ""), name, kind))
    return scenes


class ChannelReader:
    """Label maps of GT/LABELS: the label in the red channel, the object's number in the green.

    Values are label + 65536 · number where objects are told apart; otherwise labels, and those of
    objects that move are noted.

    Args:
        instances: Tell objects apart.
    """

    def __init__(self, *, instances: bool) -> None:
        self._instances = instances
        self.dynamic: frozenset[int] = frozenset()

    def read(self, image: Image) -> NDArray[Any]:
        """See ``MapReader.read``."""
        channels = read_channels(image)
        labels, numbers = channels[..., 0], channels[..., 1]
        moving = numbers != 0
        self.dynamic = frozenset(np.unique(labels[moving]).tolist())
        if self._instances:
            return labels.astype(np.uint32) | numbers.astype(np.uint32) << 16
        return labels


class TextReader:
    """Label maps of GTTXT: rows of numbers."""

    def read(self, image: Image) -> NDArray[Any]:
        """See ``MapReader.read``."""
        data = image.read_bytes()
        rows = data.decode("ascii", "replace").split("\n")
        rows = [row for row in rows if row.strip()]
        if not rows:
            raise ValueError("it holds no numbers")
        values = _numbers(data)
        if values.size % len(rows) or not (values == np.floor(values)).all():
            raise ValueError("its rows are not of equal length, or hold no whole numbers")
        if values.min() < 0 or values.max() > _MAX_VALUE:
            raise ValueError("it holds values that are no labels")
        return values.astype(np.uint16).reshape(len(rows), -1)


def _numbers(text: bytes) -> NDArray[Any]:
    """Return numbers between white space.

    Raises:
        ValueError: Something is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # what numpy says of the rest of a text
        try:
            return np.fromstring(text, np.int64, sep=" ")
        except (DeprecationWarning, ValueError):
            return np.array(text.split(), dtype=np.float64)  # six times as long: "1.0" is a number


class SynthiaSource(SceneSource):
    """An opened SYNTHIA dataset; ``Scene.more`` says what an item's map is.

    Args:
        root: The input.
        scenes: The items.
        categories: The labels.
        instances: Tell objects apart.
    """

    def __init__(
        self,
        root: InputRoot,
        scenes: Sequence[Scene],
        categories: Categories,
        *,
        instances: bool,
    ) -> None:
        super().__init__(root, scenes, categories)
        self._instances = instances
        self._colors = ColorReader(categories)
        self._channels = ChannelReader(instances=instances)

    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """See ``SceneSource.annotations``."""
        if not scene.mask:
            return []
        readers: dict[str, MapReader] = {
            COLORS: self._colors,
            LABELS: self._channels,
            TEXTS: TextReader(),
        }
        label_map = maps.open(scene.mask, readers[scene.more])
        count = len(self.header.categories.labels)
        found: list[Annotation] = []
        values = label_map.values()
        if scene.more == COLORS and self._colors.unknown:
            strange = named(self._colors.strange)
            ledger.warn(
                f"masks have pixels whose colour{strange} is not in the label map; these belong to "
                "nothing"
            )
        for value in values:
            number, label = divmod(value, 1 << 16)
            if label >= count:
                problem = f"the value {label} is no label, there are {count} labels"
                where = self._root.show(scene.mask)
                ledger.bad_record(RecordError(problem, where=where, item=scene.id))
                continue
            attributes = {}
            if scene.more == LABELS:
                moves = bool(number) if self._instances else label in self._channels.dynamic
                attributes = {"dynamic_object": moves}
            found.append(Mask(label_map.mask(value), label=label, id=number, attributes=attributes))
        return found


def _editions(name: str) -> tuple[Edition, ...]:
    return tuple(edition for edition in EDITIONS if edition.name == name)


class SynthiaRandImporter(SynthiaImporter):
    """Opens SYNTHIA-Rand."""

    editions = _editions("synthia_rand")


class SynthiaSfImporter(SynthiaImporter):
    """Opens SYNTHIA-SF."""

    editions = _editions("synthia_sf")


class SynthiaAlImporter(SynthiaImporter):
    """Opens SYNTHIA-AL."""

    editions = _editions("synthia_al")
