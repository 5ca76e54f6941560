"""Pascal VOC datasets for dsk: classification, detection, segmentation, layout and action."""
