"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import (
    META_FIELDS,
    SUBSET_PATH,
    Capabilities,
    ExporterInfo,
    ImporterInfo,
    Option,
)
from dsk.hooks import hookimpl

DSK_API = (1, 0)

FRAMES_LAYOUT = """\
<video>.<ext>                          mp4, mkv, avi, webm, mov, mpg, ts, …: items 000000, 000001 …
<any>/<folders>/<video>.<ext>          a folder of videos: items <any>/<folders>/<video>/000000 …"""

KINETICS_LAYOUT = """\
<subset>.csv                           label,youtube_id,time_start,time_end,split
<subset>.json                          read as well: {"<id>": {"annotations": {"label": …,
                                       "segment": [start, end]}, "subset": …, "url": …}}
<subset>/<id>.<ext>                    videos; read from anywhere, <id>_<start>_<end>.<ext> too"""

FRAME_OPTIONS = (
    Option(name="subset", help="the subset that the items shall be in"),
    Option(
        name="name_pattern",
        default="%06d",
        short="p",
        help="printf pattern of the items' names, for the frame number",
    ),
    Option(name="step", type=int, default=1, short="s", help="take every n-th frame"),
    Option(name="start_frame", type=int, default=0, short="b", help="first frame, from 0"),
    Option(
        name="end_frame",
        type=int,
        short="e",
        help="last frame, itself included; by default the last one there is",
    ),
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="video_frames",
            target="dsk_video.frames:VideoFramesImporter",
            summary="frames of a video, or of a folder of videos",
            detector="dsk_video.detect:detect_frames",
            media=frozenset({"video_frame"}),
            options=FRAME_OPTIONS,
            layout=FRAMES_LAYOUT,
        ),
        ImporterInfo(
            name="video_keyframes",
            target="dsk_video.keyframes:VideoKeyframesImporter",
            summary="frames of videos that do not look like the one before them",
            media=frozenset({"video_frame"}),
            options=(
                *FRAME_OPTIONS,
                Option(
                    name="threshold",
                    type=float,
                    default=0.3,
                    short="t",
                    help="correlation with the last key frame that is too much, -1 to 1",
                ),
                Option(
                    name="resize",
                    type=int,
                    default=64,
                    short="r",
                    help="width and height that frames are compared in",
                ),
            ),
            layout=FRAMES_LAYOUT,
        ),
        ImporterInfo(
            name="kinetics",
            target="dsk_video.kinetics:KineticsImporter",
            summary="Kinetics: clips of videos with a label each",
            detector="dsk_video.detect:detect_kinetics",
            kinds=frozenset({"label"}),
            media=frozenset({"media"}),
            layout=KINETICS_LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    times = frozenset({"time_start", "time_end"})
    return [
        ExporterInfo(
            name="kinetics",
            target="dsk_video.kinetics_exporter:KineticsExporter",
            summary="Kinetics: clips of videos with a label each",
            capabilities=Capabilities(
                annotations=frozenset({"label"}),
                media=frozenset({"media"}),
                attributes=times,
                needs_label=frozenset({"label"}),
                item_attributes=times,
                unfit_subsets=SUBSET_PATH,
                family="kinetics",
            ),
            options=(
                Option(
                    name="save_dataset_meta",
                    type=bool,
                    default=False,
                    help="write dataset_meta.json, which keeps unused labels and their order",
                    label_fields=META_FIELDS,
                ),
            ),
            layout=KINETICS_LAYOUT,
        ),
    ]
