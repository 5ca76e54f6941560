"""The commands' signatures and help; each body hands over to the module that does the work.

Nothing heavy is imported here: ``dsk --help`` must stay instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "COMMANDS",
    "DryRun",
    "EngineName",
    "ExportOptions",
    "Filter",
    "FilterMode",
    "ImageExt",
    "ImportOptions",
    "Input",
    "InputFormat",
    "Jobs",
    "Json",
    "MaybeInput",
    "MaybePath",
    "MediaMode",
    "OnError",
    "OnlyFormat",
    "Overwrite",
    "OwnPlace",
    "ProjectFolder",
    "ReportFile",
    "SameTarget",
    "SaveMedia",
    "Strict",
    "Target",
    "Transforms",
    "root",
    "trailing",
]

trailing: list[str] = []
"""The words behind ``--``, set by ``app.run``."""

Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON on standard output.")]
_DATASET = "Folder, archive or annotation file."
_INPUT = typer.Option("-i", "--input", "--input-path", help=_DATASET)
Input = Annotated[str, _INPUT]
MaybeInput = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    _INPUT,
]
MaybePath = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(metavar="PATH", help=_DATASET),
]
ProjectFolder = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-p",
        "--project",
        metavar="DIR",
        help="The dataset of this project instead; of the current folder's, when neither is given.",
    ),
]
"""With it, what a command reads is found by ``reading``."""

InputFormat = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("-if", "--input-format", help="Format of the input; found out when not given."),
]
OnlyFormat = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-f", "-if", "--format", "--input-format", help="Its format; found out when not given."
    ),
]
"""For commands that write no other dataset, where ``-f`` can mean but one."""

ImportOptions = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("-I", metavar="NAME=VALUE", help="Option for the importer; repeatable."),
]
OnError = Annotated[
    str, typer.Option("--on-error", metavar="raise|skip", help="What to do about a bad record.")
]


Target = Annotated[str, typer.Option("-f", "--format", "--output-format", help="Format to write.")]
SameTarget = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-f", "--format", help="Format to write; that of the input when not given."),
]
_OUTPUT = ("-o", "--output", "--output-dir")
OwnPlace = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        *_OUTPUT,
        help="New or empty folder, or a .zip file; <input>-<format> here when not given.",
    ),
]
Filter = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-e", "--filter", help="Keep what this filter selects."),
]
FilterMode = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--filter-mode", metavar="items|annotations|i+a", help="What the filter removes."),
]
Transforms = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "-t",
        "--transform",
        metavar="'NAME [OPTION=VALUE …]'",
        help="Apply a transform; repeatable.",
    ),
]
ExportOptions = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("-O", metavar="NAME=VALUE", help="Option for the exporter; repeatable."),
]
SaveMedia = Annotated[bool, typer.Option("--save-media", help="Write the images too.")]
ImageExt = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--image-ext", help="Re-encode images to this type, e.g. .png."),
]
MediaMode = Annotated[
    str, typer.Option("--media", metavar="copy|link", help="How images get to the output.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output.")]
Jobs = Annotated[str, typer.Option("-j", "--jobs", metavar="N|auto", help="Number of processes.")]
EngineName = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--engine", help="Engine, where a plugin brings one."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse if anything would be lost.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Forecast the losses, write nothing.")]
ReportFile = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--report", metavar="FILE", help="Write the report as JSON."),
]


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"dsk {version('dsk-core')}")  # noqa: T201
        except PackageNotFoundError:
            print("dsk (not installed)")  # noqa: T201
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Turn any computer-vision dataset into any other.

    \b
    dsk convert -i coco/ -f yolo -o yolo/ --save-media
    dsk formats                      what is installed
    dsk detect PATH                  what is this?
    dsk info PATH                    what is in it?
    """  # noqa: D301 - \b is typer's mark for text that is not to be wrapped


def convert(  # the values go on through the context: twenty names need not be said twice
    context: typer.Context,
    source: Input,
    target_format: Target,
    output: OwnPlace = None,
    source_format: InputFormat = None,
    expression: Filter = None,
    filter_mode: FilterMode = None,
    transforms: Transforms = None,
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
    """Convert a dataset to another format.

    \b
    dsk convert -i coco/ -f voc -o voc/ --save-media
    dsk convert -i data.zip -if cvat -f coco -o out.zip -- --save-media
    dsk convert -i coco/ -f yolo -O task=segment -o yolo/ --jobs auto
    dsk convert -i coco/ -f yolo -o yolo/ --dry-run     what would be lost?

    Format options go behind -O, or behind -- as in Datumaro: dsk formats NAME lists them.
    """  # noqa: D301
    from dsk.cli.convert import ConvertRequest, own_place, run_convert

    place = own_place(source, target_format) if output is None else output
    given = {**context.params, "output": place}
    code = run_convert(ConvertRequest(trailing=list(trailing), **given))
    if code:
        raise typer.Exit(code)


def formats(
    name: Annotated[Optional[str], typer.Argument(help="Show one format in detail.")] = None,  # noqa: UP045
    matrix: Annotated[bool, typer.Option("--matrix", help="Which format holds what.")] = False,
    as_json: Json = False,
) -> None:
    """List the installed formats, or show all about one.

    \b
    dsk formats
    dsk formats coco         its options, layout and what it holds
    dsk formats --matrix     which format holds what
    """  # noqa: D301
    from dsk.cli.listing import show_format, show_formats, show_matrix

    if name is not None:
        show_format(name, as_json=as_json)
    elif matrix:
        show_matrix(as_json=as_json)
    else:
        show_formats(as_json=as_json)


def transforms(
    name: Annotated[Optional[str], typer.Argument(help="Show one transform's options.")] = None,  # noqa: UP045
    as_json: Json = False,
) -> None:
    """List the installed transforms, or show one.

    \b
    dsk transforms
    dsk transforms random_split     its options
    """  # noqa: D301
    from dsk.cli.listing import show_transforms

    show_transforms(name, as_json=as_json)


def plugins(as_json: Json = False) -> None:
    """List the installed plugins, broken ones with the reason."""
    from dsk.cli.listing import show_plugins

    show_plugins(as_json=as_json)


def detect(
    path: Annotated[str, typer.Argument(help=_DATASET)],
    as_json: Json = False,
) -> None:
    """Say what format a path holds, and why.

    \b
    dsk detect data/
    dsk detect data.zip --json
    """  # noqa: D301
    from dsk.cli.facts import show_detection

    code = show_detection(path, as_json=as_json)
    if code:
        raise typer.Exit(code)


def info(
    path: MaybePath = None,
    project: ProjectFolder = None,
    source_format: OnlyFormat = None,
    import_options: ImportOptions = None,
    on_error: OnError = "raise",
    as_json: Json = False,
) -> None:
    """Count the items, labels, annotations and media of a dataset.

    \b
    dsk info data/
    dsk info instances_val.json --json
    dsk info data/ -f coco -I tasks=instances,captions
    dsk info -p project/
    """  # noqa: D301
    from dsk.cli.facts import show_info
    from dsk.cli.reading import chosen

    read = chosen(path, project, source_format, import_options, word="PATH")
    code = show_info(*read, on_error, as_json=as_json)
    if code:
        raise typer.Exit(code)


COMMANDS: dict[str, Callable[..., None]] = {
    "convert": convert,
    "info": info,
    "detect": detect,
    "formats": formats,
    "transforms": transforms,
    "plugins": plugins,
}
"""dsk's own commands, in the order of the help."""
