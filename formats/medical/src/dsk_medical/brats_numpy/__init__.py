"""BraTS as cropped numpy arrays (brats_numpy)."""
