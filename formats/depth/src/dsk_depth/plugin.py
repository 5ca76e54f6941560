"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import SUBSET_PATH, Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

SUPER_LAYOUT = """\
LR/<item>.<ext>                        the image
HR/<item>.<ext>                        what it should become
upsampled/<item>.<ext>                 the image enlarged, if there is one
<subset>/{LR,HR,upsampled}/            the same for each subset"""

NYU_LAYOUT = """\
<item>.h5                              rgb: uint8 (3, height, width)
                                       depth: float (height, width), metres
<subset>/<folders>/<item>.h5           train, val, test; others are folders of items"""

_SUBSET = Option(name="subset", help="the subset of items that are in no subset's folder")


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="common_super_resolution",
            target="dsk_depth.superres:SuperResolutionImporter",
            summary="images in low and high resolution",
            detector="dsk_depth.detect:detect_super_resolution",
            options=(_SUBSET,),
            layout=SUPER_LAYOUT,
        ),
        ImporterInfo(
            name="nyu_depth_v2",
            target="dsk_depth.nyu:NyuDepthImporter",
            summary="NYU Depth V2: images with depth maps, an HDF5 file each",
            detector="dsk_depth.detect:detect_nyu",
            options=(_SUBSET,),
            layout=NYU_LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="common_super_resolution",
            target="dsk_depth.superres:SuperResolutionExporter",
            summary="images in low and high resolution",
            capabilities=Capabilities(
                unfit_subsets=reserving("LR", "HR", "upsampled", grammar=SUBSET_PATH),
                family="common_super_resolution",
            ),
            always_saves_media=True,
            layout=SUPER_LAYOUT,
        ),
        ExporterInfo(
            name="nyu_depth_v2",
            target="dsk_depth.nyu:NyuDepthExporter",
            summary="NYU Depth V2: images with depth maps, an HDF5 file each",
            capabilities=Capabilities(family="nyu_depth_v2"),
            always_saves_media=True,
            layout=NYU_LAYOUT,
        ),
    ]
