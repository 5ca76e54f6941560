"""What ``dsk diff`` does: open both, compare, print, write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.cli.text import counted, say_warnings, table, tell
from dsk.errors import printable
from dsk.progress import Progress
from dsk_analysis.comparison.comparing import gather

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dsk_analysis.request import ReadRequest

__all__ = ["run_diff"]

MOST_NAMES = 5
MOST_LABELS = 20

_COLUMNS = ("matched", "other label", "only in first", "only in second")
_TELLING = ("other label", "other kind", "other attributes", "only in first", "only in second")


def run_diff(
    first: ReadRequest, second: ReadRequest, iou_thresh: float, ignore_attrs: Collection[str]
) -> int:
    """Show what differs between two datasets; exit code 1 if anything does or is bad.

    Args:
        first: What to compare with, and where to write.
        second: What to compare.
        iou_thresh: From which overlap on shapes are the same.
        ignore_attrs: Attributes that may differ.

    Raises:
        OptionError: The threshold makes no sense.
        UsageError: The options do not fit together.
        OutputError: The file cannot be written.
    """
    first.check_output()
    datasets, ledgers = zip(*(request.opened() for request in (first, second)), strict=True)
    progress = Progress.on_terminal(datasets[0].header.items, "comparing")
    try:
        found = gather(datasets, ledgers, iou_thresh, ignore_attrs, progress)
    finally:
        progress.close()
    first.deliver(found, lambda: _show(found))
    for ledger in ledgers:
        say_warnings(ledger.warnings, ledger.bad_count)
    return 1 if found["bad records"] or _differs(found) else 0


def _differs(found: dict[str, Any]) -> bool:
    alone = [found[part][f"only in {which}"] for part in ("labels", "items") for which in _WHICH]
    return any(alone) or any(found["annotations"][name] for name in _TELLING)


_WHICH = ("first", "second")


def _show(found: dict[str, Any]) -> None:
    """Print the numbers, and names of what only one has."""
    items, annotations = found["items"], found["annotations"]
    for which, name in zip(_WHICH, found["formats"], strict=True):
        tell(
            f"{which:12}{name or 'dataset'}: {counted(items[which], 'item')}, "
            f"{counted(annotations[which], 'annotation')}"
        )
    for part in ("labels", "items"):
        for which in _WHICH:
            alone = found[part][f"only in {which}"]
            if alone:
                names = alone if part == "labels" else [f"{s}/{i}" for i, s in alone]
                tell(f"{part:12}{len(alone):,} only in {which}: {_some(names)}")
    tell(f"{'items':12}{items['in both']:,} in both")
    mean = annotations["mean IoU"]
    overlap = "" if mean is None else f", mean IoU {mean:.3f}"
    tell(f"{'annotations':12}{annotations['matched']:,} matched{overlap}")
    for name in _TELLING:
        if annotations[name]:
            tell(f"{'':12}{annotations[name]:,} {name}")
    rows = [
        (name or "(no label)", *(f"{counts.get(column, 0):,}" for column in _COLUMNS))
        for name, counts in found["by label"].items()
    ]
    for line in table(rows[:MOST_LABELS], ("label", *_COLUMNS), indent="  ") if rows else ():
        tell(line)
    if len(rows) > MOST_LABELS:
        tell(f"  … and {len(rows) - MOST_LABELS:,} more; --json has all")
    if not _differs(found):
        tell("no differences")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(printable, names[:MOST_NAMES]))
    return shown + (", …" if len(names) > MOST_NAMES else "")
