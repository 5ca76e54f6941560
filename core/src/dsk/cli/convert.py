"""``dsk convert`` and its like: from a command's words to an export, its summary and exit code."""

from __future__ import annotations

import json
import os
import shlex
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.adapt import Adapter
from dsk.cli.text import counted, emit_json, glyph, say, say_warnings
from dsk.descriptors import Option
from dsk.errors import (
    LossError,
    OptionError,
    OutputError,
    OutputExistsError,
    UsageError,
    printable,
)
from dsk.loss import Ledger
from dsk.names import stem_of
from dsk.opening import make_transform, open_dataset
from dsk.options import parse_dashed, parse_pairs
from dsk.progress import waiting
from dsk.registry import registry, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsk.dataset import Dataset
    from dsk.flow import Transform
    from dsk.loss import BadRecord, Event, Report

__all__ = [
    "ConvertRequest",
    "check_target",
    "open_input",
    "own_place",
    "run_convert",
    "write_dataset",
]

MOST = 12
"""Lines of losses that the summary shows."""

ERRORS_FILE = "errors.jsonl"

# What earlier files begin with: tests write one over another.
_REPORT_BEGINS = '{\n  "items": {\n    "in": '
_ERRORS_BEGIN = '{"message": '


class ConvertRequest(Struct, frozen=True, kw_only=True):
    """What the user asked for: the parameters of a command that writes a dataset.

    Attributes:
        target_format: None stands for the format of the input.
        trailing: The words behind ``--`` that are options of the exporter.
        transform_words: Those that are options of the one transform.
    """

    source: str
    output: str
    target_format: str | None = None
    source_format: str | None = None
    expression: str | None = None
    filter_mode: str | None = None
    transforms: Sequence[str] | None = None
    transform_words: Sequence[str] = ()
    export_options: Sequence[str] | None = None
    import_options: Sequence[str] | None = None
    trailing: Sequence[str] = ()
    save_media: bool = False
    image_ext: str | None = None
    media: str = "copy"
    overwrite: bool = False
    jobs: str = "1"
    engine: str | None = None
    strict: bool = False
    dry_run: bool = False
    on_error: str = "raise"
    report: str | None = None
    as_json: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that core decides for every exporter, see ``ExportSettings``."""
        given = {o.name: getattr(self, o.name) for o in SETTINGS if o.name != "save_images"}
        return {name: value for name, value in given.items() if value is not None}


SETTINGS = (
    Option(name="save_media", type=bool),
    Option(name="save_images", type=bool),
    Option(name="image_ext"),
    Option(name="media"),
    Option(name="overwrite", type=bool),
    Option(name="jobs"),
    Option(name="engine"),
    Option(name="strict", type=bool),
    Option(name="dry_run", type=bool),
)
"""How those settings are written behind ``--`` and ``-O``."""


def own_place(source: str, what: str) -> str:
    """Return the name of a new folder for an output that was given none, as Datumaro calls it.

    Args:
        source: What is read.
        what: What is done to it: the format to write, or a transform's name.
    """
    name = os.path.basename(os.path.abspath(source))  # noqa: PTH100, PTH119
    if not os.path.isdir(source):  # noqa: PTH112
        name = stem_of(name).removesuffix(".tar")
    return f"{name or 'dataset'}-{what}"


def run_convert(request: ConvertRequest) -> int:
    """Open, change and write a dataset, say what happened, return the exit code.

    Raises:
        UsageError: A name, an option or their combination makes no sense.
    """
    started = time.monotonic()
    check_target(request)
    steps = _steps(request)
    dataset = open_input(request, only_columns=not steps and _takes_columns(request))
    for step in steps:
        dataset = dataset.transform(step)
    return write_dataset(request, dataset, started)


def check_target(request: ConvertRequest) -> None:
    """Find out what need not wait for a large input: a wrong name, a report that has no place.

    Raises:
        UsageError: There is no such format.
        OutputError: The report cannot be written.
    """
    _check_report(request)
    if request.target_format is not None:
        registry().exporter(request.target_format)


def write_dataset(
    request: ConvertRequest,
    dataset: Dataset,
    started: float,
    more: Callable[[], dict[str, Any]] | None = None,
) -> int:
    """Write a dataset, say what happened, return the exit code.

    Args:
        request: What the user asked for.
        dataset: What to write.
        started: When the work began, see ``time.monotonic``.
        more: Returns facts that ``--json`` has besides the report, once the dataset was written.

    Raises:
        UsageError: An option or a combination makes no sense.
    """
    target = request.target_format or _format_of(dataset)
    options = (*SETTINGS, *registry().exporter(target).options)
    given = {
        **request.settings,
        **parse_pairs(request.export_options or (), options),
        **parse_dashed(request.trailing, options),
    }
    try:
        result = dataset.export(request.output, target, progress=True, **given)
    except LossError as error:
        if error.report is not None:
            _write_reports(request, error.report)
        raise
    result.seconds = round(time.monotonic() - started, 3)  # opening is a part of it here
    _write_reports(request, result)
    if request.as_json:
        emit_json({**result.to_dict(), **(more() if more else {})})
    else:
        formats = f"{dataset.format} {glyph('→', '->')} {target}"
        _summary(request, formats, result, _media_word(dataset.header.media))
    return 1 if result.errors else 0


def _takes_columns(request: ConvertRequest) -> bool:
    """Tell whether one process will write outlines as boxes, as far as that can be told now."""
    if request.target_format is None or request.jobs != "1" or request.engine is not None:
        return False
    info = registry().exporter(request.target_format)
    adapter = Adapter(info.capabilities, Ledger())
    return resolve(info.target).takes_columns and adapter.outlines_become_boxes


def open_input(request: ConvertRequest, *, only_columns: bool = False) -> Dataset:
    """Open the dataset that a command reads.

    Args:
        request: What the user asked for.
        only_columns: See ``Importer.only_columns``.

    Raises:
        OptionError: An option is unknown or does not fit.
        InputError: It cannot be read.
    """
    if request.on_error not in ("raise", "skip"):
        raise OptionError(f"--on-error is 'raise' or 'skip', not {request.on_error!r}")
    with waiting(f"opening {printable(request.source)}"):
        return open_dataset(
            request.source,
            request.source_format,
            parse_pairs(request.import_options or ()),
            "skip" if request.on_error == "skip" else "raise",
            only_columns=only_columns,
        )


def _format_of(dataset: Dataset) -> str:
    """Return the format to write when none was named: the one that was read."""
    exporters = registry().exporters
    importer = registry().importers.find(dataset.format)
    for name in (dataset.format, importer.name if importer else "", dataset.source.written_as):
        if name and exporters.find(name) is not None:
            return name
    raise UsageError(
        f"the format {dataset.format!r} can be read but not written",
        hint="name the format to write: -f FORMAT; dsk formats lists them",
    )


def _steps(request: ConvertRequest) -> list[Transform]:
    """Make the steps: the filter first, then the transforms in their order."""
    steps = []
    if request.expression:
        mode = {"mode": request.filter_mode} if request.filter_mode else {}
        steps.append(make_transform("filter", {"expression": request.expression, **mode}))
    elif request.filter_mode:
        raise UsageError("--filter-mode says how -e filters, but there is no -e")
    transforms = request.transforms or ()
    if request.transform_words and len(transforms) != 1:
        raise UsageError(
            f"the words behind -- belong to one transform, but there are {len(transforms)}",
            hint="write the options of each in quotes: -t 'NAME option=value …'",
        )
    steps += [_transform(text, request.transform_words) for text in transforms]
    return steps


def _transform(text: str, more: Sequence[str]) -> Transform:
    """Make a transform of ``NAME option=value …`` or ``NAME --option value …``."""
    try:
        name, *words = shlex.split(text)
    except ValueError as error:
        reason = str(error) if text.strip() else "a transform's name is missing"
        raise UsageError(f"-t {text!r}: {reason}") from error
    options = registry().transform(name).options
    _refuse_settings(name, options, more)
    dashed = bool(words) and words[0].startswith("-")
    given = parse_dashed(words, options) if dashed else parse_pairs(words, options)
    return make_transform(name, {**given, **parse_dashed(more, options)})


def _refuse_settings(name: str, options: Sequence[Option], words: Sequence[str]) -> None:
    """Say where ``--save-media`` and its like belong, which Datumaro takes behind ``--``."""
    own = {option.name for option in options}
    for setting in SETTINGS:
        flag = f"--{setting.name.replace('_', '-')}"
        if flag in words and setting.name not in own:
            raise OptionError(f"transform {name} has no option {flag}", hint="write it before --")


def _check_report(request: ConvertRequest) -> None:
    """Find out early that the report cannot be written; it may lie in the output.

    Raises:
        OutputError: It cannot.
    """
    if not request.report:
        return
    path = os.path.abspath(request.report)  # noqa: PTH100
    folder = os.path.dirname(path)  # noqa: PTH120
    output = os.path.abspath(request.output)  # noqa: PTH100
    if os.path.isdir(path) or path == output:  # noqa: PTH112
        raise OutputError("--report names a file, this is a folder", where=request.report)
    if not os.path.isdir(folder) and folder != output:  # noqa: PTH112
        raise OutputError("there is no folder for the report", where=request.report)
    _spare_others(request.report, _REPORT_BEGINS)


def _spare_others(path: str, beginning: str) -> None:
    """Refuse to replace a file that is none of dsk's own: it may be an annotation file.

    Args:
        path: Where something is to be written.
        beginning: What earlier files of its kind begin with; empty files are free, too.

    Raises:
        OutputExistsError: There is another file.
    """
    if not os.path.isfile(path):  # noqa: PTH113
        return
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(len(beginning))
    except OSError as error:
        raise OutputError(error.strerror or str(error), where=path) from error
    if head not in (b"", beginning.encode()):
        raise OutputExistsError(
            "there is a file of this name that dsk has not written",
            where=path,
            hint="choose another place",
        )


def _write_reports(request: ConvertRequest, result: Report) -> None:
    if request.report:
        _spare_others(request.report, _REPORT_BEGINS)  # the output may have such a file
        _write(request.report, json.dumps(result.to_dict(), ensure_ascii=False, indent=2) + "\n")
    if not result.bad:
        return
    bad = counted(result.errors, "bad record")
    first = f"e.g. {result.bad[0].where}: {result.bad[0].message}"
    if not result.output:  # a forecast writes nothing that nobody asked for
        say(f"{bad} would be skipped, {first}")
        return
    try:
        _spare_others(ERRORS_FILE, _ERRORS_BEGIN)
        _write(ERRORS_FILE, "".join(_bad_line(record) for record in result.bad))
    except OutputError as error:  # the dataset is there all the same
        say(f"{bad} skipped, {first}")
        say(f"warning: {error}")
    else:
        say(f"{bad} skipped: see {ERRORS_FILE}")


def _bad_line(record: BadRecord) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(record), ensure_ascii=False) + "\n"


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    except OSError as error:
        raise OutputError(error.strerror or str(error), where=path) from error


def _media_word(kinds: frozenset[str]) -> str:
    """Return what a dataset's media are called: "images", "point clouds"."""
    return f"{next(iter(kinds))}s".replace("_", " ") if len(kinds) == 1 else "media"


def _summary(request: ConvertRequest, formats: str, result: Report, media: str) -> None:
    items, annotations = result.items, result.annotations
    done = glyph("✓", "ok") if result.output else "forecast:"
    arrow = glyph("→", "->")
    place = f" {arrow} {result.output}" if result.output else ""
    say(
        f"{done} {formats}: {counted(items['out'], 'item')}, "
        f"{counted(annotations['out'], 'annotation')}{place}  ({result.seconds:.1f} s)"
    )
    shown = sorted(result.events, key=lambda e: (_ORDER.get(e.effect, 9), -e.count))
    for event in shown[:MOST]:
        say(f"  {_effect(event):9} {event.count:>9,}  {event.what}  [{event.code}]{_place(event)}")
        if event.hint:
            say(f"  {'':19}  {event.hint}")
    if len(shown) > MOST:
        say(f"  … and {len(shown) - MOST} more kinds; --report FILE has them all")
    say_warnings(result.warnings)
    if not result.output:
        say("nothing was written (--dry-run)")
        return
    if not items["out"]:
        say("warning: no items are left: most formats cannot be read back without any")
        return
    if result.media_named and not (request.save_media or result.media_saved):
        say(f"  the annotations name the {media}, which were not copied: add --save-media")
    say(f"  next: dsk info {shlex.quote(request.output)}")


_ORDER = {"item": 0, "dropped": 1, "bad": 1, "changed": 2, "media": 3, "merged": 4, "split": 4}
_WORDS = {"field": "left out", "note": "note", "item": "item lost", "bad": "skipped"}


def _effect(event: Event) -> str:
    return _WORDS.get(event.effect, event.effect)


def _place(event: Event) -> str:
    if not event.samples:
        return ""
    first = event.samples[0]
    place = f"{first.subset}/{first.item}" if first.subset else first.item
    return f"  e.g. {place}" + (f" #{first.annotation}" if first.annotation else "")
