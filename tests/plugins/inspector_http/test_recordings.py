"""The recordings are those of today's servers."""

import pytest

from inspector.testing import recorded, recordings
from inspector_http.observations import CrossOrigin, Exposure, Http, SecurityTxt
from tests.plugins.inspector_http.record import FOLDER, RECORDERS

KINDS: dict[str, type[CrossOrigin | Exposure | Http | SecurityTxt]] = {
    "cross-origin": CrossOrigin,
    "exposure": Exposure,
    "http": Http,
    "security-txt": SecurityTxt,
}


def test_every_recording_can_be_recorded() -> None:
    """Each recording has a server, and each server a recording."""
    assert sorted(RECORDERS) == sorted(recordings(FOLDER))


@pytest.mark.parametrize("name", RECORDERS)
def test_recording_again_gives_the_same_observation(name: str) -> None:
    """A server that changed since it was recorded is noticed; record it again with ``record NAME``."""
    kind, _, server = name.partition("/")
    assert RECORDERS[name]() == recorded(FOLDER, KINDS[kind], server)
