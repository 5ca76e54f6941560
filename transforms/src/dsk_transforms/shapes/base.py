"""What the transforms of shapes have in common: counting, image sizes, malformed geometry."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Annotation, Mask, Polygon
from dsk.errors import DskError, MediaError, OptionError, RecordError
from dsk.flow import Transform
from dsk_transforms.pixels.base import size_of
from dsk_transforms.pixels.following import refreshed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Size = tuple[int, int]

__all__ = [
    "CHANGED",
    "MALFORMED",
    "Conversion",
    "KindTransform",
    "drop",
    "kinds_named",
    "known_size",
    "note",
    "with_area",
]

CHANGED = "DSK-L022"
"""The note for what was changed because it was asked for: no loss, so ``--strict`` allows it."""

MALFORMED = (ValueError, TypeError, MediaError)
"""What reading the geometry of an annotation raises when it is malformed or its file is damaged."""


def note(
    ledger: Ledger,
    what: str,
    item: DatasetItem,
    changed: Sequence[Annotation],
    *,
    code: str = CHANGED,
    hint: str = "",
) -> None:
    """Report annotations of one item to which the same happened, by kind.

    Args:
        ledger: Gets the report.
        what: What happened, in few words; before an arrow ("→mask") the kind is put.
        item: The item.
        changed: The annotations as they were.
        code: One of ``dsk.loss.CODES``; by default the note for what was asked for.
        hint: What would have kept them.
    """
    first: dict[str, Annotation] = {}
    counts: dict[str, int] = {}
    for a in changed:
        first.setdefault(a.kind, a)
        counts[a.kind] = counts.get(a.kind, 0) + 1
    for kind, count in counts.items():
        ledger.add(
            code,
            f"{kind}{what}" if what[:1] == "→" else what,
            kind=kind,
            count=count,
            item=item.id,
            subset=item.subset,
            annotation=first[kind].id,
            hint=hint,
        )


def drop(ledger: Ledger, item: DatasetItem, a: Annotation, why: str) -> None:
    """Report an annotation that could not be converted and goes (DSK-L018)."""
    note(ledger, why, item, (a,), code="DSK-L018")


def known_size(item: DatasetItem, ledger: Ledger, what: str) -> Size | None:
    """Return (height, width) of an item's image; if it cannot be known that is a bad record.

    Args:
        item: The item.
        ledger: Gets the bad record, which it raises or counts.
        what: What the size is needed for ("polygons_to_masks").

    Raises:
        RecordError: The size is not known, and the run stops at bad records.
    """
    where = item.media.path if item.media is not None else ""
    try:
        size = size_of(item)
    except DskError as error:
        ledger.bad_record(
            RecordError(error.message, where=error.where, hint=error.hint, item=item.id)
        )
        return None
    if size is None:
        ledger.bad_record(
            RecordError(
                f"{what} needs the size of the image of item {item.id!r}, which is not known",
                where=where,
                item=item.id,
                hint="keep the images beside the annotations when importing",
            )
        )
    return size


def kinds_named(
    who: str, names: Sequence[str], allowed: Iterable[type[Annotation]]
) -> frozenset[type[Annotation]]:
    """Return annotation kinds by name; all that are allowed if none is named.

    Raises:
        OptionError: A kind is not allowed.
    """
    known = {cls.kind: cls for cls in allowed}
    for name in names:
        if name not in known:
            raise OptionError(
                f"{who}: {name!r} is none of its kinds", hint=f"one of: {', '.join(sorted(known))}"
            )
    return frozenset(known[name] for name in names or known)


def with_area(before: Annotation, after: Polygon | Mask) -> Polygon | Mask:
    """Return the outline made of a box; an area among the source's own fields becomes its area."""
    for fields in (before.extra or {}).values():
        area = fields.get("area") if isinstance(fields, dict) else None
        if isinstance(area, int | float):
            # The area of the object, smaller than that of its box.
            return replace(refreshed(after, None), area=float(area))  # type: ignore[return-value]
    return after


class KindTransform(Transform):
    """A step that concerns items with annotations of some kinds; others pass as they are."""

    keeps_ids = True

    kinds: frozenset[type[Annotation]] = frozenset()
    """The kinds concerned."""

    def apply(self, item: DatasetItem, ledger: Ledger) -> Any:
        """Change the item if it has such annotations."""
        if not item.annotations or self.kinds.isdisjoint(map(type, item.annotations)):
            return item
        return self.change(item, ledger)

    @abstractmethod
    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return an item that has at least one annotation of the kinds, changed."""


class Conversion(KindTransform):
    """A step that makes of each annotation of some kinds one of another kind, in its place."""

    target: ClassVar[str]
    """Name of the kind they become."""

    @abstractmethod
    def convert(self, a: Any, item: DatasetItem, ledger: Ledger) -> Annotation | None:
        """Return the other kind, or None if the annotation shows nothing.

        Raises:
            ValueError: The annotation is malformed.
        """

    def change(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Convert each; what is malformed or empty goes and is reported (DSK-L018)."""
        kinds, target, convert = self.kinds, self.target, self.convert
        made: list[Annotation] = []
        changed: list[Annotation] = []
        for a in item.annotations:
            if type(a) not in kinds:
                made.append(a)
                continue
            try:
                b = convert(a, item, ledger)
            except MALFORMED as error:
                drop(ledger, item, a, f"{a.kind}→{target}: {error}")
                continue
            if b is None:
                drop(ledger, item, a, f"{a.kind}→{target}: empty geometry")
                continue
            made.append(b)
            changed.append(a)
        note(ledger, f"→{target}", item, changed)
        return item.replace(annotations=made)
