"""What this package brings to dsk: each format's descriptors are in its folder.

A further format is imported here and added to ``_FORMATS``; it has ``IMPORTER``, ``EXPORTER`` or
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.hooks import hookimpl
from dsk_medical.bids import descriptors as bids
from dsk_medical.brats import descriptors as brats
from dsk_medical.brats_hdf5 import descriptors as brats_hdf5
from dsk_medical.brats_numpy import descriptors as brats_numpy
from dsk_medical.dicom import descriptors as dicom
from dsk_medical.msd import descriptors as msd
from dsk_medical.nifti import descriptors as nifti
from dsk_medical.nnunet import descriptors as nnunet
from dsk_medical.nrrd import descriptors as nrrd
from dsk_medical.slices import descriptors as slices
from dsk_medical.sly_volume import descriptors as sly_volume

if TYPE_CHECKING:
    from dsk.descriptors import ExporterInfo, ImporterInfo, TransformInfo

DSK_API = (1, 0)

_FORMATS: tuple[Any, ...] = (
    *(nifti, nrrd, dicom, brats, brats_numpy, brats_hdf5, nnunet, msd, bids, sly_volume),
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [f.IMPORTER for f in _FORMATS if hasattr(f, "IMPORTER")]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [f.EXPORTER for f in _FORMATS if hasattr(f, "EXPORTER")]


@hookimpl
def dsk_transforms() -> list[TransformInfo]:
    """Return the steps between volumes and their slices."""
    return [*slices.TRANSFORMS]
