"""The part of the scans that runs in a worker process; only there sslyze is imported."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inspector import Cause
from inspector_tls.vulnerabilities.observations import Robot
from inspector_tls.vulnerabilities.results import (
    ATTACKED,
    Command,
    Order,
    Report,
    Run,
    about,
    accepted,
    newest_attacked,
    settle,
    turned_away,
)
from inspector_tls.wire.versions import TlsVersion

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTACKS = (Command.HEARTBLEED, Command.CCS_INJECTION, Command.RENEGOTIATION, Command.ROBOT)
#: Connections of each command run once.
_CONNECTIONS = {
    Command.VERSION: 1,
    Command.HEARTBLEED: 1,
    Command.CCS_INJECTION: 1,
    Command.RENEGOTIATION: 1,
    Command.ROBOT: 21,
    Command.EARLY_DATA: 2,
}
#: Every version and every command is tried at most twice; the first command once more where another version is attacked
#: than it was tried with; and in the end one more handshake may be asked for.
MOST_ATTACKING = 2 + 2 * (sum(_CONNECTIONS[each] for each in _ATTACKS) + len(ATTACKED) + 1)
MOST_FOR_SESSIONS = 2 * _CONNECTIONS[Command.EARLY_DATA] + len(ATTACKED)


class _Trial:
    """Runs commands until they are settled, twice at most, while there is time."""

    def __init__(self, order: Order, run: Callable[..., Run]) -> None:
        self._order = order
        self._run = run
        self._ends = time.monotonic() + order.all_seconds
        self._tries = 2
        self.runs: list[Run] = []

    @property
    def is_over(self) -> bool:
        """Whether the time is used up."""
        return time.monotonic() >= self._ends

    def once(self, command: Command, version: TlsVersion) -> None:
        """Run a command, as when it is run for the first time."""
        self.runs.append(self._run(self._order, command, version, again=False))

    def try_out(self, command: Command, version: TlsVersion) -> bool:
        """Run a command until it was run twice, the second time in its other way. Whether it was settled.

        Once a server was silent twice, everything else is asked of it once.
        """
        done = about(self.runs, command, version)
        for again in (False, True)[len(done) : self._tries]:
            if settle(done).is_seen or self.is_over:
                break
            done.append(self._run(self._order, command, version, again=again))
            self.runs.append(done[-1])
        answer = settle(done)
        if answer.unseen is Cause.TIMEOUT:
            self._tries = 1
        return answer.is_seen


def attack(payload: bytes) -> bytes:
    """Carry out an ``Order`` (JSON): find the newest version up to TLS 1.2, try each attack; give the ``Report``.

    Most servers have TLS 1.2, and the first attack shows it as well as a handshake for nothing else would.
    """
    from inspector_tls.vulnerabilities.sslyze_client import run, tools

    trial = _Trial(Order.parse(payload), run)
    trial.once(Command.RENEGOTIATION, ATTACKED[0])
    if newest_attacked(trial.runs).seen is None:
        for version in (*ATTACKED, TlsVersion.TLS_1_3):
            settled = trial.try_out(Command.VERSION, version)
            if not settled or settle(trial.runs[-1:]).seen:
                break
    newest = newest_attacked(trial.runs).seen
    if newest is not None:
        for command in _ATTACKS:
            trial.try_out(command, newest)
        if settle(about(trial.runs, Command.ROBOT)).seen is Robot.NO_RSA:
            trial.once(Command.VERSION, newest)  # or does it refuse everything by now?
    return Report(runs=tuple(trial.runs), tools=tools()).canonical()


def resume(payload: bytes) -> bytes:
    """Carry out an ``Order`` (JSON): send early data on a resumed session of TLS 1.3; give the ``Report``."""
    from inspector_tls.vulnerabilities.sslyze_client import run, tools

    trial = _Trial(Order.parse(payload), run)
    trial.try_out(Command.EARLY_DATA, TlsVersion.TLS_1_3)
    if turned_away(trial.runs):
        for version in ATTACKED:  # or does it refuse everything by now?
            trial.once(Command.VERSION, version)
            if accepted(trial.runs, version).seen or trial.is_over:
                break
    return Report(runs=tuple(trial.runs), tools=tools()).canonical()
