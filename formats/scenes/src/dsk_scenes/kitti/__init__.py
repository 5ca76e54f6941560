"""KITTI: boxes in text files, instance maps."""
