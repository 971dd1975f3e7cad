"""The observations of known vulnerabilities and of early data."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Observation
from inspector_tls.wire.versions import TlsVersion


class Robot(StrEnum):
    """What a server's answers to wrongly padded RSA key exchanges disclose (ROBOT, CVE-2017-13099 and similar).

    ``no-rsa``: it accepts no RSA key exchange. A weak oracle needs too many queries to be practical.
    """

    NO_RSA = "no-rsa"
    NO_ORACLE = "no-oracle"
    WEAK_ORACLE = "weak-oracle"
    STRONG_ORACLE = "strong-oracle"


class TlsAttacks(Observation):
    """Known attacks on one port at one address; each is about versions up to TLS 1.2.

    ``version`` is the newest of those that the server accepts, with which everything was tested; None: it accepts TLS
    1.3 and refuses all others, so that there is nothing to attack. ``heartbleed`` and ``ccs_injection``: True where the
    server is vulnerable. ``renegotiations`` counts those that a client began and the server carried out in a row; 0
    where it refused the first.
    """

    kind: ClassVar[str] = "tls-attacks/1"

    version: Answer[TlsVersion | None]
    heartbleed: Answer[bool]
    ccs_injection: Answer[bool]
    robot: Answer[Robot]
    renegotiations: Answer[int]


class TlsSessions(Observation):
    """Whether a server accepts early data (0-RTT) when a client resumes a session of TLS 1.3 (RFC 8446 §2.3)."""

    kind: ClassVar[str] = "tls-sessions/1"

    early_data: Answer[bool]
