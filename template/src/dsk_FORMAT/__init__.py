"""The FORMAT format for dsk."""
