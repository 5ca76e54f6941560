"""What the transforms of this folder are called and which options they have."""

from __future__ import annotations

from dsk.descriptors import Option, TransformInfo

__all__ = ["TRANSFORMS"]

_PACKAGE = "dsk_transforms.pixels"

RESIZE = TransformInfo(
    name="resize",
    target=f"{_PACKAGE}.resize:Resize",
    summary="Scale images, and what is drawn on them, to a size.",
    options=(
        Option(name="width", type=int, default=0, short="dw", help="New width in pixels."),
        Option(name="height", type=int, default=0, short="dh", help="New height in pixels."),
        Option(
            name="keep_aspect",
            type=bool,
            default=False,
            help="Fit the image into width and height without distortion.",
        ),
        Option(name="scale", type=float, default=0.0, help="Factor of both sides."),
        Option(name="largest", type=int, default=0, help="New length of the longer side."),
        Option(name="smallest", type=int, default=0, help="New length of the shorter side."),
        Option(
            name="method",
            default="auto",
            choices=("auto", "nearest", "area", "bilinear", "bicubic", "lanczos"),
            help="How pixels are computed; auto: area to shrink, bicubic to enlarge.",
        ),
    ),
)

CROP = TransformInfo(
    name="crop",
    target=f"{_PACKAGE}.crop:Crop",
    summary="Cut images to a window, or make an image of each object of some labels.",
    options=(
        Option(name="x", type=int, default=0, short="dx", help="Left edge of the window."),
        Option(name="y", type=int, default=0, short="dy", help="Top edge of the window."),
        Option(name="width", type=int, default=0, short="dw", help="Width of the window."),
        Option(name="height", type=int, default=0, short="dh", help="Height of the window."),
        Option(
            name="labels",
            type="list",
            default=(),
            help="Instead of a window: labels of the objects to cut out, or * for all.",
        ),
        Option(name="margin", type=int, default=0, help="Pixels around an object to keep."),
        Option(
            name="per_object",
            type=bool,
            default=True,
            help="One item per object; off: one item that shows all of them.",
        ),
        Option(
            name="min_share",
            type=float,
            default=0.0,
            help="Remove what shows less than this share of its area (0 to 1).",
        ),
    ),
)

TILE = TransformInfo(
    name="tile",
    target=f"{_PACKAGE}.tile:Tile",
    summary="Cut images into a grid of tiles that overlap.",
    options=(
        Option(name="grid_size", type="list", default=(), help="Numbers of rows and columns: 2,3."),
        Option(
            name="overlap",
            type="list",
            default=("0.1", "0.1"),
            help="By which share of its height and width a tile exceeds its cell of the grid.",
        ),
        Option(
            name="threshold_drop_ann",
            type=float,
            default=0.5,
            help="Remove from a tile what shows less than this share of its area (0 to 1).",
        ),
    ),
)

MERGE_TILE = TransformInfo(
    name="merge_tile",
    target=f"{_PACKAGE}.merge_tile:MergeTile",
    summary="Put the tiles of an image together again, and the pieces of its annotations.",
)

FLIP = TransformInfo(
    name="flip",
    target=f"{_PACKAGE}.flip:Flip",
    summary="Mirror images; keypoints on the left and on the right change roles.",
    options=(
        Option(
            name="direction",
            default="horizontal",
            choices=("horizontal", "vertical", "both"),
            help="horizontal exchanges left and right, vertical top and bottom.",
        ),
        Option(
            name="swap_joints",
            type=bool,
            default=True,
            help="Exchange keypoints whose names differ in left and right.",
        ),
        Option(
            name="joints",
            type="mapping",
            default=None,
            help="Further pairs of keypoints to exchange: port:starboard.",
        ),
    ),
)

ROTATE = TransformInfo(
    name="rotate",
    target=f"{_PACKAGE}.flip:Rotate",
    summary="Turn images by right angles.",
    options=(Option(name="angle", type=int, default=90, help="90, 180 or 270 degrees clockwise."),),
)

CONVERT_IMAGE = TransformInfo(
    name="convert_image",
    target=f"{_PACKAGE}.convert_image:ConvertImage",
    summary="Change the colour mode and the bit depth of images.",
    options=(
        Option(
            name="mode",
            default=None,
            choices=("rgb", "grey", "rgba"),
            help="Colour mode; as it is when not given.",
        ),
        Option(
            name="depth",
            type=int,
            default=0,
            help="Bits per channel, 8 or 16 (16 in grey only); 0 keeps them.",
        ),
    ),
)

TRANSFORMS: tuple[TransformInfo, ...] = (
    RESIZE,
    CROP,
    TILE,
    MERGE_TILE,
    FLIP,
    ROTATE,
    CONVERT_IMAGE,
)
