"""Damaged and hostile files of MPII, which is read only: there is no output of ours to damage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import io

from dsk.testing.damage import DamageChecks

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset


class _ReadOnly(DamageChecks):
    """Damages a dataset that ``make`` writes, and reads it; it is converted to nothing."""

    __test__ = False

    @classmethod
    def needs(cls, *, reading: bool = True, writing: bool = True) -> None:
        super().needs(reading=reading, writing=False)

    def write(self, dataset: Dataset, folder: Path, **settings: Any) -> Any:
        if not dataset.places:
            folder.mkdir()
            self.make(folder)

    def make(self, folder: Path) -> None:
        raise NotImplementedError

    def test_the_sample_is_read(self, tmp_path: Path) -> None:
        """What is damaged is a dataset in the first place."""
        items = self.consume(self._good(tmp_path), tmp_path / "out", "raise")
        assert len(items) == 2
        assert all(item.annotations for item in items)


NAMES = ("a.jpg", "b.jpg")


class TestMpii(_ReadOnly):
    __test__ = True

    format = "mpii"

    def make(self, folder: Path) -> None:
        records = np.empty(len(NAMES), dtype=[("image", "O"), ("annorect", "O")])
        for number, name in enumerate(NAMES):
            joints = [(10.0 + n, 20.0, n, 1) for n in range(16)]
            fields = [(field, "O") for field in ("x", "y", "id", "is_visible")]
            records[number]["image"] = {"name": name}
            records[number]["annorect"] = {
                "scale": 3.0,
                "objpos": {"x": 5.0, "y": 6.0},
                "annopoints": {"point": np.array(joints, dtype=fields)},
            }
        io.savemat(folder / "mpii_human_pose.mat", {"RELEASE": {"annolist": records}})


class TestMpiiJson(_ReadOnly):
    __test__ = True

    format = "mpii_json"

    def make(self, folder: Path) -> None:
        joints = [[1.0 + n, 2.0, 1.0] for n in range(16)]
        records = [
            {"img_paths": name, "joint_self": joints, "objpos": [1.0, 2.0], "scale_provided": 3.0}
            for name in NAMES
        ]
        (folder / "mpii_annotations.json").write_text(json.dumps(records))
        np.save(folder / "jnt_visible.npy", np.ones((16, len(NAMES))))
        np.save(folder / "mpii_headboxes.npy", np.ones((2, 2, len(NAMES))))
