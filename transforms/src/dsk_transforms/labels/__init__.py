"""Labels and attributes: renamed, joined, removed; items and annotations removed by their ids."""
