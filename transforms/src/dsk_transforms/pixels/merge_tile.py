"""Putting tiles together to the images that they were cut from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dsk.annotations import Annotation, Mask
from dsk.errors import RecordError, UnsafePathError
from dsk.flow import Rearrangement
from dsk.media import Image
from dsk.pixels import MAX_PIXELS
from dsk_transforms.pixels.following import PLANAR, GeometryError, drop, flats_of, moved
from dsk_transforms.pixels.joining import Piece, join
from dsk_transforms.pixels.pictures import WRITABLE, Mosaic
from dsk_transforms.pixels.places import Place
from dsk_transforms.pixels.tile import CUT, IMAGE_ID, IMAGE_SIZE, INDEX, OBJECT, ROI, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["MergeTile"]

_LOOKS_LIKE = re.compile(r"_tile_\d+$")


class _Tile(Struct):
    item: DatasetItem
    source: str
    index: int
    window: tuple[int, int, int, int]
    size: tuple[int, int]


class MergeTile(Rearrangement):
    """Join the tiles of one image to one item, where its first tile stood.

    Tiles are known by the attributes that ``tile`` gave them; other items pass. The pieces of an
    annotation are joined if ``tile`` marked them, else if they have the same id other than 0.
    """

    def __init__(self) -> None:
        self._ranks: dict[tuple[bool, str, str], int] = {}

    def header(self, header: Header) -> Header:
        """The number of items is not known before."""
        return replace(header, items=None)

    def key(self, item: DatasetItem) -> int:
        """Return the rank of the image among those met."""
        source = item.attributes.get(SOURCE)
        key = (False, item.subset, item.id)
        if source is not None and ROI in item.attributes:
            key = (True, item.subset, str(source))
        return self._ranks.setdefault(key, len(self._ranks))

    def join(self, items: list[DatasetItem], ledger: Ledger) -> Iterable[DatasetItem]:
        """Return the image of some tiles, or an item that is no tile as it is."""
        if SOURCE not in items[0].attributes or ROI not in items[0].attributes:
            if _LOOKS_LIKE.search(items[0].id):
                ledger.warn(
                    f"items that are called tiles but have no attributes {SOURCE} and {ROI} cannot "
                    "be merged; keep the tiles in a format that holds attributes of items"
                )
            return items
        tiles = []
        for item in items:
            try:
                tiles.append(_read(item))
            except RecordError as error:
                ledger.bad_record(error)
                _removed(item, ledger)
        if not tiles:
            return []
        tiles.sort(key=lambda tile: tile.index)
        first = tiles[0].item
        try:
            made = _whole(tiles, ledger)
        except RecordError as error:
            ledger.bad_record(error)
            for tile in tiles:
                _removed(tile.item, ledger)
            return []
        if len(tiles) > 1:
            what, count = "tiles joined to images", len(tiles) - 1
            ledger.add_at("DSK-L020", what, first, count=count)
        return [made]


def _removed(item: DatasetItem, ledger: Ledger) -> None:
    ledger.add_at("DSK-L020", "tiles with bad attributes", item)
    gone = len(item.annotations)
    if gone:
        what = "with tiles that have bad attributes"
        ledger.add_at("DSK-L019", what, item, count=gone)


def _numbers(value: Any, count: int, item: DatasetItem, name: str) -> list[int]:
    """Return an attribute's whole numbers; in formats whose attributes are text they are JSON."""
    try:
        if isinstance(value, str):
            value = msgspec.json.decode(value.replace("(", "[").replace(")", "]"))
        numbers = [int(number) for number in value]
        fits = len(numbers) == count and min(numbers) >= 0 and numbers == [float(v) for v in value]
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        fits = False
    if not fits:
        raise RecordError(
            f"attribute {name} of a tile is {count} whole numbers, not {value!r:.60}", item=item.id
        )
    return numbers


def _read(item: DatasetItem) -> _Tile:
    attributes = item.attributes
    x, y, w, h = _numbers(attributes[ROI], 4, item, ROI)
    size = (y + h, x + w)
    stated = attributes.get(IMAGE_SIZE)
    if stated is not None:
        height, width = _numbers(stated, 2, item, IMAGE_SIZE)
        if height < size[0] or width < size[1]:
            raise RecordError("the tile reaches out of its image", item=item.id)
        size = (height, width)
    (index,) = _numbers([attributes.get(INDEX, 0)], 1, item, INDEX)
    if not w or not h:
        raise RecordError("the tile has no extent", item=item.id)
    return _Tile(item, str(attributes[SOURCE]), index, (x, y, w, h), size)


def _whole(tiles: Sequence[_Tile], ledger: Ledger) -> DatasetItem:
    from dsk.names import clean_name

    first = tiles[0].item
    size = (max(t.size[0] for t in tiles), max(t.size[1] for t in tiles))
    if size[0] * size[1] > MAX_PIXELS:
        raise RecordError(f"the image would have more than {MAX_PIXELS} pixels", item=first.id)
    try:
        name = clean_name(tiles[0].source)
    except UnsafePathError as error:
        raise RecordError(error.message, item=first.id) from error
    about = {SOURCE, INDEX, ROI, IMAGE_SIZE}
    attributes = {n: v for n, v in first.attributes.items() if n not in about and n != IMAGE_ID}
    if IMAGE_ID in first.attributes:
        attributes["id"] = first.attributes[IMAGE_ID]
    return first.replace(
        id=name,
        media=_image(tiles, size, ledger),
        annotations=_annotations(tiles, size, ledger),
        attributes=attributes,
    )


def _image(tiles: Sequence[_Tile], size: tuple[int, int], ledger: Ledger) -> Any:
    first = tiles[0].item.media
    if not isinstance(first, Image):
        return first
    placed = []
    for tile in tiles:
        media = tile.item.media
        if isinstance(media, Image) and media.source is not None and media.exists:
            placed.append((tile.window[0], tile.window[1], media))
        else:
            what = "tiles without pixels: the merged image is left out"
            ledger.add_at("DSK-L016", what, tile.item)
            placed = []
            break
    suffix = first.ext if first.ext.lower() in WRITABLE else ".png"
    path = f"{tiles[0].source}{suffix}" if first.path else ""
    return replace(
        first, path=path, source=Mosaic(tuple(placed), size) if placed else None, size=size
    )


def _annotations(tiles: Sequence[_Tile], size: tuple[int, int], ledger: Ledger) -> list[Annotation]:
    groups: dict[Any, list[Piece]] = {}
    order: dict[Any, Any] = {}
    for tile in tiles:
        x, y, _, _ = tile.window
        place = Place(tile.size, size, bx=float(x), by=float(y))
        for n, a in enumerate(tile.item.annotations):
            try:
                piece = _piece(a, place, tile)
            except GeometryError as error:
                drop(ledger, tile.item, a, str(error))
                continue
            key = _identity(a) or ("alone", tile.index, n)
            groups.setdefault(key, []).append(piece)
            order.setdefault(key, (0, key[1], 0) if key[0] == "object" else (1, tile.index, n))
    made: list[Annotation] = []
    first = tiles[0].item
    for key in sorted(groups, key=order.__getitem__):
        pieces = groups[key]
        try:
            joined = join(pieces, size)
        except (TypeError, ValueError) as error:
            for piece in pieces:
                drop(ledger, first, piece.annotation, str(error))
            continue
        made += joined
        less = len(pieces) - len(joined)
        if less:
            code, did = ("DSK-L014", "joined") if less > 0 else ("DSK-L013", "parted")
            kind = pieces[0].annotation.kind
            what = f"annotations of tiles {did}"
            ledger.add(code, what, kind=kind, count=abs(less), item=first.id, subset=first.subset)
    return made


def _identity(a: Annotation) -> Any:
    """Return what pieces of one annotation have in common, or None if that is not known."""
    number = a.attributes.get(OBJECT)
    if isinstance(number, int) or (isinstance(number, str) and number.isdecimal()):
        return ("object", int(number), a.kind)
    if type(a) not in PLANAR:
        text = getattr(a, "caption", "")
        return ("same", a.kind, a.label, text, a.id, repr(sorted(a.attributes.items())))
    return ("id", a.kind, a.label, a.id) if a.id else None


def _piece(a: Annotation, place: Place, tile: _Tile) -> Piece:
    cut = a.attributes.get(CUT)
    marked = OBJECT in a.attributes
    if marked:
        rest = {name: v for name, v in a.attributes.items() if name not in (OBJECT, CUT)}
        a = replace(a, attributes=rest)
    edge = cut in (True, "True", "true", 1) if marked else type(a) in PLANAR
    if isinstance(a, Mask):
        box = None if a.bbox is None else place.box(a.bbox)
        return Piece(replace(a, bbox=box), tile.window, edge)
    return Piece(moved(a, flats_of(a), place), tile.window, edge)
