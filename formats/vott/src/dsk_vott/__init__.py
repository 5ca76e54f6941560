"""VoTT datasets for dsk: its JSON and CSV exports."""
