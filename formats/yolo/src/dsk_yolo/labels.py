"""Labels of a dataset as YOLO's contiguous classes."""

from __future__ import annotations

from dsk.categories import Categories, PointsCategory
from dsk.loss import Ledger

__all__ = ["ClassNames"]


class ClassNames:
    """The classes of a dataset: its labels without those that only name keypoints.

    Args:
        categories: The dataset's labels.
        ledger: Where changed names and lost facts go.
        pose: Keypoints are written too.

    Attributes:
        ids: Class id by label index; None for labels that are no classes.
        names: Names by class id, unique.
        keypoints: Keypoints by class id.
    """

    def __init__(self, categories: Categories, ledger: Ledger, *, pose: bool = False) -> None:
        chosen = categories.object_labels()
        self.ids: list[int | None] = [None] * len(categories.labels)
        for number, index in enumerate(chosen):
            self.ids[index] = number
        self.names = _unique(
            [(categories.labels[n].name, categories.labels[n].parent) for n in chosen], ledger
        )
        self.keypoints: dict[int, PointsCategory] = {}
        if pose:
            for label, points in categories.points.items():
                owner = self.ids[label]
                if owner is not None and points.labels:
                    self.keypoints[owner] = points

    @classmethod
    def of_nothing(cls) -> ClassNames:
        """Return the classes of a dataset without labels."""
        return cls(Categories(), Ledger())

    def lines(self, ledger: Ledger) -> list[str]:
        """Return names for a file of one name a line: trimmed, without line ends, none empty."""
        lines: list[str] = []
        for number, name in enumerate(self.names):
            line = " ".join(name.split()) if name.split() else f"class_{number}"
            line = name.strip() if "\n" not in name and "\r" not in name and name.strip() else line
            while line in lines:
                line += "_"
            if line != name:
                ledger.add("DSK-L010", "label names changed for obj.names")
            lines.append(line)
        return lines


def _unique(labels: list[tuple[str, str]], ledger: Ledger) -> list[str]:
    """Tell labels of one name apart by their parents."""
    taken: set[str] = set()
    names = []
    for name, parent in labels:
        unique = name
        if unique in taken:
            unique = f"{parent}::{name}" if parent else f"{name}_"
            while unique in taken:
                unique += "_"
            ledger.add("DSK-L010", "label names made unique")
        taken.add(unique)
        names.append(unique)
    return names
