"""DICOM series and DICOM segmentations; needs the extra ``dicom``."""
