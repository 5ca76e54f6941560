"""Transforms of images: annotations follow the pixels."""
