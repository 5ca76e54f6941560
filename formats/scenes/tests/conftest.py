"""Makers of small label maps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parent))  # scene_files.py, which several modules use

from scene_files import encoded, put


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a PNG file below the test's folder, and its folders."""

    def write(name: str, pixels: Any, dtype: Any = np.uint8) -> Path:
        put(tmp_path / name, encoded(pixels, dtype))
        return tmp_path / name

    return write


@pytest.fixture
def text(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a text file below the test's folder."""

    def write(name: str, content: str) -> Path:
        put(tmp_path / name, content.encode())
        return tmp_path / name

    return write
