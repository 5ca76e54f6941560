"""Making one annotation of those that several datasets have for the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.errors import UsageError
from dsk.matching import Overlaps
from dsk.solids import placed
from dsk_project.joining import JoinItems, arranged, origin_of
from dsk_project.merging.ballot import Ballot, Rules
from dsk_project.merging.clusters import clusters
from dsk_project.merging.conflicts import Conflicts
from dsk_project.merging.groups import expected, joined_groups, wrong_groups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.dataset import Dataset
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["merge"]

CLOSE = 0.75
"""Annotations that are left and overlap so much are told: they may be one thing all the same."""


def merge(
    *datasets: Dataset,
    iou_thresh: float = 0.25,
    quorum: int = 0,
    output_conf_thresh: float = 0.0,
    groups: Iterable[str] = (),
    ignore_attrs: Collection[str] = (),
    scores: bool = False,
    conflicts: Conflicts | None = None,
) -> Dataset:
    """Return what several people, or models, have annotated as one dataset.

    Items are the same if id and subset are. Annotations of an item stand for the same thing if they
    overlap enough (``dsk.matching``), at most one of each dataset. They become the one most like
    the others; label and attributes are voted for.

    Args:
        datasets: Two or more; they are read now, each with its transforms. An attribute ``score``
            from 0 to 1 is the weight of an annotation's vote, which is 1 otherwise.
        iou_thresh: The intersection over union, or similarity, from which on annotations stand for
            the same thing, 0–1.
        quorum: A label or value wins with so many votes at least; an annotation whose labels do not
            is left without one, an attribute is left out.
        output_conf_thresh: Annotations are left out whose score is less, 0–1: the votes for their
            label as a share of the datasets that have the item, times how much the shapes overlap.
        groups: Labels that annotations of one group have, ``person,hand?,head`` (``?``: or not).
        ignore_attrs: Attributes that are not voted for.
        scores: Whether annotations get their score as an attribute.
        conflicts: Gets to know what the datasets do not agree on when the items are read.

    Raises:
        UsageError: There is but one dataset, or ``conflicts`` names more or fewer.
        OptionError: A number or a group makes no sense.
        RecordError: A record is bad and ``on_error`` of all datasets is "raise".
        InputError: A dataset cannot be read.
    """
    if len(datasets) < 2:
        raise UsageError("two datasets or more are merged")
    rules = Rules(
        iou_thresh=iou_thresh,
        quorum=quorum,
        output_conf_thresh=output_conf_thresh,
        groups=tuple(map(expected, groups)),
        ignore_attrs=frozenset(ignore_attrs),
        scores=scores,
    )
    told = conflicts or Conflicts()
    told.expect(len(datasets))
    return arranged(datasets, _VoteItems(rules, told))


class _VoteItems(JoinItems):
    """Makes one item of those with the same id and subset, by votes."""

    def __init__(self, rules: Rules, conflicts: Conflicts) -> None:
        super().__init__()
        self._rules = rules
        self._conflicts = conflicts
        self._names: list[str] = []

    def header(self, header: Header) -> Header:
        self._names = header.categories.names
        return header

    def annotations(self, items: Sequence[DatasetItem], ledger: Ledger) -> list[Annotation]:
        sides: dict[int, list[Annotation]] = {}
        for item in items:
            sides.setdefault(origin_of(item), []).extend(placed(item))
        everyone = dict(enumerate(self._conflicts.datasets))
        voters = {n: everyone[n] for n in sides}
        ballot = Ballot(self._rules, self._names, voters, items[0], ledger)
        if len(voters) < len(everyone):
            others = [name for n, name in everyone.items() if n not in voters]
            ballot.told.append({"what": "item", "in": [*voters.values()], "not in": others})
        found: list[Annotation] = []
        grouped = clusters(sides, self._rules.iou_thresh)
        for cluster, group in zip(grouped, joined_groups(grouped), strict=True):
            one = ballot.annotation(cluster)
            if one is not None:
                found.append(replace(one, group=group))
        ballot.told += wrong_groups(found, self._names, self._rules.groups)
        ballot.told += self._too_close(found)
        self._conflicts.put(items[0], ballot.told)
        return found

    def _too_close(self, found: Sequence[Annotation]) -> list[dict[str, Any]]:
        labels = [None if a.label is None else self._names[a.label] for a in found]
        return [
            {
                "what": "too close",
                "ids": [found[n].id, found[m].id],
                "labels": [labels[n], labels[m]],
                "overlap": share,
            }
            for n, m, share in Overlaps(found).pairs(CLOSE)
            if found[n].kind == found[m].kind
        ]
