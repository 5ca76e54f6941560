"""What ``brats_numpy`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option

__all__ = ["EXPORTER", "IMPORTER"]

LAYOUT = """\
val_ids.p                  pickled list of case ids
val_brain_bbox.p           pickled boxes (N, 2, 3) of the brain, optional
<id>_data_cropped.npy      (1, C, X0, X1, X2), optional
<id>_label_cropped.npy     (1, X0, X1, X2), optional
labels                     class names, the line's number is the value, optional"""

IMPORTER = ImporterInfo(
    name="brats_numpy",
    target="dsk_medical.brats_numpy.importer:BratsNumpyImporter",
    summary="BraTS cases as cropped numpy arrays (Open Model Zoo)",
    detector="dsk_medical.brats_numpy.detect:detect",
    kinds=frozenset({"mask", "mask_3d", "cuboid_3d"}),
    media=frozenset({"volume"}),
    options=(
        Option(
            name="bbox_as",
            default="corners",
            choices=("corners", "cuboid"),
            help="boxes as Datumaro has them (position and rotation are the corners), or centre "
            "and size",
        ),
        Option(
            name="background",
            default="masks",
            choices=("masks", "skip"),
            help="whether value 0 gets masks, as in Datumaro",
        ),
        Option(
            name="masks",
            default="slices",
            choices=("slices", "volume"),
            help="a mask for each slice and value (image_id), or one for each value",
        ),
    ),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="brats_numpy",
    target="dsk_medical.brats_numpy.exporter:BratsNumpyExporter",
    summary="BraTS cases as cropped numpy arrays (Open Model Zoo)",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d", "cuboid_3d"}),
        media=frozenset({"volume"}),
        attributes=frozenset({"image_id"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        subsets=False,
        convert=(("mask", ()), ("mask_3d", ())),
        family="brats_numpy",
    ),
    options=(
        Option(
            name="bbox_as",
            default="auto",
            choices=("auto", "corners", "cuboid"),
            help="what cuboids are; auto: corners where their size is 1, 1, 1",
        ),
    ),
    always_saves_media=True,
    layout=LAYOUT,
)
