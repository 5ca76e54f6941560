"""An opened CVAT dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Annotation
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Source, slices
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.names import clean_name, stem_of
from dsk_cvat.frames import Index
from dsk_cvat.interpolate import between
from dsk_cvat.meta import Meta, side
from dsk_cvat.numerals import whole_number
from dsk_cvat.pictures import ImageFinder
from dsk_cvat.quick import QuickReader
from dsk_cvat.scan import Scan
from dsk_cvat.shapes import ShapeReader, Tracked
from dsk_cvat.xmltext import parse_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from dsk.files import InputRoot
    from dsk.flow import Header
    from dsk.loss import Ledger

__all__ = ["IMAGE_KNOWN", "CvatSource", "Part"]


IMAGE_KNOWN = frozenset({"id", "name", "width", "height", "subset"})
"""Attributes of images that have a place in the model; others are kept as they are."""


class Part(Struct):
    """One file of the dataset.

    Attributes:
        scan: Where everything is.
        meta: What its head says.
        index: Which images and shapes make which item.
        prefixes: What precedes the ids of frames, by number of the scope.
        number: The file's place among the dataset's.
    """

    scan: Scan
    meta: Meta
    index: Index
    prefixes: list[str]
    number: int


_Picture = tuple["Mapping[str, str]", "list[Annotation | Element]"]
"""The attributes of an image and its shapes."""

_Entry = tuple["Element", int, "list[tuple[str, Element]]"]
"""An element, the number of its shape, and the points of a skeleton."""


class CvatSource(Source):
    """An opened CVAT dataset.

    Args:
        root: The input.
        parts: Its files.
        header: What is known of it.
        reader: For shapes.
        subsets: Names of the subsets.
    """

    finite = True

    def __init__(
        self,
        root: InputRoot,
        parts: Sequence[Part],
        header: Header,
        reader: ShapeReader,
        subsets: Sequence[str],
    ) -> None:
        self.header = header
        self._root = root
        self._parts = parts
        self._reader = reader
        self._quick = QuickReader(reader)
        self._subsets = subsets
        self._finders: dict[str, ImageFinder] = {}
        self._tracked: dict[tuple[int, int], Tracked] = {}
        self._quick_tracks: dict[tuple[int, int], Tracked | None] = {}
        self._offsets = [0]
        for part in parts:
            self._offsets.append(self._offsets[-1] + len(part.scan.tracks))
        self._unique = _unique_ids(parts)

    def partitions(self) -> list[tuple[int, int, int]]:
        """Return slices of the files' items."""
        counts = (len(part.index.frame) for part in self._parts)
        return slices(counts, self.partition_items)

    def read(self, partition: tuple[int, int, int], ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        number, start, stop = partition
        part = self._parts[number]
        images = part.index.images[start : stop + 1].tolist()
        for at, (elements, n) in enumerate(self._images(part, start, stop, images, ledger)):
            if elements is None and images[at] != images[at + 1]:
                continue  # all of its images are damaged, which has been reported
            item = self._item(part, n, elements or [], ledger)
            if item is not None:
                yield item

    def _images(
        self, part: Part, start: int, stop: int, images: list[int], ledger: Ledger
    ) -> Iterator[tuple[list[tuple[_Picture, int]] | None, int]]:
        """Yield the images of each item."""
        scan, order = part.scan, part.index.image_order
        for n in range(start, stop):
            found = [
                (picture, scan.image_start[k])
                for k in order[images[n - start] : images[n - start + 1]].tolist()
                if (picture := self._picture(scan, k, ledger)) is not None
            ]
            yield found or None, n

    def _picture(self, scan: Scan, k: int, ledger: Ledger) -> _Picture | None:
        """Return an image; None if it is damaged."""
        data = scan.data[scan.image_start[k] : scan.image_end[k]]
        try:
            quick = self._quick.image(str(data, "utf-8"))
        except ValueError:
            quick = None  # the parser says what is wrong
        if quick is not None:
            return quick
        try:
            element = parse_part(bytes(data), "")[0]
        except RecordError as error:
            place = scan.place(scan.image_start[k])
            ledger.bad_record(RecordError(error.message, where=place, hint=error.hint))
            return None
        return element.attrib, list(element)

    def _item(
        self,
        part: Part,
        n: int,
        elements: list[tuple[_Picture, int]],
        ledger: Ledger,
    ) -> DatasetItem | None:
        index, scan = part.index, part.scan
        frame, scope = int(index.frame[n]), int(index.scope[n])
        subset = self._subsets[int(index.subset[n])]
        given = elements[0][0][0].get("name") if elements else None
        name = given or f"{part.prefixes[scope]}frame_{max(frame, 0):06d}.png"
        try:
            name = clean_name(name, scan.where)
            item_id = name if n in index.renamed else clean_name(stem_of(name), scan.where)
        except InputError as error:
            ledger.bad_record(RecordError(error.message, where=error.where, item=name))
            return None
        size = _stated_size([e[0] for e, _ in elements], part, scope, video=not elements)
        stated = scan.scopes[scope].subset is not None
        image = self._image(part, name, subset, size, stated=stated)
        where = (item_id, image)
        annotations: list[Annotation] = []
        for element, offset in elements:
            annotations += self._shapes(element[1], scan, offset, where, ledger)
        low, high = index.shapes[n].tolist()
        if high > low:
            annotations += self._frame(part, low, high, where, ledger)
        attributes = {"frame": frame} if frame >= 0 else {}
        extra = _extra(elements[0][0][0] if elements else {}, part.scan.scopes[scope].task)
        return DatasetItem(item_id, subset, image, annotations, attributes, extra)

    def _image(
        self, part: Part, name: str, subset: str, size: tuple[int, int] | None, *, stated: bool
    ) -> Image:
        home = part.scan.name.rpartition("/")[0]
        finder = self._finders.get(home)
        if finder is None:
            finder = self._finders[home] = ImageFinder(self._root, home)
        place = finder.find(name, subset, stated=stated, others=part.meta.folders)
        if place is None:
            return Image(path=name, source=self._root.locate(finder.wanted(name)), size=size)
        ending = place[len(stem_of(place)) :]
        if not name.endswith(ending):  # what is copied must be what its ending says
            name = stem_of(name) + ending
        return Image(path=name, source=self._root.locate(place), size=size)

    def _shapes(
        self,
        shapes: list[Annotation | Element],
        scan: Scan,
        offset: int,
        item: tuple[str, Image],
        ledger: Ledger,
    ) -> list[Annotation]:
        """Read the shapes and tags of an image."""
        found: list[Annotation] = []
        read, knows = self._reader.read, self._reader.knows
        size = item[1].size
        for number, shape in enumerate(shapes, 1):
            if isinstance(shape, Annotation):
                found.append(shape)
                continue
            tag = shape.tag
            if not knows(tag):
                ledger.warn(f"<{tag}> in an image is not known and left out")
                continue
            if tag == "mask" and size is None:
                size = _size_of(item[1])
            try:
                made = read(shape, size, ledger)
            except (ValueError, OverflowError) as error:
                what = f"<{tag}>, shape {number} of {item[0]!r}: {error}"
                place = scan.place(offset)
                ledger.bad_record(RecordError(what, where=place, item=item[0], annotation=number))
                continue
            if made is not None:
                found.append(made)
        return found

    def _frame(
        self, part: Part, low: int, high: int, item: tuple[str, Image], ledger: Ledger
    ) -> list[Annotation]:
        """Read the shapes that tracks have in one frame."""
        index, scan = part.index, part.scan
        rows = list(
            zip(
                index.shape_order[low:high].tolist(),
                index.next_shape[low:high].tolist(),
                strict=True,
            )
        )
        frame = int(index.shape_frame[low])
        plain = self._plain(part, rows, frame)
        if None not in plain:
            return plain  # type: ignore[return-value]
        whole: dict[int, _Entry] = {}
        order: list[_Entry | Annotation] = []
        pairs = zip(rows, plain, strict=True)
        parsed = _parse_shapes(scan, [n for row, a in pairs if a is None for n in row if n >= 0])
        for (shape, following), made in zip(rows, plain, strict=True):
            if made is not None:
                order.append(made)
                continue
            try:
                element = _shape_element(scan, parsed, shape, following, frame)
            except (RecordError, ValueError) as error:
                message = getattr(error, "message", str(error))
                place = scan.place(scan.shape_start[shape])
                ledger.bad_record(RecordError(message, where=place, item=item[0]))
                continue
            track = scan.shape_track[shape]
            top = scan.tracks[track].top
            if top != track and top in whole:
                whole[top][2].append((scan.tracks[track].given.get("label", ""), element))
                continue
            entry: _Entry = (element, shape, [])
            if element.tag == "skeleton":
                whole[top] = entry
            order.append(entry)
        return self._made(part, order, item, ledger)

    def _plain(
        self, part: Part, rows: list[tuple[int, int]], frame: int
    ) -> list[Annotation | None]:
        """Return the shapes that need no parser, and None for the others."""
        scan, quick, known = part.scan, self._quick.tracked, self._quick_tracks
        found: list[Annotation | None] = []
        for row in rows:
            key = (part.number, scan.shape_track[row[0]])
            try:
                track = known[key]
            except KeyError:
                track = known[key] = self._plain_track(scan, *key)
            found.append(None if track is None else quick(scan, track, row, frame))
        return found

    def _plain_track(self, scan: Scan, number: int, track: int) -> Tracked | None:
        """Return a track, or None for parts of skeletons and damaged ones."""
        if scan.tracks[track].top != track:
            return None
        try:
            return self._track(number, scan, track)
        except ValueError:
            return None  # reading the element says so

    def _made(
        self,
        part: Part,
        order: list[_Entry | Annotation],
        item: tuple[str, Image],
        ledger: Ledger,
    ) -> list[Annotation]:
        scan, size = part.scan, item[1].size
        found: list[Annotation] = []
        for entry in order:
            if isinstance(entry, Annotation):
                found.append(entry)
                continue
            element, shape, points = entry
            if element.tag == "mask" and size is None:
                size = _size_of(item[1])
            track = scan.shape_track[shape]
            try:
                tagged = element.tag == "tag"
                tracked = None if tagged else self._track(part.number, scan, track)
                made = self._reader.read(element, size, ledger, tracked, points)
            except (ValueError, OverflowError) as error:
                what = f"<{element.tag}> of {item[0]!r}: {error}"
                place = scan.place(scan.shape_start[shape])
                ledger.bad_record(RecordError(what, where=place, item=item[0]))
                continue
            if made is not None:
                found.append(made)
        return found

    def _track(self, number: int, scan: Scan, track: int) -> Tracked:
        key = (number, track)
        known = self._tracked.get(key)
        if known is None:
            given = scan.tracks[track].given
            ident = _ident(given)
            if ident is None:
                ident = track
            known = self._tracked[key] = Tracked(
                ident,
                given.get("label", ""),
                whole_number(given.get("group_id")),
                given.get("source", ""),
                ident if self._unique else self._offsets[number] + track,
            )
        return known


def _extra(given: Mapping[str, str], task: str) -> dict[str, Any] | None:
    """Return what is kept of an image besides what the model knows."""
    more = {}
    if not given.keys() <= IMAGE_KNOWN:
        more = {name: text for name, text in given.items() if name not in IMAGE_KNOWN}
    if task:
        more["task_id"] = task
    return {"cvat": more} if more else None


def _parse_shapes(scan: Scan, wanted: list[int]) -> dict[int, Element]:
    """Parse the shapes of a frame at once; none if one of them is damaged."""
    data, starts, ends = scan.data, scan.shape_start, scan.shape_end
    try:
        whole = parse_part(b"".join([data[starts[k] : ends[k]] for k in wanted]), "")
    except RecordError:
        return {}  # which one it is, is found out when they are parsed one by one
    return dict(zip(wanted, whole, strict=True)) if len(whole) == len(wanted) else {}


def _shape_element(
    scan: Scan, parsed: dict[int, Element], shape: int, following: int, frame: int
) -> Element:
    """Return a shape, in between keyframes if another one follows.

    Raises:
        RecordError: It is no well-formed XML.
        ValueError: A coordinate is no number.
    """

    def one(k: int) -> Element:
        known = parsed.get(k)
        if known is not None:
            return known
        return parse_part(bytes(scan.data[scan.shape_start[k] : scan.shape_end[k]]), "")[0]

    element = one(shape)
    if following < 0:
        return element
    start = scan.shape_frame[shape]
    span = scan.shape_frame[following] - start
    if following == shape or not span:
        return between(element, element, 0.0, frame)
    return between(element, one(following), (frame - start) / span, frame)


def _size_of(image: Image) -> tuple[int, int] | None:
    try:
        return image.get_size()
    except MediaError:
        return None  # the mask then tells how large the image is at least


def _stated_size(
    elements: Sequence[Mapping[str, str]], part: Part, scope: int, *, video: bool
) -> tuple[int, int] | None:
    for element in elements:
        height, width = side(element.get("height")), side(element.get("width"))
        if height and width:
            return height, width
    if not video:
        return None
    sizes = part.meta.sizes
    return sizes.get(part.scan.scopes[scope].task, sizes.get(""))


def _ident(given: Mapping[str, str]) -> int | None:
    """Return the number of a track; None if other tools gave it none, or a name."""
    try:
        return int(given.get("id", ""))
    except ValueError:
        return None


def _unique_ids(parts: Sequence[Part]) -> bool:
    """Tell whether each track of the dataset has an id that no other one has."""
    seen: set[int] = set()
    for part in parts:
        for number, track in enumerate(part.scan.tracks):
            if track.top == number and "frame" not in track.given:
                ident = _ident(track.given)
                if ident is None or ident in seen:
                    return False
                seen.add(ident)
    return True
