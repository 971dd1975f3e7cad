"""The observations of TLS that is requested inside another protocol."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Observation


class TlsReadiness(StrEnum):
    """The server's answer to the request for TLS. ``refused``: it supports the request, but rejects it."""

    OFFERED = "offered"
    NOT_OFFERED = "not-offered"
    REFUSED = "refused"


class StartTls(Observation):
    """Whether one port at one address begins TLS when its protocol requests it.

    ``scheme`` names the protocol; ``reply`` is the server's reply where it does not, printable and bounded. ``logins``
    are the log-ins that it announces before TLS, as in ``logins_before_tls``.
    """

    kind: ClassVar[str] = "starttls/2"

    scheme: str
    readiness: TlsReadiness
    logins: Answer[tuple[str, ...]]
    reply: str = ""


class StartTlsInjection(Observation):
    """Whether a command that was sent in clear text together with the request for TLS was carried out inside TLS.

    ``carried_out`` is False where the command was discarded, or where the server does not begin TLS for a client that
    sends one though it does for others. ``readiness`` is as in ``StartTls``.
    """

    kind: ClassVar[str] = "starttls-injection/1"

    scheme: str
    readiness: TlsReadiness
    carried_out: Answer[bool]
