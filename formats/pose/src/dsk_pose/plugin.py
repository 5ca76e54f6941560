"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

_OPTIONS = (
    Option(
        name="visibility",
        default="datumaro",
        choices=("datumaro", "coco"),
        help="1 seen and 0 hidden, as in the files and Datumaro; or 2 seen, 1 hidden, 0 absent",
    ),
    Option(
        name="split",
        type=bool,
        default=False,
        help="make subsets of what the file says is for training and for testing",
    ),
)
_KINDS = frozenset({"points", "bbox"})


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="mpii",
            target="dsk_pose.mat:MpiiImporter",
            summary="MPII Human Pose: joints and heads, MATLAB file",
            detector="dsk_pose.detect:detect_mat",
            kinds=_KINDS,
            options=_OPTIONS,
            layout="mpii_human_pose_v1_u12_1.mat\n*.jpg                                   "
            "beside it, or in images/",
        ),
        ImporterInfo(
            name="mpii_json",
            target="dsk_pose.mpii_json:MpiiJsonImporter",
            summary="MPII Human Pose: joints and heads, JSON",
            detector="dsk_pose.detect:detect_json",
            kinds=_KINDS,
            options=_OPTIONS,
            layout="mpii_annotations.json\n"
            "jnt_visible.npy, mpii_headboxes.npy, mpii_pos_gt.npy    optional\n"
            "*.jpg                                   beside them, or in images/\n"
            "read as well: annot/train.json, valid.json: image, joints, joints_vis, center, scale",
        ),
    ]
