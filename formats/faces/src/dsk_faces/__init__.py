"""Face datasets for dsk: WIDER FACE, VGGFace2, LFW, CelebA."""
