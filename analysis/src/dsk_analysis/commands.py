"""``dsk stats``: signature and help, the work is done elsewhere.

Nothing heavy is imported here.
"""

# ruff: noqa: PLR0917 - typer makes options of all parameters, keyword-only or not

from __future__ import annotations

from typing import Annotated, Optional

import typer

from dsk.cli.commands import ImportOptions, Json, OnError, OnlyFormat, Overwrite, trailing
from dsk.errors import UsageError

__all__ = ["stats"]

Path = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Argument(help="Folder, archive or annotation file."),
]
Project = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-p", "--project", metavar="DIR", help="The dataset of this project instead."),
]
Subset = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-s", "--subset", metavar="NAME", help="Look at this subset only."),
]
Pixels = Annotated[
    bool, typer.Option("--pixels", help="Decode all images: mean, deviation, repeated ones.")
]
File = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-o", "--output", metavar="FILE", help="Write the JSON to this new file, too."),
]


def stats(
    path: Path = None,
    project: Project = None,
    source_format: OnlyFormat = None,
    import_options: ImportOptions = None,
    subset: Subset = None,
    pixels: Pixels = False,
    on_error: OnError = "raise",
    as_json: Json = False,
    output: File = None,
    overwrite: Overwrite = False,
) -> None:
    """Statistics of labels, attributes, sizes, boxes and pixels.

    \b
    dsk stats data/
    dsk stats data/ --subset train --json
    dsk stats data/ --pixels -o statistics.json
    dsk stats -p project/
    """  # noqa: D301 - \b is typer's mark for text that is not to be wrapped
    from dsk_analysis.stats.command import StatsRequest, run_stats

    if trailing:
        raise UsageError("'dsk stats' takes no options behind --", hint="importer options go to -I")
    request = StatsRequest(
        path=path,
        project=project,
        source_format=source_format,
        import_options=tuple(import_options or ()),
        subset=subset,
        pixels=pixels,
        on_error=on_error,
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
    code = run_stats(request)
    if code:
        raise typer.Exit(code)
