"""Joining the partitions' fragments to annotation files."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import numpy as np
from msgspec import Struct, field

from dsk.jsonvalues import plain_value
from dsk_coco.categories import category_records
from dsk_coco.encode import (
    CAPTIONS,
    KEYPOINTS,
    LABELS,
    OBJECTS,
    OUTLINES_OF_SKELETONS,
    PANOPTIC,
)
from dsk_coco.numbering import assign_ids, filled, renumber

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.output import WriteContext

__all__ = ["Joiner", "State"]

NO_IMAGE, NO_ANNOTATION = -1, 0
"""What stands for an id that is to be assigned."""

_PILES: dict[str, tuple[str, ...]] = {
    "instances": (OBJECTS, OUTLINES_OF_SKELETONS),
    "stuff": (OBJECTS, OUTLINES_OF_SKELETONS),
    "person_keypoints": (KEYPOINTS,),
    "captions": (CAPTIONS,),
    "labels": (LABELS,),
    "panoptic": (PANOPTIC,),
    "image_info": (),
}
_INFO = ("contributor", "date_created", "description", "url", "version", "year")
_OWN_KEYS = frozenset({"files", "tasks", "bare_captions", "images", "annotations", "categories"})


class State(Struct):
    """What a partition tells of its share of a subset.

    Attributes:
        image_ids: Id of each image, -1 if it has none.
        ids: By sort of records, the id of each; 0 if it has none.
        places: Objects have places for ids, see ``dsk_coco.numbering.PLACE``.
        images: By sort of records, the number of each one's image in ``image_ids``.
        numbers: The final ids of the images.
        numbered: The final ids of the records.
    """

    image_ids: NDArray[np.int64]
    ids: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    places: bool = False
    images: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    numbers: NDArray[np.int64] | None = None
    numbered: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def rewritten(self, pile: str, path: str) -> bytes | None:
        """Return a fragment's text with the final ids, or None when it has them already."""
        final = self.image_ids if self.numbers is None else self.numbers
        nameless = bool((self.image_ids == NO_IMAGE).all())
        if pile == "images":
            same = bool((final == self.image_ids).all())
            return None if same else renumber(_read(path), final, unset=nameless)
        owners = self.images[pile]
        images = final[owners]
        same = bool((images == self.image_ids[owners]).all())
        if pile == PANOPTIC:
            return None if same else renumber(_read(path), images)
        ids = self.numbered[pile]
        if same and (ids == self.ids[pile]).all():
            return None
        if self.places and pile == OBJECTS:
            return filled(_read(path), ids, images)
        unset = nameless and not self.ids[pile].any()
        return renumber(_read(path), ids, images, unset=unset)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a path of the staged output
        return file.read()


class Joiner:
    """Makes the annotation files.

    Args:
        header: The dataset's header.
        source: What the header keeps of a COCO source.
        categories: Category id by label index.
        ctx: Where the files go.
        reindex: Number everything from 1.
    """

    def __init__(
        self,
        header: Header,
        source: Mapping[str, Any],
        categories: Mapping[int | None, int | None],
        ctx: WriteContext,
        *,
        reindex: bool,
    ) -> None:
        self._header = header
        self._source = source
        self._categories = categories
        self._ctx = ctx
        self._reindex = reindex
        self._encode = msgspec.json.Encoder(enc_hook=plain_value).encode

    def number_images(self, states: Sequence[Mapping[str, State]], subsets: Sequence[str]) -> None:
        """Give images their ids: unique in each subset, new ones unique in the dataset."""
        greatest = max(
            (
                int(s.image_ids.max())
                for state in states
                for s in state.values()
                if len(s.image_ids)
            ),
            default=0,
        )
        following = max(greatest, 0)
        changed = 0
        for subset in subsets:
            mine = [state[subset] for state in states if subset in state]
            given = np.concatenate([s.image_ids for s in mine]) if mine else np.zeros(0, np.int64)
            numbers = assign_ids(given, NO_IMAGE, anew=self._reindex)
            new = numbers != given
            if not self._reindex and new.any():
                numbers[new] = np.arange(following + 1, following + 1 + np.count_nonzero(new))
                following += int(np.count_nonzero(new))
            changed += int(np.count_nonzero(new & (given != NO_IMAGE)))
            for state, part in zip(
                mine, _split(numbers, [len(s.image_ids) for s in mine]), strict=True
            ):
                state.numbers = part
        if changed:
            self._ctx.ledger.add("DSK-L015", "image ids", count=changed)

    def join_subset(
        self, subset: str, states: Sequence[State], tasks: Sequence[str] | None
    ) -> None:
        """Write all files of one subset."""
        self._number_records(states)
        if self._ctx.out.dry:
            return
        outlines = any(KEYPOINTS in state.ids for state in states)
        for task in self._wanted(states) if tasks is None else tasks:
            piles = [p for p in _PILES[task] if p != OUTLINES_OF_SKELETONS or outlines]
            self._file(task, subset, states, piles)

    def _wanted(self, states: Sequence[State]) -> Sequence[str]:
        """Return the tasks that hold everything there is."""
        piles = {name for state in states for name in state.ids}
        read = self._source.get("tasks") or ()
        objects = "stuff" if "stuff" in read and "instances" not in read else "instances"
        found = [
            task
            for task, pile in (
                (objects, OBJECTS),
                ("person_keypoints", KEYPOINTS),
                ("captions", CAPTIONS),
                ("labels", LABELS),
            )
            if pile in piles
        ]
        if "image_info" in read:
            return [*found, "image_info"]
        if found:
            return found
        first = [task for task in read if task != "panoptic"][:1]
        return first or ["instances" if self._header.categories.labels else "image_info"]

    def _number_records(self, states: Sequence[State]) -> None:
        """Find the final ids: objects are numbered together, whatever file they are in."""
        for sorts in ((OBJECTS, KEYPOINTS), (CAPTIONS,), (LABELS,)):
            mine = [(state, sort) for state in states for sort in sorts if sort in state.ids]
            if not mine:
                continue
            given = np.concatenate([state.ids[sort] for state, sort in mine])
            numbers = assign_ids(given, NO_ANNOTATION, anew=self._reindex)
            changed = int(np.count_nonzero((numbers != given) & (given != NO_ANNOTATION)))
            if changed:
                self._ctx.ledger.add("DSK-L015", "annotation ids", count=changed)
            sizes = [len(state.ids[sort]) for state, sort in mine]
            for (state, sort), part in zip(mine, _split(numbers, sizes), strict=True):
                state.numbered[sort] = part
        for state in states:
            if KEYPOINTS in state.numbered:
                state.numbered[OUTLINES_OF_SKELETONS] = state.numbered[KEYPOINTS]

    def _file(self, task: str, subset: str, states: Sequence[State], piles: Sequence[str]) -> None:
        head = self._encode(self._head(task, subset))[:-1]
        with self._ctx.out.open(f"annotations/{task}_{subset}.json") as file:
            file.write(head)
            file.write(b',"images":[' if len(head) > 1 else b'"images":[')
            self._records(file, subset, "images", states, first=True)
            file.write(b'],"annotations":[')
            first = True
            for pile in piles:
                holders = [state for state in states if pile in state.ids]
                self._records(file, subset, pile, holders, first=first)
                first = first and not holders
            file.write(b"]}")

    def _records(
        self, file: BinaryIO, subset: str, pile: str, states: Sequence[State], *, first: bool
    ) -> None:
        """Write the fragments of one sort; those whose ids are final are copied as they are."""
        paths = self._ctx.out.fragments(f"{subset}/{pile}")
        for state, path in zip(states, paths, strict=True):
            if not first:
                file.write(b",")
            first = False
            new = state.rewritten(pile, path)
            if new is None:
                _copy(path, file)
            else:
                file.write(new)

    def _head(self, task: str, subset: str) -> dict[str, Any]:
        """Return what stands before the images: facts of the source, and the categories."""
        source = self._source
        head: dict[str, Any] = {k: v for k, v in source.items() if k not in _OWN_KEYS}
        if source:
            changes = (source.get("files") or {}).get(f"{task}_{subset}") or {}
            head = {k: v for k, v in (head | changes).items() if v is not None}
        else:
            head = {
                "info": dict.fromkeys(_INFO, ""),
                "licenses": [{"name": "", "id": 0, "url": ""}],
            }
        if task != "captions" or not source.get("bare_captions"):
            head["categories"] = category_records(self._header.categories, self._categories, task)
        return head


def _copy(path: str, file: BinaryIO) -> None:
    """Append a file inside the kernel, where it can."""
    file.flush()
    with open(path, "rb", buffering=0) as reading:  # noqa: PTH123 - hot
        try:
            while os.copy_file_range(reading.fileno(), file.fileno(), 1 << 30):
                pass
        except OSError:  # not between these file systems
            pass
        # What the kernel did not copy goes the portable way; real errors show again here.
        shutil.copyfileobj(reading, file, 1 << 20)


def _split(values: NDArray[np.int64], sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    return np.split(values, np.cumsum(sizes)[:-1]) if sizes else []
