"""Numbers of columns are written as those of single objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk_voc import textcolumns
from dsk_voc.textcolumns import decimals

_CENTS = st.integers(-(10**6), 10**6).map(lambda n: n / 100)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""


@PATIENT
@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False)
        | st.floats(-2000, 2000)
        | st.tuples(_CENTS, _CENTS).map(sum)
        | st.sampled_from([0.0, -0.0, 1e9, 999999999.99, 99.9999999995, 12345.678905, 1e-5])
    )
)
def test_decimals_are_those_of_a_format(values: list[float]) -> None:
    expected = [b"%.10g" % value for value in values]
    assert decimals(np.array(values, np.float64)).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textcolumns, "WORTH", 2)
        assert decimals(np.array(values, np.float64)).tolist() == expected


def test_table_of_all_hundredths_and_their_neighbours() -> None:
    near = np.arange(0, 100_100) / 100
    for values in (
        near,
        near + 3.3,
        near + 1e-11,
        near + 2e-10,
        np.nextafter(near, 2000),
        near / 10,
    ):
        assert len(values) > textcolumns.WORTH
        assert decimals(values).tolist() == [b"%.10g" % value for value in values.tolist()]


def test_ties_round_by_the_exact_value() -> None:
    values = [1.0000000005, 2.5000000005, 1234567.0005, 0.12345678905, 100000000.05]
    assert decimals(np.array(values)).tolist() == [b"%.10g" % value for value in values]
