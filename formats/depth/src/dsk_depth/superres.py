"""Reading and writing images beside sharper versions of them: the folders LR, HR and upsampled."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, RecordError
from dsk.flow import Exporter, Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk_depth.attached import Attached, attached
from dsk_depth.folders import HIGH, LOW, UPSAMPLED, find_homes, is_subset, kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["FAMILY", "SuperResolutionExporter", "SuperResolutionImporter"]

FAMILY = "common_super_resolution"
_FIELDS = {HIGH: "hr", UPSAMPLED: "upsampled"}


class SuperResolutionImporter(Importer):
    """Reads ``LR``, ``HR`` and ``upsampled``, at the top or in a folder for each subset.

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
        subsets = {home: names[home] or self._subset for home in homes}
        return _SuperResolutionSource(root, subsets, ledger)


def _subsets(homes: list[str]) -> dict[str, str]:
    """Return the subset of each home: its folder without those that hold all homes, or ""."""
    parts = [home.split("/") if home else [] for home in homes]
    while len(parts) > 1 and all(len(p) > 1 and p[0] == parts[0][0] for p in parts):
        parts = [p[1:] for p in parts]
    if len(parts) == 1:
        parts = [p[-1:] if p and is_subset(p[-1]) else [] for p in parts]
    return {home: "/".join(p) for home, p in zip(homes, parts, strict=True)}


class _SuperResolutionSource(Source):
    """Items of some homes; holds the names of their files."""

    def __init__(self, root: InputRoot, homes: dict[str, str], ledger: Ledger) -> None:
        self._root = root
        found: dict[tuple[str, str], dict[str, str]] = {}
        hidden = 0
        for home, subset in homes.items():
            kinds = kinds_of(root.entries(home)[0])
            for folder in (kind for kind in (LOW, HIGH, UPSAMPLED) if kind in kinds):
                under = posixpath.join(home, kinds[folder])
                for file in filter(is_image_name, root.walk(under)):
                    item = clean_name(stem_of(file[len(under) + 1 :]))
                    files = found.setdefault((subset, item), {})
                    hidden += folder in files
                    files[folder] = file
        if hidden:
            ledger.warn(
                f"{hidden} images are left out because a later one has the same name apart from "
                "its ending"
            )
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

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``; the state is the names of the subsets."""
        subsets: dict[str, None] = {}
        for item in items:
            subsets[item.subset] = None
            home = "" if item.subset == DEFAULT_SUBSET else f"{item.subset}/"
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
        return list(subsets)

    def finish(self, states: list[list[str]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        subsets = {subset for state in states for subset in state}
        if len(subsets) == 1 and not is_subset(*subsets):
            what = "the name of the only subset"
            ctx.ledger.add("DSK-L012", what, hint="it is read again as default")
