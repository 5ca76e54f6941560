"""COCO datasets for dsk: instances, keypoints, captions, panoptic, stuff, image info and labels."""
