"""Several datasets as one: labels by name, items by id and subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.arranging import ArrangedSource
from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.flow import Header, ListSource, Rearrangement, Source
from dsk.loss import Ledger
from dsk.media import Image
from dsk.steps import headers, iterate, run_steps
from dsk_project.contents import content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.flow import Transform
    from dsk.item import DatasetItem
    from dsk.media import Media

__all__ = ["Chain", "JoinItems", "arranged", "join", "joined", "meet", "origin_of"]

_ORIGIN = "dsk_project_origin"
"""Where ``extra`` has the number of an item's dataset until ``JoinItems`` has seen it."""


def join(*datasets: Dataset) -> Dataset:
    """Return several datasets as one.

    Labels of the same name are one, and so are items with the same id and subset: what is in
    several is there once, of what differs the first dataset's stays, which is reported.

    Args:
        datasets: Read when the result is, each with its transforms; their ids, if there are two or
            more, now.
    """
    return _made(datasets, joined)


def arranged(datasets: Sequence[Dataset], how: JoinItems) -> Dataset:
    """Return several datasets as one in which a ``JoinItems`` has seen all items, in its order.

    Args:
        datasets: They are read now, each with its transforms.
        how: What becomes of items with the same id and subset.
    """

    def source_of(
        sources: Sequence[Source], ledger: Ledger, steps: Sequence[Sequence[Transform]]
    ) -> Source:
        chain = CountedChain(sources, ledger, steps)
        chain.marks = True
        return ArrangedSource(chain, (), how, ledger)

    return _made(datasets, source_of)


def _made(
    datasets: Sequence[Dataset],
    source_of: Callable[[list[Source], Ledger, list[tuple[Transform, ...]]], Source],
) -> Dataset:
    """Return a dataset of what a function makes of sources and the steps that they go through."""
    ledger = Ledger("skip" if any(one.on_error == "skip" for one in datasets) else "raise")
    planned = []
    for dataset in datasets:
        planned.append(dataset.planned())
        ledger.merge(dataset.opening_ledger)
        ledger.merge(dataset.planning_ledger)
    sources, steps = [source for source, _ in planned], [todo for _, todo in planned]
    made = Dataset(source_of(sources, ledger, steps), on_error=ledger.on_error)
    made.opening_ledger = ledger
    made.places = tuple(place for dataset in datasets for place in dataset.places)
    return made


def joined(
    sources: Sequence[Source],
    ledger: Ledger,
    steps: Sequence[Sequence[Transform]] = (),
    updates: Sequence[bool] = (),
) -> Source:
    """Return several sources as one; they are read now if they have items in common.

    Args:
        sources: What to join.
        ledger: For what is found.
        steps: Planned steps that the items of each source go through first.
        updates: Which sources' items take the place of those before.
    """
    if not sources:
        return ListSource((), Header())
    if len(sources) == 1 and not any(steps):
        return sources[0]
    if any(steps) or any(source.replays for source in sources):
        chain: Chain = CountedChain(sources, ledger, steps or [()] * len(sources))
    else:
        chain = Chain(sources, ledger)
    # What this pass finds, the one that reads the items tells.
    if not meet(chain, Ledger(ledger.on_error)):
        return chain
    updating = frozenset(number for number, new in enumerate(updates) if new)
    chain.marks = bool(updating)
    return ArrangedSource(chain, (), JoinItems(updating), ledger)


class Chain(Source):
    """Datasets one after the other.

    Args:
        sources: The datasets.
        ledger: Told of facts about whole datasets that differ: those of the first one are kept.
    """

    marks: bool = False
    """Whether items carry the number of their dataset, see ``origin_of``."""

    def __init__(self, sources: Sequence[Source], ledger: Ledger) -> None:
        self._sources = sources
        self._sizes = [source.partition_items for source in sources]
        found = self._headers()
        categories = Categories()
        self._labels: list[Mapping[int, int] | None] = []
        for header in found:
            own = header.categories
            categories, moved = categories.merged(own)
            _tell_labels(own, categories, moved, ledger)
            unmoved = all(old == new for old, new in moved.items())
            self._labels.append(None if unmoved else moved)
        counts = [header.items for header in found]
        known = all(header.subsets for header in found)
        self.header = Header(
            categories=categories,
            media=frozenset().union(*(header.media for header in found)),
            subsets=tuple(dict.fromkeys(n for h in found for n in h.subsets)) if known else (),
            items=sum(n or 0 for n in counts) if None not in counts else None,
            info=_joined_info([header.info for header in found], ledger),
        )

    def _headers(self) -> list[Header]:
        return [source.header for source in self._sources]

    def partitions(self) -> Sequence[Any]:
        """Return (dataset, its partition)."""
        for source, size in zip(self._sources, self._sizes, strict=True):
            source.partition_items = min(size, self.partition_items)
        return [(n, part) for n, source in enumerate(self._sources) for part in source.partitions()]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield items with the labels of all datasets."""
        number, part = partition
        return self._marked(number, self._sources[number].read(part, ledger))

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.index``."""
        number, part = partition
        return self._labelled(number, self._sources[number].index(part, ledger))

    def _marked(self, number: int, items: Iterable[DatasetItem]) -> Iterator[DatasetItem]:
        labelled = self._labelled(number, items)
        if not self.marks:
            return labelled
        return (replace(i, extra={**(i.extra or {}), _ORIGIN: number}) for i in labelled)

    def _labelled(self, number: int, items: Iterable[DatasetItem]) -> Iterator[DatasetItem]:
        moved = self._labels[number]
        if moved is None:
            return iter(items)
        return (replace(i, annotations=_relabelled(i.annotations, moved)) for i in items)

    def close(self) -> None:
        """Release what the datasets hold."""
        for source in self._sources:
            source.close()


class CountedChain(Chain):
    """Datasets one after the other, each after steps of its own.

    It counts what goes into the steps, and not again what was put in order, and so was counted.

    Args:
        sources: The datasets.
        ledger: See ``Chain``.
        steps: Planned steps that the items of each dataset go through first.
    """

    replays = True

    def __init__(
        self, sources: Sequence[Source], ledger: Ledger, steps: Sequence[Sequence[Transform]]
    ) -> None:
        self._steps = steps
        super().__init__(sources, ledger)

    def _headers(self) -> list[Header]:
        pairs = zip(super()._headers(), self._steps, strict=True)
        # Steps may drop and move items.
        return [
            replace(headers(header, todo), items=None, subsets=()) if todo else header
            for header, todo in pairs
        ]

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield items with the labels of all datasets, counting those of the datasets."""
        number, part = partition
        items = iterate(self._sources[number], part, self._steps[number], ledger)
        return self._marked(number, items)

    def index(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.index``."""
        number, part = partition
        source, todo = self._sources[number], self._steps[number]
        if not todo:
            return super().index(partition, ledger)
        return self._labelled(number, run_steps(source.read(part, ledger), todo, ledger))


def _tell_labels(
    own: Categories, joined: Categories, moved: Mapping[int, int], ledger: Ledger
) -> None:
    """Tell of facts about a source's labels that differ from those of a source before it."""
    for number, label in enumerate(own.labels):
        at = moved[number]
        facts = (
            ("keypoints", own.points.get(number), joined.points.get(at)),
            ("colour", own.colors.get(number), joined.colors.get(at)),
            ("fields", label.extra, joined.labels[at].extra),
        )
        for what, mine, kept in facts:
            if mine is not None and mine != kept:
                text = f"{what} of labels of a further source, which differ"
                ledger.add("DSK-L010", text)


def _relabelled(annotations: Iterable[Annotation], moved: Mapping[int, int]) -> list[Annotation]:
    return [a if a.label is None else replace(a, label=moved[a.label]) for a in annotations]


def _joined_info(infos: Sequence[Mapping[str, Any]], ledger: Ledger) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for info in infos:
        for family, facts in info.items():
            if joined.setdefault(family, facts) != facts:
                ledger.add("DSK-L011", f"{family} facts of a further source")
    return joined


def meet(source: Source, ledger: Ledger) -> bool:
    """Tell whether two items of a dataset have the same id and subset.

    Args:
        source: The dataset, of which only an index is read, where it has one.
        ledger: For what reading finds.
    """
    seen: list[NDArray[np.int64]] = []
    for partition in source.partitions():
        keys = (hash((item.subset, item.id)) for item in source.index(partition, ledger))
        seen.append(np.fromiter(keys, np.int64))
    found = np.sort(np.concatenate(seen)) if seen else np.zeros(0, np.int64)
    return bool((found[1:] == found[:-1]).any())


def origin_of(item: DatasetItem) -> int:
    """Return the number of an item's dataset, -1 if it carries none."""
    number = (item.extra or {}).get(_ORIGIN, -1)
    return number if isinstance(number, int) else -1


class JoinItems(Rearrangement):
    """Makes one item of those with the same id and subset, in the order of subsets and ids.

    Args:
        updating: Numbers of the datasets whose items take the place of those before.
    """

    def __init__(self, updating: frozenset[int] = frozenset()) -> None:
        self._updating = updating

    def key(self, item: DatasetItem) -> tuple[str, str]:
        """Return subset and id."""
        return item.subset, item.id

    def join(self, items: list[DatasetItem], ledger: Ledger) -> list[DatasetItem]:
        """Join items: of what differs the first one's stays."""
        items = self._standing(items, ledger)
        annotations = self.annotations(items, ledger)
        first, *others = items = [_unmarked(item) for item in items]
        if not others:
            return [replace(first, annotations=annotations)]
        attributes, extra = dict(first.attributes), dict(first.extra or {})
        for item in others:
            ledger.add_at("DSK-L020", "item of a further source joins its namesake", item)
            for name, value in item.attributes.items():
                if attributes.setdefault(name, value) != value:
                    what = f"item attribute {name} of a further source, which differs"
                    ledger.add_at("DSK-L009", what, item)
            for family, fields in (item.extra or {}).items():
                if extra.setdefault(family, fields) != fields:
                    ledger.add_at("DSK-L011", f"{family} fields of a further source", item)
        return [
            replace(
                first,
                media=_best(items, ledger),
                annotations=annotations,
                attributes=attributes,
                extra=extra or None,
            )
        ]

    def annotations(self, items: Sequence[DatasetItem], ledger: Ledger) -> list[Annotation]:
        """Return the annotations of the item that others become: what several have is there once.

        Args:
            items: Those with one id and subset, in the order of their datasets; at least one.
            ledger: For what becomes of annotations.
        """
        found = list(items[0].annotations)
        for item in items[1:]:
            found += _new(found, item, ledger)
        return found

    def _standing(self, items: list[DatasetItem], ledger: Ledger) -> list[DatasetItem]:
        """Leave out the items that a later one takes the place of; of these a medium may stay."""
        at = max(
            (n for n, item in enumerate(items) if origin_of(item) in self._updating), default=0
        )
        newest, before = items[at], items[:at]
        for item in before:
            ledger.add_at("DSK-L020", "item takes the place of that of an earlier source", item)
            if item.annotations:
                what = "annotations of an earlier source, which are replaced"
                ledger.add_at("DSK-L019", what, item, count=len(item.annotations))
        media = [item.media for item in (newest, *reversed(before)) if item.media is not None]
        best = next((medium for medium in media if medium.exists), media[0] if media else None)
        return [replace(newest, media=best) if before else newest, *items[at + 1 :]]


def _unmarked(item: DatasetItem) -> DatasetItem:
    """Return an item without the number of its dataset."""
    if origin_of(item) < 0:
        return item
    extra = {family: fields for family, fields in (item.extra or {}).items() if family != _ORIGIN}
    return replace(item, extra=extra or None)


def _new(known: list[Annotation], item: DatasetItem, ledger: Ledger) -> list[Annotation]:
    """Return the annotations of an item that are not known yet, their groups kept apart."""
    used = max((a.group for a in known), default=0)
    # What has no counterpart of its kind need not be decoded to be new.
    kinds = {*map(type, known)} & {*map(type, item.annotations)}
    contents = {content_of(a) for a in known if type(a) in kinds}
    found = []
    for a in item.annotations:
        if type(a) in kinds and content_of(a) in contents:
            ledger.add_at("DSK-L014", "annotation that several sources have", item, a)
        else:
            found.append(replace(a, group=a.group + used) if a.group and used else a)
    return found


def _best(items: Sequence[DatasetItem], ledger: Ledger) -> Media | None:
    """Return the first medium that can be had, else the first that is named; tell of others.

    Those of the same kind and file name are the same one. The size of an image may be known to any.
    """
    named = [(item.media, item) for item in items if item.media is not None]
    if not named:
        return None
    best = next((medium for medium, _ in named if medium.exists), named[0][0])
    for medium, item in named:
        if (medium.kind, _file(medium)) != (best.kind, _file(best)):
            ledger.add_at("DSK-L016", "medium of a further source, which is another one", item)
        elif isinstance(best, Image) and isinstance(medium, Image) and best.size is None:
            best = replace(best, size=medium.size)
    return best


def _file(medium: Media) -> str:
    return medium.path.rpartition("/")[2]
