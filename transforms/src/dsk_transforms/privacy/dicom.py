"""Blanking what tells a person, a place or a time in DICOM files; needs pydicom.

What goes is what DICOM PS3.15, annex E, names as identifying and what is free text by its type.
The values of pixels are not touched, nor are UIDs, which tie the files of a series together.
"""

from __future__ import annotations

import importlib.util
import io
from typing import Any

from dsk.errors import PluginError
from dsk_transforms.privacy.exif import DamagedError

__all__ = ["INSTALL", "is_dicom", "need_pydicom", "strip_dicom"]

INSTALL = "pip install 'dsk-transforms[dicom]'"

_FREE = frozenset({"PN", "LT", "ST", "UT", "UC", "UR", "DA", "TM", "DT", "AS", "AE"})
"""Types of values that are names, texts, addresses, dates, times and ages."""

_SHORT = frozenset({"LO", "SH"})
_TECHNICAL = frozenset(
    {
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
        "ConvolutionKernel",
        "ReceiveCoilName",
        "TransmitCoilName",
        "SequenceName",
        "CodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "CodeMeaning",
        "PositionReferenceIndicator",
        "WindowCenterWidthExplanation",
        "RescaleType",
        "LUTExplanation",
        "SegmentLabel",
        "FilterType",
    }
)
"""Short texts that describe the picture, not the person; all other short texts go."""

_OTHERS = frozenset(
    {
        "PatientSex",
        "PatientWeight",
        "PatientSize",
        "EthnicGroup",
        "PregnancyStatus",
        "SmokingStatus",
    }
)


def is_dicom(path: str) -> bool:
    """Tell by its name whether a file is a DICOM file."""
    return path.lower().endswith((".dcm", ".dicom"))


def need_pydicom() -> None:
    """Make sure that pydicom is there.

    Raises:
        PluginError: It is not; the hint is the line that installs it.
    """
    if importlib.util.find_spec("pydicom") is None:
        raise PluginError("stripping DICOM files needs pydicom", hint=INSTALL)


def strip_dicom(data: bytes, *, keep_orientation: bool = True) -> bytes:  # noqa: ARG001
    """Return a DICOM file with identifying values blanked and private elements removed.

    Args:
        data: The file.
        keep_orientation: Has no meaning here: the orientation of a scan is no free text.

    Raises:
        DamagedError: It cannot be read or written.
        PluginError: pydicom is not installed.
    """
    need_pydicom()
    import pydicom

    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.remove_private_tags()
        dataset.walk(_blank)
        meta = getattr(dataset, "file_meta", None)
        if meta is not None:
            for name in ("SourceApplicationEntityTitle", "PrivateInformation"):
                if name in meta:
                    delattr(meta, name)
        dataset.preamble = bytes(128)
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "dsk strip_metadata"
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
    except Exception as error:
        raise DamagedError(f"it cannot be read as DICOM: {error}") from error
    return out.getvalue()


def _blank(dataset: Any, element: Any) -> None:
    kind, name = element.VR, element.keyword
    if kind in _FREE or (kind in _SHORT and name not in _TECHNICAL) or name in _OTHERS:
        dataset[element.tag].value = ""
