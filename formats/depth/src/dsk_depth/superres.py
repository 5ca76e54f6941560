"""Reading and writing images beside sharper versions of them: the folders LR, HR and upsampled."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, RecordError
from dsk.flow import Exporter, Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk.splits import is_subset_name
from dsk_depth.attached import Attached, attached
from dsk_depth.folders import HIGH, LOW, UPSAMPLED, find_homes, is_subset, kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["FAMILY", "SuperResolutionExporter", "SuperResolutionImporter"]

FAMILY = "common_super_resolution"
_TOLD = 5
_FIELDS = {HIGH: "hr", UPSAMPLED: "upsampled"}


class SuperResolutionImporter(Importer):
    """Reads ``LR``, ``HR`` and ``upsampled``, at the top or in a folder for each subset.

    Where all images of folders at the top lie in folders called like subsets, those are subsets.

    Args:
        subset: The subset of the items of folders at the top.
    """

    def __init__(self, *, subset: str | None = None) -> None:
        self._subset = subset or DEFAULT_SUBSET

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        homes = find_homes(root, whole=False)
        if not homes:
            raise InputError(
                "no folders HR and LR with images are here", where=root.path, hint="see the layout"
            )
        names = _subsets(homes)
        found = _Found(root)
        for home in homes:
            found.add(home, names[home], self._subset)
        found.tell(ledger)
        return _SuperResolutionSource(root, found.items)


def _subsets(homes: list[str]) -> dict[str, str]:
    """Return the subset of each home: its folder without those that hold all homes, or ""."""
    parts = [home.split("/") if home else [] for home in homes]
    while len(parts) > 1 and all(len(p) > 1 and p[0] == parts[0][0] for p in parts):
        parts = [p[1:] for p in parts]
    if len(parts) == 1:
        parts = [p[-1:] if p and is_subset(p[-1]) else [] for p in parts]
    return {home: "/".join(p) for home, p in zip(homes, parts, strict=True)}


def _in_subset(name: str) -> bool:
    """Tell whether the first folder of an image's name is called like a subset."""
    folder, slash, _ = name.partition("/")
    return bool(slash) and is_subset_name(folder)


class _Found:
    """The images of a dataset, as they are found.

    Attributes:
        items: By (subset, id), the files of an item by kind.

    Args:
        root: The dataset.
    """

    def __init__(self, root: InputRoot) -> None:
        self.items: dict[tuple[str, str], dict[str, str]] = {}
        self._root = root
        self._homes: list[str] = []
        self._read: set[str] = set()
        self._hidden = 0

    def add(self, home: str, subset: str, default: str) -> None:
        """Add the images of a home.

        Args:
            home: The folder.
            subset: Its subset, or "".
            default: The subset of images that are in none.
        """
        named: list[tuple[str, str, str]] = []
        kinds = kinds_of(self._root.entries(home)[0])
        for kind in (kind for kind in (LOW, HIGH, UPSAMPLED) if kind in kinds):
            under = posixpath.join(home, kinds[kind])
            named += [
                (kind, clean_name(stem_of(file[len(under) + 1 :])), file)
                for file in filter(is_image_name, self._root.walk(under))
            ]
        inside = not subset and all(_in_subset(name) for _, name, _ in named)
        for kind, name, file in named:
            above, _, item = name.partition("/") if inside else (subset or default, "", name)
            files = self.items.setdefault((above, item), {})
            self._hidden += kind in files
            files[kind] = file
            self._read.add(file)
        self._homes.append(home)

    def tell(self, ledger: Ledger) -> None:
        """Tell which images are left out."""
        if self._hidden:
            ledger.warn(
                f"{self._hidden} images are left out because a later one has the same name apart "
                "from its ending"
            )
        others = (name for name in self._root.walk() if name not in self._read)
        counts = Counter(self._place(name) for name in others if is_image_name(name))
        for place, count in counts.most_common(_TOLD):
            images = "images are" if count > 1 else "image is"
            ledger.warn(f"{place or self._root.name}: {count} {images} not read")
        rest = sum(counts.values()) - sum(count for _, count in counts.most_common(_TOLD))
        if rest:
            ledger.warn(f"{rest} images in {len(counts) - _TOLD} further folders are not read")

    def _place(self, name: str) -> str:
        """Return the folder of an image that lies beside those of a home."""
        homes = (f"{home}/" if home else "" for home in self._homes)
        above = max((home for home in homes if name.startswith(home)), key=len, default="")
        folder, slash, _ = name[len(above) :].partition("/")
        return above + folder if slash else above.rstrip("/")


class _SuperResolutionSource(Source):
    """Items of some homes; holds the names of their files."""

    def __init__(self, root: InputRoot, found: dict[tuple[str, str], dict[str, str]]) -> None:
        self._root = root
        self._items = list(found.items())
        self.header = Header(
            subsets=tuple(dict.fromkeys(subset for subset, _ in found)), items=len(found)
        )

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of items."""
        return spans(len(self._items), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        for (subset, item), files in self._items[slice(*partition)]:
            media = self._image(files[LOW]) if LOW in files else None
            more = {
                field: Attached(self._image(files[folder]))
                for folder, field in _FIELDS.items()
                if folder in files
            }
            yield DatasetItem(item, subset, media, extra={FAMILY: more} if more else None)

    def _image(self, name: str) -> Image:
        return Image(name, self._root.locate(name))


class SuperResolutionExporter(Exporter):
    """Writes ``LR/<id>``, ``HR/<id>`` and ``upsampled/<id>``, in a folder for each subset."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        if header.categories.labels:
            ctx.ledger.add("DSK-L010", "labels", count=len(header.categories.labels))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[tuple[str, bool]]:
        """See ``Exporter.write``; the state is the subsets, and whether all ids speak of others."""
        subsets: dict[str, bool] = {}
        for item in items:
            inside = _in_subset(item.id)
            subsets[item.subset] = subsets.get(item.subset, True) and inside
            # The folders of these ids would be taken for subsets at the top.
            plain = item.subset == DEFAULT_SUBSET and not inside
            home = "" if plain else f"{item.subset}/"
            pictures: list[tuple[str, Image | None]] = []
            if isinstance(item.media, Image):
                pictures.append((LOW, item.media))
            try:
                for folder, field in _FIELDS.items():
                    picture = attached(item, FAMILY, field)
                    if picture is not None:
                        pictures.append((folder, picture))
            except InputError as error:
                ctx.ledger.bad_record(RecordError(error.message, where=error.where, item=item.id))
            if not pictures:
                what = "item without an image"
                ctx.ledger.add_at("DSK-L008", what, item)
            for folder, picture in pictures:
                shown = item.replace(media=picture)
                ctx.save_image(shown, f"{home}{folder}/{ctx.image_name(shown)}")
        return list(subsets.items())

    def finish(self, states: list[list[tuple[str, bool]]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        subsets = {subset for state in states for subset, _ in state}
        if len(subsets) == 1 and not is_subset(*subsets):
            what = "the name of the only subset"
            inside = all(inside for state in states for _, inside in state)
            again = "the subsets that ids begin with" if inside else "default"
            ctx.ledger.add("DSK-L012", what, hint=f"it is read again as {again}")
