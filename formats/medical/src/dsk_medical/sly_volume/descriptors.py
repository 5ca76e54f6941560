"""What ``sly_volume`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import ImporterInfo
from dsk_medical.brats.descriptors import MISMATCH

__all__ = ["IMPORTER"]

LAYOUT = """\
meta.json                                classes and tags of the project
<dataset>/volume/<name>.nrrd
<dataset>/ann/<name>.nrrd.json           objects and their figures
<dataset>/mask/<name>.nrrd/<figure>.nrrd"""

IMPORTER = ImporterInfo(
    name="sly_volume",
    target="dsk_medical.sly_volume.importer:SlyVolumeImporter",
    summary="Supervisely's volume projects (NRRD volumes, masks of objects)",
    detector="dsk_medical.sly_volume.detect:detect",
    kinds=frozenset({"mask_3d"}),
    media=frozenset({"volume"}),
    options=(MISMATCH,),
    layout=LAYOUT,
)
