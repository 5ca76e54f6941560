"""What the transforms of privacy share with all others, by the suite of dsk."""

from __future__ import annotations

from typing import ClassVar

from dsk.testing.transforms import TransformSuite


class TestBlur(TransformSuite):
    name = "anonymize"
    options: ClassVar = {"labels": ["*"]}


class TestFill(TransformSuite):
    name = "anonymize"
    options: ClassVar = {"labels": ["*"], "margin": 0.3, "min_score": 0.6}


class TestStrip(TransformSuite):
    name = "strip_metadata"


class TestStripAndTurn(TransformSuite):
    name = "strip_metadata"
    options: ClassVar = {"orientation": "apply"}
