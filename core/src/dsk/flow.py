"""The contracts of the flow: Importer → Source → Transform → Exporter, over partitions.

A dataset is a lazy, re-iterable sequence of items in partitions. A partition is a small picklable
description (a slice of names, a range of an index). One item belongs to exactly one partition, and
the partitions do not depend on the number of workers, so the output is the same for any engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from dsk.categories import Categories
from dsk.descriptors import Capabilities
from dsk.item import DEFAULT_SUBSET
from dsk.loss import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.columns import BoxColumns
    from dsk.files import InputRoot
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = [
    "HEAVY_ITEMS",
    "PARTITION_ITEMS",
    "Detection",
    "Exporter",
    "Header",
    "Importer",
    "ListSource",
    "Rearrangement",
    "Source",
    "Transform",
    "packed",
    "slices",
    "spans",
]

PARTITION_ITEMS = 1024
"""How many items a partition holds, where nothing speaks for another number."""

HEAVY_ITEMS = 32
"""How many items a partition holds where each takes a millisecond or more: so a thousand pictures
are work for many processors. Partitions of light items would take longer for being small."""


def spans(count: int, size: int = PARTITION_ITEMS) -> list[tuple[int, int]]:
    """Cut a list into partitions.

    Args:
        count: The length of the list.
        size: How many elements a partition shall have, see ``Source.partition_items``.

    Returns:
        The first element and the one behind the last, for each partition.
    """
    return [(start, min(start + size, count)) for start in range(0, count, size)]


def slices(counts: Iterable[int], size: int = PARTITION_ITEMS) -> list[tuple[int, int, int]]:
    """Cut several lists into partitions.

    Args:
        counts: The length of each list.
        size: How many elements a partition shall have, see ``Source.partition_items``.

    Returns:
        The number of the list, the first element and the one behind the last, for each partition.
    """
    return [(number, *span) for number, count in enumerate(counts) for span in spans(count, size)]


def packed(counts: Iterable[int], size: int = PARTITION_ITEMS) -> list[list[tuple[int, int, int]]]:
    """Cut several lists into partitions that go from one into the next: they may be short.

    Args:
        counts: The length of each list.
        size: How many elements a partition shall have, see ``Source.partition_items``.

    Returns:
        For each partition what ``slices`` gives for one.
    """
    parts: list[list[tuple[int, int, int]]] = []
    room = 0
    for number, count in enumerate(counts):
        start = 0
        while start < count:
            if not room:
                parts.append([])
                room = size
            stop = min(count, start + room)
            parts[-1].append((number, start, stop))
            room -= stop - start
            start = stop
    return parts


class Header(Struct, frozen=True):
    """What is known of a dataset before any item is read.

    Attributes:
        categories: Its labels.
        media: Media kinds of its items.
        subsets: Its subsets' names, in the order of the source; empty when not known.
        items: How many items there are, or None; for progress only.
        info: Facts about the whole dataset, by format family: ``{"coco": {"info": …}}``.
    """

    categories: Categories = Categories()
    media: frozenset[str] = frozenset({"image"})
    subsets: tuple[str, ...] = ()
    items: int | None = None
    info: dict[str, Any] = {}


class Detection(Struct, frozen=True):
    """A detector's answer for a path.

    Attributes:
        score: 0–100. 90: the content proves it. 70: layout and content fit. 40: only names fit.
            10: fits because nearly anything does (a folder of images).
        reason: What was found, in few words.
        options: Importer options that the findings call for.
    """

    score: int
    reason: str
    options: dict[str, Any] = {}


class Source(ABC):
    """An opened dataset. Reading it twice gives the same items in the same order."""

    header: Header

    other_places: Sequence[str] = ()
    """Absolute paths that it reads beside the one it was opened from; no export replaces them."""

    written_as: str = ""
    """The format of what it is made of, where that of its importer cannot be written."""

    replays: ClassVar[bool] = False
    """Whether its items were counted before, when they were put in order."""

    partition_items: int = PARTITION_ITEMS
    """How many items ``partitions`` shall put into one. A source whose items take a millisecond
    each (pixels, points, a file of many objects) has ``HEAVY_ITEMS``; core asks for as few where a
    step or the exporter is heavy. One whose partitions are given by its files need not follow."""

    finite: ClassVar[bool] = False
    """Whether it refuses coordinates that are NaN or infinite: then no target looks for them again,
    unless a step lies between."""

    @abstractmethod
    def partitions(self) -> Sequence[Any]:
        """Return picklable descriptions of parts, in the order of the items."""

    @abstractmethod
    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items of one partition.

        Bad records go to ``ledger.bad_record(RecordError(…))``, which raises or counts them.
        """

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield the items with id, subset, attributes and media, maybe without annotations.

        For planning steps that need no more (``Transform.plan_on``). A source overrides it when
        annotations are what costs.
        """
        return self.read(partition, ledger)

    def columns(
        self,
        partition: Any,  # noqa: ARG002
        ledger: Ledger,  # noqa: ARG002
        *,
        outlines: bool,  # noqa: ARG002
        family: str,  # noqa: ARG002
    ) -> BoxColumns | None:
        """Return one partition with its plain boxes as columns, or None to have it read.

        A source overrides it when many boxes are what costs, see ``dsk.columns``. What it reports
        it must not have reported when it returns None.

        Args:
            partition: As for ``read``.
            ledger: As for ``read``.
            outlines: Whether outlines become boxes: those whose box the source states may then be
                rows too, marked as ``outlined``.
            family: The family whose fields the target keeps, "*" for all: items need no others in
                their ``extra`` if ``BoxColumns.unread`` names them.
        """
        return None

    def close(self) -> None:
        """Release files and maps."""

    def __iter__(self) -> Iterator[DatasetItem]:
        ledger = Ledger()
        for partition in self.partitions():
            yield from self.read(partition, ledger)


def _fitted(item: DatasetItem) -> DatasetItem:
    # Datumaro's users give numbers for ids, and None for the subset that has no name.
    name = str(item.id).replace("\\", "/")
    if item.subset and name == item.id:
        return item
    return replace(item, id=name, subset=item.subset or DEFAULT_SUBSET)


class ListSource(Source):
    """A dataset held in memory.

    As of any source, its ids are text with slashes, and its subsets have names: what is not so
    becomes so.
    """

    def __init__(self, items: Iterable[DatasetItem], header: Header) -> None:
        self.items = [_fitted(item) for item in items]
        subsets = tuple(dict.fromkeys(item.subset for item in self.items))
        media = frozenset(i.media.kind for i in self.items if i.media is not None)
        self.header = Header(
            categories=header.categories,
            media=media or header.media,
            subsets=subsets,
            items=len(self.items),
            info=header.info,
        )

    def partitions(self) -> Sequence[Any]:
        """Return slices of the list."""
        return spans(len(self.items), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:  # noqa: ARG002
        """Yield a slice."""
        start, stop = partition
        return iter(self.items[start:stop])


class Importer(ABC):
    """Opens datasets of one format.

    A subclass takes its options as keyword-only parameters of ``__init__``, the same as its
    descriptor declares. It must not import heavy libraries before ``open``.
    """

    only_columns: bool = False
    """Set by core before ``open``: whether this process will ask for the ``columns`` of all
    partitions, with outlines as boxes, and most likely for nothing else. What indexing decodes
    anyway is then worth keeping; many processes would rather decode it again side by side."""

    @abstractmethod
    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """Open a dataset: find its files, read what the header needs, index what is large.

        Raises:
            InputError: It cannot be read.
        """


class Transform(ABC):
    """A dataset-to-dataset step: a pure function of an item, after an optional planning pass.

    A subclass takes its options as keyword-only parameters of ``__init__``. After ``plan`` its
    state must be picklable.
    """

    heavy: ClassVar[bool] = False
    """Whether an item takes a millisecond or more, as pixels do: partitions are small then."""

    needs_plan: ClassVar[bool] = False
    """Whether ``plan`` must see the whole dataset first."""

    plan_on: Literal["ids", "items"] = "items"
    """What ``plan`` looks at: whole items, or "ids": id, subset, attributes and media of them."""

    keeps_ids: ClassVar[bool] = False
    """Whether it changes only annotations: steps that plan on ids need not run it before."""

    def header(self, header: Header) -> Header:
        """Return the header after this step; called once, before ``plan`` and any item."""
        return header

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Look at the whole dataset, as the steps before leave it."""

    @abstractmethod
    def apply(
        self, item: DatasetItem, ledger: Ledger
    ) -> DatasetItem | Iterable[DatasetItem] | None:
        """Return the changed item, several items, or None to remove it.

        What it removes or loses it reports to the ledger (DSK-L019 for annotations removed on
        request). A removed item is counted by core, its annotations too.
        """


class Rearrangement(Transform):
    """A step that changes the order of items or makes one of several, so it needs them all first.

    Core keeps the items in a temporary file meanwhile, see ``dsk.arranging``.
    """

    @abstractmethod
    def key(self, item: DatasetItem) -> Any:
        """Return what items are sorted by; items with equal keys keep their order and form a group.

        The keys of all items must be comparable with one another.
        """

    def join(self, items: list[DatasetItem], ledger: Ledger) -> Iterable[DatasetItem]:  # noqa: ARG002
        """Return what becomes of a group; by default the items as they are.

        Items and annotations that go are reported as in ``apply``.
        """
        return items

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:  # noqa: ARG002
        """Return the item: what this step does, it does in ``join``."""
        return item


class Exporter(ABC):
    """Writes datasets of one format.

    A subclass takes its options as keyword-only parameters of ``__init__``, the same as its
    descriptor declares. ``begin`` and ``finish`` run once, in the main process; ``write`` runs once
    per partition, maybe in another process, on a copy of the exporter as ``begin`` left it. Items
    that reach ``write`` have been adapted to ``capabilities``.
    """

    heavy: ClassVar[bool] = False
    """Whether an item takes a millisecond or more, as pixels do: partitions are small then."""

    takes_columns: ClassVar[bool] = False
    """Whether ``write`` makes use of ``dsk.columns.BoxColumns``: its ``items`` may then be that."""

    def capabilities(self, header: Header) -> Capabilities | None:  # noqa: ARG002
        """Narrow the declared capabilities to these options and this dataset; None: as declared."""
        return None

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """Prepare the output; check what can be checked before any item is read."""

    @abstractmethod
    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Any:
        """Write one partition and return a small picklable state for ``finish``.

        It touches only files of its own items, and fragments (``ctx.fragment``).
        """

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """Join what the partitions left: lists, fragments, tables. States are in item order."""
