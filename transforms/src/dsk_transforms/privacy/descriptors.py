"""What the transforms of this folder are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_PACKAGE = "dsk_transforms.privacy"

ANONYMIZE = TransformInfo(
    name="anonymize",
    target=f"{_PACKAGE}.anonymize:Anonymize",
    summary="Blur, pixelate or fill what annotations of some labels mark.",
    options=(
        Option(
            name="labels",
            type="list",
            default=(),
            help="Labels whose annotations are hidden: face,plate; * for all.",
        ),
        Option(
            name="method",
            default="blur",
            choices=("blur", "pixelate", "fill"),
            help="What is done; only fill is certain to leave nothing of what was there.",
        ),
        Option(
            name="strength",
            type=float,
            default=0.15,
            help="Spread of the blur or side of the blocks, as a share of a region's longer side.",
        ),
        Option(
            name="margin",
            type=float,
            default=0.0,
            help="How far to go beyond a region's edge, as a share of its longer side.",
        ),
        Option(
            name="min_score",
            type=float,
            default=0.0,
            help="Leave out annotations with a lower score; those without one are hidden.",
        ),
        Option(name="score", default="score", help="Attribute that holds a detector's score."),
        Option(name="color", default="#000000", help="What to fill with, as #rrggbb."),
    ),
)

STRIP_METADATA = TransformInfo(
    name="strip_metadata",
    target=f"{_PACKAGE}.strip_metadata:StripMetadata",
    summary="Remove EXIF, XMP, IPTC, comments and free text from images, NIfTI and DICOM files.",
    options=(
        Option(
            name="orientation",
            default="keep",
            choices=("keep", "apply", "drop"),
            help="EXIF's turn of an image: keep that one field, turn the pixels, or forget it.",
        ),
    ),
)

TRANSFORMS: tuple[TransformInfo, ...] = (ANONYMIZE, STRIP_METADATA)
