"""What both editions share: the items and how they are read."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from dsk.categories import Categories
from dsk.errors import InputError, RecordError
from dsk.flow import HEAVY_ITEMS, Header, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.metafile import read_meta
from dsk_ade20k.maps import SceneMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_ade20k.layout import Scene

__all__ = ["UNSEEN", "Maps", "SceneSource", "categories_of", "text_of"]


UNSEEN = "objects without a pixel of their own, which others cover, are left out"


def text_of(data: bytes) -> str:
    """Return the text of a description: ASCII mostly, UTF-8 or else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def categories_of(root: InputRoot, names: Iterable[str]) -> Categories:
    """Return the labels: those of ``dataset_meta.json`` first, then others that occur."""
    found = read_meta(root)
    if found is None:
        return Categories.from_names(dict.fromkeys(names))
    own = found[0]
    known = set(own.names)
    more = [name for name in dict.fromkeys(names) if name not in known]
    return own.merged(Categories.from_names(more))[0] if more else own


class Maps:
    """Opens the maps of one item."""

    def __init__(self, root: InputRoot) -> None:
        self._root = root
        self._opened: list[SceneMap] = []

    def open(self, name: str, read: Callable[[Image], NDArray[Any]]) -> SceneMap:
        """Return a map that lives as long as its item needs it."""
        opened = SceneMap(Image(name, self._root.locate(name)), read)
        self._opened.append(opened)
        return opened

    def forget(self) -> None:
        """Let go of the pixels of all maps."""
        for opened in self._opened:
            opened.forget()
        self._opened.clear()


class SceneSource(Source):
    """An opened ADE20K dataset.

    Args:
        root: The input.
        scenes: The items.
        categories: The labels.
    """

    partition_items = HEAVY_ITEMS

    def __init__(self, root: InputRoot, scenes: Sequence[Scene], categories: Categories) -> None:
        self._root = root
        self._scenes = scenes
        self._labels = {label.name: n for n, label in enumerate(categories.labels)}
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
            found: list[Annotation] = []
            if not scene.description:
                # Images of the test are not described; of an annotated image that is an error.
                if scene.maps:
                    ledger.bad_record(self._bad(scene, "there is no description of the image"))
            else:
                try:
                    found = self.annotations(scene, maps, ledger)
                except (ValueError, InputError) as error:
                    ledger.bad_record(self._bad(scene, error))
            yield self._item(scene, found)
            maps.forget()

    def index(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """Yield the items of a slice without what costs: their annotations."""
        for scene in self._scenes[slice(*partition)]:
            yield self._item(scene, [])

    @abstractmethod
    def annotations(self, scene: Scene, maps: Maps, ledger: Ledger) -> list[Annotation]:
        """Return what is known about an item.

        Raises:
            ValueError: A map is damaged.
            InputError: A file is damaged or missing.
        """

    def _item(self, scene: Scene, found: list[Annotation]) -> DatasetItem:
        image = Image(scene.image, self._root.locate(scene.image)) if scene.image else None
        return DatasetItem(scene.id, scene.subset, image, found)

    def _bad(self, scene: Scene, error: Exception | str) -> RecordError:
        if isinstance(error, RecordError):
            return error
        where = self._root.show(scene.description or scene.image)
        if isinstance(error, InputError):
            return RecordError(error.message, where=error.where or where, item=scene.id)
        return RecordError(str(error), where=where, item=scene.id)
