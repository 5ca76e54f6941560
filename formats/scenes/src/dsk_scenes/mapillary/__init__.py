"""Mapillary Vistas: instance, label and panoptic maps, and outlines."""
