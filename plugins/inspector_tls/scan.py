"""The part of a look that runs in a worker process of its own: a few handshakes, what each server hello said, chains.

Only ``scan`` is called from outside, and only there sslyze is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from inspector import Model
from inspector_tls.observations import TlsVersion
from inspector_tls.replies import (
    SORTS,
    Attempt,
    End,
    Question,
    Stack,
    about,
    is_silent,
    newest,
    settle,
    settle_certificate,
)

#: Hellos sent for a version. The old OpenSSL knows suites that the new one lacks, and the reverse.
HELLOS: dict[TlsVersion, tuple[Stack, ...]] = {
    TlsVersion.TLS_1_3: (Stack.MODERN,),
    TlsVersion.TLS_1_2: (Stack.MODERN, Stack.LEGACY),
    TlsVersion.TLS_1_1: (Stack.MODERN, Stack.LEGACY),
    TlsVersion.TLS_1_0: (Stack.MODERN, Stack.LEGACY),
    TlsVersion.SSL_3: (Stack.LEGACY,),
    TlsVersion.SSL_2: (Stack.LEGACY,),
}
#: Each hello is sent at most twice, and one certificate of each sort is asked for.
MOST_CONNECTIONS = 2 * (sum(len(stacks) for stacks in HELLOS.values()) + len(SORTS))


class Order(Model):
    """What the worker is told: where to connect, the name to send (None: none), seconds per handshake and in all."""

    address: str
    port: int
    server_name: str | None = None
    answer_seconds: int = 6
    all_seconds: int = 90


class Survey(Model):
    """What the worker brings back: every attempt, and the certificates (DER) by their SHA-256."""

    attempts: tuple[Attempt, ...]
    certificates: dict[str, bytes] = {}
    tools: dict[str, str] = {}


class Shaker(Protocol):
    """Makes handshakes; ``seconds_left`` falls by what they take, waits for the authorised pace not counted."""

    seconds_left: float

    def shake(self, question: Question, version: TlsVersion, stack: Stack) -> tuple[Attempt, dict[str, bytes]]:
        """Make one handshake: what was seen, and the certificates it brought by their SHA-256."""


def scan(payload: bytes) -> bytes:
    """Carry out an ``Order`` (JSON) and give the ``Survey`` (JSON)."""
    from inspector_tls.handshake import Client, tools

    order = Order.parse(payload)
    surveyor = _Surveyor(Client(order))
    surveyor.ask_versions()
    surveyor.ask_certificates()
    survey = Survey(attempts=tuple(surveyor.attempts), certificates=surveyor.certificates, tools=tools())
    return survey.canonical()


@dataclass
class _Surveyor:
    client: Shaker
    attempts: list[Attempt] = field(default_factory=list)
    certificates: dict[str, bytes] = field(default_factory=dict)

    def ask_versions(self) -> None:
        """Ask for each version, newest first; a server that answers nothing at all is soon left alone."""
        for version, stacks in HELLOS.items():
            for stack in self._rounds(Question.VERSION, version, stacks):
                self._ask(Question.VERSION, version, stack)
                if self._is_dead():
                    return

    def ask_certificates(self) -> None:
        """Ask for each sort of certificate with the newest version that was accepted."""
        accepted = newest(self.attempts)
        if accepted is None or accepted.version is TlsVersion.SSL_2:
            return
        for sort in SORTS:
            for stack in self._rounds(sort, accepted.version, (accepted.stack,)):
                self._ask(sort, accepted.version, stack)

    def _rounds(self, question: Question, version: TlsVersion, stacks: tuple[Stack, ...]) -> Iterator[Stack]:
        """The hellos to send until the question is settled: each once, then those that brought no answer once more."""
        for stack in (*stacks, *stacks):
            asked = about(self.attempts, question, version)
            own = [each for each in asked if each.stack is stack]
            if question is not Question.VERSION and settle_certificate(asked).is_seen:
                return
            if settle(asked).seen or (len(asked) >= len(stacks) and settle(asked).is_seen):
                return
            if not settle(own).is_seen:
                yield stack

    def _ask(self, question: Question, version: TlsVersion, stack: Stack) -> None:
        if self.client.seconds_left <= 0:
            self.attempts.append(Attempt(question=question, version=version, stack=stack, end=End.NOT_ASKED))
            return
        attempt, certificates = self.client.shake(question, version, stack)
        self.attempts.append(attempt)
        self.certificates |= certificates

    def _is_dead(self) -> bool:
        ends = {each.end for each in self.attempts}
        tried = len(self.attempts)
        return (tried >= 2 and ends <= {End.REFUSED, End.UNREACHABLE}) or (tried >= 3 and is_silent(self.attempts))
