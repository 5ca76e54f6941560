"""The source of all formats here: a list of scenes, each an image with what belongs to it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import InputError, MediaError, RecordError, UnsafePathError
from dsk.flow import HEAVY_ITEMS, Header, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk_scenes.shared.labelmap import LabelMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_scenes.shared.labelmap import MapReader

__all__ = ["Maps", "Scene", "SceneSource", "image_files", "text_files"]


_MISFIT = (
    "some label maps have another size than their images: masks and boxes made of them do not fit, "
    "resize the maps"
)


class Scene(Struct, frozen=True, gc=False):
    """An item to be.

    Attributes:
        id: Its id.
        subset: Its subset.
        image: Name of its image in the input, or "".
        mask: Name of its label map in the input, or "".
        more: Name of a further file of it in the input, or "".
    """

    id: str
    subset: str
    image: str = ""
    mask: str = ""
    more: str = ""


class Maps:
    """Opens the label maps of one item."""

    def __init__(self, root: InputRoot) -> None:
        self._root = root
        self._opened: list[LabelMap] = []

    def open(self, name: str, reader: MapReader) -> LabelMap:
        """Return a label map that lives as long as its item needs it."""
        opened = LabelMap(Image(name, self._root.locate(name)), reader)
        self._opened.append(opened)
        return opened

    @property
    def sizes(self) -> set[tuple[int, int]]:
        """(height, width) of the maps that were read."""
        return {opened.size for opened in self._opened} - {(0, 0)}

    def forget(self) -> None:
        """Let go of the pixels of all maps."""
        for opened in self._opened:
            opened.forget()
        self._opened.clear()


class SceneSource(Source):
    """A dataset whose items are known by the names of their files.

    Args:
        root: The input.
        scenes: The items; those of a subset lie together.
        categories: The labels.
    """

    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, scenes: Sequence[Scene], categories: Categories) -> None:
        self._root = root
        self._scenes = scenes
        self.header = Header(
            categories=categories,
            subsets=tuple(dict.fromkeys(scene.subset for scene in scenes)),
            items=len(scenes),
        )

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of items."""
        return spans(len(self._scenes), self.partition_items)

    def read(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of a slice."""
        maps = Maps(self._root)
        for scene in self._scenes[slice(*partition)]:
            try:
                found = self.annotations(scene, maps, ledger)
            except (ValueError, InputError) as error:
                # A damaged file is one bad record; the item itself is fine.
                ledger.bad_record(self._bad(scene, error))
                found = []
            item = self._item(scene, found)
            yield _sized(item, maps.sizes, ledger) if found else item
            maps.forget()

    def index(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """Yield the items of a slice without what costs: their annotations."""
        for scene in self._scenes[slice(*partition)]:
            yield self._item(scene, [])

    @abstractmethod
    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """Return what is known about an item.

        Raises:
            ValueError: Its label map is damaged.
            InputError: A file is damaged or missing.
        """

    def _item(self, scene: Scene, found: list[Annotation]) -> DatasetItem:
        image = Image(scene.image, self._root.locate(scene.image)) if scene.image else None
        return DatasetItem(scene.id, scene.subset, image, found)

    def _bad(self, scene: Scene, error: Exception) -> RecordError:
        if isinstance(error, RecordError):
            return error
        if isinstance(error, InputError):
            where = error.where or self._root.show(scene.mask)
            return RecordError(error.message, where=where, item=scene.id)
        where = self._root.show(scene.mask or scene.image)
        return RecordError(f"bad label map: {error}", where=where, item=scene.id)


def _sized(item: DatasetItem, sizes: set[tuple[int, int]], ledger: Ledger) -> DatasetItem:
    """Return an item whose image states its size, and make sure that its maps have that, too."""
    if not sizes or not isinstance(item.media, Image):
        return item
    try:
        size = item.media.get_size()
    except MediaError:
        return item  # the image says so itself when it is used
    if size is None:
        return item
    if sizes != {size}:
        ledger.warn(_MISFIT)
    return item.replace(media=replace(item.media, size=size))


def image_files(root: InputRoot, under: str, ledger: Ledger | None = None) -> dict[str, str]:
    """Return the images below a folder: id relative to it → name in the input.

    Of images with equal ids the first by name counts, which the ledger is told.
    """
    cut = len(under) + 1 if under else 0
    found: dict[str, str] = {}
    for name in root.walk(under):
        if is_image_name(name):
            try:
                first = found.setdefault(clean_name(stem_of(name[cut:])), name)
            except UnsafePathError:
                continue
            if first != name and ledger is not None:
                ledger.warn("of images whose names differ in the ending only the first is read")
    return found


def text_files(root: InputRoot, under: str, ending: str = ".txt") -> dict[str, str]:
    """Return the files of one ending below a folder: id relative to it → name in the input."""
    cut = len(under) + 1 if under else 0
    found: dict[str, str] = {}
    for name in root.files(under, (ending,)):
        try:
            found.setdefault(clean_name(stem_of(name[cut:])), name)
        except UnsafePathError:
            continue
    return found
