"""Ids of items and annotations, and the names of subsets."""
