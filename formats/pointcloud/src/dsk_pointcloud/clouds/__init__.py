"""Files of points: PCD, Velodyne ``.bin``, PLY, LAS; every column kept, nothing applied."""
