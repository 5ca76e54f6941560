"""What is in a dataset, in numbers."""
