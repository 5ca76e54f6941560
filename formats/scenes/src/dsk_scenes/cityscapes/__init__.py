"""Cityscapes: label and instance maps of street scenes."""
