"""Segmentations in BIDS derivatives (bids_seg)."""
