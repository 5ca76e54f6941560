"""Open Images datasets, V4 to V7, for dsk."""
