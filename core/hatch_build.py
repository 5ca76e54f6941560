"""Put the template of a new format package into the wheel and the source distribution.

It lies beside this package in the repository, so that it can be read and tested as what it is. A
wheel that is built from the source distribution finds it in the package already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "dsk/testing/_template"
SKIP = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")


class TemplateHook(BuildHookInterface[Any]):
    """Adds ``template/`` as ``dsk/testing/_template``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an editable install reads them where they are."""
        template = Path(self.root).parent / "template"
        if version == "editable" or not (template / "pyproject.toml").is_file():
            return
        prefix = f"src/{PLACE}" if self.target_name == "sdist" else PLACE
        for path in sorted(template.rglob("*")):
            name = path.relative_to(template)
            if path.is_file() and not set(SKIP) & set(name.parts):
                build_data["force_include"][str(path)] = f"{prefix}/{name.as_posix()}"
