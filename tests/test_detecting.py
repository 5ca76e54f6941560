"""What detection costs: detectors share one listing of each folder and look into few files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from dsk.detect import detect
from dsk.files import DirectoryRoot
from dsk.registry import registry, resolve

FILES = 300
ENOUGH = 200
CONTENTS = {
    ".jpg": b"\xff\xd8",
    ".png": b"\x89PNG",
    ".xml": b"<annotation><x/></annotation>",
    ".json": b'{"a": 1}',
    ".txt": b"hello world\n",
    ".csv": b"a,b\nc,d\n",
    ".yaml": b"a: 1\n",
    ".mat": b"x",
    ".npy": b"x",
    ".h5": b"x",
    ".bin": b"x",
    ".dcm": b"x",
    ".nii": b"x",
    ".mp4": b"x",
    "": b"x",
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders that hold hundreds of files of each sort, of no format at all."""
    base: Path = tmp_path_factory.mktemp("many")
    for ending, content in CONTENTS.items():
        for folder in ("annotations", f"of_one_sort/{ending[1:] or 'bare'}"):
            (base / folder).mkdir(parents=True, exist_ok=True)
            for number in range(FILES):
                (base / folder / f"f{number:04d}{ending}").write_bytes(content)
    return base


DETECTORS = {info.name: info.detector for info in registry().importers if info.detector}


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_looks_into_few_files(
    name: str, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = DirectoryRoot.open

    def note(root: DirectoryRoot, file: str) -> BinaryIO:
        opened.append(file)
        return real(root, file)

    monkeypatch.setattr(DirectoryRoot, "open", note)
    resolve(DETECTORS[name])(DirectoryRoot(str(many)))
    assert len(opened) <= ENOUGH, opened[:3]


def test_all_detectors_share_one_listing_of_each_folder(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: Counter[str] = Counter()
    real = os.scandir

    def note(path: str) -> Any:
        listed[path] += 1
        return real(path)

    monkeypatch.setattr(os, "scandir", note)
    detect(DirectoryRoot(str(many)))
    assert listed[str(many / "annotations")] == 1
    assert max(listed.values()) == 1


_LOADED = """
import sys
from dsk.detect import detect
from dsk.files import open_root

for path in sys.argv[1:]:
    detect(open_root(path))
print(*sorted({"numpy", "PIL", "lxml", "nibabel", "h5py"} & set(sys.modules)))
"""


def test_detectors_load_no_library_that_only_reading_needs(many: Path) -> None:
    paths = [str(many), str(Path(__file__).parents[1] / "examples" / "shapes")]
    asked = [sys.executable, "-c", _LOADED, *paths]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split() == []
