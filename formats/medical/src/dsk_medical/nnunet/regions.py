"""Regions: labels of nnU-Net that stand for several values, so that masks may overlap.

While items are written, a label volume holds a bit for each label. When all combinations are known
they are numbered, and the label volumes are written anew with the numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.item import DatasetItem
from dsk.media import Media
from dsk.staging import FRAGMENTS
from dsk_medical.cases.channels import Stored
from dsk_medical.cases.storing import write_array
from dsk_medical.volume import geometry
from dsk_medical.volume.arrays import LazyVolume
from dsk_medical.volume.labels import distinct
from dsk_medical.volume.nifti import header_of, make_header, open_nifti, volume_of, write_nifti

if TYPE_CHECKING:
    from dsk.output import WriteContext
    from dsk_medical.cases.writing import Composed

__all__ = ["MOST_LABELS", "Regions", "ValuesView", "save_bits", "save_numbered"]

MOST_LABELS = 31
"""Bits of the type in which combinations are noted."""

_BITS = np.dtype(np.int32)


def save_bits(ctx: WriteContext, made: Composed, name: str) -> set[int]:
    """Note a label volume whose values are bits, to be numbered later.

    Args:
        ctx: Where it goes.
        made: The label volume.
        name: Name of the file that it will become.

    Returns:
        The combinations that occur, 0 among them.
    """
    found: set[int] = set()
    grid = made.grid
    made.composer.joined = True

    def noted() -> Iterator[NDArray[Any]]:
        for piece in made.composer.slices(_BITS):
            found.update(distinct(piece))
            yield piece

    affine = geometry.matrix(grid.affine)
    header = make_header(made.composer.shape, _BITS, affine, like=header_of(grid))
    write_nifti(ctx.out.open, _noted(name), header, noted())
    return found


def _noted(name: str) -> str:
    return f"{FRAGMENTS}/{name}/bits.nii"


class Regions(NamedTuple):
    """How combinations of labels are numbered.

    Attributes:
        labels: ``labels`` of the dataset.json, the largest regions first.
        order: Its ``regions_class_order``; none if no labels overlap.
        numbers: The number of each combination of bits.
        nested: Whether, of regions that overlap, one always lies in the other.
    """

    labels: dict[str, Any]
    order: list[int]
    numbers: dict[int, int]
    nested: bool

    @classmethod
    def of(cls, combinations: Iterable[int], names: Sequence[str], ignore: str) -> Regions:
        """Number combinations.

        Args:
            combinations: Those that occur, as bits.
            names: The labels, by bit.
            ignore: The label whose combinations are all one value, the last.
        """
        last = 1 << names.index(ignore) if ignore in names else 0
        found = {bits for bits in combinations if bits and not bits & last}
        seen = reduce(or_, found, last)
        found |= {1 << n for n in range(len(names)) if not seen >> n & 1}
        ordered = sorted(found, key=lambda bits: (bits.bit_count(), bits))
        numbers = {bits: number for number, bits in enumerate(ordered, 1)}
        end = len(ordered) + 1
        inside = {
            n: [b for b in ordered if b >> n & 1] for n in range(len(names)) if 1 << n != last
        }
        by_size = sorted(inside, key=lambda n: -len(inside[n]))
        labels: dict[str, Any] = {"background": 0}
        for n in by_size:
            values = [numbers[bits] for bits in inside[n]]
            labels[names[n]] = values if len(values) > 1 else values[0]
        if last:
            labels[ignore] = end
            numbers |= {bits: end for bits in combinations if bits & last}
        several = any(isinstance(value, list) for value in labels.values())
        order = [_own(inside[n], numbers) for n in by_size] if several else []
        nested = all(
            set(inside[a]) >= set(inside[b]) or not set(inside[a]) & set(inside[b])
            for place, a in enumerate(by_size)
            for b in by_size[place + 1 :]
        )
        return cls(labels, order, numbers, nested)


def _own(combinations: Sequence[int], numbers: dict[int, int]) -> int:
    """Return the number a region is painted with: that of it and what always surrounds it."""
    always = reduce(and_, combinations)
    return numbers.get(always, numbers[combinations[0]])


def save_numbered(ctx: WriteContext, name: str, regions: Regions) -> None:
    """Write a label volume that was noted, with the numbers of its combinations."""
    if ctx.out.dry:
        return
    path = os.path.join(ctx.out.path, _noted(name))  # noqa: PTH118 - as everywhere in outputs
    media = Media(name, path)
    file = open_nifti(media)
    noted = volume_of(file, media)
    bits = np.array(sorted({0, *regions.numbers}), _BITS)
    values = np.array([regions.numbers.get(int(b), 0) for b in bits])
    kind = np.dtype(np.uint8 if values.max() < 255 else np.uint16)
    table = values.astype(kind)
    pieces = (table[np.searchsorted(bits, piece)] for piece in file.array.slices())
    write_array(ctx, DatasetItem(name), noted, name, Stored(noted.shape, kind, (1.0, 0.0), pieces))
    os.unlink(path)  # noqa: PTH108 - it is as large as all that is written


class ValuesView(LazyVolume):
    """Where a label volume has one of several values, as 1.

    Args:
        base: The label volume.
        values: The values.
    """

    def __init__(self, base: LazyVolume, values: Sequence[int]) -> None:
        self.base = base
        self.values = tuple(values)
        self.shape = base.shape
        self.dtype = np.dtype(np.uint8)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        there: NDArray[Any] = np.isin(self.base[key], self.values).view(np.uint8)
        return there
