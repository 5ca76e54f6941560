"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import (
    ANY_SUBSET,
    META_FIELDS,
    SUBSET_PATH,
    Capabilities,
    ExporterInfo,
    ImporterInfo,
    Option,
)
from dsk.hooks import hookimpl

DSK_API = (1, 0)

CUBOIDS = frozenset({"cuboid_3d"})
CLOUDS = frozenset({"point_cloud"})

KITTI_RAW_LAYOUT = """\
tracklet_labels.xml                     tracks of boxes; any other .xml with tracklets is read too
frame_list.txt                          <frame> <name>; names of frames, optional
velodyne_points/data/<name>.pcd         or .bin
image_00/data/<name>.png                image_01, …: one folder per camera
calib_velo_to_cam.txt                   where the first camera is, optional
calib_cam_to_cam.txt                    lenses and places of the others, optional
dataset_meta.json                       labels, optional
read as well: <date>/<drive>_sync/ of the original recordings, beside calib_*.txt"""

KITTI_RAW_ATTRIBUTES = frozenset({"track_id", "occluded", "occlusion", "truncation", "keyframe"})
"""What tracklets have a place for."""

_CONVENTIONS = ("kitti", "datumaro", "datumaro-hwl")

_PCD_ENCODING = Option(
    name="pcd_encoding",
    default="keep",
    choices=("keep", "ascii", "binary", "binary_compressed"),
    help="how PCD files store points; keep copies files as they are",
)
_SAVE_META = Option(
    name="save_dataset_meta",
    type=bool,
    default=False,
    help="write dataset_meta.json",
    label_fields=META_FIELDS,
)


def kitti_raw_capabilities(*, attributes: bool) -> Capabilities:
    """Return what tracklets hold.

    Args:
        attributes: Whether custom attributes are written.
    """
    return Capabilities(
        annotations=CUBOIDS,
        media=CLOUDS,
        fields=frozenset({"attributes"} if attributes else ()),
        attributes=KITTI_RAW_ATTRIBUTES,
        needs_label=CUBOIDS,
        item_attributes=frozenset({"frame"}),
        subsets=False,
        family="kitti_raw",
    )


SLY_LAYOUT = """\
meta.json                               classes and tags
key_id_map.json                         numbers of objects, figures and clouds
<dataset>/ann/<name>.pcd.json           objects and boxes; the dataset "ds0" is the subset "default"
<dataset>/pointcloud/<name>.pcd         or .ply, .las, .laz
<dataset>/related_images/<name>_pcd/    images, each with a .json of its camera's matrices
episodes: <episode>/annotation.json, frame_pointcloud_map.json, pointcloud/, related_images/"""


_SLY = Capabilities(
    annotations=CUBOIDS,
    media=CLOUDS,
    fields=frozenset({"attributes", "id"}),
    needs_label=CUBOIDS,
    item_attributes=True,
    unfit_subsets=SUBSET_PATH,
    family="sly",
    label_fields=frozenset({"attributes", "colors"}),
)

KITTI3D_LAYOUT = """\
training/label_2/<item>.txt             objects: box in the image, box in the camera's frame
training/calib/<item>.txt               P0 to P3, R0_rect, Tr_velo_to_cam
training/velodyne/<item>.bin            x, y, z, reflectance
training/image_2/<item>.png             image_3 too
testing/                                likewise, as a rule without labels
ImageSets/<subset>.txt                  one item a line
read as well: the folders without training/, folders per subset inside them"""

_KITTI3D = Capabilities(
    annotations=frozenset({"bbox", "cuboid_3d"}),
    media=frozenset({"image", "point_cloud"}),
    fields=frozenset({"group"}),
    attributes=frozenset(
        {"truncated", "occluded", "occluded_level", "alpha", "score", "ignore", "difficulty"}
        | {"occlusion", "truncation"}  # KITTI raw's words for them
    ),
    needs_label=frozenset({"bbox", "cuboid_3d"}),
    family="kitti3d",
)


NUSCENES_LAYOUT = """\
v1.0-<version>/*.json                   tables: scene, sample, sample_data, sample_annotation, …
samples/LIDAR_TOP/<name>.pcd.bin        clouds of keyframes; samples/CAM_*/ images
sweeps/                                 what lies between keyframes; named, not read
written: one lidar, cameras with known matrices; maps and logs are empty"""

OPENPCDET_LAYOUT = """\
points/<item>.npy                       float32, x, y, z, intensity
labels/<item>.txt                       x y z dx dy dz heading class
ImageSets/<subset>.txt                  one item a line"""

MMDET3D_LAYOUT = """\
points/<item>.bin                       float32, x, y, z, intensity
labels/<item>.txt                       x y z dx dy dz yaw class; z of the bottom face
ImageSets/<subset>.txt                  one item a line"""

_NUSCENES = Capabilities(
    annotations=CUBOIDS,
    media=CLOUDS,
    fields=frozenset({"attributes"}),
    needs_label=CUBOIDS,
    item_attributes=frozenset({"frame"}),
    unfit_subsets=ANY_SUBSET,
    family="nuscenes",
)

_PLAIN = Capabilities(annotations=CUBOIDS, media=CLOUDS, needs_label=CUBOIDS)

_IMPORTERS = [
    ImporterInfo(
        name="cloud_dir",
        aliases=("pcd",),
        target="dsk_pointcloud.folder.importer:CloudDirImporter",
        summary="a folder of point clouds",
        detector="dsk_pointcloud.detect:cloud_dir",
        media=CLOUDS,
        options=(
            Option(name="subset", help="the subset that the items shall be in"),
            Option(
                name="bin_columns",
                default="auto",
                choices=("auto", "4", "5"),
                help="columns of .bin files; auto: 5 where only that fits the size, else 4",
            ),
        ),
        layout="<folders>/<item>.pcd, .bin, .pcd.bin, .ply, .las or .laz",
    ),
    ImporterInfo(
        name="kitti_raw",
        target="dsk_pointcloud.kitti_raw.importer:KittiRawImporter",
        summary="KITTI raw recordings: Velodyne clouds, images, tracklets of boxes",
        detector="dsk_pointcloud.detect:kitti_raw",
        kinds=CUBOIDS,
        media=CLOUDS,
        options=(
            Option(
                name="cuboid_convention",
                default="kitti",
                choices=("auto", *_CONVENTIONS),
                help="what tx, ty, tz and h, w, l mean: KITTI's, or as Datumaro has them",
            ),
            Option(
                name="all_poses",
                type=bool,
                default=False,
                help="read poses outside or behind the image too",
            ),
            Option(
                name="oxts",
                type=bool,
                default=False,
                help="give items the vehicle's place and motion as attributes oxts_lat, …",
            ),
        ),
        layout=KITTI_RAW_LAYOUT,
    ),
    ImporterInfo(
        name="sly_pointcloud",
        target="dsk_pointcloud.supervisely.importer:SlyPointCloudImporter",
        summary="Supervisely projects of point clouds and of episodes",
        detector="dsk_pointcloud.detect:sly_pointcloud",
        kinds=CUBOIDS,
        media=CLOUDS,
        options=(
            Option(
                name="default_tags",
                default="auto",
                choices=("auto", "always", "never"),
                help="give objects the default of tags that they lack; auto: as Datumaro does, "
                "unless dsk wrote the project",
            ),
        ),
        layout=SLY_LAYOUT,
    ),
    ImporterInfo(
        name="kitti3d",
        aliases=("kitti_3d",),
        target="dsk_pointcloud.kitti3d.importer:Kitti3dImporter",
        summary="KITTI 3D object benchmark: boxes in the image and in the lidar's frame",
        detector="dsk_pointcloud.detect:kitti3d",
        kinds=frozenset({"bbox", "cuboid_3d"}),
        media=frozenset({"image", "point_cloud"}),
        options=(
            Option(
                name="difficulty",
                type=bool,
                default=False,
                help="give boxes the attribute difficulty: easy, moderate, hard, or none of them",
            ),
        ),
        layout=KITTI3D_LAYOUT,
    ),
    ImporterInfo(
        name="nuscenes",
        target="dsk_pointcloud.nuscenes.importer:NuscenesImporter",
        summary="nuScenes: keyframes of scenes, boxes brought to the lidar's frame",
        detector="dsk_pointcloud.detect:nuscenes",
        kinds=CUBOIDS,
        media=CLOUDS,
        options=(
            Option(
                name="version",
                default="",
                help="folder of tables, for instance v1.0-mini; the only one by default",
            ),
        ),
        layout=NUSCENES_LAYOUT,
    ),
]

_EXPORTERS = [
    ExporterInfo(
        name="cloud_dir",
        aliases=("pcd",),
        target="dsk_pointcloud.folder.exporter:CloudDirExporter",
        summary="a folder of point clouds",
        capabilities=Capabilities(media=CLOUDS, subsets=False),
        always_saves_media=True,
        options=(
            Option(
                name="cloud_ext",
                default="",
                choices=("", "pcd", "bin", "pcd.bin", "ply", "las", "laz"),
                help="ending that clouds shall have; kept by default",
            ),
            _PCD_ENCODING,
        ),
        layout="<item>.<ext>",
    ),
    ExporterInfo(
        name="kitti_raw",
        target="dsk_pointcloud.kitti_raw.exporter:KittiRawExporter",
        summary="KITTI raw recordings: Velodyne clouds, images, tracklets of boxes",
        capabilities=kitti_raw_capabilities(attributes=True),
        options=(
            Option(
                name="reindex",
                type=bool,
                default=False,
                help="number frames and tracks anew; boxes without track_id become tracks",
            ),
            Option(
                name="allow_attrs",
                type=bool,
                default=False,
                help="write custom attributes, which KITTI's own tools cannot read",
            ),
            Option(
                name="cuboid_convention",
                default="kitti",
                choices=_CONVENTIONS,
                help="what tx, ty, tz and h, w, l shall mean",
            ),
            Option(
                name="split_tracks",
                type=bool,
                default=False,
                help="make several tracks of one whose size or label changes",
            ),
            Option(
                name="cloud_ext",
                default="",
                choices=("", "pcd", "bin"),
                help="ending that clouds shall have; kept by default",
            ),
            _PCD_ENCODING,
            _SAVE_META,
        ),
        layout=KITTI_RAW_LAYOUT,
    ),
    ExporterInfo(
        name="sly_pointcloud",
        target="dsk_pointcloud.supervisely.exporter:SlyPointCloudExporter",
        summary="Supervisely projects of point clouds and of episodes",
        capabilities=_SLY,
        options=(
            Option(
                name="reindex",
                type=bool,
                default=False,
                help="number clouds and figures anew, from 1",
            ),
            Option(
                name="allow_undeclared_attrs",
                type=bool,
                default=False,
                help="write attributes that the labels do not declare",
            ),
            Option(
                name="format_variant",
                default="auto",
                choices=("auto", "pointclouds", "episodes"),
                help="kind of project; auto: as the source was",
            ),
            Option(
                name="cuboid_convention",
                default="auto",
                choices=("auto", "supervisely", "datumaro"),
                help="turn boxes so that +y points ahead, or write their numbers as they are",
            ),
            _PCD_ENCODING,
        ),
        layout=SLY_LAYOUT,
    ),
    ExporterInfo(
        name="kitti3d",
        aliases=("kitti_3d",),
        target="dsk_pointcloud.kitti3d.exporter:Kitti3dExporter",
        summary="KITTI 3D object benchmark: boxes in the image and in the camera's frame",
        capabilities=_KITTI3D,
        options=(
            Option(
                name="calib",
                default="source",
                choices=("source", "identity"),
                help="the items' own calibration, or ideal axes",
            ),
            Option(
                name="save_scores",
                type=bool,
                default=False,
                help="write the attribute score as the last column",
            ),
            Option(
                name="precision",
                type=int,
                default=2,
                help="decimals of the labels' numbers; KITTI has 2",
            ),
            Option(
                name="cloud_ext",
                default="bin",
                choices=("bin", "keep"),
                help="write clouds as .bin, or keep their kind of file",
            ),
            _SAVE_META,
        ),
        layout=KITTI3D_LAYOUT,
    ),
    ExporterInfo(
        name="nuscenes",
        target="dsk_pointcloud.nuscenes.exporter:NuscenesExporter",
        summary="nuScenes: the tables that loaders need, clouds and images of keyframes",
        capabilities=_NUSCENES,
        options=(
            Option(name="version", default="v1.0-trainval", help="name of the folder of tables"),
            Option(
                name="count_points",
                type=bool,
                default=True,
                help="count the points in boxes that do not state num_lidar_pts",
            ),
            Option(
                name="cloud_ext",
                default="pcd.bin",
                choices=("pcd.bin", "keep"),
                help="write clouds as .pcd.bin, or keep their kind of file",
            ),
        ),
        layout=NUSCENES_LAYOUT,
    ),
    ExporterInfo(
        name="openpcdet",
        target="dsk_pointcloud.plain:OpenPcDetExporter",
        summary="OpenPCDet's layout of custom datasets",
        capabilities=_PLAIN,
        layout=OPENPCDET_LAYOUT,
    ),
    ExporterInfo(
        name="mmdet3d",
        target="dsk_pointcloud.plain:Mmdet3dExporter",
        summary="mmdetection3d's layout of custom datasets, version 1.0 and later",
        capabilities=_PLAIN,
        layout=MMDET3D_LAYOUT,
    ),
]


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return _IMPORTERS


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return _EXPORTERS
