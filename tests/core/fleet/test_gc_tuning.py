"""The cyclic garbage collector is tuned while systems are inspected, and restored afterwards."""

import gc

import pytest

from inspector.fleet.gc_tuning import reduced_gc


def test_the_collector_rests_within_and_is_as_before_afterwards() -> None:
    """Within, passes are rare and spare what was there; afterwards, and after an error, all is as before."""
    before = gc.get_threshold()
    within = []

    def work() -> None:
        with reduced_gc():
            within.append((gc.get_threshold() > before, gc.get_freeze_count() > 0, gc.isenabled()))
            raise KeyError("whatever")

    with pytest.raises(KeyError):
        work()
    assert within == [(True, True, True)]
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
