"""Person re-identification datasets for dsk: Market-1501, MARS."""
