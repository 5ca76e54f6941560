"""What is imported to find out a format: every ``dsk detect`` waits for that."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dsk_medical import plugin

HEAVY = "numpy nibabel h5py PIL pydicom highdicom"


@pytest.mark.parametrize("info", plugin.dsk_importers(), ids=lambda info: info.name)
def test_detectors_import_nothing_heavy(info):
    module = info.detector.partition(":")[0]
    code = f"import sys, {module}; print(*set(sys.modules).intersection('{HEAVY}'.split()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
