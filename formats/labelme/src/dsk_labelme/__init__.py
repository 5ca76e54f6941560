"""LabelMe datasets for dsk: the XML of the web tool and the JSON of today's tool."""
