"""Folders and zip archives of plain images for dsk."""
