"""What becomes of MATLAB files that no reader can make sense of."""

from __future__ import annotations

import io
import os
import signal

import numpy as np
import pytest
from scipy.io import savemat

from dsk.errors import InputError
from dsk_pose import matfile


def mat(**variables: object) -> bytes:
    file = io.BytesIO()
    savemat(file, variables)
    return file.getvalue()


def test_variables() -> None:
    data = mat(RELEASE=np.arange(3), other=1)
    assert matfile.load_variable(data, "RELEASE", "x.mat").tolist() == [0, 1, 2]
    assert matfile.load_variable(data, "missing", "x.mat") is None


def _crash(data: bytes, name: str) -> tuple[bytes, str]:
    os.kill(os.getpid(), signal.SIGKILL)
    return data, name


def test_a_crash_of_the_reader_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matfile, "_pickled_variable", _crash)
    with pytest.raises(InputError, match="makes the reader crash"):
        matfile.load_variable(mat(RELEASE=1), "RELEASE", "x.mat")


@pytest.mark.parametrize("data", [b"", b"MATLAB 5.0", mat(RELEASE=1)[:150]])
def test_damaged_files(data: bytes) -> None:
    with pytest.raises(InputError, match="no readable MATLAB file"):
        matfile.load_variable(data, "RELEASE", "x.mat")
