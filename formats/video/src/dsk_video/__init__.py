"""Videos for dsk: frames as images, and clips with labels."""
