"""Segmentation of street scenes for dsk, and folders of images and masks."""
