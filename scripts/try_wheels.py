"""Build every wheel, install only the wheels in a new environment and run the demo from there.

Finds what editable installs hide: files missing from a wheel, undeclared dependencies, wrong entry
points. Needs `uv` on the PATH.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

from check_packages import ROOT, import_name, load_project, packages


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command and end with its exit code if it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def check_wheel(wheel: Path, module: str) -> None:
    """End with a message unless a wheel holds its typing marker and its license."""
    names = ZipFile(wheel).namelist()
    for wanted in (f"{module}/py.typed", "licenses/LICENSE"):
        if not any(name.endswith(wanted) for name in names):
            sys.exit(f"{wheel.name} lacks {wanted}")


def main() -> None:
    """Build, install and try the wheels."""
    with tempfile.TemporaryDirectory(prefix="dsk-wheels-") as folder:
        work = Path(folder)
        dist = work / "dist"
        for package in packages():
            run("uv", "build", "-q", "--wheel", "--out-dir", dist, package)
            name = load_project(package)["name"]
            wheel = next(dist.glob(f"{name.replace('-', '_')}-*.whl"))
            check_wheel(wheel, import_name(name))
        wheels = sorted(dist.glob("*.whl"))
        run("uv", "venv", "-q", "--python", sys.executable, work / "venv")
        python = work / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        run("uv", "pip", "install", "-q", "--python", python, *wheels)
        run(python, ROOT / "scripts" / "demo.py", work / "demo", cwd=work)
        print(f"{len(wheels)} wheels work: {', '.join(wheel.name for wheel in wheels)}")


if __name__ == "__main__":
    main()
