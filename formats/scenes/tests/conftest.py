"""Makers of small label maps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def encoded(pixels: Any, dtype: Any = np.uint8) -> bytes:
    """Return a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.array(pixels, dtype)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a PNG file below the test's folder, and its folders."""

    def write(name: str, pixels: Any, dtype: Any = np.uint8) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(pixels, dtype))
        return path

    return write


@pytest.fixture
def text(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a text file below the test's folder."""

    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write
