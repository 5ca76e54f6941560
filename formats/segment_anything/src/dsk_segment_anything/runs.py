"""Run lengths as COCO's text, the hundred or so masks of an image at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk import masks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Rle

    Runs = tuple[str, NDArray[np.int64]]  # COCO's text, and what it stands for

__all__ = ["checked_runs", "is_text"]


def is_text(rle: Rle) -> bool:
    """Tell whether run lengths are COCO's text."""
    return isinstance(rle.counts, bytes | str)


def checked_runs(found: Sequence[Rle]) -> list[Runs] | None:
    """Decode run lengths that are COCO's text, and see that they fill their masks.

    Returns:
        None if one of them is damaged: looking at each by itself says which one it is.
    """
    if not found:
        return []
    texts = [t if isinstance(t := r.counts, str) else bytes(t).decode("latin-1") for r in found]
    try:
        runs = masks.decode_counts_many(texts)
    except ValueError:
        return None
    lengths = np.fromiter(map(len, runs), np.int64, len(runs))
    if not lengths.all():
        return None
    counts = np.concatenate(runs)
    pixels = np.add.reduceat(counts, np.cumsum(lengths) - lengths)
    possible = counts.min() >= 0 and counts.max() < 1 << 31  # sums cannot overflow
    if not possible or pixels.tolist() != [r.size[0] * r.size[1] for r in found]:
        return None
    return list(zip(texts, runs, strict=True))
