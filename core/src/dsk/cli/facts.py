"""What a path holds: ``dsk detect`` and ``dsk info``."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from dsk.annotations import Cuboid3d
from dsk.cli.text import counted, emit_json, say, say_warnings, table, tell
from dsk.collector import collector_off
from dsk.dataset import Dataset
from dsk.detect import ENOUGH, look
from dsk.errors import OptionError, printable
from dsk.files import open_root
from dsk.loss import Ledger
from dsk.media import Volume
from dsk.options import parse_pairs
from dsk.progress import Progress, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem

__all__ = ["show_detection", "show_info"]

MOST_LABELS = 30


def show_detection(path: str, *, as_json: bool) -> int:
    """Say which formats fit; exit code 3 when none does or several do equally."""
    given = open_root(path)
    root, found = look(given)
    inside = "" if root is given else root.name
    good = [c for c in found if c.score >= ENOUGH]
    best = [c for c in good if c.score == good[0].score] if good else []
    if as_json:
        emit_json(
            {
                "format": best[0].format if len(best) == 1 else None,
                "folder": inside,
                "candidates": [
                    {"format": c.format, "score": c.score, "reason": c.reason, "options": c.options}
                    for c in found
                ],
            }
        )
    elif len(best) == 1:
        tell(best[0].format)
        say(f"  in the folder {inside}: {best[0].reason}" if inside else f"  {best[0].reason}")
    if not as_json:
        _explain(found, best, path)
    return 0 if len(best) == 1 else 3


def _explain(found: Sequence[Any], best: Sequence[Any], path: str) -> None:
    if not best:
        say(f"no installed format fits {path}")
    elif len(best) > 1:
        equals = ", ".join(c.format for c in best)
        say(f"several formats fit equally well: {equals}; name one with -if")
    others = [c for c in found if len(best) != 1 or c is not best[0]]
    if others:
        say("also looked at:")
        for line in table(((c.format, str(c.score), c.reason) for c in others), indent="  "):
            say(line)


class _Counts:
    """Running totals over a dataset."""

    def __init__(self) -> None:
        self.items = 0
        self.annotated = 0
        self.subsets: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.labels: Counter[int | None] = Counter()
        self.media: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.volumes: Counter[tuple[Any, ...]] = Counter()
        self.boxes_3d: Counter[tuple[str, str]] = Counter()

    def add(self, item: DatasetItem) -> None:
        self.items += 1
        self.annotated += bool(item.annotations)
        self.subsets[item.subset] += 1
        self.media[item.media.kind if item.media is not None else "none"] += 1
        kinds = [a.kind for a in item.annotations]
        self.kinds.update(kinds)
        if Cuboid3d.kind in kinds:
            boxes = [a for a in item.annotations if isinstance(a, Cuboid3d)]
            self.boxes_3d.update([(a.frame, a.forward) for a in boxes])
        self.labels.update([a.label for a in item.annotations])
        for annotation in item.annotations:
            if annotation.attributes:
                self.attributes.update(annotation.attributes.keys())
        if isinstance(item.media, Volume):
            self.volumes[_grid(item.media)] += 1
        size = getattr(item.media, "size", None)
        if size is not None:
            self.sizes[size] += 1


def _grid(volume: Volume) -> tuple[Any, ...]:
    """Return shape, spacing in mm, orientation, channels and type of a volume's voxels."""
    spacing: tuple[float, ...] = ()
    orientation = ""
    if volume.affine is not None:
        columns = [volume.affine[axis:12:4] for axis in range(3)]
        spacing = tuple(round(math.hypot(*column), 6) for column in columns)
        for column in columns:  # the anatomical axis that a step along i, j, k follows most
            sizes = [abs(part) for part in column]
            axis = sizes.index(max(sizes))
            orientation += ("LR", "PA", "IS")[axis][column[axis] > 0]
    return volume.shape, spacing, orientation, volume.channels, volume.dtype


def show_info(
    path: str,
    source_format: str | None,
    options: Sequence[str],
    on_error: str,
    *,
    as_json: bool,
) -> int:
    """Count what a dataset holds; exit code 1 if bad records were skipped."""
    if on_error not in ("raise", "skip"):
        raise OptionError(f"--on-error is 'raise' or 'skip', not {on_error!r}")
    policy: Any = on_error
    given = parse_pairs(options)
    with waiting(f"opening {printable(path)}"):
        dataset = Dataset.import_from(path, source_format, on_error=policy, **given)
    ledger = Ledger(policy)
    ledger.merge(dataset.opening_ledger)
    counts = _Counts()
    progress = Progress.on_terminal(dataset.header.items, f"reading {dataset.format}")
    try:
        with collector_off():
            for item in dataset.read(ledger):
                counts.add(item)
                progress.advance(1)
    finally:
        progress.close()
    facts = _facts(dataset, counts, ledger)
    if as_json:
        emit_json(facts)
    else:
        _show(facts)
    return 1 if ledger.bad_count else 0


def _facts(dataset: Dataset, counts: _Counts, ledger: Ledger) -> dict[str, Any]:
    categories = dataset.categories()
    return {
        "format": dataset.format,
        "items": counts.items,
        "annotated": counts.annotated,
        "annotations": sum(counts.kinds.values()),
        "subsets": dict(counts.subsets),
        "kinds": dict(counts.kinds.most_common()),
        "labels": {
            label.name: counts.labels.get(number, 0)
            for number, label in enumerate(categories.labels)
        },
        "unlabelled": counts.labels.get(None, 0),
        "keypoints": {
            categories.labels[n].name: list(p.labels) for n, p in categories.points.items()
        },
        "media": dict(counts.media),
        "sizes": [
            {"height": h, "width": w, "items": n} for (h, w), n in counts.sizes.most_common(10)
        ],
        "volumes": [
            {
                "shape": shape,
                "spacing_mm": spacing,
                "orientation": orientation,
                "channels": channels,
                "dtype": dtype,
                "items": n,
            }
            for (shape, spacing, orientation, channels, dtype), n in counts.volumes.most_common(10)
        ],
        "boxes_3d": [
            {"frame": frame, "forward": forward, "boxes": n}
            for (frame, forward), n in counts.boxes_3d.most_common()
        ],
        "attributes": dict(counts.attributes.most_common()),
        "notes": {e.what: e.count for e in ledger.events.values() if e.effect == "note"},
        "bad_records": ledger.bad_count,
        "warnings": ledger.warnings,
    }


def _volume_line(volume: dict[str, Any]) -> str:
    parts = ["×".join(map(str, volume["shape"])), volume["dtype"]]
    if volume["spacing_mm"]:
        parts.append("×".join(f"{mm:g}" for mm in volume["spacing_mm"]) + " mm")
    parts += [volume["orientation"], ", ".join(volume["channels"])]
    return ", ".join(filter(None, parts)) + f": {volume['items']:,}"


def _box_line(group: dict[str, Any]) -> str:
    ahead = f"{group['forward']} ahead" if group["forward"] else "not stated what is ahead"
    return f"{group['boxes']:,}, {group['frame']} frame, {ahead}"


def _show(facts: dict[str, Any]) -> None:
    tell(
        f"{facts['format']}: {counted(facts['items'], 'item')} ({facts['annotated']:,} annotated), "
        f"{counted(facts['annotations'], 'annotation')}"
    )
    for title in ("subsets", "kinds", "media", "attributes"):
        if facts[title]:
            tell(f"{title:11} " + ", ".join(f"{k} {v:,}" for k, v in facts[title].items()))
    if facts["sizes"]:
        shown = ", ".join(f"{s['width']}×{s['height']} {s['items']:,}" for s in facts["sizes"][:5])
        tell(f"{'sizes':11} {shown}")
    for n, volume in enumerate(facts["volumes"][:5]):
        tell(f"{'' if n else 'volumes':11} {_volume_line(volume)}")
    for n, group in enumerate(facts["boxes_3d"]):
        tell(f"{'' if n else 'boxes 3d':11} {_box_line(group)}")
    for n, (note, count) in enumerate(facts["notes"].items()):
        tell(f"{'' if n else 'notes':11} {note}: {count:,}")
    labels = sorted(facts["labels"].items(), key=lambda pair: -pair[1])
    if labels:
        tell(f"labels      {len(labels)}")
        for line in table(((n, f"{c:,}") for n, c in labels[:MOST_LABELS]), indent="  "):
            tell(line)
        if len(labels) > MOST_LABELS:
            tell(f"  … and {len(labels) - MOST_LABELS} more; --json has all")
    if facts["unlabelled"]:
        tell(f"unlabelled  {facts['unlabelled']:,}")
    say_warnings(facts["warnings"], facts["bad_records"])
