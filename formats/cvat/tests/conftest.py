"""Helpers of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

META = """<meta><task><mode>{mode}</mode><labels>{labels}</labels>{more}</task></meta>"""
LABELS = (
    "<label><name>car</name><color>#0a0b0c</color><attributes>"
    "<attribute><name>age</name><input_type>number</input_type></attribute>"
    "<attribute><name>text</name><input_type>text</input_type></attribute>"
    "<attribute><name>ok</name><input_type>checkbox</input_type></attribute>"
    "</attributes></label><label><name>cat</name></label>"
)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Dataset]:
    """Return a function that imports the text of a file's images and tracks."""

    def made(body: str, *, mode: str = "annotation", more: str = "", **options: object) -> Dataset:
        labels = str(options.pop("labels", LABELS))
        meta = META.format(mode=mode, labels=labels, more=more)
        on_error = str(options.pop("on_error", "raise"))
        file = tmp_path / "annotations.xml"
        file.write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}'
            f"{body}</annotations>",
            encoding="utf-8",
        )
        return Dataset.import_from(tmp_path, "cvat", on_error=on_error, **options)

    return made
