"""BraTS as one HDF5 file for each slice (brats_hdf5)."""
