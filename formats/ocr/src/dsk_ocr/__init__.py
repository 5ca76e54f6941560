"""Text datasets: ICDAR robust reading."""
