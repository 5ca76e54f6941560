"""Groups of annotations: those of several datasets as one, and what labels they should have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk_project.merging.clusters import Cluster

__all__ = ["Expected", "expected", "joined_groups", "wrong_groups"]


class Expected(NamedTuple):
    """What labels belong together.

    Attributes:
        text: As the user wrote it.
        required: Labels that each such group has.
        optional: Labels that it may have.
    """

    text: str
    required: frozenset[str]
    optional: frozenset[str]


def expected(text: str) -> Expected:
    """Read ``person,hand?,head``: labels of a group, those with a question mark may lack.

    Raises:
        OptionError: It names no label, or one twice.
    """
    names = [name.strip() for name in text.split(",")]
    plain = [name.removesuffix("?").strip() for name in names]
    if "" in plain or len(set(plain)) < len(plain):
        raise OptionError(
            f"--groups {text!r} is no list of different labels", hint="e.g. 'person,hand?,head'"
        )
    optional = frozenset(p for p, name in zip(plain, names, strict=True) if name.endswith("?"))
    return Expected(text, frozenset(plain) - optional, optional)


def joined_groups(found: Sequence[Cluster]) -> list[int]:
    """Return the group of each cluster, 0 for none.

    Groups of two datasets are one if some cluster has members of both.
    """
    above: dict[tuple[int, int], tuple[int, int]] = {}

    def root(group: tuple[int, int]) -> tuple[int, int]:
        while above.setdefault(group, group) != group:
            group = above[group] = above[above[group]]
        return group

    own = [[(n, a.group) for n, a in one.members.items() if a.group] for one in found]
    for groups in own:
        for group in groups[1:]:
            above[root(group)] = root(groups[0])
    numbers: dict[tuple[int, int], int] = {}
    return [
        numbers.setdefault(root(groups[0]), len(numbers) + 1) if groups else 0 for groups in own
    ]


def wrong_groups(
    annotations: Iterable[Annotation], names: Sequence[str], wanted: Sequence[Expected]
) -> list[dict[str, Any]]:
    """Return the groups that have some of the labels of an expected one, but not as it says.

    Args:
        annotations: Those of an item.
        names: The labels' names.
        wanted: What labels belong together.
    """
    groups: dict[int, Counter[str]] = {}
    for number, a in enumerate(annotations):
        if a.label is not None:
            # What is in no group is a group of its own.
            groups.setdefault(a.group or -1 - number, Counter())[names[a.label]] += 1
    wrong = []
    for group, labels in groups.items():
        for one in wanted:
            if labels.keys().isdisjoint(one.required | one.optional):
                continue
            missing = sorted(one.required - labels.keys())
            others = sorted(labels.keys() - one.required - one.optional)
            if missing or others:
                entry = {"what": "group", "group": max(group, 0), "labels": dict(labels)}
                wrong.append({**entry, "expected": one.text, "missing": missing, "others": others})
    return wrong
