"""NIfTI volumes and masks in the folder conventions of Supervisely."""
