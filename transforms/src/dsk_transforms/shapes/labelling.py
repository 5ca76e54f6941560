"""Annotations of whole items: labels of what is on them, labels and captions from a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Annotation, Caption, Label
from dsk.categories import Categories, LabelCategory, LabelGroup
from dsk.errors import OptionError
from dsk.flow import Transform
from dsk_transforms.shapes.base import note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["AnnsToLabels", "AstypeAnnotations"]


class AnnsToLabels(Transform):
    """Replace all annotations of an item by one label for each class among them; captions stay."""

    keeps_ids = True

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Collect the labels; a label that is there keeps its attributes."""
        if not item.annotations:
            return item
        labels: dict[int, Label] = {}
        others: list[Annotation] = []
        merged: list[Annotation] = []
        for a in item.annotations:
            if type(a) is Label and a.label is not None and a.label not in labels:
                labels[a.label] = a
            elif type(a) is not Caption:
                others.append(a)
        made: list[Annotation] = [a for a in item.annotations if type(a) is Caption]
        fresh: list[Annotation] = []
        for a in others:
            if a.label is None:
                continue
            if a.label in labels:
                merged.append(a)
            else:
                labels[a.label] = Label(label=a.label)
                fresh.append(a)
        if not others:
            return item
        note(ledger, "→label", item, fresh)
        note(ledger, "into one label of the item", item, merged, code="DSK-L014")
        bare = [a for a in others if a.label is None]
        note(ledger, "without a label", item, bare, code="DSK-L019")
        return item.replace(annotations=[*(labels[n] for n in sorted(labels)), *made])


_LABELS = frozenset({"label", "category", "categorical", "bool"})
_CAPTIONS = frozenset({"caption", "text", "str", "string", "int", "float"})


class AstypeAnnotations(Transform):
    """Make annotations of the columns of a table, which are the attributes of its items.

    Args:
        mapping: What becomes of an attribute, by its name: "label" (also "category") or "caption"
            (also "text", "str", "int", "float"). Without it texts and numbers become captions, and
            yes/no values labels.

    Raises:
        OptionError: It names another kind.
    """

    needs_plan = True
    plan_on = "ids"

    def __init__(self, *, mapping: Mapping[str, str] | None = None) -> None:
        self._labels: set[str] = set()
        self._captions: set[str] = set()
        self._any = not mapping
        for name, kind in (mapping or {}).items():
            if kind not in _LABELS | _CAPTIONS:
                raise OptionError(
                    f"astype_annotations: {name!r} cannot be a {kind!r}", hint="label or caption"
                )
            (self._labels if kind in _LABELS else self._captions).add(name)
        self._values: dict[str, tuple[str, ...]] = {}
        self._numbers: dict[str, int] = {}
        self._header: Header | None = None

    def header(self, header: Header) -> Header:
        """Add the labels ``attribute:value``, with the attribute as their parent, and a group."""
        self._header = header
        labels = list(header.categories.labels)
        taken = {lab.name: n for n, lab in enumerate(labels)}
        groups = list(header.categories.groups)
        for name, values in self._values.items():
            names = tuple(f"{name}:{value}" for value in values)
            for one in names:
                if one not in taken:
                    taken[one] = len(labels)
                    labels.append(LabelCategory(one, parent=name))
            groups.append(LabelGroup(name, labels=names))
        self._numbers = taken
        made: Categories = replace(
            header.categories, labels=tuple(labels), groups=tuple(dict.fromkeys(groups))
        )
        return replace(header, categories=made)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Collect the values of the attributes that become labels."""
        found: dict[str, set[str]] = {}
        for item in items:
            for name, value in item.attributes.items():
                if value is not None and self._is_label(name, value):
                    found.setdefault(name, set()).add(str(value))
        self._values = {name: tuple(sorted(found[name])) for name in sorted(found)}
        if self._header is not None:  # items may go through before the header is asked for again
            self.header(self._header)

    def _is_label(self, name: str, value: Any) -> bool:
        return name in self._labels or (self._any and isinstance(value, bool))

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Add the annotations; the attributes they come from go."""
        made: list[Annotation] = []
        left: dict[str, Any] = {}
        for name, value in item.attributes.items():
            if value is None:
                left[name] = value
            elif self._is_label(name, value):
                made.append(Label(label=self._numbers[f"{name}:{value}"]))
            elif name in self._captions or (self._any and isinstance(value, str | int | float)):
                made.append(Caption(caption=f"{name}:{value}"))
            else:
                left[name] = value
        if not made:
            return item
        note(ledger, "made of attributes of items", item, made, code="DSK-L013")
        return item.replace(annotations=[*item.annotations, *made], attributes=left)
