"""CamVid: lists of images and colour masks."""
