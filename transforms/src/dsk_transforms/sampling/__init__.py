"""Samples of a dataset, and what is in it twice."""
