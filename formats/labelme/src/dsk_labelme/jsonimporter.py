"""Reading the JSON files of labelme."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dsk.annotations import Annotation, Label, Mask
from dsk.categories import Categories
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.listings import without_hidden
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk_labelme.folders import Folders, tell_left, text_reader_of
from dsk_labelme.joining import Claim, Plan, grouped, joined, settle
from dsk_labelme.jsonimages import named_image, own_image, shown_size, stated_name
from dsk_labelme.jsonshapes import Groups, PatchMask, Shape, made_of, read_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["LabelMeJsonImporter"]

SUBSETS = frozenset({"train", "val", "valid", "validation", "test", "trainval"})
_HOLDERS = frozenset({"labels", "label", "annotations", "annotation", "jsons", "json"})
_RESERVED = frozenset({"__ignore__"})
_KNOWN = frozenset(
    {
        "version",
        "flags",
        "shapes",
        "imagePath",
        "imageData",
        "imageHeight",
        "imageWidth",
    }
)
_MAX_SIDE = 1 << 20

_NULL = Raw(b"null")


class _File(Struct, forbid_unknown_fields=True):
    """A file as labelme itself writes it; decoding is the check.

    Files with other fields or values are taken apart, see ``_taken_apart``.
    """

    shapes: list[Any]
    version: Any = None
    flags: dict[str, Any] | None = None
    imagePath: Any = None  # noqa: N815 - names of the format
    imageData: Raw = _NULL  # noqa: N815
    imageHeight: Any = None  # noqa: N815
    imageWidth: Any = None  # noqa: N815


class _CheckedFile(_File, forbid_unknown_fields=True):
    shapes: list[Shape]


_decode_file = msgspec.json.Decoder(_CheckedFile).decode
_decode_top = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_shapes = msgspec.json.Decoder(list[Any]).decode
_decode_checked = msgspec.json.Decoder(list[Shape]).decode


class _LabelOnly(Struct):
    label: Any = None


class _Brief(Struct):
    """What the labels and the images of a dataset need."""

    shapes: list[_LabelOnly]
    flags: dict[str, Any] | None = None
    imagePath: Any = None  # noqa: N815


class _LooseBrief(Struct):
    """Likewise, of a file with values that are not labelme's."""

    shapes: Any = None
    flags: Any = None
    imagePath: Any = None  # noqa: N815


_decode_brief = msgspec.json.Decoder(_Brief).decode
_decode_loose_brief = msgspec.json.Decoder(_LooseBrief).decode


def _utf8(data: bytes) -> bytes:
    """Return JSON text as UTF-8; Windows in China and in the West writes it in its own encoding."""
    with suppress(UnicodeDecodeError):
        data.decode()
        return data
    with suppress(UnicodeDecodeError):
        return data.decode("gb18030").encode()
    return data.decode("cp1252").encode()


class LabelMeJsonImporter(Importer):
    """Opens labelme datasets; see the descriptor for the options."""

    def __init__(self, *, image_flags: str = "labels") -> None:
        self.flags_are_labels = image_flags == "labels"

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            names = [root.focus]
        else:
            walked = (name for name in root.walk() if name.lower().endswith(".json"))
            names = without_hidden(walked, "JSON files", ledger)
        images, found, flags = self._survey(root, names, ledger)
        if not images:
            raise InputError(
                "no labelme JSON file",
                where=root.path,
                hint="labelme writes one .json with shapes beside each image",
            )
        listed = _listed(root)
        labels = listed + sorted(name for name in found if name not in listed)
        labels += [name for name in flags if name not in labels]
        places = {name: _place(name, root) for name in images}
        folders = Folders(root)
        plan = _plan(images, places, folders, ledger)
        if root.focus is None:
            places_of = (
                named_image(folders, name, given) or own_image(folders, name)
                for name, given in images.items()
            )
            tell_left(folders, chain(images, filter(None, places_of)), ledger)
        header = Header(
            categories=Categories.from_names(labels),
            subsets=tuple(dict.fromkeys(subset for subset, _ in places.values())),
            items=len(places) - len(plan.hidden),
        )
        return _JsonSource(root, places, plan, header, flags_are_labels=self.flags_are_labels)

    def _survey(
        self, root: InputRoot, names: Sequence[str], ledger: Ledger
    ) -> tuple[dict[str, str], set[str], dict[str, None]]:
        """Return the files with shapes and the images they name, labels, and flags of images."""
        kept: dict[str, str] = {}
        found: set[str] = set()
        flags: dict[str, None] = {}
        read = text_reader_of(root)
        for name in names:
            data = read(name)
            if b'"shapes"' not in data and name != root.focus:
                if data.strip() and data.lstrip(b" \t\r\n")[:1] in b"{[":
                    continue  # some other tool's file
                if _is_prose(data):  # PaddleOCR's lists of images and their JSON, say
                    ledger.warn(f"{name} is no JSON file; passed over")
                    continue
                kept[name] = ""  # a damaged one, which reading will complain about
                continue
            kept[name] = ""
            try:
                text = _utf8(data)
                if text is not data:  # or bytes that are damaged would be other letters unnoticed
                    ledger.warn(f"{name} is not in UTF-8; read as GB 18030 or Windows-1252")
                labels, own, kept[name] = _stated(text)
            except UNDECODABLE:
                continue  # reading will say what is wrong with it
            found.update(label for label in labels if isinstance(label, str) and label)
            if self.flags_are_labels:
                flags |= {flag: None for flag in own if flag}
        return kept, found, flags


def _is_prose(data: bytes) -> bool:
    """Tell whether data is text of another kind, rather than a damaged file."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return text.lstrip("\ufeff \t\r\n")[:1].isalpha() and "\0" not in text


def _stated(text: bytes) -> tuple[list[Any], Iterable[str], str]:
    """Return the labels of a file's shapes, the flags of its image, and the image that it names.

    What is odd is passed over, as ``_taken_apart`` does.

    Raises:
        msgspec.MsgspecError: It is no JSON object.
    """
    try:
        brief = _decode_brief(text)
    except msgspec.ValidationError:
        loose = _decode_loose_brief(text)
        shapes = loose.shapes if isinstance(loose.shapes, list) else []
        labels = [shape.get("label") for shape in shapes if isinstance(shape, dict)]
        flags = loose.flags if isinstance(loose.flags, dict) else ()
        return labels, flags, stated_name(loose.imagePath)
    return [shape.label for shape in brief.shapes], brief.flags or (), stated_name(brief.imagePath)


def _listed(root: InputRoot) -> list[str]:
    """Return the names in labels.txt, if there is one."""
    if not root.is_file("labels.txt"):
        return []
    try:
        text = _utf8(root.text_bytes("labels.txt")).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"no text: {error}", where=root.show("labels.txt")) from error
    lines = [line.strip() for line in text.splitlines()]
    return [n for n in dict.fromkeys(lines) if n and n not in _RESERVED]


def _place(name: str, root: InputRoot) -> tuple[str, str]:
    """Return subset and id of a file."""
    stem = stem_of(name)
    above, _, below = stem.partition("/")
    if above.lower() in _HOLDERS and below.partition("/")[0].lower() in SUBSETS and "/" in below:
        stem = below  # labels/train/a.json, its image in images/train
    first, slash, rest = stem.partition("/")
    if slash and first.lower() in SUBSETS:
        return first, rest
    if not slash and root.name.lower() in SUBSETS and root.focus is None:
        return root.name, stem
    return DEFAULT_SUBSET, stem


def _plan(
    images: Mapping[str, str],
    places: Mapping[str, tuple[str, str]],
    folders: Folders,
    ledger: Ledger,
) -> Plan:
    """Decide about files that have one item id, or one image in one subset.

    Args:
        images: The images that files name.
        places: Subsets and ids of files.
        folders: The dataset's folders.
        ledger: For warnings.
    """
    stems = {
        name: (places[name][0], stem_of(given.rpartition("/")[2]))
        for name, given in images.items()
        if given
    }

    def image_of(name: str) -> str | None:
        return named_image(folders, name, images[name]) or own_image(folders, name)

    alike = chain(*grouped((stem, name) for name, stem in stems.items()))
    found = {name: place for name in alike if (place := image_of(name)) is not None}
    shared = grouped(((places[name][0], place), name) for name, place in found.items())
    doubtful = list(chain(*grouped((place, name) for name, place in places.items()), *shared))
    if not doubtful:
        return Plan()
    own_stems = {(places[name][0], stem_of(name.rpartition("/")[2])) for name in doubtful}
    rivals = (name for name, stem in stems.items() if stem in own_stems)
    claims = []
    for name in dict.fromkeys(chain(doubtful, rivals)):
        subset, ident = places[name]
        image, missing = found.get(name) or image_of(name), stem_of(name)
        same = (subset, ident, missing) if image is None else (subset, image)
        own_ids = list(dict.fromkeys((ident, missing, name)))
        own = own_image(folders, name)
        claims.append(Claim(name, subset, ident, image or missing, same, own, own_ids))
    return settle(claims, set(places.values()), ledger)


class _JsonSource(Source):
    """An opened labelme dataset."""

    def __init__(
        self,
        root: InputRoot,
        places: Mapping[str, tuple[str, str]],
        plan: Plan,
        header: Header,
        *,
        flags_are_labels: bool,
    ) -> None:
        self.header = header
        self._root = root
        self._places = places
        self._plan = plan
        hidden = plan.hidden
        self._names = [name for name in places if name not in hidden]
        self._flags_are_labels = flags_are_labels
        self._labels = {name: n for n, name in enumerate(header.categories.names)}
        self._folders = Folders(root)

    def partitions(self) -> list[tuple[int, int]]:
        """Return slices of the list of files."""
        return spans(len(self._names), self.partition_items)

    def read(self, partition: tuple[int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        read, others = text_reader_of(self._root), self._plan.others
        for name in self._names[slice(*partition)]:
            more = others.get(name)
            if more is None:
                found = self._one(name, read, ledger)
            else:
                same = [i for n in (name, *more) if (i := self._one(n, read, ledger)) is not None]
                found = joined(same, ledger) if same else None
            if found is not None:
                yield found

    def _one(self, name: str, read: Callable[[str], bytes], ledger: Ledger) -> DatasetItem | None:
        """Return what one file says; None if it is damaged."""
        where = self._root.show(name)
        subset, stated = self._places[name]
        try:
            item_id = clean_name(self._plan.ids.get(name, stated), where)
            return self._item(name, read(name), subset, item_id, ledger)
        except RecordError as error:
            ledger.bad_record(error)
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=error.where or where))
        return None

    def _item(
        self, name: str, data: bytes, subset: str, item_id: str, ledger: Ledger
    ) -> DatasetItem:
        where = self._root.show(name)
        own: dict[str, Any] = {}
        try:
            file: _File = _decode_file(_utf8(data))
        except UNDECODABLE:
            file, own = _taken_apart(data, where, item_id)
        height, width = _side(file.imageHeight), _side(file.imageWidth)
        size = (height, width) if height and width else None
        image = self._image(name, item_id, file.imagePath, file.imageData, size)
        if size is None and any(map(_has_mask, file.shapes)):
            size = shown_size(image)
            image = replace(image, size=size)
        annotations = self._shapes(file.shapes, size, where, item_id, ledger)
        flags = file.flags or {}
        attributes: dict[str, Any] = {}
        if self._flags_are_labels:
            annotations += [
                Label(label=self._labels[f]) for f, on in flags.items() if on is True and f
            ]
            off = {flag: on for flag, on in flags.items() if on is not True or not flag}
            if off:
                own["flags"] = off
        else:
            attributes = dict(flags)
        extra = {"labelme_json": own} if own else None
        return DatasetItem(item_id, subset, image, annotations, attributes, extra)

    def _shapes(
        self,
        shapes: Sequence[Any],
        size: tuple[int, int] | None,
        where: str,
        item: str,
        ledger: Ledger,
    ) -> list[Annotation]:
        found: list[Annotation] = []
        groups = Groups()
        for number, shape in enumerate(shapes):
            try:
                read = made_of if type(shape) is Shape else read_shape
                annotation = read(shape, number, self._labels, groups, size)
                if isinstance(annotation, Mask) and isinstance(annotation.source, PatchMask):
                    annotation.source.where = f"{where}#/shapes/{number}"
                    if ledger.on_error == "skip":  # later, a damaged one could not be left out
                        annotation = replace(annotation, source=annotation.source.rle())
                found.append(annotation)
            except (ValueError, OverflowError, MediaError) as error:
                place = f"{where}#/shapes/{number}"
                what = f"shape {number}: {getattr(error, 'message', error)}"
                ledger.bad_record(RecordError(what, where=place, item=item, annotation=number + 1))
        return found

    def _image(
        self,
        name: str,
        item_id: str,
        stated: Any,
        data: Raw,
        size: tuple[int, int] | None,
    ) -> Image:
        """Return the image: the one that is named, one of the same name nearby, or the data."""
        given = stated_name(stated)
        place = self._plan.images.get(name) or named_image(self._folders, name, given)
        place = place or own_image(self._folders, name)
        if place is not None:
            last = place.rpartition("/")[2]
            path = f"{item_id}.{last.rpartition('.')[2]}" if is_image_name(last) else item_id
            return Image(path=path, source=self._root.locate(place), size=size)
        ext = f".{given.rpartition('.')[2]}" if is_image_name(given) else ".jpg"
        inside = _inside(data)
        source = self._root.locate(stem_of(name) + ext) if inside is None else inside
        return Image(path=item_id + ext, source=source, size=size)


def _taken_apart(data: bytes, where: str, item: str) -> tuple[_File, dict[str, Any]]:
    """Return a file's content, and the fields that are not labelme's.

    Raises:
        RecordError: It is no JSON, or no shapes are in it.
    """
    try:
        top = _decode_top(_utf8(data))
        if "shapes" not in top:
            raise RecordError("it has no shapes", where=where, item=item)
        rest = {key: msgspec.json.decode(raw) for key, raw in top.items() if key not in _BULK}
        file = _File(_decoded_shapes(top["shapes"]), imageData=top.get("imageData", _NULL))
    except UNDECODABLE as error:
        raise RecordError(f"no valid JSON: {error}", where=where, item=item) from error
    file.imagePath = rest.get("imagePath")
    file.imageHeight, file.imageWidth = rest.get("imageHeight"), rest.get("imageWidth")
    flags = rest.get("flags")
    file.flags = flags if isinstance(flags, dict) else None
    return file, {k: v for k, v in rest.items() if k not in _KNOWN}


def _decoded_shapes(raw: Raw) -> list[Any]:
    """Return the shapes, as ``Shape`` if all of them are as labelme writes them."""
    try:
        return _decode_checked(raw)
    except msgspec.ValidationError:
        return _decode_shapes(raw)


def _has_mask(shape: Any) -> bool:
    return bool(
        shape.mask if type(shape) is Shape else isinstance(shape, dict) and shape.get("mask")
    )


_BULK = frozenset({"shapes", "imageData"})


def _inside(data: Raw) -> bytes | None:
    """Return the image that the file itself holds."""
    if bytes(data)[:1] != b'"':
        return None
    try:
        return base64.b64decode(msgspec.json.decode(data, type=str)) or None
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return None


def _side(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 < value <= _MAX_SIDE and value == int(value) else 0
