"""A plugin with five checks, for reports that stay the same whatever the real plugins say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from inspector import Answer, Check, Declared, Model, Observation, SubjectKind, Verdict, check, hookimpl, passed


class PortAnswer(Model):
    """How one port answers."""

    port: int
    state: Answer[str]


class Ports(Observation):
    """The ports of one address."""

    kind: ClassVar[str] = "specimen-ports/1"

    ports: tuple[PortAnswer, ...] = ()

    @property
    def open(self) -> tuple[int, ...]:
        """The open ones."""
        return tuple(each.port for each in self.ports if each.state.seen == "open")

    def state(self, port: int) -> Answer[str]:
        """How a port answers."""
        return next(each.state for each in self.ports if each.port == port)


@check(
    "specimen-protocols",
    title="No protocol older than allowed is offered",
    references=("RFC 8996",),
    about=SubjectKind.SYSTEM,
)
def protocols(declared: Declared) -> Verdict:
    """Old protocols rest on broken primitives; whoever sits on the path can force a client down to them.

    Remediation: allow TLS 1.2 and 1.3 only; in nginx ``ssl_protocols TLSv1.2 TLSv1.3;``.

    Then look again.
    """
    return passed("offers nothing older than {threshold}", threshold="TLS 1.2")


@check("specimen-ports", title="Only declared ports are open", about=SubjectKind.HOST)
def ports(declared: Declared, seen: Ports) -> Verdict:
    """A port that nobody declared is a door that nobody watches.

    Remediation: close the port, or declare it with the service that it offers.
    """
    return passed("only declared ports are open")


@check("specimen-header", title="The server does not name its version", about=SubjectKind.SYSTEM)
def header(declared: Declared) -> Verdict:
    """A version number tells an attacker where to begin.

    Remediation: switch the banner off.
    """
    return passed("names no version")


@check("specimen-approval", title="The system runs with an approved level", about=SubjectKind.SYSTEM)
def approval(declared: Declared) -> Verdict:
    """A system goes into operation only after its level has been approved.

    Remediation: have the level proposal dossier appraised and approved.
    """
    return passed("approved")


@check("specimen-life", title="The certificate does not last too long", about=SubjectKind.SYSTEM)
def life(declared: Declared) -> Verdict:
    """A certificate that lasts long is replaced late when its key is stolen.

    Remediation: renew it automatically, for a short time.
    """
    return passed("lasts {measured}", measured=90)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """The five checks."""
    return [approval, header, life, ports, protocols]
