"""From facts to plain values: Datumaro's keys first, then dsk's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import KINDS
from dsk_analysis.stats.facts import UNLABELLED, Facts, Labels
from dsk_analysis.stats.numbers import by_group, histogram, per_item, share, summary
from dsk_analysis.stats.pixels import Pixels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["results"]

MOST_SIZES = 100
"""Image sizes that are listed, the most common first."""

SMALL, MEDIUM = 32.0**2, 96.0**2
"""Areas in px² below which COCO calls an object small, or of medium size."""


def results(labels: Labels, subsets: Mapping[str, Facts], *, pixels: bool) -> dict[str, Any]:
    """Return the statistics of all subsets together and of each."""
    parts = {name: _described(facts) for name, facts in subsets.items()}
    if len(subsets) == 1:
        found = dict(next(iter(parts.values())))
    else:
        total = Facts(labels)
        total.pixels = Pixels() if pixels else None
        for facts in subsets.values():
            total.join(facts)
        found = _described(total)
    found["dataset"] = {
        "images count": found["images count"],
        "image mean": found["image mean"],
        "image std": found["image std"],
        "channel order": "RGB",
    }
    found["subsets"] = parts
    return found


def _described(facts: Facts) -> dict[str, Any]:
    found = {
        "images count": len(facts.per_item),
        "annotations count": sum(facts.kinds.values()),
        "unannotated images count": len(facts.unannotated),
        "unannotated images": facts.unannotated,
        "annotations by type": {kind: {"count": facts.kinds[kind]} for kind in KINDS},
        "annotations": {"labels": _labels(facts), "segments": _segments(facts)},
        **_pixels(facts.pixels),
        "media": dict(facts.media.most_common()),
        "image sizes": _sizes(facts),
        "annotations per item": per_item(facts.per_item.arrays()[0]),
        "boxes": _boxes(facts),
        "boxes 3d": _solids(facts),
        "tracks": _tracks(facts),
        "not finite": {kind: n for kind, n in facts.not_finite.items() if n},
    }
    if facts.attributes.unnamed:
        found["annotations"]["labels"]["values of further attributes"] = facts.attributes.unnamed
    return found


def _labels(facts: Facts) -> dict[str, Any]:
    counts = facts.label_counts
    labelled = counts.total() - counts[UNLABELLED]
    return {
        "count": labelled,
        "distribution": {
            name: [counts[n], share(counts[n], labelled)]
            for n, name in enumerate(facts.labels.names)
        },
        "attributes": facts.attributes.result(),
        "unlabelled count": counts[UNLABELLED],
    }


def _segments(facts: Facts) -> dict[str, Any]:
    areas = facts.areas.arrays()[0]
    total = float(areas.sum())
    by_label = [facts.label_areas.get(n, 0.0) for n in range(len(facts.labels.names))]
    labelled = sum(by_label)
    small, medium = int((areas < SMALL).sum()), int((areas < MEDIUM).sum())
    return {
        "count": len(areas),
        "avg. area": total / len(areas) if len(areas) else 0.0,
        "area distribution": histogram(areas),
        "pixel distribution": {
            name: [round(pixels), share(pixels, labelled)]
            for name, pixels in zip(facts.labels.names, by_label, strict=True)
        },
        "area": summary(areas),
        "COCO sizes": {"small": small, "medium": medium - small, "large": len(areas) - medium},
    }


def _pixels(pixels: Pixels | None) -> dict[str, Any]:
    if pixels is None:
        names = (
            "image mean",
            "image std",
            "unique images count",
            "repeating images count",
            "repeating images",
            "images without pixels",
        )
        return dict.fromkeys(names)
    mean, std = pixels.mean_std()
    unique, groups = pixels.repeated()
    return {
        "image mean": mean,
        "image std": std,
        "unique images count": unique,
        "repeating images count": len(groups),
        "repeating images": groups,
        "images without pixels": dict(pixels.left_out),
    }


def _sizes(facts: Facts) -> dict[str, Any]:
    height, width = facts.sizes.arrays()
    pairs, counts = np.unique(height << 32 | width, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_SIZES]
    return {
        "known": len(height),
        "unknown": facts.unsized,
        "distinct": len(pairs),
        "most common": [
            {"width": pair & 0xFFFFFFFF, "height": pair >> 32, "count": count}
            for pair, count in zip(pairs[order].tolist(), counts[order].tolist(), strict=True)
        ],
        "width": summary(width),
        "height": summary(height),
    }


def _boxes(facts: Facts) -> dict[str, Any]:
    codes, width, height = facts.boxes.arrays()
    return {
        "count": len(codes),
        "all": _box_sizes(width, height) if len(codes) else None,
        "labels": {
            facts.labels.names[number]: _box_sizes(*columns)
            for number, columns in by_group(codes, (width, height)).items()
            if number != UNLABELLED
        },
    }


def _box_sizes(width: NDArray[np.float64], height: NDArray[np.float64]) -> dict[str, Any]:
    sound = (width > 0) & (height > 0)  # others have no aspect
    ratio = width[sound] / height[sound]
    return {
        "count": len(width),
        "width": summary(width),
        "height": summary(height),
        "area": summary(width * height),
        "aspect ratio": summary(ratio[np.isfinite(ratio)]),
    }


def _solids(facts: Facts) -> dict[str, Any]:
    codes, *columns = facts.solids.arrays()
    labels, objects, solid = facts.tracks.arrays()
    counts = _distinct(labels, objects, facts.ends(), solid.astype(np.bool_))
    found = {
        number: _solid_sizes(*parts, tracked=counts.get(number, (0, 0)))
        for number, parts in by_group(codes, columns).items()
    }
    return {
        "count": sum(facts.frames.values()),
        "frames": dict(facts.frames.most_common()),
        "measured": len(codes),
        "labels": {facts.labels.names[n]: v for n, v in found.items() if n != UNLABELLED},
        "unlabelled": found.get(UNLABELLED),
    }


def _solid_sizes(*columns: NDArray[np.float64], tracked: tuple[int, int]) -> dict[str, Any]:
    length, width, height, distance = columns
    return {
        "count": len(length),
        "length": summary(length),
        "width": summary(width),
        "height": summary(height),
        "distance": summary(distance[~np.isnan(distance)]),
        "annotations with track": tracked[0],
        "tracks": tracked[1],
    }


def _tracks(facts: Facts) -> dict[str, Any]:
    labels, objects, _ = facts.tracks.arrays()
    ends = facts.ends()
    counts = _distinct(labels, objects, ends, np.ones(len(labels), np.bool_))
    lengths = [
        np.unique(objects[start:end], return_counts=True)[1]
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    whole = np.concatenate(lengths)
    return {
        "annotations with track": len(labels),
        "count": len(whole),
        "annotations per track": summary(whole),
        "labels": {
            facts.labels.names[number]: {"annotations with track": found, "tracks": distinct}
            for number, (found, distinct) in counts.items()
            if number != UNLABELLED
        },
    }


def _distinct(
    labels: NDArray[np.int32],
    objects: NDArray[np.int64],
    ends: list[int],
    chosen: NDArray[np.bool_],
) -> dict[int, tuple[int, int]]:
    """Return by label how many annotations have a track and how many tracks they are.

    Subsets number their tracks for themselves.
    """
    found: dict[int, tuple[int, int]] = {}
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        keep = chosen[start:end]
        parts = by_group(labels[start:end][keep], [objects[start:end][keep]])
        for number, (part,) in parts.items():
            before = found.get(number, (0, 0))
            found[number] = before[0] + len(part), before[1] + len(np.unique(part))
    return found
