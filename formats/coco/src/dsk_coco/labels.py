"""The labels of several COCO files as those of one dataset."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.categories import Categories, LabelCategory
    from dsk.loss import Ledger
    from dsk_coco.index import AnnotationFile

__all__ = ["join_labels"]


def join_labels(files: Sequence[AnnotationFile], ledger: Ledger) -> Categories:
    """Join the labels of all files, and make the files refer to the result.

    Labels of one name, id and supercategory are one. So are those of one name and id whose
    supercategory differs, if their file has no other of that name: tools make the supercategory
    up for each file. Labels of one name whose keypoints are called differently are not.

    Args:
        files: At least one; of facts that differ, those of the first count.
        ledger: Told of what differs.
    """
    joined = files[0].labels.categories
    for file in files[1:]:
        own = file.labels.categories
        if own == joined:
            continue
        own = _without_other_parents(own, joined, file.found.name, ledger)
        own = _with_own_skeletons(own, joined, file.found.name, ledger)
        joined, moved = joined.merged(own)
        index = {k: None if v is None else moved[v] for k, v in file.labels.index.items()}
        file.labels = msgspec.structs.replace(file.labels, index=index)
    for file in files:
        file.labels = msgspec.structs.replace(file.labels, categories=joined)
    return joined


def _without_other_parents(
    own: Categories, joined: Categories, name: str, ledger: Ledger
) -> Categories:
    known = {(label.name, label.source_id): label for label in joined.labels}
    counts = Counter(joined.names), Counter(own.names)
    labels: list[LabelCategory] = []
    for label in own.labels:
        same = known.get((label.name, label.source_id))
        single = all(count[label.name] == 1 for count in counts)
        if same is not None and single and same.parent != label.parent:
            ledger.warn(
                f"{name}: the supercategory of some categories is another than in a file before "
                "it, which counts"
            )
            label = msgspec.structs.replace(label, parent=same.parent)  # noqa: PLW2901 - it alone
        labels.append(label)
    return own.with_labels(labels)


def _with_own_skeletons(
    own: Categories, joined: Categories, name: str, ledger: Ledger
) -> Categories:
    known = {(label.name, label.parent): n for n, label in enumerate(joined.labels)}
    labels = list(own.labels)
    for number, points in own.points.items():
        label = labels[number]
        before = joined.points.get(known.get((label.name, label.parent), -1))
        if before is None or not (points.labels and before.labels):
            continue
        if points.labels != before.labels:
            called = f"{label.name} ({name.rpartition('/')[2].removesuffix('.json')})"
            labels[number] = msgspec.structs.replace(label, name=called)
            ledger.warn(
                f"{name}: the keypoints of {label.name!r} are others than in a file before it; "
                f"it is called {called!r} here"
            )
        elif points.joints != before.joints:
            ledger.warn(
                f"{name}: the skeleton of {label.name!r} is another than in a file before it, "
                "which counts"
            )
    return own.with_labels(labels)
