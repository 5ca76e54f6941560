"""Official archives keep images apart from texts: which folder of images is whose.

Only names tell: ``ch4_training_images`` is for ``ch4_training_localization_transcription_gt``.
Images of other parts have the same names, so a wrong folder would go unnoticed.
"""

from __future__ import annotations

import posixpath
import re
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from dsk.files import InputRoot

__all__ = ["rank_folders"]

_PART = re.compile(r"(?<![a-z])(?:train|test|val)", re.IGNORECASE)


def rank_folders(
    root: InputRoot, borrowers: Sequence[tuple[str, str]], busy: Container[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield who may borrow from which folders, the pairs whose names are most alike first.

    Args:
        root: The dataset.
        borrowers: The folder that each looks in, and its own name.
        busy: Folders that lend nothing.

    Yields:
        The borrower's place, and folders that are equally alike to it.
    """
    pairs = []
    for place, (above, name) in enumerate(borrowers):
        for folder in root.listing(above).folders:
            path = posixpath.join(above, folder)
            if path not in busy and not _of_other_parts(name, folder):
                pairs.append((-_alike(name, folder), place, path))
    for (_, place), group in groupby(sorted(pairs), lambda pair: pair[:2]):
        yield place, [path for _, _, path in group]


def _of_other_parts(name: str, other: str) -> bool:
    """Tell whether names are of different parts: one of training, the other of testing."""
    parts, others = ({p.lower() for p in _PART.findall(n)} for n in (name, other))
    return bool(parts and others) and parts.isdisjoint(others)


def _alike(name: str, other: str) -> int:
    """Return how long the beginning is that two names share."""
    return len(posixpath.commonprefix((name, other)))
