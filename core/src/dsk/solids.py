"""How much masks of volumes overlap, voxel by voxel."""

from __future__ import annotations

from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Mask3d
from dsk.media import Volume
from dsk.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem

    Ints = NDArray[np.int64]

__all__ = ["placed", "solid_overlaps"]


class _Solid(NamedTuple):
    """A mask's voxels.

    Attributes:
        runs: The voxels in the order of the last axis, the one before it …
        box: Their first and last places, (2, axes).
    """

    runs: Runs
    box: Ints

    def overlap(self, other: _Solid, least: float) -> float:
        """Return the intersection over union; 0 if it is less than ``least``."""
        one, two = self.runs, other.runs
        if one.size != two.size:
            return 0.0
        if not one.area or not two.area:
            return float(one.area == two.area)
        small, large = sorted((one.area, two.area))
        first, last = np.maximum(self.box[0], other.box[0]), np.minimum(self.box[1], other.box[1])
        room = min(small, prod(np.maximum(last - first + 1, 0).tolist()))
        if room < least * large:
            return 0.0
        common = one.common(two)
        return common / (one.area + two.area - common)


def placed(item: DatasetItem) -> Sequence[Annotation]:
    """Return an item's annotations; masks say themselves where their voxels are in space."""
    affine = item.media.affine if isinstance(item.media, Volume) else None
    if affine is None:
        return item.annotations
    return [
        replace(a, affine=affine) if isinstance(a, Mask3d) and a.affine is None else a
        for a in item.annotations
    ]


def solid_overlaps(
    annotations: Sequence[Annotation], sides: Sequence[int], least: float
) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of masks of volumes that overlap so much at least.

    Volumes of different orientation are turned, by right angles, if all say where they are. Those
    that differ in size do not overlap, empty masks of one size do.

    Args:
        annotations: Annotations of one item in several datasets; other kinds are passed over.
        sides: What each of them belongs to; those of the same are not compared.
        least: The least intersection over union, more than 0.

    Raises:
        InputError: A volume cannot be read.
    """
    found = {n: a for n, a in enumerate(annotations) if isinstance(a, Mask3d)}
    if len({sides[n] for n in found}) < 2:
        return
    solids = _solids(found)
    for n, m in combinations(solids, 2):
        if sides[n] != sides[m]:
            share = solids[n].overlap(solids[m], least)
            if share >= least:
                yield n, m, share


def _solids(found: Mapping[int, Mask3d]) -> dict[int, _Solid]:
    """Return the voxels of masks by number; each volume is read once, one after the other."""
    turn = all(a.affine is not None for a in found.values())
    sources: dict[tuple[int, tuple[float, ...] | None], list[int]] = {}
    for n, a in found.items():
        sources.setdefault((id(a.source), a.affine), []).append(n)
    solids = {}
    for (_, affine), numbers in sources.items():
        volume = np.asarray(found[numbers[0]].source[...])
        if turn and affine is not None:
            volume = _turned(volume, affine)
        flat = volume.reshape(-1)
        cuts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        edges = np.concatenate(([0], cuts, [flat.size])) if flat.size else np.zeros(1, np.int64)
        values = flat[edges[:-1]]
        for n in numbers:
            value = found[n].value
            mine = np.flatnonzero(values != 0 if value is None else values == value)
            solids[n] = _solid(volume.shape, edges[mine], edges[mine + 1])
    return dict(sorted(solids.items()))


def _solid(shape: tuple[int, ...], starts: Ints, stops: Ints) -> _Solid:
    """Return what runs of voxels stand for, which may be empty."""
    counts = np.diff(np.stack([starts, stops], axis=1).reshape(-1), prepend=0)
    runs = Runs.of(shape, counts)
    if not len(starts):
        return _Solid(runs, np.zeros((2, len(shape)), np.int64))
    first = np.array(np.unravel_index(starts, shape))
    last = np.array(np.unravel_index(stops - 1, shape))
    box = np.stack([first.min(axis=1), last.max(axis=1)])
    # A run that goes on in another row covers the rows' ends.
    over = np.logical_or.accumulate((first != last).any(axis=1))[:-1]
    box[0, 1:][over] = 0
    box[1, 1:][over] = np.array(shape[1:])[over] - 1
    return _Solid(runs, box)


def _turned(volume: NDArray[Any], affine: tuple[float, ...]) -> NDArray[Any]:
    """Return a volume with its axes along right, anterior and superior, as nearly as they are."""
    columns = np.reshape(np.array(affine, np.float64), (4, 4))[:3, :3]
    along = np.abs(columns).argmax(axis=0).tolist()
    if volume.ndim != 3 or sorted(along) != [0, 1, 2]:
        return volume
    order = [along.index(axis) for axis in range(3)]
    back = tuple(axis for axis, own in enumerate(order) if columns[axis, own] < 0)
    return np.flip(volume.transpose(order), back)
