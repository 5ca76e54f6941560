"""Running items through transforms, counting what goes in, comes out and disappears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.flow import Header, Rearrangement, Transform
from dsk.item import DatasetItem
from dsk.lfs import explaining
from dsk.loss import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dsk.flow import Source

__all__ = ["FunctionTransform", "SelectTransform", "headers", "iterate", "plan", "run_steps"]


class FunctionTransform(Transform):
    """A plain function as a step: item → item, items or None."""

    def __init__(self, function: Callable[[DatasetItem], Any]) -> None:
        self._function = function

    def apply(self, item: DatasetItem, ledger: Ledger) -> Any:
        """Call the function; how it changed the number of annotations is seen from its result."""
        result = self._function(item)
        if result is None:
            return None
        results = [result] if isinstance(result, DatasetItem) else list(result)
        change = sum(len(r.annotations) for r in results) - len(item.annotations)
        if change:
            code, did = ("DSK-L013", "added") if change > 0 else ("DSK-L019", "removed")
            what = f"annotations {did} by a function"
            ledger.add_at(code, what, item, count=abs(change))
        return results


class SelectTransform(Transform):
    """Keeps the items for which a function is true."""

    def __init__(self, predicate: Callable[[DatasetItem], Any]) -> None:
        self._predicate = predicate

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:  # noqa: ARG002
        """Keep or remove the item."""
        return item if self._predicate(item) else None


def count_in(items: Iterable[DatasetItem], ledger: Ledger) -> Iterator[DatasetItem]:
    """Count what enters."""
    with explaining():
        for item in items:
            ledger.items_in += 1
            ledger.annotations_in += len(item.annotations)
            yield item


def run_steps(
    items: Iterable[DatasetItem], steps: Sequence[Transform], ledger: Ledger
) -> Iterator[DatasetItem]:
    """Chain the steps, lazily."""
    for step in steps:
        items = _run_step(items, step, ledger)
    return iter(items)


def _run_step(
    items: Iterable[DatasetItem], step: Transform, ledger: Ledger
) -> Iterator[DatasetItem]:
    name = type(step).__name__
    for item in items:
        result = step.apply(item, ledger)
        if isinstance(result, DatasetItem):
            yield result
        elif result is None:
            ledger.add_at("DSK-L020", f"item removed by {name}", item)
            if item.annotations:
                gone = len(item.annotations)
                what = f"with items removed by {name}"
                ledger.add_at("DSK-L019", what, item, count=gone)
        else:
            yield from result


def headers(header: Header, steps: Sequence[Transform]) -> Header:
    """Return the header after all steps."""
    for step in steps:
        header = step.header(header)
    return header


def plan(
    source: Source, steps: Sequence[Transform], ledger: Ledger
) -> tuple[Source, tuple[Transform, ...]]:
    """Let every step that needs it look at the whole dataset as the steps before it leave it.

    Returns:
        Where to read from and the steps that are left: after a ``Rearrangement`` that is the
        rearranged dataset, and the ledger has counted what went into it.
    """
    headers(source.header, steps)
    before: list[Transform] = []
    for step in steps:
        if step.needs_plan:
            step.plan(_seen_by(step, source, before, ledger))
            headers(source.header, steps)  # what it found may change what the later ones are told
        if isinstance(step, Rearrangement):
            from dsk.arranging import ArrangedSource

            source, before = ArrangedSource(source, before, step, ledger), []
        else:
            before.append(step)
    return source, tuple(before)


def _seen_by(
    step: Transform, source: Source, before: Sequence[Transform], ledger: Ledger
) -> Iterator[DatasetItem]:
    # What these passes report is reported again when the items are read for good.
    aside = Ledger(ledger.on_error)
    read = source.read
    if step.plan_on == "ids":
        before = [other for other in before if not other.keeps_ids]
        read = source.index if not before else source.read
    light = (item for partition in source.partitions() for item in read(partition, aside))
    return run_steps(light, before, aside)


def iterate(
    source: Source, partition: Any, steps: Sequence[Transform], ledger: Ledger
) -> Iterator[DatasetItem]:
    """Yield one partition's items after all steps."""
    items = source.read(partition, ledger)
    return run_steps(items if source.replays else count_in(items, ledger), steps, ledger)
