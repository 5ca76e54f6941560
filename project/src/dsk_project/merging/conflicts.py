"""What datasets that are merged do not agree on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dsk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem

__all__ = ["KINDS", "Conflicts"]

KINDS = {
    "item": "items that not all datasets have",
    "annotation": "annotations that not all datasets have",
    "kind": "annotations that are of several kinds: an outline here, a box there",
    "label": "annotations of several labels, or of one that too few datasets give",
    "attribute": "attributes of several values, or of one that too few datasets give",
    "group": "groups that lack a label, or have one that is not asked for",
    "too close": "pairs of annotations that are left and overlap much",
}
"""What conflicts are about, and the words for it."""


class Conflicts:
    """The conflicts of a merge, to be read once the merged dataset was.

    Attributes:
        datasets: What the datasets are called.
    """

    def __init__(self, datasets: Sequence[str] = ()) -> None:
        self.datasets = list(datasets)
        self._found: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def expect(self, count: int) -> None:
        """Call so many datasets by their numbers, if they have no names.

        Raises:
            UsageError: There are more or fewer names.
        """
        self.datasets = self.datasets or [str(n) for n in range(1, count + 1)]
        if len(self.datasets) != count:
            raise UsageError(f"{count} datasets, but {len(self.datasets)} names for them")

    def put(self, item: DatasetItem, found: list[dict[str, Any]]) -> None:
        """Keep the conflicts of an item: those of its last reading, if it is read again."""
        if found:
            self._found[item.subset, item.id] = found

    def counts(self) -> dict[str, int]:
        """Return the number of conflicts of each of the ``KINDS`` that there are."""
        seen = Counter(entry["what"] for found in self._found.values() for entry in found)
        return {what: seen[what] for what in KINDS if seen[what]}

    def result(self) -> dict[str, Any]:
        """Return everything as plain values, as ``dsk merge --conflicts`` writes it."""
        return {
            "datasets": self.datasets,
            "counts": self.counts(),
            "conflicts": [
                {"item_id": name, "subset": subset, **entry}
                for (subset, name), found in sorted(self._found.items())
                for entry in found
            ],
        }
