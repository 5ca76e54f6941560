"""Going once over a dataset and counting what may be odd."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from dsk_analysis.stats.facts import Labels
from dsk_analysis.validation.sizes import (
    PROPERTIES,
    Sizes,
    box_sizes,
    described,
    key_text,
    mask_sizes,
)

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.item import DatasetItem
    from dsk_analysis.validation.sizes import Key
    from dsk_analysis.validation.thresholds import Thresholds

__all__ = ["KINDS", "WORDS", "Gathered"]

KINDS = {
    "classification": frozenset({"label"}),
    "detection": frozenset(
        {"bbox", "rotated_bbox", "polygon", "mask", "ellipse", "skeleton", "cuboid_2d"}
    ),
    "segmentation": frozenset({"polygon", "mask", "ellipse"}),
}
"""The annotations that a task is about."""

WORDS = {"classification": "", "detection": "bbox", "segmentation": "mask"}
"""What sizes are called after in the statistics."""


class Gathered:
    """What is known of a dataset's annotations.

    Args:
        task: "classification", "detection" or "segmentation".
        categories: The dataset's.
    """

    def __init__(self, task: str, categories: Categories) -> None:
        self.task = task
        self._kinds = KINDS[task]
        self._names = Labels(categories).names
        self._declared = [
            dict.fromkeys((*label.attributes, *categories.attributes))
            for label in categories.labels
        ]
        self.declares_attributes = any(self._declared)
        self.labels = dict.fromkeys(self._names, 0)
        self.undefined: dict[str, dict[str, Any]] = {}
        self.attributes: dict[str, dict[str, dict[str, Any]]] = {}
        self.undefined_attributes: dict[str, dict[str, dict[str, Any]]] = {}
        self.count = 0
        self.missing: list[Key] = []
        self.multiple: list[Key] = []
        self.per_item: dict[str, int] = {}
        self.invalid: dict[str, dict[int, list[str]]] = {}
        self.negative: dict[str, dict[int, dict[str, float]]] = {}
        self._keys: dict[str, Key] = {}
        self._sizes: dict[str, Sizes] = {}
        self._by_value: dict[tuple[str, str, str], Sizes] = {}

    def add(self, item: DatasetItem) -> None:
        """Take in an item."""
        key = (item.id, item.subset)
        own = [(n, a) for n, a in enumerate(item.annotations, 1) if a.kind in self._kinds]
        self.count += len(own)
        text = key_text(key)
        self._keys[text] = key
        self.per_item[text] = len(own)
        if not own:
            self.missing.append(key)
        if self.task == "classification" and len(own) > 1:
            self.multiple.append(key)
        for number, a in own:
            self._add(key, a.id or number, a)

    def key(self, text: str) -> Key:
        """Return the key that a text of the statistics stands for."""
        return self._keys[text]

    def _add(self, key: Key, number: int, a: Annotation) -> None:
        name = self._label(key, a)
        values = self._attributes(key, name, a)
        if self.task == "classification":
            return
        sizes = (box_sizes if self.task == "detection" else mask_sizes)(a)
        if not self._sound(key, number, sizes):
            return
        width = len(sizes)
        if name in self.labels:
            self._sizes.setdefault(name, Sizes(width)).add(key, number, sizes)
        for attribute, value in values:
            place = (name, attribute, value)
            self._by_value.setdefault(place, Sizes(width)).add(key, number, sizes)

    def _label(self, key: Key, a: Annotation) -> str:
        if a.label is not None and 0 <= a.label < len(self._names):
            name = self._names[a.label]
            self.labels[name] += 1
            return name
        name = str(a.label)
        entry = self.undefined.setdefault(name, {"count": 0, "items_with_undefined_label": []})
        entry["count"] += 1
        entry["items_with_undefined_label"].append(key)
        return name

    def _attributes(self, key: Key, name: str, a: Annotation) -> list[tuple[str, str]]:
        """Count attributes, return those that are defined, with their values as texts."""
        known = a.label is not None and 0 <= a.label < len(self._names)
        declared = self._declared[a.label] if known and a.label is not None else {}
        found = []
        if known:
            entries = self.attributes.setdefault(name, {})
            for attribute in declared:
                entry = entries.setdefault(
                    attribute, {"distribution": Counter(), "items_missing_attribute": []}
                )
                if attribute in a.attributes:
                    value = str(a.attributes[attribute])
                    entry["distribution"][value] += 1
                    found.append((attribute, value))
                else:
                    entry["items_missing_attribute"].append(key)
        for attribute, value in a.attributes.items():
            if attribute not in declared:
                entry = self.undefined_attributes.setdefault(name, {}).setdefault(
                    attribute, {"distribution": Counter(), "items_with_undefined_attr": []}
                )
                entry["distribution"][str(value)] += 1
                entry["items_with_undefined_attr"].append(key)
        return found

    def _sound(self, key: Key, number: int, sizes: tuple[float, ...]) -> bool:
        """Tell whether sizes are numbers that can be; else note which are not."""
        named = list(zip(PROPERTIES[self.task], sizes, strict=True))
        wrong = [name for name, size in named if not math.isfinite(size)]
        if wrong:
            self.invalid.setdefault(key_text(key), {})[number] = wrong
        negative = {}
        if self.task == "detection":
            negative = {name: size for name, size in named[:2] if size < 0}
        if negative:
            self.negative.setdefault(key_text(key), {})[number] = negative
        return not wrong and not negative

    def statistics(self, limits: Thresholds) -> dict[str, Any]:
        """Return the numbers under the names of Datumaro's manual."""
        found: dict[str, Any] = {
            "label_distribution": {
                "defined_labels": self.labels,
                "undefined_labels": self.undefined,
            },
            "attribute_distribution": {
                "defined_attributes": self.attributes,
                "undefined_attributes": self.undefined_attributes,
            },
            "total_ann_count": self.count,
            "items_missing_annotation": self.missing,
        }
        if self.task == "classification":
            return {**found, "items_with_multiple_labels": self.multiple}
        found["items_with_invalid_value"] = self.invalid
        if self.task == "detection":
            found["items_with_negative_length"] = self.negative
        word, names = WORDS[self.task], PROPERTIES[self.task]
        found[f"{word}_distribution_in_label"] = {
            name: described(sizes, names, limits) for name, sizes in self._sizes.items()
        }
        by_value: dict[str, dict[str, dict[str, Any]]] = {}
        for (name, attribute, value), sizes in self._by_value.items():
            place = by_value.setdefault(name, {}).setdefault(attribute, {})
            place[value] = described(sizes, names, limits)
        found[f"{word}_distribution_in_attribute"] = by_value
        found[f"{word}_distribution_in_dataset_item"] = self.per_item
        return found
