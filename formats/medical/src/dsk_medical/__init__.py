"""Medical volumes and their label maps for dsk."""
