"""Create ML's JSON and tables of classes for dsk, as Roboflow writes them."""
