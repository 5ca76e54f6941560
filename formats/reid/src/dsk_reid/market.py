"""Reading Market-1501: what is known of an image is in its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, RecordError
from dsk.flow import Header, Importer, Source, spans
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.media import Image, is_image_name
from dsk.names import clean_name, stem_of
from dsk_reid.homes import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "BOXES",
    "LIST",
    "NAME",
    "QUERY",
    "MarketImporter",
    "find_home",
    "is_list",
    "item_id",
    "relative_facts",
]

BOXES, QUERY, LIST = "bounding_box_", "query", "images_"
_N = r"\d{1,18}"  # what is longer is no number, but nonsense
NAME = re.compile(rf"(-?{_N})_c({_N})s({_N})_({_N})_({_N})(.*)", re.DOTALL | re.ASCII)
"""Person, camera from 1, sequence, frame, box; what follows is an id."""

_RELATIVE = re.compile(rf"(-?{_N})_c({_N})(?:_f({_N}))?(?:_.*)?", re.DOTALL | re.ASCII)
"""Person, camera from 1, and maybe a frame: names of DukeMTMC-reID and CUHK03-NP."""


def find_home(root: InputRoot) -> str | None:
    """Return the folder that holds a dataset's folders or lists, or None."""
    return next(_homes(root), None)


def _homes(root: InputRoot) -> Iterator[str]:
    for folder in folders_of(root):
        listing = root.listing(folder)
        if any(name.startswith(BOXES) or name == QUERY for name in listing.folders) or any(
            map(is_list, listing.pick((".txt",), (LIST,)))
        ):
            yield folder


def relative_facts(stem: str) -> dict[str, Any]:
    """Return what the name of an image says in datasets that are made like Market-1501."""
    match = _RELATIVE.fullmatch(stem[stem.rfind("/") + 1 :])
    if match is None:
        return {}
    facts: dict[str, Any] = {"person_id": match[1], "camera_id": int(match[2]) - 1}
    if match[3]:
        facts["frame_id"] = int(match[3])
    return facts


def is_list(name: str) -> bool:
    """Tell by its name whether a file lists the images of a subset."""
    return name.startswith(LIST) and name.lower().endswith(".txt")


def item_id(path: str) -> tuple[str, re.Match[str] | None]:
    """Return the id of an image below its subset's folder, and what its name says."""
    stem = stem_of(path)
    base = stem.rfind("/") + 1
    match = NAME.fullmatch(stem, base)
    if match is None:
        return stem, None
    custom = match[6]
    if not custom:
        return stem, match
    if is_image_name(f"x{custom}"):  # two endings, as some official images have
        return stem.removesuffix(custom), match
    return stem[:base] + custom, match


class MarketImporter(Importer):
    """Reads ``bounding_box_<subset>``, ``query`` and ``images_<subset>.txt``."""

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None and is_list(root.focus):
            return MarketSource(root, "", ledger)
        if root.focus is not None:
            root = root.up()
        home = find_home(root)
        if home is None:
            raise InputError(
                "no Market-1501 folders are here",
                where=root.path,
                hint=f"they are called {BOXES}<subset> and {QUERY}",
            )
        return MarketSource(root, home, ledger)


class MarketSource(Source):
    """The images' names: some ten thousand.

    Args:
        root: The dataset, or one list in it, which is read alone.
        home: The folder of the subsets.
        ledger: Where bad lines go.
    """

    def __init__(self, root: InputRoot, home: str, ledger: Ledger) -> None:
        self._root = root
        self._prefix = f"{home}/" if home else ""
        folders, files = ([], [root.focus]) if root.focus else root.entries(home)
        found: dict[str, list[str]] = {}
        listed: set[str] = set()
        for name in filter(is_list, files):
            subset = name[len(LIST) : -len(".txt")] or DEFAULT_SUBSET
            found[subset] = self._read_list(name, ledger)
            listed.update(found[subset])
        for name in folders:
            subset = name.removeprefix(BOXES) or DEFAULT_SUBSET
            if subset in found or (name != QUERY and not name.startswith(BOXES)):
                continue
            start = len(self._prefix)
            names = [path[start:] for path in root.walk(self._prefix + name)]
            images = [p for p in names if is_image_name(p) and p not in listed]
            if images:
                found[subset] = images
        self._images = self._index(found, ledger)
        self._tell_others(home, folders, ledger)
        if not self._images and not found:
            raise InputError("there are no images", where=root.show(home))
        self.header = Header(subsets=tuple(found), items=len(self._images))

    def _tell_others(self, home: str, folders: Sequence[str], ledger: Ledger) -> None:
        """Tell of images in other folders, such as ``gt_bbox``, and of other datasets."""
        others = [
            name
            for name in folders
            if name != QUERY
            and not name.startswith(BOXES)
            and any(map(is_image_name, self._root.walk(self._prefix + name)))
        ]
        if others:
            ledger.warn(f"the images in {', '.join(others)} are not read")
        inside = {self._prefix + name for name in folders} | {home}
        more = [
            place
            for place in _homes(self._root)
            if not any(place == own or place.startswith(f"{own}/") for own in inside)
        ]
        if more and home:
            ledger.warn(f"of several datasets {home} is read; not read: {', '.join(more)}")

    def _read_list(self, name: str, ledger: Ledger) -> list[str]:
        text = self._root.text(self._prefix + name).replace("\r\n", "\n")
        where = self._root.show(self._prefix + name)
        paths = []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            path = clean_name(line.rstrip("\r"), f"{where}:{number}")
            if "/" not in path or not is_image_name(path):
                message = "a line is an image's path, with its folder"
                ledger.bad_record(RecordError(message, where=f"{where}:{number}"))
                continue
            paths.append(path)
        return paths

    def _index(self, found: dict[str, list[str]], ledger: Ledger) -> list[tuple[str, str]]:
        """Return subset and path of every item; of images with the same id, the first."""
        images, hidden = [], []
        others = 0
        where = self._root.show(self._prefix)
        for subset, paths in found.items():
            seen = set()
            for path in paths:
                item, match = item_id(path.partition("/")[2])
                item = clean_name(item, where + path)
                others += match is None and not relative_facts(item)
                if item in seen:
                    hidden.append(path)
                    continue
                seen.add(item)
                images.append((subset, path))
        if others:
            ledger.warn(f"{others} images are not named as in Market-1501: no person is known")
        if hidden:
            ledger.warn(
                f"{len(hidden)} images are left out because another one has the same id, "
                f"for instance {where}{hidden[0]}"
            )
        return images

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list of images."""
        return spans(len(self._images), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """See ``Source.read``."""
        locate = self._root.locator(self._prefix.rstrip("/"), clean=True)
        for subset, path in self._images[slice(*partition)]:
            folder, _, rest = path.partition("/")
            item, match = item_id(rest)
            attributes = relative_facts(item) if match is None else {}
            if attributes:
                attributes["query"] = folder == QUERY
            if match is not None:
                person, camera, track, frame, box, _ = match.groups()
                attributes = {
                    "person_id": person,
                    "camera_id": int(camera) - 1,
                    "track_id": int(track),
                    "frame_id": int(frame),
                    "bbox_id": int(box),
                    "query": folder == QUERY,
                }
            yield DatasetItem(item, subset, Image(rest, locate(path)), (), attributes)
