"""Reading the XML files of the LabelMe web tool and of CVAT."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DatasetItem
from dsk.media import Image, is_image_name
from dsk.metafile import read_meta
from dsk.names import clean_name
from dsk.xmltext import parse_root
from dsk_labelme.folders import Folders, reader_of, tell_left
from dsk_labelme.joining import Claim, Plan, grouped, joined, settle
from dsk_labelme.xmlobjects import ObjectReader, Parsed
from dsk_labelme.xmlplaces import File, Named, Places, list_files
from dsk_labelme.xmltext import FALLBACK, parse_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["LabelMeImporter"]

_NAME = re.compile(rb"<name>([^<]*)</name>")
_FOLDER = re.compile(rb"<folder>([^<]*)</folder>")
_FILENAME = re.compile(rb"<filename>([^<]*)</filename>")
_ODD = re.compile(rb"<(?:name[\s/]|folder\s|filename\s)")
_ENCODED = re.compile(rb"\s*<\?xml[^>]*\bencoding\s*=\s*[\"'](?!utf-?8[\"'])", re.IGNORECASE)


class LabelMeImporter(Importer):
    """Opens LabelMe XML datasets."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        files = list_files(root, ledger)
        if not files:
            raise InputError(
                "no XML file", where=root.path, hint="give the folder with LabelMe's annotations"
            )
        stated = read_meta(root)
        names: dict[str, None] = {}
        subsets: dict[str, None] = {}
        read = reader_of(root)
        folders = Folders(root)
        places = Places(root, folders)
        items: list[tuple[File, Named]] = []
        for file in files:
            labels, folder, filename = _stated(read(file.name))
            if stated is None:
                names.update(dict.fromkeys(labels))
            try:
                named = places.named(file, filename, folder)
            except InputError:  # reading will say so
                subsets[file.subset] = None
                continue
            subsets[named.subset] = None
            items.append((file, named))
        flags = ("occluded", "username")
        if stated is None:
            categories = Categories(
                labels=tuple(LabelCategory(name) for name in names), attributes=flags
            )
        else:
            given = stated[0]
            categories = Categories(given.labels, flags, given.colors, given.points, given.groups)
        plan = _plan(items, places, ledger)
        if root.focus is None:
            known = (
                place
                for file, named in items
                for place in (
                    places.image(named.images, file.name),
                    places.own_image(named.images, file.name),
                )
            )
            tell_left(folders, filter(None, known), ledger)
        count = len(files) - len(plan.hidden)
        header = Header(categories=categories, subsets=tuple(subsets), items=count)
        return _LabelMeSource(root, files, places, plan, header)


def _plan(items: Sequence[tuple[File, Named]], places: Places, ledger: Ledger) -> Plan:
    """Decide about files whose items have one id."""
    taken = {(named.subset, named.id) for _, named in items}
    if len(taken) == len(items):
        return Plan()
    claims = []
    for group in grouped(((named.subset, named.id), (file, named)) for file, named in items):
        for file, named in group:
            image = places.image(named.images, file.name)
            same = (named.subset, named.id, image)
            ids = places.own_ids(file, named)
            other = ids[0] != named.id and (named.subset, ids[0]) in taken  # another file's image
            own = None if other else places.own_image(named.images, file.name)
            claims.append(Claim(file.name, named.subset, named.id, image, same, own, ids))
    return settle(claims, taken, ledger)


def _stated(data: bytes) -> tuple[list[str], str, str]:
    """Return the names of a file's objects, and the folder and the image that it names.

    Those of a damaged file are found out about later.
    """
    if b"<!" in data or b"\0" in data or _ENCODED.match(data) or _ODD.search(data):
        try:
            root = parse_root(data, "", fallback=FALLBACK)
        except RecordError:
            return [], "", ""
        names = [element.findtext("name") or "" for element in root.iter("object")]
        folder, filename = ((root.findtext(name) or "").strip() for name in ("folder", "filename"))
    else:
        names = [html.unescape(_decoded(raw)) for raw in _NAME.findall(data)]
        folder, filename = (
            html.unescape(_decoded(found[1])).strip() if found else ""
            for found in (_FOLDER.search(data), _FILENAME.search(data))
        )
    return [name for raw in names if (name := " ".join(raw.split()))], folder, filename


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class _LabelMeSource(Source):
    """An opened dataset of XML files."""

    def __init__(
        self,
        root: InputRoot,
        files: Sequence[File],
        places: Places,
        plan: Plan,
        header: Header,
    ) -> None:
        self.header = header
        self._root = root
        hidden = plan.hidden
        self._files = [file for file in files if file.name not in hidden]
        self._others = {file.name: file for file in files if file.name in hidden}
        self._places = places
        self._plan = plan
        self._folders = Folders(root)
        self._reader = ObjectReader(header.categories)

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of files."""
        return spans(len(self._files), self.partition_items)

    def read(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        read, others = reader_of(self._root), self._plan.others
        for file in self._files[slice(*partition)]:
            more = others.get(file.name)
            if more is None:
                found = self._one(file, read, ledger)
            else:
                same = [file, *(self._others[name] for name in more)]
                items = [i for one in same if (i := self._one(one, read, ledger)) is not None]
                found = joined(items, ledger) if items else None
            if found is not None:
                yield found

    def _one(self, file: File, read: Callable[[str], bytes], ledger: Ledger) -> DatasetItem | None:
        """Return what one file says; None if it is damaged."""
        where = self._root.show(file.name)
        try:
            element, runs = parse_file(read(file.name), where)
            parsed = self._reader.head(element, runs, where, ledger)
            return self._item(file, parsed, ledger)
        except RecordError as error:
            ledger.bad_record(error)
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=error.where or where))
        return None

    def _item(self, file: File, parsed: Parsed, ledger: Ledger) -> DatasetItem:
        where = self._root.show(file.name)
        named = self._places.named(file, parsed.filename, parsed.folder)
        item_id = self._plan.ids.get(file.name, named.id)
        place = self._plan.images.get(file.name) or self._places.image(named.images, file.name)
        base = place.rpartition("/")[2]
        path = f"{item_id}.{base.rpartition('.')[2]}" if is_image_name(base) else item_id
        media = Image(path=path, source=self._root.locate(place), size=parsed.size)

        def find_mask(name: str) -> Image | None:
            for place in named.masks:
                full = f"{place}/{clean_name(name, where)}"
                if self._folders.has(full):
                    return Image(path=full, source=self._root.locate(full))
            return None

        annotations = self._reader.objects(parsed, where, item_id, find_mask, ledger)
        own = {"source": parsed.source} if parsed.source else {}
        extra = {"label_me": own | parsed.more} if own or parsed.more else None
        return DatasetItem(item_id, named.subset, media, annotations, {}, extra)
