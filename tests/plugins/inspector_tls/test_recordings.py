"""The recordings are those that ``record`` can make."""

from pathlib import Path

from inspector.testing import HANDMADE, recordings
from tests.plugins.inspector_tls.record import FOLDER, Servers


def test_every_recording_can_be_recorded(tmp_path: Path) -> None:
    """Each recording has a server, and each server its recording."""
    recorded = [name for name in recordings(FOLDER) if HANDMADE not in name]
    assert sorted(Servers(tmp_path).recorders()) == sorted(recorded)
