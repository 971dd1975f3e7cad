"""A plugin with five checks, so that test reports do not depend on the texts of the real plugins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from inspector import Answer, Check, Declared, Model, Observation, SubjectKind, Verdict, check, hookimpl, passed


class PortAnswer(Model):
    """The state of one port."""

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
        """The state of a port."""
        return next(each.state for each in self.ports if each.port == port)


@check(
    "specimen-protocols",
    title="TLS versions older than allowed are disabled",
    references=("RFC 8996",),
    about=SubjectKind.SYSTEM,
)
def protocols(declared: Declared) -> Verdict:
    """TLS 1.0 and 1.1 use broken primitives; an attacker on the path can downgrade clients to them.

    Remediation: allow TLS 1.2 and 1.3 only; in nginx ``ssl_protocols TLSv1.2 TLSv1.3;``.

    Then inspect again.
    """
    return passed("offers nothing older than {threshold}", threshold="TLS 1.2")


@check("specimen-ports", title="Only declared ports are open", about=SubjectKind.HOST)
def ports(declared: Declared, seen: Ports) -> Verdict:
    """An undeclared port is missing from monitoring and patch management.

    Remediation: close the port, or declare it with the service that it offers.
    """
    return passed("only declared ports are open")


@check("specimen-header", title="Server software version is not disclosed", about=SubjectKind.SYSTEM)
def header(declared: Declared) -> Verdict:
    """A version number tells an attacker which vulnerabilities to try.

    Remediation: disable the version in the banner.
    """
    return passed("sends no version")


@check("specimen-approval", title="Security level is approved", about=SubjectKind.SYSTEM)
def approval(declared: Declared) -> Verdict:
    """A system may go into operation only after its level has been approved.

    Remediation: have the level proposal dossier appraised and approved.
    """
    return passed("approved")


@check("specimen-life", title="Certificate lifetime is limited", about=SubjectKind.SYSTEM)
def life(declared: Declared) -> Verdict:
    """A stolen key can be misused until its certificate expires.

    Remediation: renew certificates automatically, with a short lifetime.
    """
    return passed("lasts {measured}", measured=90)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """The five checks."""
    return [approval, header, life, ports, protocols]
