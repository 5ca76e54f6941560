"""The body of ``dsk filter``: showing items as XML, counting clauses, or converting."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from dsk.cli.convert import ConvertRequest, open_input, own_place, run_convert
from dsk.cli.text import emit_json, say, table, tell
from dsk.collector import collector_off
from dsk.errors import UsageError
from dsk.loss import Ledger
from dsk.opening import make_transform
from dsk.progress import Progress
from dsk_transforms.filtering.filter import Filter
from dsk_transforms.filtering.xml_view import item_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsk.dataset import Dataset
    from dsk_transforms.filtering.query import Clause

__all__ = ["run_filter"]


def run_filter(given: Mapping[str, Any]) -> int:
    """Do what ``dsk filter`` was asked for, return the exit code.

    Args:
        given: The command's parameters and ``trailing``, the words behind ``--``.

    Raises:
        UsageError: They make no sense together.
    """
    own = ("explain", "dry_run", "output")
    looks = given["dry_run"] or given["explain"]
    place = given["output"] or ("" if looks else own_place(given["source"], "filter"))
    request = ConvertRequest(output=place, **{k: v for k, v in given.items() if k not in own})
    if given["dry_run"] and (given["explain"] or request.as_json):
        raise UsageError("--dry-run shows XML; it goes neither with --explain nor with --json")
    if given["dry_run"]:
        return _quiet_at_end(request)
    if given["explain"]:
        _explain(request)
    return run_convert(request) if request.output else 0


def _filter(request: ConvertRequest) -> Filter:
    mode = {"mode": request.filter_mode} if request.filter_mode else {}
    step = make_transform("filter", {"expression": request.expression, **mode})
    assert isinstance(step, Filter)
    return step


def _quiet_at_end(request: ConvertRequest) -> int:
    """Show the items; a reader that has seen enough, such as ``head``, is no error."""
    try:
        return _show(request)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _show(request: ConvertRequest) -> int:
    step = _filter(request)
    dataset = open_input(request).transform(step)
    ledger = Ledger(dataset.on_error)
    items = annotations = 0
    for item in dataset.read(ledger):
        items += 1
        annotations += len(item.annotations)
        tell(item_xml(step.scope(item, ledger)))
    sys.stdout.flush()
    say(f"{items:,} items with {annotations:,} annotations, of {_totals(ledger)}")
    _say_warnings(ledger)
    say("nothing was written (--dry-run)")
    return 1 if ledger.bad_count else 0


def _totals(ledger: Ledger) -> str:
    return f"{ledger.items_in:,} items with {ledger.annotations_in:,} annotations"


def _say_warnings(ledger: Ledger) -> None:
    for message, count in ledger.warnings.items():
        say(f"warning: {message}" + (f" ({count} times)" if count > 1 else ""))


def _explain(request: ConvertRequest) -> None:
    """Count what each part of the expression is true of."""
    step = _filter(request)
    dataset = open_input(request)
    step.header(dataset.header)
    clauses = step.query.clauses()
    counts, ledger, kept = _count(dataset, step, clauses)
    totals = {"items": ledger.items_in, "annotations": ledger.annotations_in}
    if request.as_json and not request.output:
        rows = [
            {"text": c.text, "depth": c.depth, "of": c.of, "true": n, "total": totals[c.of]}
            for c, n in zip(clauses, counts, strict=True)
        ]
        emit_json({"clauses": rows, "in": totals, "out": kept})
        return
    lines = [
        (f"{n:,}".rjust(9), f"of {totals[c.of]:,} {c.of}", "  " * c.depth + c.text)
        for c, n in zip(clauses, counts, strict=True)
    ]
    write = say if request.as_json else tell
    for line in table(lines):
        write(line)
    write(f"left: {kept['items']:,} items with {kept['annotations']:,} annotations")
    _say_warnings(ledger)


def _count(
    dataset: Dataset, step: Filter, clauses: list[Clause]
) -> tuple[list[int], Ledger, dict[str, int]]:
    counts = [0] * len(clauses)
    kept = {"items": 0, "annotations": 0}
    ledger, unreported = Ledger(dataset.on_error), Ledger()
    progress = Progress.on_terminal(dataset.header.items, "counting")
    with collector_off():
        for item in dataset.read(ledger):
            scope = step.scope(item, ledger)
            for number, clause in enumerate(clauses):
                counts[number] += clause.count(scope)
            left = step.apply(item, unreported)
            if left is not None:
                kept["items"] += 1
                kept["annotations"] += len(left.annotations)
            progress.advance(1)
    progress.close()
    return counts, ledger, kept
