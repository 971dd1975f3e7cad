"""The part of a look that runs in a worker process of its own: a few handshakes, and what each server hello said.

Only ``scan`` is called from outside, and only there sslyze is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from inspector import Model
from inspector_tls.observations import TlsVersion
from inspector_tls.replies import Attempt, End, Stack, about, is_silent, settle

#: Hellos sent for a version. The old OpenSSL knows suites that the new one lacks, and the reverse.
HELLOS: dict[TlsVersion, tuple[Stack, ...]] = {
    TlsVersion.TLS_1_3: (Stack.MODERN,),
    TlsVersion.TLS_1_2: (Stack.MODERN, Stack.LEGACY),
    TlsVersion.TLS_1_1: (Stack.MODERN, Stack.LEGACY),
    TlsVersion.TLS_1_0: (Stack.MODERN, Stack.LEGACY),
    TlsVersion.SSL_3: (Stack.LEGACY,),
    TlsVersion.SSL_2: (Stack.LEGACY,),
}
#: Each hello is sent at most twice.
MOST_CONNECTIONS = 2 * sum(len(stacks) for stacks in HELLOS.values())


class Order(Model):
    """What the worker is told: where to connect, the name to send (None: none), seconds per handshake and in all."""

    address: str
    port: int
    server_name: str | None = None
    answer_seconds: int = 6
    all_seconds: int = 90


class Survey(Model):
    """What the worker brings back: every attempt."""

    attempts: tuple[Attempt, ...]
    tools: dict[str, str] = {}


class Shaker(Protocol):
    """Makes handshakes; ``seconds_left`` falls by what they take, waits for the authorised pace not counted."""

    seconds_left: float

    def shake(self, version: TlsVersion, stack: Stack) -> Attempt:
        """Make one handshake: what was seen."""


def scan(payload: bytes) -> bytes:
    """Carry out an ``Order`` (JSON) and give the ``Survey`` (JSON)."""
    from inspector_tls.handshake import Client, tools

    order = Order.parse(payload)
    surveyor = _Surveyor(Client(order))
    surveyor.ask_versions()
    survey = Survey(attempts=tuple(surveyor.attempts), tools=tools())
    return survey.canonical()


@dataclass
class _Surveyor:
    client: Shaker
    attempts: list[Attempt] = field(default_factory=list)

    def ask_versions(self) -> None:
        """Ask for each version, newest first; a server that answers nothing at all is soon left alone."""
        for version, stacks in HELLOS.items():
            for stack in self._rounds(version, stacks):
                self._ask(version, stack)
                if self._is_dead():
                    return

    def _rounds(self, version: TlsVersion, stacks: tuple[Stack, ...]) -> Iterator[Stack]:
        """The hellos to send until the question is settled: each once, then those that brought no answer once more."""
        for stack in (*stacks, *stacks):
            asked = about(self.attempts, version)
            own = [each for each in asked if each.stack is stack]
            if settle(asked).seen or (len(asked) >= len(stacks) and settle(asked).is_seen):
                return
            if not settle(own).is_seen:
                yield stack

    def _ask(self, version: TlsVersion, stack: Stack) -> None:
        if self.client.seconds_left <= 0:
            self.attempts.append(Attempt(version=version, stack=stack, end=End.NOT_ASKED))
        else:
            self.attempts.append(self.client.shake(version, stack))

    def _is_dead(self) -> bool:
        ends = {each.end for each in self.attempts}
        tried = len(self.attempts)
        return (tried >= 2 and ends <= {End.REFUSED, End.UNREACHABLE}) or (tried >= 3 and is_silent(self.attempts))
