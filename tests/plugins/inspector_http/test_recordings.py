"""The recordings are those of today's servers."""

import pytest

from inspector.testing import recorded, recordings
from inspector_http.observations import Http
from tests.plugins.inspector_http.record import FOLDER, RECORDERS


def test_every_recording_can_be_recorded() -> None:
    """Each recording has a server, and each server a recording."""
    assert sorted(RECORDERS) == sorted(recordings(FOLDER))


@pytest.mark.parametrize("name", RECORDERS)
def test_recording_again_gives_the_same_observation(name: str) -> None:
    """A server that changed since it was recorded is noticed; record it again with ``record NAME``."""
    assert RECORDERS[name]() == recorded(FOLDER, Http, name.removeprefix("http/"))
