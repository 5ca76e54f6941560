"""What ``brats_hdf5`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option

__all__ = ["EXPORTER", "IMPORTER"]

LAYOUT = """\
BraTS20 Training Metadata.csv                             pixels of each class by slice, optional
BraTS2020_training_data/content/data/volume_<v>_slice_<s>.h5
    image   (240, 240, 4) float64     FLAIR, T1, T1ce, T2; z-scores of the slice
    mask    (240, 240, 3) uint8       NCR/NET, ED, ET
.../survival_info.csv  .../name_mapping.csv               as in brats, optional"""

IMPORTER = ImporterInfo(
    name="brats_hdf5",
    target="dsk_medical.brats_hdf5.importer:BratsHdf5Importer",
    summary="BraTS 2020 as one HDF5 file for each slice (Kaggle)",
    detector="dsk_medical.brats_hdf5.detect:detect",
    kinds=frozenset({"mask", "mask_3d"}),
    media=frozenset({"volume"}),
    options=(
        Option(
            name="items",
            default="volumes",
            choices=("volumes", "slices"),
            help="an item for each volume, put together from its slices, or one for each slice",
        ),
        Option(
            name="masks",
            default="slices",
            choices=("slices", "volume"),
            help="a mask for each slice and class (image_id), or one for each class",
        ),
        Option(
            name="affine",
            default="none",
            choices=("none", "brats"),
            help="the files state no geometry; brats: assume that of the original, LPS 1 mm",
        ),
    ),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="brats_hdf5",
    target="dsk_medical.brats_hdf5.exporter:BratsHdf5Exporter",
    summary="BraTS 2020 as one HDF5 file for each slice (Kaggle)",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        attributes=frozenset({"image_id"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        item_attributes=frozenset(
            {
                *("grade", "age", "survival_days", "extent_of_resection"),
                *("volume", "slice", "target"),
            }
        ),
        convert=(("mask", ()), ("mask_3d", ())),
        family="brats",
    ),
    options=(
        Option(
            name="normalize",
            default="zscore",
            choices=("zscore", "none"),
            help="z-scores by slice and channel as in the format, or the values as they are",
        ),
        Option(
            name="compression",
            default="gzip",
            choices=("gzip", "none"),
            help="whether the arrays are compressed",
        ),
        Option(
            name="label_map",
            type="mapping",
            help="which channel of the masks other labels go to: name:0, name:1 or name:2",
        ),
    ),
    always_saves_media=True,
    layout=LAYOUT,
)
