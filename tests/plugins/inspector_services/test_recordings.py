"""The recordings are those that ``record`` can make."""

from inspector.testing import recordings
from tests.plugins.inspector_services.record import FOLDER, RECORDERS


def test_every_recording_can_be_recorded() -> None:
    """Each recording has a scene, and each scene its recordings."""
    assert sorted(RECORDERS) == sorted(recordings(FOLDER))
