"""Annotation files of one image become one item; files of several images never share an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from dsk.names import stem_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Claim", "Plan", "grouped", "joined", "settle"]


T = TypeVar("T")


class Claim(Struct):
    """What an annotation file says it is of.

    Attributes:
        file: Its relative name.
        subset: The subset of its item.
        id: The id of its item.
        image: Where its image is.
        same: Files of which this is equal belong to one image.
        own_image: Where the image of the file's own name is, or None.
        own_ids: Ids after the file's own name; the first is the one that the file would have if it
            named an image of its own name.
    """

    file: str
    subset: str
    id: str
    image: str
    same: Hashable
    own_image: str | None
    own_ids: Sequence[str]


class Plan(Struct):
    """What differs from what the files say.

    Attributes:
        ids: Ids of items by the file's name.
        images: Places of images, likewise.
        others: By the first file of an item, the other ones.
    """

    ids: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)

    @property
    def hidden(self) -> set[str]:
        """Files whose annotations are in the item of another file."""
        return {name for names in self.others.values() for name in names}


def grouped(values: Iterable[tuple[Hashable, T]]) -> list[list[T]]:
    """Return the values of each key that has several."""
    found: dict[Hashable, list[T]] = {}
    for key, value in values:
        found.setdefault(key, []).append(value)
    return [group for group in found.values() if len(group) > 1]


def settle(claims: Sequence[Claim], taken: set[tuple[str, str]], ledger: Ledger) -> Plan:
    """Decide about files that share an image or an id.

    Args:
        claims: These files.
        taken: Subset and id of all items, theirs included; new ids are added.
        ledger: For warnings.
    """
    plan = Plan()
    _to_own_images(claims, plan, ledger)
    leads: dict[Hashable, list[Claim]] = {}
    for claim in claims:
        leads.setdefault(claim.same, []).append(claim)
    for group in leads.values():
        group.sort(key=lambda claim: _stem(claim.file) != _stem(claim.image))
        if len(group) > 1:
            plan.others[group[0].file] = [claim.file for claim in group[1:]]
    if plan.others:
        first, others = next(iter(plan.others.items()))
        ledger.warn(
            f"{len(plan.hidden)} annotation files name an image that another one names, too; they "
            f"are one item with all annotations, as {first} and {others[0]}"
        )
    _to_own_ids([group[0] for group in leads.values()], taken, plan, ledger)
    return plan


def _stem(name: str) -> str:
    return stem_of(name.rpartition("/")[2])


def _to_own_images(claims: Sequence[Claim], plan: Plan, ledger: Ledger) -> None:
    """Give files that name another file's image the one of their own name, if nobody else's."""
    named = {(claim.subset, claim.image) for claim in claims}
    for group in grouped((claim.same, claim) for claim in claims):
        for claim in group:
            own = claim.own_image
            if own is not None and (claim.subset, own) not in named:
                plan.images[claim.file] = claim.image = own
                claim.same = (claim.same, own)
    if plan.images:
        ledger.warn(
            f"{len(plan.images)} annotation files name another one's image though there is one of "
            f"their own name, which is taken, as for {next(iter(plan.images))}"
        )


def _to_own_ids(
    claims: Sequence[Claim], taken: set[tuple[str, str]], plan: Plan, ledger: Ledger
) -> None:
    """Give items of one id, which show different images, ids of their own."""
    for group in grouped(((claim.subset, claim.id), claim) for claim in claims):
        entitled = [claim for claim in group if claim.own_ids[0] == claim.id]
        for claim in group:
            if [claim] == entitled:
                continue
            new = next((i for i in claim.own_ids if (claim.subset, i) not in taken), claim.file)
            plan.ids[claim.file] = new
            taken.add((claim.subset, new))
    if plan.ids:
        file, ident = next(iter(plan.ids.items()))
        ledger.warn(
            f"{len(plan.ids)} annotation files have the item id of another image; theirs come from "
            f"their own names, as {ident} of {file}"
        )


def joined(items: Sequence[DatasetItem], ledger: Ledger) -> DatasetItem:
    """Return one item with the annotations of all, of which the first one says the rest.

    Numbers of objects and groups count on from file to file. Equal labels of the image are there
    once.

    Args:
        items: What the files say.
        ledger: Told of what they contradict each other in.
    """
    first = items[0]
    annotations: list[Annotation] = list(first.annotations)
    labels = [_plain_label(a) for a in annotations if a.kind == "label"]
    attributes, extra = dict(first.attributes), first.extra
    for item in items[1:]:
        groups = max((a.group for a in annotations), default=0)
        ids = max((a.id for a in annotations), default=-1) + 1
        for a in item.annotations:
            if a.kind == "label" and _plain_label(a) in labels:
                continue
            annotations.append(
                replace(
                    a,
                    group=a.group and a.group + groups,
                    id=a.id if a.kind == "label" else a.id + ids,  # objects count from 0 in XML
                )
            )
        labels += [_plain_label(a) for a in item.annotations if a.kind == "label"]
        _tell_conflicts("", item.attributes, attributes, ledger)
        attributes = {**item.attributes, **attributes}
        for family in (item.extra or {}).keys() & (extra or {}).keys():
            _tell_conflicts(f"{family} ", (item.extra or {})[family], (extra or {})[family], ledger)
        extra = _merged(item.extra, extra)
    return first.replace(annotations=annotations, attributes=attributes, extra=extra)


def _plain_label(a: Annotation) -> tuple[int | None, dict[str, Any]]:
    return a.label, a.attributes


def _tell_conflicts(
    what: str, more: Mapping[str, Any], kept: Mapping[str, Any], ledger: Ledger
) -> None:
    for name in sorted(more.keys() & kept.keys()):
        if more[name] != kept[name]:
            ledger.warn(
                f"annotation files of one image differ in {what}{name}; the first one's is kept"
            )


def _merged(
    more: Mapping[str, Any] | None, extra: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return further fields of both, by format; the second one's go first."""
    families = {**(more or {}), **(extra or {})}
    return {
        name: {**(more or {}).get(name, {}), **(extra or {}).get(name, {})} for name in families
    } or None
