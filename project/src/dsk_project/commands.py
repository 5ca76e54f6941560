"""The commands about projects: signatures and help, the work is done elsewhere.

Nothing heavy is imported here, and ``export`` shares the body of ``dsk convert``.
"""

# ruff: noqa: ARG001, PLR0917 - the values go on through typer's context, as in dsk convert

from __future__ import annotations

from typing import Annotated, Optional

import typer

from dsk.cli.commands import (
    DryRun,
    EngineName,
    ExportOptions,
    Filter,
    FilterMode,
    ImageExt,
    ImportOptions,
    InputFormat,
    Jobs,
    Json,
    MaybeInput,
    MediaMode,
    OnError,
    OnlyFormat,
    Overwrite,
    OwnPlace,
    ReportFile,
    SameTarget,
    SaveMedia,
    Strict,
    Target,
    Transforms,
    trailing,
)

__all__ = ["add", "create", "export", "import_", "merge", "project", "remove"]

Project = Annotated[str, typer.Option("-p", "--project", help="The project's folder.")]
NewProject = Annotated[str, typer.Option("-o", "--output", "--output-dir", help="Its folder.")]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace a project that is there.")]
Name = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("-n", "--name", help="What the source is called; its path's last part else."),
]
Update = Annotated[
    bool,
    typer.Option(
        "--update", help="Its items take the place of those with the same id and subset so far."
    ),
]
Words = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(metavar="PATH", help="The dataset; path PATH and -i PATH are it, too."),
]

Places = Annotated[
    list[str],
    typer.Argument(metavar="PATH", help="Datasets and projects, two or more without -p."),
]
Updated = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-p", "--project", metavar="DIR", help="A project or dataset that the others are new to."
    ),
]
Merged = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-o",
        "--output",
        "--output-dir",
        help="New or empty folder, or a .zip file; <first>-merged here when not given.",
    ),
]
Policy = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-m",
        "--policy",
        "--merge-policy",
        metavar="intersect|union|update",
        help="What becomes of items with the same id and subset.",
    ),
]
Overlap = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("-iou", "--iou-thresh", help="From which overlap on shapes are one; 0.25."),
]
Quorum = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--quorum", help="So many votes a label or value needs; 0."),
]
Confidence = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("-oconf", "--output-conf-thresh", help="Leave out what has a lower score; 0."),
]
Groups = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "-g", "--groups", metavar="'A,B?,…'", help="Labels that a group must have; repeatable."
    ),
]
Ignored = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "-ia", "--ignore-attr", metavar="NAME", help="Attribute that nobody votes for; repeatable."
    ),
]
Scores = Annotated[
    bool, typer.Option("--scores", help="Keep the score of each annotation as an attribute.")
]
ConflictsFile = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--conflicts", metavar="FILE", help="Write what they do not agree on as JSON."),
]


def create(output: NewProject = ".", overwrite: Replace = False) -> None:
    """Make an empty project.

    \b
    dsk create -o project
    dsk add -p project coco/

    A project names datasets, in any formats, that are read as one: export it, or name it wherever
    a dataset is asked for.
    """  # noqa: D301 - \b is typer's mark for text that is not to be wrapped
    from dsk_project.work import make

    make(output, overwrite=overwrite)


def add(
    words: Words = None,
    source: MaybeInput = None,
    project: Project = ".",
    source_format: OnlyFormat = None,
    name: Name = None,
    import_options: ImportOptions = None,
    update: Update = False,
) -> None:
    """Add a dataset to a project.

    \b
    dsk add -p project -f coco ../coco/
    dsk add path -p project -f kitti_raw ../kitti_raw/     as Datumaro has it
    dsk add voc/ -n second -I tasks=detection
    dsk add reannotated/ --update

    It stays where it is and is read whenever the project is. Items with the same id and subset
    become one, labels with the same name, too.
    """  # noqa: D301
    from dsk_project.work import add_source, dataset_path

    path = dataset_path(words or (), source)
    add_source(project, path, source_format, name, import_options or [], updates=update)


def remove(
    name: Annotated[str, typer.Option("-n", "--name", help="The source's name.")],
    project: Project = ".",
) -> None:
    """Take a dataset out of a project; its files stay.

    \b
    dsk remove -p project -n kitti_raw
    """  # noqa: D301
    from dsk_project.work import remove_source

    remove_source(project, name)


def import_(
    words: Words = None,
    source: MaybeInput = None,
    output: NewProject = ".",
    source_format: OnlyFormat = None,
    name: Name = None,
    import_options: ImportOptions = None,
    overwrite: Replace = False,
) -> None:
    """Make a project of a dataset: create and add in one.

    \b
    dsk import -f coco -i coco/ -o project
    dsk import -f coco coco/               adds it, if this folder has a project
    """  # noqa: D301
    from dsk_project.work import add_source, dataset_path, has_project, make_of

    path, options = dataset_path(words or (), source), import_options or []
    if words and not overwrite and has_project(output):
        add_source(output, path, source_format, name, options)
    else:
        make_of(output, path, source_format, name, options, overwrite=overwrite)


def export(
    context: typer.Context,
    target_format: Target,
    project: Project = ".",
    output: OwnPlace = None,
    expression: Filter = None,
    filter_mode: FilterMode = None,
    transforms: Transforms = None,
    export_options: ExportOptions = None,
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
    """Write a project's datasets as one.

    \b
    dsk export -p project -f voc -o voc/ -- --save-media
    dsk export -p project -f sly_pointcloud -o out/ --save-media
    """  # noqa: D301
    from dsk_project.work import export_project

    given = {name: value for name, value in context.params.items() if name != "project"}
    code = export_project(project, {**given, "trailing": list(trailing)})
    if code:
        raise typer.Exit(code)


def merge(
    context: typer.Context,
    paths: Places,
    project: Updated = None,
    output: Merged = None,
    target_format: SameTarget = None,
    policy: Policy = None,
    iou_thresh: Overlap = None,
    quorum: Quorum = None,
    output_conf_thresh: Confidence = None,
    groups: Groups = None,
    ignore_attrs: Ignored = None,
    scores: Scores = False,
    conflicts: ConflictsFile = None,
    source_format: InputFormat = None,
    import_options: ImportOptions = None,
    export_options: ExportOptions = None,
    save_media: SaveMedia = False,
    image_ext: ImageExt = None,
    media: MediaMode = "copy",
    overwrite: Overwrite = False,
    strict: Strict = False,
    dry_run: DryRun = False,
    on_error: OnError = "raise",
    report: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Make one dataset of several: by vote, all together, or the newer in place of the older.

    \b
    dsk merge anna/ ben/ carla/ -o merged -f coco --quorum 2 -iou 0.6 --conflicts conflicts.json
    dsk merge a/ b/ --policy union -o both        everything, what both have once
    dsk merge a/:voc b.json:coco -o both          with their formats, where these are not found out
    dsk merge -p project/ -o merged reannotated/  its items in place of the project's
    dsk merge reannotated/                        likewise, in the project of this folder

    Several datasets are voted on (intersect): what overlaps becomes one annotation, with the label
    and the attributes that most have. With -p, or a single path, it is an update.
    """  # noqa: D301
    from dsk_project.merging.command import run_words

    given = {**context.params, "trailing": list(trailing)}
    code = run_words(given)
    if code:
        raise typer.Exit(code)


project = typer.Typer(add_completion=False)
"""``dsk project``, and ``dsk project COMMAND``, as Datumaro calls some of the commands."""

_FORWARDED = (
    "create",
    "add",
    "remove",
    "import",
    "export",
    "info",
    "stats",
    "filter",
    "transform",
    "merge",
)


@project.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    project: Project = ".",
    as_json: Json = False,
) -> None:
    """Show a project's sources; dsk info -p shows what is in them.

    \b
    dsk project -p project

    dsk project export, info, filter … are dsk export, info, filter …, as Datumaro calls them.
    """  # noqa: D301
    if context.invoked_subcommand is None:
        from dsk_project.work import show as show_sources

        show_sources(project, as_json=as_json)


def _forward(context: typer.Context) -> None:
    """Run the command of the same name, with the options that stand before it."""
    from dsk.cli.app import run

    before = context.parent.params if context.parent else {}
    options = ["-p", before["project"]] if before["project"] != "." else []
    options += ["--json"] * before["as_json"]
    behind = ["--", *trailing] if trailing else []
    code = run([str(context.info_name), *options, *context.args, *behind])
    if code:
        raise typer.Exit(code)


for _name in _FORWARDED:
    project.command(
        _name,
        hidden=True,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(_forward)
