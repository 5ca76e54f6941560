"""KITTI's benchmark of 3D objects: labels in the camera's frame, clouds in the lidar's."""
