"""Several datasets as one, for dsk."""
