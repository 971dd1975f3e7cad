"""The recordings are those of today's servers."""

from __future__ import annotations

from inspector.testing import HANDMADE, recorded, recordings
from tests.plugins.inspector_dns.internet import Internet
from tests.plugins.inspector_dns.record import FOLDER, of_internet, recorders
from tests.plugins.inspector_dns.zones import Served


def test_recording_again_gives_the_same_observations(served: Served, private_internet: Internet) -> None:
    """A server that changed since it was recorded is noticed; record it again with ``record NAME``."""
    known = {**recorders(served), **of_internet(private_internet)}
    assert sorted(known) == sorted(name for name in recordings(FOLDER) if HANDMADE not in name)
    for name, observe in known.items():
        observed = observe()
        assert observed == recorded(FOLDER, type(observed), name.partition("/")[2]), name
