"""The recordings are those of today's servers."""

from __future__ import annotations

from inspector.testing import HANDMADE, recorded, recordings
from tests.plugins.inspector_mail.record import FOLDER, recorders


def test_recording_again_gives_the_same_observations(server: int) -> None:
    """A server that changed since it was recorded is noticed; record it again with ``record NAME``."""
    known = recorders(server)
    assert sorted(known) == sorted(name for name in recordings(FOLDER) if HANDMADE not in name)
    for name, observe in known.items():
        observed = observe()
        assert observed == recorded(FOLDER, type(observed), name.partition("/")[2]), name
