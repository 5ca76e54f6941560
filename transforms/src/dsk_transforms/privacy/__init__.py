"""Transforms that hide persons and remove what files tell besides their content."""
