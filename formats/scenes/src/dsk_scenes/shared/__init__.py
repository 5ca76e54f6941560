"""What the formats of this package share: label maps, their files, and painting them."""
