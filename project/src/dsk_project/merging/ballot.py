"""Counting the votes for what one annotation becomes of several."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from dsk.annotations import Label
from dsk.errors import OptionError
from dsk.matching import shape_box

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_project.merging.clusters import Cluster
    from dsk_project.merging.groups import Expected

__all__ = ["Ballot", "Rules"]

SCORE = "score"
"""The attribute that weighs a vote, 0–1, and holds how sure the result is."""


class Rules(Struct, frozen=True, kw_only=True):
    """How votes are counted, see ``merge``."""

    iou_thresh: float = 0.25
    quorum: int = 0
    output_conf_thresh: float = 0.0
    groups: tuple[Expected, ...] = ()
    ignore_attrs: frozenset[str] = frozenset()
    scores: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.iou_thresh <= 1:
            raise OptionError(f"the overlap is a share from 0 to 1, not {self.iou_thresh:g}")
        if self.quorum < 0:
            raise OptionError(f"the quorum is a number of datasets, not {self.quorum}")
        if not 0 <= self.output_conf_thresh <= 1:
            raise OptionError(f"the score is a share from 0 to 1, not {self.output_conf_thresh:g}")


class Ballot:
    """The votes about one item.

    Args:
        rules: How votes are counted.
        names: The labels' names.
        voters: What the datasets that have the item are called, by their number.
        item: One of them.
        ledger: For what becomes of annotations.

    Attributes:
        told: The conflicts so far.
    """

    def __init__(
        self,
        rules: Rules,
        names: Sequence[str],
        voters: Mapping[int, str],
        item: DatasetItem,
        ledger: Ledger,
    ) -> None:
        self._rules = rules
        self._names = names
        self._voters = voters
        self._item = item
        self._ledger = ledger
        self.told: list[dict[str, Any]] = []

    def annotation(self, cluster: Cluster) -> Annotation | None:
        """Return what a cluster becomes, None if too little speaks for it."""
        chosen, count = cluster.members[cluster.chosen], len(cluster.members)
        if count > 1:
            what = "annotation that several datasets have"
            self._ledger.add_at("DSK-L014", what, self._item, chosen, count=count - 1)
        if count < len(self._voters):
            who = [self._voters[n] for n in cluster.members]
            others = [name for n, name in self._voters.items() if n not in cluster.members]
            given = None if chosen.label is None else self._names[chosen.label]
            self._tell("annotation", chosen, {"label": given, "in": who, "not in": others})
        kinds = Counter(a.kind for a in cluster.members.values())
        if len(kinds) > 1:
            self._tell("kind", chosen, {"votes": dict(kinds), "taken": chosen.kind})
        label, share, few = self._label(cluster)
        score = min(share * cluster.overlap, 1.0)
        if score < self._rules.output_conf_thresh or (few and isinstance(chosen, Label)):
            what = "annotations that too few datasets have"
            self._ledger.add_at("DSK-L019", what, self._item, chosen)
            return None
        if few:
            what = "label that too few datasets give"
            self._ledger.add_at("DSK-L005", what, self._item, chosen)
        attributes = self._attributes(cluster)
        if self._rules.scores:
            attributes[SCORE] = score
        return replace(chosen, label=label, attributes=attributes)

    def _label(self, cluster: Cluster) -> tuple[int | None, float, bool]:
        """Return a label, the share of votes for it, and whether they are too few for it."""
        weights = {n: _weight(a) for n, a in cluster.members.items()}
        votes: dict[int, list[int]] = {}
        for n, a in cluster.members.items():
            if a.label is not None:
                votes.setdefault(a.label, []).append(n)
        if not votes:
            return None, sum(weights.values()) / len(self._voters), False
        best = max(votes, key=lambda label: sum(weights[n] for n in votes[label]))
        few = len(votes[best]) < self._rules.quorum
        if few or len(votes) > 1:
            counts = {self._names[label]: len(those) for label, those in votes.items()}
            taken = None if few else self._names[best]
            chosen = cluster.members[cluster.chosen]
            self._tell("label", chosen, {"votes": counts, "taken": taken})
        share = sum(weights[n] for n in votes[best]) / len(self._voters)
        return (None if few else best), share, few

    def _attributes(self, cluster: Cluster) -> dict[str, Any]:
        chosen = cluster.members[cluster.chosen]
        spared = self._rules.ignore_attrs | {SCORE}
        names = dict.fromkeys(name for a in cluster.members.values() for name in a.attributes)
        kept = {}
        for name in names:
            if name in spared:
                if name in chosen.attributes:
                    kept[name] = chosen.attributes[name]
                continue
            value, few = self._value(cluster, name)
            if few:
                self._ledger.add_at("DSK-L004", name, self._item, chosen)
            else:
                kept[name] = value
        return kept

    def _value(self, cluster: Cluster, name: str) -> tuple[Any, bool]:
        """Return the value of an attribute, and whether too few votes are for it."""
        votes: dict[str, list[Any]] = {}
        weights: dict[str, float] = {}
        for a in cluster.members.values():
            if name in a.attributes:
                text = str(a.attributes[name])  # formats of text have no other values
                votes.setdefault(text, []).append(a.attributes[name])
                weights[text] = weights.get(text, 0.0) + _weight(a)
        best = max(votes, key=lambda text: weights[text])
        few = len(votes[best]) < self._rules.quorum
        if few or len(votes) > 1:
            counts = {text: len(values) for text, values in votes.items()}
            taken = None if few else best
            chosen = cluster.members[cluster.chosen]
            self._tell("attribute", chosen, {"name": name, "votes": counts, "taken": taken})
        return votes[best][0], few

    def _tell(self, what: str, a: Annotation, facts: dict[str, Any]) -> None:
        box = shape_box(a)
        finite = box is not None and all(map(isfinite, box))
        place = {"bbox": [round(float(value), 2) for value in box or ()]} if finite else {}
        self.told.append({"what": what, "id": a.id, "kind": a.kind, **place, **facts})


def _weight(a: Annotation) -> float:
    """Return how much an annotation's vote counts."""
    score = a.attributes.get(SCORE)
    if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1:
        return float(score)
    return 1.0
