"""Convert the example dataset from COCO to VOC, to YOLO and back, with the installed `dsk` command.

Usage: demo.py [OUTPUT]    the folder to write to, build/demo unless given
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "shapes"
CHAIN = ("voc", "yolo", "coco")


def run(*arguments: str) -> None:
    """Show and run one `dsk` command; end the demo with its exit code if it fails."""
    print(f"\n$ dsk {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "dsk", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def shown(path: Path) -> str:
    """Return a path relative to the working folder if it lies in there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def main() -> None:
    """Run the chain of conversions and say where the results are."""
    output = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "demo").resolve()
    output.mkdir(parents=True, exist_ok=True)
    run("formats")
    run("detect", shown(EXAMPLE))
    source = EXAMPLE
    for name in CHAIN:
        target = output / name
        run(
            "convert",
            "-i",
            shown(source),
            "-f",
            name,
            "-o",
            shown(target),
            "--save-media",
            "--overwrite",
        )
        source = target
    print("\nThe results:")
    for name in CHAIN:
        files = sum(path.is_file() for path in (output / name).rglob("*"))
        print(f"  {name:5} {shown(output / name)}  ({files} files)")


if __name__ == "__main__":
    main()
