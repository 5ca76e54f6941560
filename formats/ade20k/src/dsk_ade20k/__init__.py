"""ADE20K for dsk: the editions of 2017 and 2020."""
