"""Supervisely's volume projects."""
