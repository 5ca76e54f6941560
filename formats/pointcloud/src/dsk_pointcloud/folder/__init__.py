"""Folders of point clouds and nothing else."""
