"""What every format must be able to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from scipy import io

from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a.jpg", "b.jpg")


class TestMpii(FormatSuite):
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


class TestMpiiJson(FormatSuite):
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
