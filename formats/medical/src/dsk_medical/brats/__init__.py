"""BraTS as NIfTI files, in both layouts."""
