"""Volumes as slices that are images, and back."""
