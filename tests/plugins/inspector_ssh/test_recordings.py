"""The recordings are those of today's servers."""

from __future__ import annotations

import pytest

from inspector import Every, Observation, Outcome, Subject, SubjectKind, SubjectResult
from inspector.testing import HANDMADE, recorded, recordings
from inspector.testing.cases import checks_of
from inspector_ssh.observations import Ssh, SshLogin
from tests.plugins.inspector_ssh.record import FOLDER, recorders

KNOWN = recorders()
#: The checks whose verdict is about the release itself.
OF_THE_RELEASE = {"ssh-no-known-vulnerabilities", "ssh-user-key-algorithms-strong"}


def outcomes(facts: Ssh) -> dict[str, Outcome]:
    """What each check of one server says, but for those of the release."""
    subject = SubjectResult(Subject(kind=SubjectKind.ADDRESS, address="127.0.0.1"), facts)
    judging = [each for each in checks_of("inspector_ssh").values() if [item.kind for item in each.inputs] == [Ssh]]
    return {
        each.id: each.evaluate([Every([subject]) if each.inputs[0].every else subject], {}).outcome
        for each in judging
        if each.id not in OF_THE_RELEASE
    }


def test_every_recording_can_be_recorded() -> None:
    """Each recording has a server, and each server its recording."""
    assert sorted(KNOWN) == sorted(name for name in recordings(FOLDER) if HANDMADE not in name)


@pytest.mark.parametrize("name", [name for name in KNOWN if "silent" not in name])
def test_recording_again_gives_the_same_observation(name: str) -> None:
    """A server that changed since it was recorded is noticed; record it again with ``record NAME``.

    Another release of a server than the recorded one offers other algorithms; the verdicts are the same.
    """
    folder, _, short = name.partition("/")
    kind: type[Observation] = Ssh if folder == "ssh" else SshLogin
    now, then = KNOWN[name](), recorded(FOLDER, kind, short)
    if isinstance(now, Ssh) and isinstance(then, Ssh) and now.software != then.software:
        assert outcomes(now) == outcomes(then)
    else:
        assert now == then
