"""Objects of a whole partition as text, from boxes that are columns."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dsk_voc.writing import BETWEEN, encoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.columns import BoxColumns
    from dsk_voc.writing import ObjectWriter, Text

__all__ = ["ObjectTexts", "decimals"]

_PIECES = 9  # of an object: what is before, between and behind its four numbers, and these
_POWERS = 10.0 ** np.arange(1, 10)
_SCALES = 10.0 ** np.arange(9, -1, -1)
_MOST = 1000
WORTH = 20_000
"""Numbers for which a table of all hundredths to ``_MOST`` is worth making."""
_TIE = 0.4999  # scaling a number is off by less than 1e-5: what is further from a tie rounds right


class ObjectTexts:
    """Makes the texts of rows, item by item: what is written at once stays in the caches.

    Args:
        given: The boxes; their labels are in the label map.
        writer: For the XML text.

    Attributes:
        lost: By item, texts that lose something and occur in it first, each with the number of
            objects of the whole partition that it stands for, and the id of the first one.
    """

    def __init__(self, given: BoxColumns, writer: ObjectWriter) -> None:
        self._bounds = given.bounds
        counts = np.bincount(given.labels)
        labels = np.flatnonzero(counts)
        first = np.zeros(len(counts), np.int64)
        first[given.labels[::-1]] = np.arange(len(given.labels))[::-1]  # the last to be put stays
        first = first[labels]
        texts = {label: writer.text(label, given.attributes) for label in labels.tolist()}
        self._pieces = _pieces(given, texts, writer.shift)
        self.lost: dict[int, list[tuple[Text, int, int]]] = {}
        owners = np.searchsorted(given.bounds, first, side="right") - 1
        for at in np.argsort(first).tolist():
            found = texts[int(labels[at])]
            if found.lost:
                entry = (found, int(counts[labels[at]]), int(given.ids[first[at]]))
                self.lost.setdefault(int(owners[at]), []).append(entry)

    def text(self, number: int) -> bytes:
        """Return the text of an item's objects, empty without any."""
        start, stop = self._bounds[number], self._bounds[number + 1]
        return b"".join(self._pieces[start * _PIECES : stop * _PIECES])


def _pieces(given: BoxColumns, texts: dict[int, Text], shift: float) -> list[bytes]:
    """Return the texts of all objects in ``_PIECES`` each: joining them is all that is left.

    Arrays of objects pick from few texts many times as fast as lists do.
    """
    low = given.boxes[:, :2]
    numbers = decimals(np.concatenate([low + shift, low + given.boxes[:, 2:]], axis=1))
    before, *between, last = [part.encode() for part in BETWEEN]
    starts, ends = np.empty((2, max(texts, default=-1) + 1), object)
    for label, text in texts.items():
        starts[label] = encoded(text.before) + before
        ends[label] = last + encoded(text.behind)
    count = len(given.labels)
    pieces: list[Any] = [None] * (_PIECES * count)
    pieces[0::_PIECES] = starts[given.labels].tolist()
    for side in range(4):
        pieces[2 * side + 1 :: _PIECES] = numbers[side::4].tolist()
    for side, part in enumerate(between, 1):
        pieces[2 * side :: _PIECES] = [part] * count
    pieces[_PIECES - 1 :: _PIECES] = ends[given.labels].tolist()
    return pieces


def decimals(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return finite numbers as ``"%.10g"`` writes them, many at once, as an array of bytes objects.

    Most are hundredths of no great size, of which there is a table.
    """
    values = values.ravel()
    if len(values) < WORTH:
        return _rounded(values)
    scaled = np.clip(values, 0, _MOST) * 100
    whole = np.rint(scaled)
    # What is this close to a hundredth is it in ten digits: the errors of sums are smaller still.
    odd = (np.abs(scaled - whole) > 1e-10) | (values > _MOST) | np.signbit(values)
    odd |= (whole == 0) & (values != 0)
    found = _hundredths()[whole.astype(np.int64)]
    found[odd] = _rounded(values[odd])
    return found


@cache
def _hundredths() -> NDArray[np.object_]:
    return _rounded(np.arange(100 * _MOST + 1) / 100)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the same without the table.

    The number nearest to a decimal of ten digits has it as its shortest text, and an encoder of
    JSON writes shortest texts several times as fast as ``%`` rounds.
    """
    if not len(values):
        return np.empty(0, object)
    size = np.abs(values)
    scales = _SCALES[np.searchsorted(_POWERS, size, side="right")]
    scaled = values * scales
    whole = np.rint(scaled)
    shortest = msgspec.json.encode((whole / scales).tolist())[1:-1] + b","
    found = np.array(shortest.replace(b".0,", b",").split(b",")[:-1], object)
    # Small and large numbers have other digits or exponents; ties round by the exact value.
    odd = (size < 1) & (size > 0) | (size >= _POWERS[-1]) | (np.abs(scaled - whole) > _TIE)
    for n in np.flatnonzero(odd).tolist():
        found[n] = b"%.10g" % values[n]
    return found
