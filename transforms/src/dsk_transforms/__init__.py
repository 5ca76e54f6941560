"""Every dataset-to-dataset operation of dsk, and the filter."""
