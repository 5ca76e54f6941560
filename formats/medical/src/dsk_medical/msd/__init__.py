"""Tasks of the Medical Segmentation Decathlon."""
