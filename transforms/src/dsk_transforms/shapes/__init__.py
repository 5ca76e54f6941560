"""Shapes: other kinds of annotations for the same objects, and cutting, joining, cleaning them."""
