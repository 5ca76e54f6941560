"""nnU-Net raw datasets."""
