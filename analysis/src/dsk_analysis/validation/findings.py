"""From statistics to findings: what is odd, how bad it is, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dsk_analysis.validation.gathering import Gathered
    from dsk_analysis.validation.sizes import Key
    from dsk_analysis.validation.thresholds import Thresholds

__all__ = ["findings"]

Finding = dict[str, str]
Found = dict[str, Any]

_WHAT = {"classification": "a label", "detection": "a box", "segmentation": "an outline or mask"}


def findings(seen: Gathered, statistics: Found, limits: Thresholds, word: str) -> list[Finding]:
    """Return what is odd.

    Args:
        seen: What was counted.
        statistics: What it was made to.
        limits: From when on something is odd.
        word: What sizes are called after: "bbox", "mask" or nothing.
    """
    return [
        *_labels(seen, limits),
        *_attributes(seen, limits),
        *_undefined(seen),
        *_items(seen),
        *(_sizes(seen, statistics, limits, word) if word else ()),
    ]


def _finding(
    kind: str, text: str, key: Key | None = None, severity: Literal["warning", "error"] = "warning"
) -> Finding:
    found = {"anomaly_type": kind, "description": text, "severity": severity}
    return found if key is None else {**found, "item_id": key[0], "subset": key[1]}


def _labels(seen: Gathered, limits: Thresholds) -> Iterator[Finding]:
    if not seen.labels:
        yield _finding("MissingLabelCategories", "no labels are defined", severity="error")
        return
    for name, count in seen.labels.items():
        if not count:
            yield _finding("LabelDefinedButNotFound", f"nothing has the label {name!r}")
        elif count <= limits.few_samples_thr:
            yield _finding("FewSamplesInLabel", f"the label {name!r} has few samples: {count}")
    there = [name for name, count in seen.labels.items() if count]
    if len(there) == 1:
        yield _finding("OnlyOneLabel", f"all annotations have the label {there[0]!r}")
    if _unbalanced(seen.labels, limits):
        most, least = _extremes(seen.labels)
        yield _finding("ImbalancedLabels", f"labels are out of balance: {most}, but {least}")


def _unbalanced(counts: Mapping[str, int], limits: Thresholds) -> bool:
    """Tell whether the most common is far more common than the rarest, which may be missing."""
    most, least = max(counts.values()), min(counts.values())
    return len(counts) > 1 and most > 0 and most >= limits.imbalance_ratio_thr * least


def _extremes(counts: Mapping[str, int]) -> tuple[str, str]:
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    return f"{most!r} {counts[most]}", f"{least!r} {counts[least]}"


def _attributes(seen: Gathered, limits: Thresholds) -> Iterator[Finding]:
    for name, entries in seen.attributes.items():
        for attribute, entry in entries.items():
            of = f"attribute {attribute!r} of label {name!r}"
            counts = entry["distribution"]
            if not counts:
                text = f"nothing of label {name!r} has the attribute {attribute!r}"
                yield _finding("AttributeDefinedButNotFound", text)
            for value, count in counts.items():
                if count <= limits.few_samples_thr:
                    text = f"the {of} has few samples of {value!r}: {count}"
                    yield _finding("FewSamplesInAttribute", text)
            if len(counts) == 1:
                text = f"the {of} is always {next(iter(counts))!r}"
                yield _finding("OnlyOneAttributeValue", text)
            if counts and _unbalanced(counts, limits):
                most, least = _extremes(counts)
                text = f"values of {of} are out of balance: {most}, but {least}"
                yield _finding("ImbalancedAttribute", text)
            for key in entry["items_missing_attribute"]:
                yield _finding("MissingAttribute", f"the {of} is missing", key)


def _undefined(seen: Gathered) -> Iterator[Finding]:
    for name, entry in seen.undefined.items():
        text = "an annotation has no label" if name == "None" else f"no label {name} is defined"
        for key in entry["items_with_undefined_label"]:
            yield _finding("UndefinedLabel", text, key, "error")
    if not seen.declares_attributes:  # most formats cannot
        return
    for name, entries in seen.undefined_attributes.items():
        of = f"label {name!r}" if name in seen.labels else "what has no label"
        for attribute, entry in entries.items():
            text = f"the attribute {attribute!r} is not defined for {of}"
            for key in entry["items_with_undefined_attr"]:
                yield _finding("UndefinedAttribute", text, key, "error")


def _items(seen: Gathered) -> Iterator[Finding]:
    for key in seen.missing:
        yield _finding("MissingAnnotation", f"it lacks {_WHAT[seen.task]}", key)
    for key in seen.multiple:
        yield _finding("MultiLabelAnnotations", "it has several labels", key, "error")
    for where, lengths in seen.negative.items():
        for number, sides in lengths.items():
            for side, length in sides.items():
                text = f"the {side} of annotation {number} is negative: {length:g}"
                yield _finding("NegativeLength", text, seen.key(where), "error")
    for where, wrong in seen.invalid.items():
        for number, names in wrong.items():
            text = f"annotation {number} has no {', '.join(names)} that is a number"
            yield _finding("InvalidValue", text, seen.key(where), "error")


def _sizes(seen: Gathered, statistics: Found, limits: Thresholds, word: str) -> Iterator[Finding]:
    for name, sizes in statistics[f"{word}_distribution_in_label"].items():
        of = f"of label {name!r}"
        yield from _uneven("ImbalancedDistInLabel", sizes, of, limits)
        yield from _far("FarFromLabelMean", sizes, of, seen)
    for name, attributes in statistics[f"{word}_distribution_in_attribute"].items():
        for attribute, values in attributes.items():
            for value, sizes in values.items():
                of = f"of label {name!r} with {attribute!r} {value!r}"
                yield from _uneven("ImbalancedDistInAttribute", sizes, of, limits)
                yield from _far("FarFromAttrMean", sizes, of, seen)


def _uneven(kind: str, sizes: Found, of: str, limits: Thresholds) -> Iterator[Finding]:
    for name, described in sizes.items():
        counts = sorted(described["histogram"]["counts"], reverse=True)
        if sum(counts) <= limits.few_samples_thr:  # which is told, and says all
            continue
        fullest = sum(counts[: max(1, int(len(counts) * limits.topk_bins))])
        if fullest >= limits.dominance_ratio_thr * sum(counts):
            yield _finding(kind, f"{name} {of} is unevenly distributed")


def _far(kind: str, sizes: Found, of: str, seen: Gathered) -> Iterator[Finding]:
    for name, described in sizes.items():
        for where, numbers in described["items_far_from_mean"].items():
            for number, value in numbers.items():
                text = (
                    f"{name} of annotation {number} is {value:g}, the mean {of} "
                    f"{described['mean']:g}"
                )
                yield _finding(kind, text, seen.key(where))
