"""SYNTHIA: rendered street scenes with colour and label maps."""
