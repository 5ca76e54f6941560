"""The libraries of the extra ``dicom``, or the line that installs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dsk.errors import PluginError

__all__ = ["library"]


def library(name: str) -> Any:
    """Import pydicom, highdicom or a module of theirs.

    Raises:
        PluginError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise PluginError(
            f"DICOM needs {name.partition('.')[0]}, which is not installed",
            hint="pip install 'dsk-medical[dicom]'",
        ) from error
