"""Reading the XML files of the LabelMe web tool and of CVAT."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError
from dsk.flow import PARTITION_ITEMS, Header, Importer, Source
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.metafile import read_meta
from dsk.names import clean_name, stem_of
from dsk.xmltext import parse_root
from dsk_labelme.folders import Folders, reader_of
from dsk_labelme.xmlobjects import ObjectReader, Parsed
from dsk_labelme.xmltext import FALLBACK, parse_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["LabelMeImporter"]

_NAME = re.compile(rb"<name>([^<]*)</name>")
_FOLDER = re.compile(rb"<folder>([^<]*)</folder>")
_ODD = re.compile(rb"<name[\s/]")
_ANNOTATIONS, _IMAGES, _MASKS = "annotations", "images", "masks"


class _File(Struct, frozen=True):
    """An XML file.

    Attributes:
        name: Its relative name.
        home: What precedes ``Annotations``; None when the file lies beside its image.
        subset: The subset that its place says.
    """

    name: str
    home: str | None
    subset: str


class LabelMeImporter(Importer):
    """Opens LabelMe XML datasets."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:  # noqa: ARG002
        """See ``Importer.open``."""
        files = _list(root)
        if not files:
            raise InputError(
                "no XML file", where=root.path, hint="give the folder with LabelMe's annotations"
            )
        stated = read_meta(root)
        names: dict[str, None] = {}
        subsets: dict[str, None] = {}
        read = reader_of(root)
        for file in files:
            data = read(file.name)
            if stated is None:
                names.update(dict.fromkeys(_label_names(data)))
            subset = file.subset
            if file.home is not None:
                found = _FOLDER.search(data)
                text = html.unescape(_decoded(found[1])).strip() if found else ""
                subset = (_cleaned(text) if text else "") or subset
            subsets[subset] = None
        flags = ("occluded", "username")
        if stated is None:
            labels = tuple(LabelCategory(name) for name in names)
            categories = Categories(labels=labels, attributes=flags)
        else:
            given = stated[0]
            categories = Categories(given.labels, flags, given.colors, given.points, given.groups)
        header = Header(categories=categories, subsets=tuple(subsets), items=len(files))
        return _LabelMeSource(root, files, header)


def _list(root: InputRoot) -> list[_File]:
    if root.focus is not None:
        return [_File(root.focus, None, DEFAULT_SUBSET)]
    files = []
    homes: dict[str, bool] = {}
    for name in root.walk():
        if not name.lower().endswith(".xml"):
            continue
        parts = name.split("/")
        at = next((n for n, part in enumerate(parts[:-1]) if part.lower() == _ANNOTATIONS), -1)
        if at >= 0 and _is_home("/".join(parts[:at]), parts[at], root, homes):
            below = parts[at + 1 : -1]
            files.append(_File(name, "/".join(parts[:at]), below[0] if below else DEFAULT_SUBSET))
        else:
            files.append(_File(name, None, parts[0] if len(parts) > 1 else DEFAULT_SUBSET))
    if any(file.home is not None for file in files):
        files = [file for file in files if file.home is not None]
    return sorted(files, key=lambda file: file.name)


def _is_home(folder: str, annotations: str, root: InputRoot, known: dict[str, bool]) -> bool:
    """Tell whether annotations are the web tool's; in lower case they need images beside."""
    if annotations == "Annotations":
        return True
    found = known.get(folder)
    if found is None:
        beside = [name.lower() for name in root.entries(folder)[0]]
        found = known[folder] = _IMAGES in beside
    return found


def _label_names(data: bytes) -> Iterator[str]:
    """Yield the names of a file's objects; those of a damaged file are found out about later."""
    if b"<!" in data or b"\0" in data or _ODD.search(data):
        try:
            root = parse_root(data, "", fallback=FALLBACK)
        except RecordError:
            return
        names = [element.findtext("name") or "" for element in root.iter("object")]
    else:
        names = [html.unescape(_decoded(raw)) for raw in _NAME.findall(data)]
    yield from (name for raw in names if (name := " ".join(raw.split())))


def _cleaned(folder: str) -> str:
    """Return a folder's name as that of a subset; "" if it leads out, which reading will say."""
    try:
        return clean_name(folder)
    except InputError:
        return ""


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class _LabelMeSource(Source):
    """An opened dataset of XML files."""

    def __init__(self, root: InputRoot, files: Sequence[_File], header: Header) -> None:
        self.header = header
        self._root = root
        self._files = files
        self._folders = Folders(root)
        self._reader = ObjectReader(header.categories)
        self._homes: dict[str, tuple[str, str]] = {}

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of files."""
        count = len(self._files)
        return [(n, min(n + PARTITION_ITEMS, count)) for n in range(0, count, PARTITION_ITEMS)]

    def read(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        root, read = self._root, reader_of(self._root)
        for file in self._files[slice(*partition)]:
            where = root.show(file.name)
            try:
                element, runs = parse_file(read(file.name), where)
                parsed = self._reader.head(element, runs, where, ledger)
                item = self._item(file, parsed, ledger)
            except RecordError as error:
                ledger.bad_record(error)
                continue
            except InputError as error:
                ledger.bad_record(RecordError(error.message, where=error.where or where))
                continue
            yield item

    def _item(self, file: _File, parsed: Parsed, ledger: Ledger) -> DatasetItem:
        where = self._root.show(file.name)
        base = file.name.rpartition("/")[2]
        given = clean_name(parsed.filename, where) if parsed.filename else stem_of(base)
        folder = clean_name(parsed.folder, where) if parsed.folder else ""
        item_id = stem_of(given) if parsed.filename else given
        subset = file.subset
        if file.home is not None:
            subset = folder or file.subset
            images, masks = self._places(file.home, file.name, subset, file.subset)
            images = [f"{place}/{given}" for place in images]
        else:
            item_id = f"{folder}/{item_id}" if folder else item_id
            beside = file.name.rpartition("/")[0]
            images = [f"{beside}/{given.rpartition('/')[2]}"]
            parts = beside.split("/")
            masks = ["/".join([*parts[:n], "Masks"]) for n in range(len(parts), -1, -1)]
        item_id = clean_name(item_id, where)
        images = [image.replace("//", "/").strip("/") for image in images]
        media = self._image(images, stem_of(base), parsed, item_id)
        masks = [m.strip("/") for m in masks]

        def find_mask(name: str) -> Image | None:
            for place in masks:
                full = f"{place}/{clean_name(name, where)}"
                if self._folders.has(full):
                    return Image(path=name, source=self._root.locate(full))
            return None

        annotations = self._reader.objects(parsed, where, item_id, find_mask, ledger)
        own = {"source": parsed.source} if parsed.source else {}
        extra = {"label_me": own | parsed.more} if own or parsed.more else None
        return DatasetItem(item_id, subset, media, annotations, {}, extra)

    def _places(self, home: str, name: str, subset: str, other: str) -> tuple[list[str], list[str]]:
        """Return where images and masks may be: by the subset, the file's folder, or in none."""
        known = self._homes.get(home)
        if known is None:
            folders = {name.lower(): name for name in sorted(self._root.entries(home)[0])[::-1]}
            prefix = f"{home}/" if home else ""
            images, masks = (prefix + folders.get(own.lower(), own) for own in ("Images", "Masks"))
            known = self._homes[home] = images, masks
        images, masks = known
        own = "/".join(name[len(home) :].strip("/").split("/")[1:-1])
        first = "" if subset == DEFAULT_SUBSET == other and not own else subset
        places = [f"{images}/{place}" for place in dict.fromkeys((first, own, ""))]
        return places, [f"{masks}/{subset}", f"{masks}/{other}", f"{masks}/{own}", masks]

    def _image(self, names: Sequence[str], own: str, parsed: Parsed, item_id: str) -> Image:
        """Return the image; one of another ending when there is none of the exact name.

        Args:
            names: Where it may be; the first one is where it belongs.
            own: The XML file's name without its ending, which renamed images may have.
            parsed: What the file says.
            item_id: Id of the item.
        """
        place = next((name for name in names if self._folders.has(name)), None)
        if place is None:
            place = next(filter(None, (self._other(name) for name in names)), None)
        if place is None:
            folders = [name.rpartition("/")[0] for name in names]
            found = [(f, self._folders.images(f).get(own)) for f in folders]
            place = next((f"{f}/{n}" if f else n for f, n in found if n), names[0])
        base = place.rpartition("/")[2]
        path = f"{item_id}.{base.rpartition('.')[2]}" if is_image_name(base) else item_id
        return Image(path=path, source=self._root.locate(place), size=parsed.size)

    def _other(self, name: str) -> str | None:
        """Return an image that has another ending."""
        folder, _, base = name.rpartition("/")
        images = self._folders.images(folder)
        stem = stem_of(base) if is_image_name(base) else base
        found = min((images[s] for s in (stem, base) if s in images), default=None)
        return f"{folder}/{found}" if found is not None and folder else found
