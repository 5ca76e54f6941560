"""Ids that files state: kept apart where they are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.names import clean_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.loss import Ledger

__all__ = ["unique_ids"]


def unique_ids(names: Iterable[str], where: str, ledger: Ledger) -> list[str]:
    """Return the ids of a subset's items; of equal ones the later are numbered.

    Args:
        names: What the file calls them.
        where: The file, for messages.
        ledger: Is told about names that are numbered.

    Raises:
        UnsafePathError: One leads out of the dataset.
    """
    ids = [clean_name(name, where) for name in names]
    if len(set(ids)) == len(ids):
        return ids
    taken = set(ids)
    seen: dict[str, int] = {}  # how far each name is numbered
    for number, name in enumerate(ids):
        again = seen.get(name, 0) + 1
        if again > 1:
            while f"{name}_{again}" in taken:
                again += 1
            ids[number] = f"{name}_{again}"
            taken.add(ids[number])
        seen[name] = again
    ledger.warn(f"{where}: images of the same name are numbered: name, name_2 …")
    return ids
