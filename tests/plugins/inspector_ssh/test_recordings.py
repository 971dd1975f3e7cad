"""The recordings are those of today's servers."""

from __future__ import annotations

import pytest

from inspector import Observation
from inspector.testing import HANDMADE, recorded, recordings
from inspector_ssh.observations import Ssh, SshLogin
from tests.plugins.inspector_ssh.record import FOLDER, recorders

KNOWN = recorders()


def test_every_recording_can_be_recorded() -> None:
    """Each recording has a server, and each server its recording."""
    assert sorted(KNOWN) == sorted(name for name in recordings(FOLDER) if HANDMADE not in name)


@pytest.mark.parametrize("name", [name for name in KNOWN if "silent" not in name])
def test_recording_again_gives_the_same_observation(name: str) -> None:
    """A server that changed since it was recorded is noticed; record it again with ``record NAME``."""
    folder, _, short = name.partition("/")
    kind: type[Observation] = Ssh if folder == "ssh" else SshLogin
    assert KNOWN[name]() == recorded(FOLDER, kind, short)
