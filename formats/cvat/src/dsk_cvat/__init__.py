"""CVAT XML datasets for dsk."""
