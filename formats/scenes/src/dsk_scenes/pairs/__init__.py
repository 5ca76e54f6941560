"""Folders of images and of masks that pair by name."""
