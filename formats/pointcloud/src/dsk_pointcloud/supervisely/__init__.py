"""Supervisely projects of point clouds and of point cloud episodes."""
