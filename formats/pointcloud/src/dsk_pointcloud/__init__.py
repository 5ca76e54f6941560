"""Point clouds and boxes in space for dsk: KITTI raw, Supervisely, KITTI 3D, nuScenes, PCD."""
