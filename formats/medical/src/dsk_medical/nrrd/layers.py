"""Objects spread over layers so that none hides another."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Annotation, Mask3d
from dsk_medical.cases.writing import Composed, compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["Layer", "arrange"]


class Layer:
    """Objects that do not overlap.

    Attributes:
        composed: Their label volume.
        objects: Their masks by value.
        shape: (i, j, k).
    """

    def __init__(self, composed: Composed, objects: dict[int, list[Annotation]]) -> None:
        self.composed = composed
        self.objects = objects
        self.shape = composed.composer.shape

    def slices(self, dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        """Yield the slices of the label volume."""
        return self.composed.composer.slices(dtype)


def arrange(
    ctx: WriteContext, item: DatasetItem, objects: list[list[Annotation]], *, policy: str
) -> list[Layer]:
    """Return as few layers as a simple search finds; one if nothing overlaps.

    What cannot be written goes to the ledger, once.

    Args:
        ctx: Where losses go.
        item: The item.
        objects: The masks of each object.
        policy: See ``align.POLICIES``.

    Raises:
        MediaError: A source is damaged.
    """
    parts = _sources(objects)
    layers = [_layer(ctx, item, part, policy) for part in parts]
    good = [layer for layer in layers if layer is not None]
    if len(good) < 2:
        return good
    clash = _clashes(good)
    bins: list[list[int]] = []
    for n in range(len(good)):
        fit = next((b for b in bins if not any((min(n, m), max(n, m)) in clash for m in b)), None)
        if fit is None:
            bins.append([n])
        else:
            fit.append(n)
    if len(bins) == len(good):
        return good
    quiet = _Quiet()
    done = []
    for b in bins:
        together = [members for n in b for members in good[n].objects.values()]
        layer = _layer(quiet, item, _valued(together), policy)  # type: ignore[arg-type]
        assert layer is not None
        done.append(layer)
    return done


class _Quiet:
    """A context for composing again what was reported before."""

    def __init__(self) -> None:
        from dsk.loss import Ledger

        self.ledger = Ledger(on_error="skip")


def _sources(objects: list[list[Annotation]]) -> list[dict[int, list[Annotation]]]:
    """Part the objects by the label volume they are in, where they do not overlap."""
    parts: dict[Any, list[list[Annotation]]] = {}
    for n, members in enumerate(objects):
        a = members[0]
        shared = isinstance(a, Mask3d) and a.value is not None
        key = ("shared", id(a.source), a.affine) if shared else ("own", n)  # type: ignore[attr-defined]
        parts.setdefault(key, []).append(members)
    return [_valued(part) for part in parts.values()]


def _valued(objects: list[list[Annotation]]) -> dict[int, list[Annotation]]:
    """Give each object a value: the one it has in its source if no other has it."""
    values: dict[int, list[Annotation]] = {}
    rest = []
    for members in objects:
        a = members[0]
        wish = a.attributes.get("object_value", getattr(a, "value", None))
        good = isinstance(wish, int) and not isinstance(wish, bool) and 0 < wish < 1 << 31
        if good and wish is not None and wish not in values:
            values[wish] = members
        else:
            rest.append(members)
    number = 1
    for members in rest:
        while number in values:
            number += 1
        values[number] = members
    return values


def _layer(
    ctx: WriteContext, item: DatasetItem, objects: dict[int, list[Annotation]], policy: str
) -> Layer | None:
    values = {id(a): value for value, members in objects.items() for a in members}
    annotations = [a for members in objects.values() for a in members]
    part = item.replace(annotations=annotations)
    composed = compose(ctx, part, lambda a: values[id(a)], policy=policy)
    return Layer(composed, objects) if composed is not None and composed.count else None


def _clashes(layers: list[Layer]) -> set[tuple[int, int]]:
    """Return the pairs of layers that overlap, read together slice by slice."""
    clash: set[tuple[int, int]] = set()
    streams = [layer.slices(layer.composed.composer.dtype) for layer in layers]
    pairs = list(combinations(range(len(layers)), 2))
    for pieces in zip(*streams, strict=True):
        there = [piece != 0 for piece in pieces]
        busy = [mask.any() for mask in there]
        for a, b in pairs:
            if busy[a] and busy[b] and (a, b) not in clash and (there[a] & there[b]).any():
                clash.add((a, b))
    return clash
