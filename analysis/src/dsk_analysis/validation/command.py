"""What ``dsk validate`` does: open, look, print, write."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dsk.cli.text import counted, say, say_warnings, table, tell
from dsk.errors import printable
from dsk.options import parse_dashed
from dsk.progress import Progress
from dsk_analysis.request import ReadRequest
from dsk_analysis.validation.thresholds import OPTIONS
from dsk_analysis.validation.validating import gather

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_validate"]

MOST_EXAMPLES = 3


def run_validate(request: ReadRequest, task: str, trailing: Sequence[str]) -> int:
    """Show what is odd about a dataset; exit code 1 if anything is, or records were skipped.

    Args:
        request: What to read, and where to write.
        task: What the dataset is for.
        trailing: The thresholds, as they stand behind ``--``.

    Raises:
        OptionError: There is no such task or threshold.
        UsageError: The options do not fit together.
        OutputError: The file cannot be written.
    """
    request.check_output()
    thresholds = parse_dashed(trailing, OPTIONS)
    dataset, ledger = request.opened()
    progress = Progress.on_terminal(dataset.header.items, f"reading {dataset.format}")
    try:
        found = gather(dataset, task, thresholds, ledger, subset=request.subset, progress=progress)
    finally:
        progress.close()
    found["warnings"] = dict(ledger.warnings)
    request.deliver(found, lambda: _show(found))
    if request.output is None and not request.as_json:
        say("  next: -o FILE or --json: everything")
    say_warnings(ledger.warnings, ledger.bad_count)
    return 1 if ledger.bad_count or found["validation_reports"] else 0


def _show(found: dict[str, Any]) -> None:
    """Print the findings, those of one kind together, errors first."""
    summary = found["summary"]
    items = len(found["statistics"].get("items_missing_annotation", ()))
    tell(
        f"{found['format']}, for {found['task']}: "
        f"{counted(found['statistics']['total_ann_count'], 'annotation')}, "
        f"{counted(summary['errors'], 'error')}, {counted(summary['warnings'], 'warning')}"
        + (f"; {counted(items, 'item')} without annotations" if items else "")
    )
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = {}
    for report in found["validation_reports"]:
        kind = (report["severity"], report["anomaly_type"])
        counts[kind] += 1
        if counts[kind] <= MOST_EXAMPLES:
            examples.setdefault(kind, []).append(_line(report))
    rows = []
    for kind in sorted(counts, key=lambda kind: (kind[0] != "error", -counts[kind])):
        first, *others = examples[kind]
        rows.append((*kind, f"{counts[kind]:,}", first))
        rows += [("", "", "", text) for text in others]
        if counts[kind] > MOST_EXAMPLES:
            rows.append(("", "", "", f"… and {counts[kind] - MOST_EXAMPLES:,} more"))
    for line in table(rows, indent="  "):
        tell(line)


def _line(report: dict[str, str]) -> str:
    where = f"{report['subset']}/{report['item_id']}: " if "item_id" in report else ""
    return printable(where + report["description"])
