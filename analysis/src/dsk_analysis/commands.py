"""``dsk stats``, ``validate`` and ``diff``: signatures and help, the work is done elsewhere.

Nothing heavy is imported here.
"""

# ruff: noqa: PLR0917 - typer makes options of all parameters, keyword-only or not

from __future__ import annotations

from typing import Annotated, Optional

import typer

from dsk.cli.commands import (
    ImportOptions,
    Json,
    MaybePath,
    OnError,
    OnlyFormat,
    Overwrite,
    ProjectFolder,
    trailing,
)
from dsk.errors import UsageError

__all__ = ["diff", "stats", "validate"]

Subset = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("-s", "--subset", metavar="NAME", help="Look at this subset only."),
]
Pixels = Annotated[
    bool, typer.Option("--pixels", help="Decode all images: mean, deviation, repeated ones.")
]
Jobs = Annotated[
    str, typer.Option("-j", "--jobs", metavar="N|auto", help="Images to decode at a time.")
]
File = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-o", "--output", metavar="FILE", help="Write the JSON to this new file, too."),
]

Task = Annotated[
    str,
    typer.Option(
        "-t",
        "--task",
        metavar="classification|detection|segmentation",
        help="What the dataset is for.",
    ),
]

Places = Annotated[
    list[str],
    typer.Argument(
        metavar="[FIRST] SECOND", help="Two datasets; of one, the project is the first."
    ),
]
FirstFormat = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--first-format", help="Format of the first; found out when not given."),
]
SecondFormat = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--second-format", help="Format of the second; found out when not given."),
]
Threshold = Annotated[
    float, typer.Option("--iou-thresh", help="From which overlap on shapes are the same, 0 to 1.")
]
Ignored = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "-ia", "--ignore-attr", metavar="NAME", help="Attribute that may differ; repeatable."
    ),
]


def stats(
    path: MaybePath = None,
    project: ProjectFolder = None,
    source_format: OnlyFormat = None,
    import_options: ImportOptions = None,
    subset: Subset = None,
    pixels: Pixels = False,
    jobs: Jobs = "1",
    on_error: OnError = "raise",
    as_json: Json = False,
    output: File = None,
    overwrite: Overwrite = False,
) -> None:
    """Statistics of labels, attributes, sizes, boxes and pixels.

    \b
    dsk stats data/
    dsk stats data/ --subset train --json
    dsk stats data/ --pixels --jobs auto -o statistics.json
    dsk stats -p project/
    """  # noqa: D301 - \b is typer's mark for text that is not to be wrapped
    from dsk.cli.reading import chosen
    from dsk_analysis.stats.command import StatsRequest, run_stats

    if trailing:
        raise UsageError("'dsk stats' takes no options behind --", hint="importer options go to -I")
    request = StatsRequest(
        **chosen(path, project, source_format, import_options, word="PATH")._asdict(),
        subset=subset,
        pixels=pixels,
        jobs=jobs,
        on_error=on_error,
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
    code = run_stats(request)
    if code:
        raise typer.Exit(code)


def validate(
    task: Task,
    path: MaybePath = None,
    project: ProjectFolder = None,
    source_format: OnlyFormat = None,
    import_options: ImportOptions = None,
    subset: Subset = None,
    on_error: OnError = "raise",
    as_json: Json = False,
    output: File = None,
    overwrite: Overwrite = False,
) -> None:
    """Look for what is odd: labels without samples, missing attributes, sizes out of the way.

    \b
    dsk validate data/ -t detection
    dsk validate -p project/ -t classification -- -ir 40
    dsk validate data/ -t segmentation --subset train -o validation_report.json

    Behind -- are thresholds, as in Datumaro: -fs (few samples, 1), -ir (imbalance ratio, 50),
    -m (far from the mean, 5 standard deviations), -dr (dominance ratio, 0.8), -k (its bins, 0.1).
    """  # noqa: D301
    from dsk.cli.reading import chosen
    from dsk_analysis.request import ReadRequest
    from dsk_analysis.validation.command import run_validate

    request = ReadRequest(
        **chosen(path, project, source_format, import_options, word="PATH")._asdict(),
        subset=subset,
        on_error=on_error,
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
    code = run_validate(request, task, trailing)
    if code:
        raise typer.Exit(code)


def diff(
    places: Places,
    project: ProjectFolder = None,
    first_format: FirstFormat = None,
    second_format: SecondFormat = None,
    iou_thresh: Threshold = 0.5,
    ignore_attrs: Ignored = None,
    on_error: OnError = "raise",
    as_json: Json = False,
    output: File = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare two datasets: labels, items, and annotations by how much they overlap.

    \b
    dsk diff truth/ predictions/
    dsk diff -p project/ predictions/ --iou-thresh 0.75
    dsk diff coco/ voc/ -ia is_crowd -o diff.json

    Exits with 1 if they differ. Items are the same if id and subset are.
    """  # noqa: D301
    from dsk.cli.reading import chosen
    from dsk_analysis.comparison.command import run_diff
    from dsk_analysis.request import ReadRequest

    if trailing:
        raise UsageError("'dsk diff' takes no options behind --")
    if len(places) > 2:
        raise UsageError("two datasets are compared at a time", hint="dsk diff FIRST SECOND")
    named = places[0] if len(places) == 2 else None
    first = chosen(named, project, first_format, None, word="FIRST")
    request = ReadRequest(
        **first._asdict(),
        on_error=on_error,
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
    other = ReadRequest(source=places[-1], source_format=second_format, on_error=on_error)
    code = run_diff(request, other, iou_thresh, ignore_attrs or ())
    if code:
        raise typer.Exit(code)
