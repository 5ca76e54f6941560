"""AVA for dsk: actions of persons in frames of films."""
