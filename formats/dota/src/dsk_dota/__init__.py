"""DOTA datasets: oriented boxes in aerial images."""
