"""The part of the probes that runs in a worker process; sslyze is imported only there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inspector import Cause
from inspector_sslyze.observations import Robot
from inspector_sslyze.results import Command, CommandRun, Report, VulnerabilityJob
from inspector_sslyze.verdicts import (
    ATTACKED,
    about,
    accepted,
    newest_attacked,
    refused_unspecifically,
    settle,
)
from inspector_tls.wire.versions import TlsVersion

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTACKS = (Command.HEARTBLEED, Command.CCS_INJECTION, Command.RENEGOTIATION, Command.ROBOT)
#: Connections of one run of each command.
_CONNECTIONS = {
    Command.VERSION: 1,
    Command.HEARTBLEED: 1,
    Command.CCS_INJECTION: 1,
    Command.RENEGOTIATION: 1,
    Command.ROBOT: 21,
    Command.EARLY_DATA: 2,
}
#: Every version and every command is run at most twice; the first command once more where another version is attacked
#: than it was run with; and in the end one more handshake may follow.
MAX_ATTACK_CONNECTIONS = 2 + 2 * (sum(_CONNECTIONS[each] for each in _ATTACKS) + len(ATTACKED) + 1)
MAX_SESSION_CONNECTIONS = 2 * _CONNECTIONS[Command.EARLY_DATA] + 1 + len(ATTACKED)


class _CommandRunner:
    """Runs commands until they are settled, twice at most, while there is time."""

    def __init__(self, job: VulnerabilityJob, run: Callable[..., CommandRun]) -> None:
        self._job = job
        self._run = run
        self._ends = time.monotonic() + job.all_seconds
        self._tries = 2
        self.runs: list[CommandRun] = []

    @property
    def is_over(self) -> bool:
        """Whether the time is used up."""
        return time.monotonic() >= self._ends

    def once(self, command: Command, version: TlsVersion) -> None:
        """Run a command in the way of its first run."""
        self.runs.append(self._run(self._job, command, version, again=False))

    def until_settled(self, command: Command, version: TlsVersion) -> bool:
        """Run a command until it is settled, twice at most, the second time in its other way; whether it is settled.

        Once a server did not answer twice, every other command is run once.
        """
        done = about(self.runs, command, version)
        for again in (False, True)[len(done) : self._tries]:
            if settle(done).is_seen or self.is_over:
                break
            done.append(self._run(self._job, command, version, again=again))
            self.runs.append(done[-1])
        answer = settle(done)
        if answer.unseen is Cause.TIMEOUT:
            self._tries = 1
        return answer.is_seen


def attack(payload: bytes) -> bytes:
    """Carry out a ``VulnerabilityJob``: find the newest version up to TLS 1.2, test each attack; both ways as JSON.

    Most servers have TLS 1.2, and the first attack shows it as well as a handshake of its own would.
    """
    from inspector_sslyze.sslyze_client import run, tools

    runner = _CommandRunner(VulnerabilityJob.parse(payload), run)
    runner.once(Command.RENEGOTIATION, ATTACKED[0])
    if newest_attacked(runner.runs).seen is None:
        for version in (*ATTACKED, TlsVersion.TLS_1_3):
            settled = runner.until_settled(Command.VERSION, version)
            if not settled or settle(runner.runs[-1:]).seen:
                break
    newest = newest_attacked(runner.runs).seen
    if newest is not None:
        for command in _ATTACKS:
            runner.until_settled(command, newest)
        if settle(about(runner.runs, Command.ROBOT)).seen is Robot.NO_RSA:
            runner.once(Command.VERSION, newest)  # unless it refuses everything by now
    return Report(runs=tuple(runner.runs), tools=tools()).canonical()


def resume(payload: bytes) -> bytes:
    """Carry out a ``VulnerabilityJob``: send early data on a resumed session of TLS 1.3; both ways as JSON."""
    from inspector_sslyze.sslyze_client import run, tools

    runner = _CommandRunner(VulnerabilityJob.parse(payload), run)
    runner.until_settled(Command.EARLY_DATA, TlsVersion.TLS_1_3)
    if refused_unspecifically(runner.runs):
        # Whether it refuses the version or only what sslyze offers in it; or everything by now.
        for version in (TlsVersion.TLS_1_3, *ATTACKED):
            runner.once(Command.VERSION, version)
            if accepted(runner.runs, version).seen or runner.is_over:
                break
    return Report(runs=tuple(runner.runs), tools=tools()).canonical()
