"""KITTI raw recordings with 3D tracklets."""
