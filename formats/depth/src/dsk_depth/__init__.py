"""Depth and super-resolution datasets for dsk."""
