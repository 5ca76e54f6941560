"""``dsk transform`` and ``dsk filter``: signatures and help, the work is done elsewhere.

Nothing heavy is imported here, and both commands share the body of ``dsk convert``.
"""

# ruff: noqa: ARG001, PLR0917 - the values go on through typer's context, as in dsk convert

from __future__ import annotations

from typing import Annotated, Optional

import typer

from dsk.cli.commands import (
    DryRun,
    EngineName,
    ExportOptions,
    ImageExt,
    ImportOptions,
    InputFormat,
    Jobs,
    Json,
    MaybeInput,
    MediaMode,
    OnError,
    Overwrite,
    ProjectFolder,
    ReportFile,
    SameTarget,
    SaveMedia,
    Strict,
    trailing,
)

__all__ = ["filter_", "transform"]

Names = Annotated[
    list[str],
    typer.Option(
        "-t",
        "--transform",
        metavar="'NAME [OPTION=VALUE …]'",
        help="What to do; several -t follow one another. dsk transforms lists them.",
    ),
]
Expression = Annotated[
    str, typer.Option("-e", "--filter", help="Which items or annotations to keep.")
]
Mode = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option(
        "-m",
        "--mode",
        metavar="items|annotations|i+a",
        help="What is removed: items, annotations, or both: annotations and items left empty.",
    ),
]
ChangedPlace = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-o",
        "--output",
        "--output-dir",
        help="New or empty folder, or a .zip file; <input>-<transform> here when not given.",
    ),
]
FilteredPlace = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-o",
        "--output",
        "--output-dir",
        help="New or empty folder, or a .zip file; <input>-filter here when not given.",
    ),
]
ShowItems = Annotated[
    bool, typer.Option("--dry-run", help="Print the selected items as XML, write nothing.")
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Count what each part of the expression keeps.")
]


def transform(
    context: typer.Context,
    transforms: Names,
    source: MaybeInput = None,
    project: ProjectFolder = None,
    output: ChangedPlace = None,
    source_format: InputFormat = None,
    target_format: SameTarget = None,
    export_options: ExportOptions = None,
    import_options: ImportOptions = None,
    save_media: SaveMedia = False,
    image_ext: ImageExt = None,
    media: MediaMode = "copy",
    overwrite: Overwrite = False,
    jobs: Jobs = "1",
    engine: EngineName = None,
    strict: Strict = False,
    dry_run: DryRun = False,
    on_error: OnError = "raise",
    report: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Change a dataset and write it in the same format or another.

    \b
    dsk transform -i coco/ -t random_split -o split/ -- -s train:.8 -s val:.2
    dsk transform -i coco/ -t shapes_to_boxes -f voc -o voc/ --save-media
    dsk transform -i in/ -t 'remap_labels -l cat:dog' -t sort -o out/
    dsk transform -p project/ -t reindex -f coco -o out/

    Words behind -- are options of the one -t; of several, each has its own in quotes.
    """  # noqa: D301 - \b is typer's mark for text that is not to be wrapped
    from dsk.cli.convert import ConvertRequest, own_place, run_convert
    from dsk.cli.reading import with_source

    given = with_source(context.params)
    if output is None:
        names = "-".join(text.split(maxsplit=1)[0] for text in transforms if text.strip())
        given["output"] = own_place(given["source"], names)
    code = run_convert(ConvertRequest(transform_words=list(trailing), **given))
    if code:
        raise typer.Exit(code)


def filter_(
    context: typer.Context,
    expression: Expression,
    source: MaybeInput = None,
    project: ProjectFolder = None,
    output: FilteredPlace = None,
    filter_mode: Mode = None,
    source_format: InputFormat = None,
    target_format: SameTarget = None,
    export_options: ExportOptions = None,
    import_options: ImportOptions = None,
    save_media: SaveMedia = False,
    image_ext: ImageExt = None,
    media: MediaMode = "copy",
    overwrite: Overwrite = False,
    jobs: Jobs = "1",
    engine: EngineName = None,
    strict: Strict = False,
    dry_run: ShowItems = False,
    explain: Explain = False,
    on_error: OnError = "raise",
    report: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Keep the items or annotations that an expression selects.

    \b
    dsk filter -i coco/ -e 'label == "cat" and area > 99.5' -o cats/
    dsk filter -i coco/ -e 'subset == "train" and any(label == "dog")' -o out/
    dsk filter -i voc/ -m i+a -e '/item/annotation[occluded="True"]' -o out/
    dsk filter -i coco/ -e 'count(label == "person") >= 3' --explain

    An expression that begins with / is an XPath over the XML that --dry-run shows.
    """  # noqa: D301
    from dsk.cli.reading import with_source
    from dsk_transforms.filter_command import run_filter

    code = run_filter({**with_source(context.params), "trailing": list(trailing)})
    if code:
        raise typer.Exit(code)
