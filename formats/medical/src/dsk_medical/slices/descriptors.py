"""The steps between volumes and their slices."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_AXIS = Option(
    name="axis",
    default="stored",
    choices=("stored", "0", "1", "2", "axl", "cor", "sag"),
    help="what slices step along: an axis as stored, or the one nearest to a plane's normal",
)
_VIEW = Option(
    name="view",
    default="raw",
    choices=("raw", "radiological"),
    help="rows and columns as stored, or turned as radiologists look at them",
)

TRANSFORMS = (
    TransformInfo(
        name="volumes_to_slices",
        target="dsk_medical.slices.cutting:VolumesToSlices",
        summary="Make each slice of a volume an image with its masks",
        options=(
            _AXIS,
            _VIEW,
            Option(
                name="window",
                type="list",
                default=(),
                help="the values that become black and white; none: values of 8 or 16 bits stay",
            ),
            Option(
                name="percentile",
                type="list",
                default=("0.5", "99.5"),
                help="the same as percentiles of the volume, if there is no window",
            ),
            Option(
                name="channels",
                type="list",
                default=(),
                help="name or number of a channel, or of three for red, green, blue; the first one",
            ),
            Option(
                name="annotated_only",
                type=bool,
                default=False,
                help="leave out slices without annotations",
            ),
        ),
    ),
    TransformInfo(
        name="slices_to_volumes",
        target="dsk_medical.slices.joining:SlicesToVolumes",
        summary="Put slices that are images together again, with their masks",
        options=(
            Option(
                name="like",
                type="path",
                help="dataset of the volumes that were cut: their voxels and geometry are taken",
            ),
            _AXIS,
            _VIEW,
            Option(
                name="masks",
                default="volume",
                choices=("volume", "slices"),
                help="one mask for each object, or one for each of its slices (image_id)",
            ),
        ),
    ),
)
