"""``dsk convert``: from the command's words to an export, its summary and its exit code."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsk.cli.text import emit_json, glyph, say
from dsk.dataset import Dataset
from dsk.errors import OptionError, OutputError, UsageError
from dsk.opening import make_transform
from dsk.options import parse_dashed, parse_pairs
from dsk.registry import registry

if TYPE_CHECKING:
    from dsk.loss import BadRecord, Event, Report

__all__ = ["ConvertRequest", "run_convert"]

MOST = 12
"""Lines of losses that the summary shows."""

ERRORS_FILE = "errors.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertRequest:
    """What the user asked for: the parameters of ``dsk convert`` and the words behind ``--``."""

    source: str
    target_format: str
    output: str
    source_format: str | None
    expression: str | None
    transforms: list[str] | None
    export_options: list[str] | None
    import_options: list[str] | None
    save_media: bool
    image_ext: str | None
    media: str
    overwrite: bool
    jobs: str
    engine: str | None
    strict: bool
    dry_run: bool
    on_error: str
    report: str | None
    as_json: bool
    trailing: list[str]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that core decides for every exporter, see ``ExportSettings``."""
        given = {name: getattr(self, name) for name in _SETTINGS}
        return {name: value for name, value in given.items() if value is not None}


_SETTINGS = (
    "save_media",
    "image_ext",
    "media",
    "overwrite",
    "jobs",
    "engine",
    "strict",
    "dry_run",
)


def run_convert(request: ConvertRequest) -> int:
    """Convert, say what happened, return the exit code."""
    if request.on_error not in ("raise", "skip"):
        raise OptionError(f"--on-error is 'raise' or 'skip', not {request.on_error!r}")
    registry().exporter(request.target_format)  # a typing error should not wait for a large input
    dataset = Dataset.import_from(
        request.source,
        request.source_format,
        on_error="skip" if request.on_error == "skip" else "raise",
        **parse_pairs(request.import_options or []),
    )
    if request.expression:
        dataset = dataset.filter(request.expression)
    for text in request.transforms or []:
        name, options = _transform(text)
        dataset = dataset.transform(make_transform(name, options))
    options = {**parse_pairs(request.export_options or []), **parse_dashed(request.trailing)}
    result = dataset.export(
        request.output,
        request.target_format,
        progress=True,
        **{**request.settings, **options},
    )
    _write_reports(request, result)
    if request.as_json:
        emit_json(result.to_dict())
    else:
        _summary(request, dataset.format, result)
    return 1 if result.errors else 0


def _transform(text: str) -> tuple[str, dict[str, Any]]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"-t {text!r}: {error}") from error
    if not words:
        raise UsageError("-t needs a transform's name")
    return words[0], parse_pairs(words[1:])


def _write_reports(request: ConvertRequest, result: Report) -> None:
    if request.report:
        _write(request.report, json.dumps(result.to_dict(), ensure_ascii=False, indent=2) + "\n")
    if result.bad:
        _write(ERRORS_FILE, "".join(_bad_line(record) for record in result.bad))
        say(f"{result.errors} bad records were skipped: see {ERRORS_FILE}")


def _bad_line(record: BadRecord) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(record), ensure_ascii=False) + "\n"


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    except OSError as error:
        raise OutputError(error.strerror or str(error), where=path) from error


def _summary(request: ConvertRequest, source_format: str, result: Report) -> None:
    items, annotations = result.items, result.annotations
    done = glyph("✓", "ok") if not request.dry_run else "forecast:"
    arrow = glyph("→", "->")
    place = f" {arrow} {result.output}" if result.output else ""
    say(
        f"{done} {source_format} {arrow} {request.target_format}: {items['out']:,} items, "
        f"{annotations['out']:,} annotations{place}  ({result.seconds:.1f} s)"
    )
    shown = sorted(result.events, key=lambda e: (_ORDER.get(e.effect, 9), -e.count))
    for event in shown[:MOST]:
        say(f"  {_effect(event):9} {event.count:>9,}  {event.what}  [{event.code}]{_place(event)}")
        if event.hint:
            say(f"  {'':19}  {event.hint}")
    if len(shown) > MOST:
        say(f"  … and {len(shown) - MOST} more kinds; --report FILE has them all")
    for message, count in result.warnings.items():
        say(f"warning: {message}" + (f" ({count} times)" if count > 1 else ""))
    if request.dry_run:
        say("nothing was written (--dry-run)")
        return
    if not (request.save_media or result.media_saved):
        say("  the annotations name the images but the images were not copied: add --save-media")
    say(f"  next: dsk info {shlex.quote(request.output)}")


_ORDER = {"item": 0, "dropped": 1, "bad": 1, "changed": 2, "media": 3, "merged": 4, "split": 4}
_WORDS = {"field": "left out", "note": "note", "item": "item lost", "bad": "skipped"}


def _effect(event: Event) -> str:
    return _WORDS.get(event.effect, event.effect)


def _place(event: Event) -> str:
    if not event.samples:
        return ""
    first = event.samples[0]
    return f"  e.g. {first.subset}/{first.item}" + (
        f" #{first.annotation}" if first.annotation else ""
    )
