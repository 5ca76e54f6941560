"""Segment Anything (SA-1B) datasets for dsk."""
