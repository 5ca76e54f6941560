"""Multi-object tracking datasets: MOT Challenge, MOTS."""
