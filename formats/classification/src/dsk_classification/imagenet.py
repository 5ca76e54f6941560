"""Reading images whose label is the folder they lie in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from dsk.annotations import Label
from dsk.categories import Categories, LabelCategory, LabelGroup
from dsk.errors import InputError
from dsk.flow import Header, Importer, Source, packed
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.metafile import stated_labels
from dsk.names import stem_of
from dsk_classification.folders import are_subsets, find_home, join, subset_places, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["NO_LABEL", "ImagenetImporter", "ImagenetSubsetsImporter"]

NO_LABEL = "no_label"
"""The folder of images without a label."""

_LETTER = re.compile(r"[A-Za-z]")
"""A label that would make a drive letter with a colon behind it."""


class _Folder(Struct, frozen=True):
    """The images of one folder.

    Attributes:
        path: The folder, relative to the root.
        name: The folder, relative to its subset's: what ids begin with.
        subset: The subset.
        files: The images' names.
        label: Index of the label, or None.
    """

    path: str
    name: str
    subset: str
    files: list[str]
    label: int | None = None


class ImagenetImporter(Importer):
    """Reads ``<label>/<item>.<ext>``.

    Args:
        subset: The subset that the items shall be in.
        ids: What items are called: ``path`` is ``<label>/<name>``, ``datumaro`` is what Datumaro
            1.x calls them, ``<label>:<name>`` and ``no_label:<name>``.
        top: The folder that holds the labels' folders.
    """

    def __init__(
        self,
        *,
        subset: str | None = None,
        ids: Literal["path", "datumaro"] = "path",
        top: str = "",
    ) -> None:
        self._subset = subset or DEFAULT_SUBSET
        self._colon = ids == "datumaro"
        self._top = top.strip("/")

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        folders, _ = root.entries()
        folders = visible(folders)
        if are_subsets(folders):
            ledger.warn(
                f"the folders {', '.join(folders)} are read as labels; "
                "imagenet_with_subset_dirs reads them as subsets"
            )
        return ImagenetSource(root, [(self._top, self._subset)], ledger, colon=self._colon)


class ImagenetSubsetsImporter(Importer):
    """Reads ``<subset>/<label>/<item>.<ext>``.

    Args:
        ids: See ``ImagenetImporter``.
    """

    def __init__(self, *, ids: Literal["path", "datumaro"] = "path") -> None:
        self._colon = ids == "datumaro"

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        home = find_home(root) or ""
        places = subset_places(root, home)
        beside = [name for name in root.entries(home)[1] if is_image_name(name)]
        if beside:
            ledger.warn(
                f"images beside the subsets' folders are not read: {len(beside)}, for instance "
                f"{root.show(join(home, beside[0]))}"
            )
        return ImagenetSource(root, places, ledger, colon=self._colon)


class ImagenetSource(Source):
    """Images in folders; holds their names only.

    Args:
        root: The dataset.
        subsets: Folder and name of each subset.
        ledger: Is told about images that hide one another.
        colon: Whether a colon stands between label and name in ids.

    Raises:
        InputError: There are no images.
    """

    def __init__(
        self,
        root: InputRoot,
        subsets: Sequence[tuple[str, str]],
        ledger: Ledger,
        *,
        colon: bool = False,
    ) -> None:
        self._root = root
        self._colon = colon
        labels: set[str] = set()
        found: list[_Folder] = []
        hidden: list[str] = []
        for place, subset in subsets:
            for path, name in _walk(root, place):
                if name not in ("", NO_LABEL):
                    labels.add(name)
                files = _images(root, path, hidden)
                if files:
                    found.append(_Folder(path, name, subset, files))
        if not found:
            raise InputError(
                "no images are here",
                where=root.path,
                hint="there is a folder of images for each label",
            )
        letters = sorted({f.name for f in found if _LETTER.fullmatch(f.name)}) if colon else []
        if letters:
            ledger.warn(
                f"items of labels of one letter are called {letters[0]}/name: "
                f"{letters[0]}:name would begin with a drive letter, which no format reads"
            )
        if hidden:
            ledger.warn(
                f"{len(hidden)} images are left out because another one has the same name apart "
                f"from its ending, for instance {root.show(hidden[0])}"
            )
        categories = _categories(root, labels)
        number = {label: n for n, label in enumerate(categories.names)}
        self._folders = [
            _Folder(f.path, f.name, f.subset, f.files, number.get(f.name)) for f in found
        ]
        self.header = Header(
            categories=categories,
            subsets=tuple(dict.fromkeys(f.subset for f in found)),
            items=sum(len(f.files) for f in found),
        )

    def partitions(self) -> Sequence[Any]:
        """Return lists of slices (folder, first, behind the last)."""
        return packed((len(folder.files) for folder in self._folders), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        for number, start, stop in partition:
            folder = self._folders[number]
            locate = self._root.locator(folder.path)
            labels = () if folder.label is None else (Label(label=folder.label),)
            prefix = f"{folder.name}/" if folder.name else ""
            colon = self._colon and not _LETTER.fullmatch(folder.name)
            called = f"{folder.name or NO_LABEL}:" if colon else prefix
            for file in folder.files[start:stop]:
                image = Image(prefix + file, locate(file))
                yield DatasetItem(called + stem_of(file), folder.subset, image, labels)


def _walk(root: InputRoot, place: str) -> Iterator[tuple[str, str]]:
    """Yield each folder at and below a place, and its name relative to that."""
    waiting = [(place, "")]
    while waiting:
        path, name = waiting.pop()
        yield path, name
        waiting += [
            (f"{path}/{folder}".lstrip("/"), f"{name}/{folder}".lstrip("/"))
            for folder in reversed(visible(root.entries(path)[0]))
        ]


def _images(root: InputRoot, folder: str, hidden: list[str]) -> list[str]:
    """Return a folder's images, the first of those that differ in their ending only."""
    files = [file for file in root.entries(folder)[1] if is_image_name(file)]
    if len({stem_of(file) for file in files}) == len(files):
        return files
    first: dict[str, str] = {}
    hidden += [
        f"{folder}/{file}".lstrip("/")
        for file in files
        if first.setdefault(stem_of(file), file) != file
    ]
    return list(first.values())


def _categories(root: InputRoot, folders: set[str]) -> Categories:
    """Return the labels: those of dataset_meta.json first, then the other folders', sorted."""
    listed = stated_labels(root)
    known = set(listed.names)
    more = sorted(folders - known)
    labels = [LabelCategory(name, name.rpartition("/")[0]) for name in more]
    groups: dict[str, list[str]] = {}
    for label in labels:
        if label.parent:
            groups.setdefault(label.parent, []).append(label.name.rpartition("/")[2])
    return Categories(
        labels=(*listed.labels, *labels),
        colors=listed.colors,
        points=listed.points,
        groups=tuple(LabelGroup(name, labels=tuple(names)) for name, names in groups.items()),
    )
