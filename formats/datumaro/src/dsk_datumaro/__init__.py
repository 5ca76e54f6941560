"""Datumaro's own JSON format for dsk."""
