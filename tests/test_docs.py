"""The documentation says what the code does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dsk.loss import CODES

ROOT = Path(__file__).resolve().parent.parent


def test_every_loss_code_is_documented_with_its_effect():
    rows = {
        line.split("|")[1].strip(): line.split("|")[2].strip()
        for line in (ROOT / "docs/losses.md").read_text().splitlines()
        if line.startswith("| DSK-L")
    }
    assert rows == {code: effect for code, (effect, _) in CODES.items()}


def test_format_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/make_docs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
