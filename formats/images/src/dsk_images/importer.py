"""Reading folders and archives of images: one item per image, named by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.archives import archive_root
from dsk.errors import InputError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import stem_of
from dsk_images.detect import says_nothing, zip_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["ImageDirImporter", "ImageZipImporter"]


class ImageDirImporter(Importer):
    """Reads the images of a folder and of all folders below it.

    Args:
        subset: The subset that the items shall be in.
    """

    def __init__(self, *, subset: str | None = None) -> None:
        self._subset = subset or DEFAULT_SUBSET

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        return ImageSource([root], self._subset, ledger)


class ImageZipImporter(Importer):
    """Reads the images of a zip archive, or of all archives in a folder.

    Args:
        subset: The subset that the items shall be in.
    """

    def __init__(self, *, subset: str | None = None) -> None:
        self._subset = subset or DEFAULT_SUBSET

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        roots = [root]
        if not root.path.lower().endswith(".zip"):
            places = [root.locate(name) for name in zip_names(root)]
            # An archive within an archive has no path of its own and is left alone.
            found = [archive_root(place) for place in places if isinstance(place, str)]
            roots = [archive for archive in found if archive is not None]
        if not roots:
            raise InputError("no zip archive is here", where=root.path)
        return ImageSource(roots, self._subset, ledger)


class ImageSource(Source):
    """The images of some trees of files; holds their names only.

    Args:
        roots: The trees.
        subset: The subset of all items.
        ledger: Is told about images that hide one another.
    """

    def __init__(self, roots: Sequence[InputRoot], subset: str, ledger: Ledger) -> None:
        self._roots = roots
        self._subset = subset
        images: dict[str, tuple[int, str]] = {}
        hidden: list[str] = []
        others: list[str] = []
        odd = 0
        for number, root in enumerate(roots):
            names = root.walk() if root.focus is None else [root.focus]
            for name in names:
                if not is_image_name(name):
                    if not says_nothing(name):
                        others.append(root.show(name))
                    continue
                path = _as_unicode(name)
                odd += path is not name
                item = stem_of(path)
                if item in images:
                    other, before = images.pop(item)
                    hidden.append(roots[other].show(before))
                images[item] = (number, name)
        if not images:
            raise InputError("no images are here", where=roots[0].path)
        if hidden:
            ledger.warn(
                f"{len(hidden)} images are left out because a later one has the same name apart "
                f"from its ending or archive, for instance {hidden[0]}"
            )
        if others:
            ledger.warn(
                f"{len(others)} files are no images and are not read, for instance {others[0]}"
                + ("; archives of one dataset are unpacked into one folder" * (len(roots) > 1))
            )
        if odd:
            ledger.warn(f"{odd} file names are no UTF-8; they are taken for Latin-1")
        self._images = [(item, *place) for item, place in images.items()]
        self.header = Header(subsets=(subset,), items=len(self._images))

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of images."""
        return spans(len(self._images), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        for item, number, name in self._images[slice(*partition)]:
            path = _as_unicode(name)
            yield DatasetItem(item, self._subset, Image(path, self._roots[number].locate(name)))


def _as_unicode(name: str) -> str:
    """Return a file name that is no UTF-8 as if it were Latin-1, which any bytes can be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("latin-1")
    return name
