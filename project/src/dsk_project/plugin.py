"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import ALL_KINDS, CommandInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT = """\
dsk-project.json                       names the sources: {"version": 1, "sources": [
                                         {"name": ..., "path": ..., "format": ..., "options": {}}]}
<anything>                             sources may lie in the project or elsewhere"""

_SUMMARIES = {
    "create": "Make an empty project.",
    "add": "Add a dataset to a project.",
    "remove": "Take a dataset out of a project.",
    "import": "Make a project of a dataset.",
    "export": "Write a project's datasets as one.",
    "merge": "Make one dataset of several, by vote or as an update.",
    "project": "Show a project's sources.",
}
_FUNCTIONS = {"import": "import_"}


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader of projects."""
    return [
        ImporterInfo(
            name="project",
            target="dsk_project.importer:ProjectImporter",
            summary="A project: several datasets, in any format, read as one",
            detector="dsk_project.detect:detect",
            kinds=ALL_KINDS,
            media=frozenset({"image", "multiframe_image", "video_frame", "volume", "point_cloud"}),
            options=(
                Option(
                    name="outside",
                    type=bool,
                    default=False,
                    help="Read sources that lie outside of the project's folder, too.",
                ),
            ),
            layout=LAYOUT,
        ),
    ]


@hookimpl
def dsk_commands() -> list[CommandInfo]:
    """Return the commands about projects."""
    return [
        CommandInfo(
            name=name,
            target=f"dsk_project.commands:{_FUNCTIONS.get(name, name)}",
            summary=summary,
        )
        for name, summary in _SUMMARIES.items()
    ]
