"""Parting a dataset into subsets: at random, balanced, by folds; and checking for leaks."""
