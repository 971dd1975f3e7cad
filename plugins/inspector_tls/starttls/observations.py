"""What is written down of TLS that is asked for inside another protocol."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Observation


class Readiness(StrEnum):
    """What a server says to the request for TLS. ``refused``: it knows the step, and will not take it."""

    OFFERED = "offered"
    NOT_OFFERED = "not-offered"
    REFUSED = "refused"


class StartTls(Observation):
    """Whether one port at one address goes over to TLS when asked in its protocol.

    ``scheme`` names the protocol; ``words`` are the server's own when it does not, ``capabilities`` what it told of
    itself before TLS, line by line; both printable and bounded.
    """

    kind: ClassVar[str] = "starttls/1"

    scheme: str
    readiness: Readiness
    words: str = ""
    capabilities: tuple[str, ...] = ()


class StartTlsInjection(Observation):
    """Whether a command that was sent in clear together with the request for TLS was carried out inside TLS.

    ``carried_out`` is False where the command was discarded, or where the server does not go over to TLS for a client
    that sends one though it does for others. ``readiness`` is as in ``StartTls``.
    """

    kind: ClassVar[str] = "starttls-injection/1"

    scheme: str
    readiness: Readiness
    carried_out: Answer[bool]
